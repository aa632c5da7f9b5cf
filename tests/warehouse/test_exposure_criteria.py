"""Who an experiment's exposure criteria let in, and since when, on a handful of events."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from test_edges import RETENTION, at, exposed, funnel, mean, source, spec

from exp_jupyter.analysis.posthog.compute import compute_result, compute_series
from exp_jupyter.analysis.results.exposures import compute_exposures
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.exposure import parse_exposure
from exp_jupyter.warehouse import EventSource

PEOPLE = (
    '(SELECT * FROM (VALUES (1, \'{"plan": "pro"}\'), (2, \'{"plan": "free"}\'), (3, \'{}\')) '
    "AS t(person_id, properties))"
)
COHORTS = "(SELECT * FROM (VALUES (1, 7), (2, 7), (NULL, 8)) AS t(person_id, cohort_id))"
FREE = {"key": "plan", "type": "person", "operator": "exact", "value": ["free"]}


def cohort(number, operator="in"):
    return {"key": "id", "type": "cohort", "operator": operator, "value": number}


def people(*events):
    return replace(source(*events), persons=PEOPLE, cohorts=COHORTS)


class AtOnce(EventSource):
    """Answers in one statement, as another engine does, never in slices."""

    streams = False


def both_ways(events, compute):
    """What is computed from the events, which is the same in slices and at once."""
    sliced = people(*events)
    at_once = AtOnce(**{f.name: getattr(sliced, f.name) for f in fields(sliced) if f.init})
    answer = compute(sliced)
    assert compute(at_once) == answer
    return answer


def result(events, metric, **told):
    return both_ways(events, lambda s: compute_result(s, spec(**told), metric, as_of=at(5)))


def daily(events, metric, of="sum", **told):
    series = both_ways(events, lambda s: compute_series(s, spec(**told), metric, as_of=at(5, 12)))
    return [day["baseline"][of] for day in series.values()]


def counted(events, exclusions, **told):
    return result(events, mean(), exposure_criteria={"exclusions": exclusions}, **told)["baseline"]


EVERYBODY = [exposed(person, at(2, 10)) for person in (1, 2, 3)] + [
    ("buy", person, at(2, 11)) for person in (1, 2, 2, 3)
]


@pytest.mark.parametrize(
    ("exclusions", "number", "total"),
    [
        ([], 3, 4),
        ([FREE], 2, 2),
        ([cohort(7)], 1, 1),
        ([cohort("7")], 1, 1),
        ([cohort(7, "not_in")], 2, 3),
        ([cohort(8)], 3, 4),
        ([cohort([7, 8])], 1, 1),
        ([FREE, cohort(7)], 1, 1),
        ([FREE, cohort(7, "not_in")], 1, 1),
        ([{**FREE, "operator": "is_not_set", "value": None}, cohort(7)], 0, 0),
    ],
)
def test_whoever_matches_any_exclusion_leaves(exclusions, number, total):
    found = counted(EVERYBODY, exclusions)
    assert (found["number_of_samples"], found["sum"]) == (number, total)


def test_the_exposures_of_those_who_left_are_gone_too():
    told = spec(exposure_criteria={"exclusions": [cohort(7)]})
    answer = compute_exposures(people(*EVERYBODY, exposed(2, at(3), "test")), told, at(4))
    assert answer["total_exposures"] == {"control": 1, "test": 0}


def test_a_group_stays_while_somebody_else_exposes_it_but_without_the_events_of_who_left():
    events = []
    for person, group in ((1, "acme"), (2, "umbrella"), (3, "acme")):
        name, who, moment, properties = exposed(person, at(2, 10))
        events.append((name, who, moment, properties | {"$group_0": group}))
        events.append(("buy", person, at(2, 11), {"$group_0": group}))
    found = counted(events, [cohort(7)], group_index=0)
    assert (found["number_of_samples"], found["sum"]) == (1, 1)


def test_a_metric_may_count_the_events_of_a_cohorts_members_only():
    metric = mean(node={"properties": [cohort(7)]})
    found = result(EVERYBODY, metric)["baseline"]
    assert (found["number_of_samples"], found["sum"]) == (3, 3)


def test_a_cohort_nobody_knows_is_named():
    metric = mean(node={"properties": [cohort(99)]})
    with pytest.raises(InputError, match="Cohort 99 is not known") as caught:
        result(EVERYBODY, metric)
    assert "7, 8" in caught.value.hint
    with pytest.raises(InputError, match="Cohort 99 is not known: the source has no cohorts"):
        compute_result(source(*EVERYBODY), spec(), metric, as_of=at(5))


def test_cohorts_without_a_column_are_refused():
    told = replace(people(*EVERYBODY), cohorts="(SELECT 1 AS person_id, 7 AS cohort)")
    metric = mean(node={"properties": [cohort(7)]})
    with pytest.raises(InputError, match=r"The cohorts cannot be read.*cohort_id"):
        compute_result(told, spec(), metric, as_of=at(5))


def test_a_cohort_made_later_is_found():
    told = people(*EVERYBODY)
    told.connection.execute("CREATE TABLE members AS SELECT 1 AS person_id, 7 AS cohort_id")
    told = replace(told, cohorts="members")
    metric = mean(node={"properties": [cohort(9)]})
    with pytest.raises(InputError):
        compute_result(told, spec(), metric, as_of=at(5))
    told.connection.execute("INSERT INTO members VALUES (3, 9)")
    assert compute_result(told, spec(), metric, as_of=at(5))["baseline"]["sum"] == 1


ACTIVATED = {"exposure_criteria": {"activation_config": {"event": "open"}}}


def test_a_unit_counts_from_its_activation_on():
    events = [
        exposed(1, at(2, 10)),
        ("buy", 1, at(2, 11)),
        ("open", 1, at(4, 10)),
        ("buy", 1, at(4, 11)),
        exposed(2, at(2, 10)),
        ("buy", 2, at(2, 11)),
    ]
    assert daily(events, mean(), of="number_of_samples", **ACTIVATED) == [0, 0, 1, 1]
    assert daily(events, mean(), **ACTIVATED) == [0, 0, 1, 1]
    answer = compute_exposures(source(*events), spec(**ACTIVATED), at(5))
    assert answer["timeseries"][0]["exposure_counts"] == [0, 0, 1, 1]


def test_an_activation_before_the_flag_call_is_none_and_one_at_its_instant_is():
    events = [("open", 1, at(2, 9, 30)), exposed(1, at(2, 10))]
    assert daily(events, mean(), of="number_of_samples", **ACTIVATED)[-1] == 0
    again = [*events, ("open", 1, at(2, 10))]
    assert daily(again, mean(), of="number_of_samples", **ACTIVATED)[-1] == 1


def test_an_activation_after_the_end_is_none():
    events = [exposed(1, at(2, 10)), ("open", 1, at(4, 10))]
    told = {"end": at(4), **ACTIVATED}
    assert daily(events, mean(), of="number_of_samples", **told) == [0, 0, 0]


@pytest.mark.parametrize("second", [at(2, 12), at(4, 10)], ids=["before", "after"])
def test_a_second_variant_counts_whether_before_or_after_the_activation(second):
    events = [
        exposed(1, at(2, 10)),
        ("open", 1, at(3, 10)),
        ("buy", 1, at(3, 11)),
        exposed(1, second, "test"),
    ]
    found = daily(events, mean(), of="number_of_samples", **ACTIVATED)
    assert found == ([0, 0, 0, 0] if second == at(2, 12) else [0, 1, 0, 0])
    answer = compute_exposures(source(*events), spec(**ACTIVATED), at(5))
    lines = {line["variant"]: line["exposure_counts"] for line in answer["timeseries"]}
    assert lines["$multiple"] == [0, 1, 1, 1]  # from the activation on, which exposes it
    criteria = ACTIVATED["exposure_criteria"] | {"multiple_variant_handling": "first_seen"}
    kept = daily(events, mean(), of="number_of_samples", exposure_criteria=criteria)
    assert kept == [0, 1, 1, 1]


def test_every_activation_anchors_a_funnel_again_and_a_flag_call_does_not():
    window = {"conversion_window": 2, "conversion_window_unit": "hour"}
    calls = [exposed(1, at(2, 10)), ("open", 1, at(2, 11)), exposed(1, at(4, 10))]
    bought = [("cart", 1, at(4, 11))]
    metric = funnel("cart", **window)
    assert daily([*calls, *bought], metric, of="step_counts", **ACTIVATED)[-1] == [0]
    again = [*calls, ("open", 1, at(4, 10)), *bought]
    assert daily(again, metric, of="step_counts", **ACTIVATED) == [[0], [0], [1], [1]]


def test_what_happened_before_the_activation_is_no_step():
    window = {"conversion_window": 2, "conversion_window_unit": "hour"}
    events = [
        ("open", 1, at(2, 9, 30)),
        exposed(1, at(2, 10)),
        ("cart", 1, at(2, 10, 30)),
        ("open", 1, at(2, 11)),
    ]
    assert daily(events, funnel("cart", **window), of="step_counts", **ACTIVATED)[-1] == [0]
    found = daily(
        [*events, ("cart", 1, at(2, 12))], funnel("cart", **window), of="step_counts", **ACTIVATED
    )
    assert found[-1] == [1]


def test_a_retention_from_the_exposure_starts_with_the_activation():
    metric = RETENTION | {"start_event": {"kind": "ExperimentExposureNode"}}
    events = [exposed(1, at(2, 10)), ("buy", 1, at(3, 10)), ("open", 1, at(3, 9))]
    assert daily(events, metric, **ACTIVATED)[-1] == 0
    assert daily([*events, ("buy", 1, at(4, 10))], metric, **ACTIVATED)[-1] == 1


def test_a_breakdown_reads_the_activation():
    breakdown = {"breakdownFilter": {"breakdowns": [{"property": "plan", "type": "event"}]}}
    name, who, moment, properties = exposed(1, at(2, 10))
    events = [(name, who, moment, properties | {"plan": "free"})]
    events.append(("open", 1, at(2, 11), {"plan": "pro"}))
    found = result(events, mean(**breakdown), **ACTIVATED)
    assert [row["breakdown_value"] for row in found["breakdown_results"]] == [["pro"]]


def test_a_group_is_activated_by_any_of_its_people():
    name, who, moment, properties = exposed(1, at(2, 10))
    events = [(name, who, moment, properties | {"$group_0": "acme"})]
    events += [("open", 2, at(2, 11), {"$group_0": "acme"}), ("open", 3, at(2, 11), {})]
    found = daily(events, mean(), of="number_of_samples", group_index=0, **ACTIVATED)
    assert found[-1] == 1


def test_test_accounts_do_not_activate():
    no_test = ({"key": "internal", "operator": "is_not", "value": "yes"},)
    events = [exposed(1, at(2, 10)), ("open", 1, at(2, 11), {"internal": "yes"})]
    told = {"test_account_filters": no_test, **ACTIVATED}
    assert daily(events, mean(), of="number_of_samples", **told)[-1] == 0


def test_an_activation_is_of_no_effect_with_a_custom_exposure():
    criteria = ACTIVATED["exposure_criteria"] | {"exposure_config": {"event": "visit"}}
    events = [("visit", 1, at(2, 10), {"$feature/f": "control"})]
    found = daily(events, mean(), of="number_of_samples", exposure_criteria=criteria)
    assert found == [1, 1, 1, 1]


def test_an_exclusion_speaks_of_persons():
    with pytest.raises(InputError, match="person or cohort, not 'event'"):
        parse_exposure({"exclusions": [{"key": "plan", "type": "event", "value": "free"}]})


BUTTONS = [
    ("click", 1, at(3), {"$elements_chain": 'span:nth-child="1";button.big'}),
    ("click", 2, at(3), {"$elements_chain": 'a:attr__class="x"href="/buy"'}),
    ("click", 3, at(3), {"$elements_chain": 'span.x:text="Buy";button:href="/buy"'}),
    ("click", 3, at(3, 1)),
    ("click", 3, at(3, 2), {"$elements": [{"tag_name": "button"}]}),
]


@pytest.mark.parametrize(
    ("key", "operator", "value", "clicks"),
    [
        ("tag_name", "exact", ["button"], 2),
        ("tag_name", "exact", ["butto"], 0),
        ("tag_name", "is_not", ["button"], 3),
        ("href", "exact", "/buy", 2),
        ("href", "icontains", "BUY", 2),
        ("text", "is_set", None, 1),
        ("text", "is_not_set", None, 4),
    ],
)
def test_a_filter_on_elements_holds_where_any_of_them_fits(key, operator, value, clicks):
    item = {"key": key, "type": "element", "operator": operator, "value": value}
    node = {"event": "click", "properties": [item]}
    events = [*(exposed(person, at(2, 10)) for person in (1, 2, 3)), *BUTTONS]
    assert result(events, mean(node=node))["baseline"]["sum"] == clicks


def test_a_filter_on_what_elements_do_not_have_is_refused():
    item = {"key": "selector", "type": "element", "operator": "exact", "value": "div > a"}
    with pytest.raises(InputError, match="element's 'selector' are not supported"):
        result(EVERYBODY, mean(node={"event": "click", "properties": [item]}))
