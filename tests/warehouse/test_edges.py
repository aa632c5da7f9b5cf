"""Edges of the days and windows, each on a handful of events one can check by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from exp_jupyter.analysis.definition.experiment import ExperimentSpec
from exp_jupyter.analysis.posthog.compute import compute_result, compute_series
from exp_jupyter.analysis.results.exposures import compute_exposures
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse import EventSource

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(day, hour=0, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def exposed(person, moment, variant="control"):
    return (
        "$feature_flag_called",
        person,
        moment,
        {"$feature_flag": "f", "$feature_flag_response": variant},
    )


def source(*events):
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE e (uuid VARCHAR, event VARCHAR, distinct_id VARCHAR, person_id INT, "
        "timestamp TIMESTAMP, properties VARCHAR)"
    )
    for i, (name, person, moment, *properties) in enumerate(events):
        connection.execute(
            "INSERT INTO e VALUES (?, ?, 'd', ?, ?, ?)",
            [f"u{i}", name, person, moment.replace(tzinfo=None), json.dumps(*properties or [{}])],
        )
    return EventSource(connection, "e")


def spec(**fields):
    return ExperimentSpec("f", ("control", "test"), {"control": 50, "test": 50}, START, **fields)


def mean(**fields):
    return {
        "kind": "ExperimentMetric",
        "metric_type": "mean",
        "source": {"kind": "EventsNode", "event": "buy", **fields.pop("node", {})},
        **fields,
    }


def daily(events, metric, of="sum", variant="baseline", as_of=None, **fields):
    series = compute_series(source(*events), spec(**fields), metric, as_of=as_of or at(5, 12))
    rows = [
        day["baseline"] if variant == "baseline" else day["variant_results"][0]
        for day in series.values()
    ]
    return [row[of] for row in rows]


def test_an_exposure_at_midnight_belongs_to_the_day_that_ends():
    events = [exposed(1, at(3))]
    assert daily(events, mean(), of="number_of_samples") == [1, 1, 1, 1]


def test_an_event_at_midnight_belongs_to_the_day_that_begins():
    events = [exposed(1, at(2, 10)), ("buy", 1, at(3))]
    assert daily(events, mean()) == [0, 1, 1, 1]


def test_without_a_window_the_value_grows_day_by_day():
    events = [exposed(1, at(2, 10)), *(("buy", 1, at(day, 11)) for day in (2, 3, 3, 5))]
    assert daily(events, mean()) == [1, 3, 3, 4]
    assert daily(events, mean(), of="sum_squares") == [1, 9, 9, 16]


def test_with_a_window_the_whole_value_belongs_to_the_entry_day():
    events = [exposed(1, at(2, 10)), *(("buy", 1, at(day, 11)) for day in (2, 3, 5))]
    window = {"conversion_window": 2, "conversion_window_unit": "day"}
    assert daily(events, mean(**window)) == [2, 2, 2, 2]


def test_the_window_excludes_its_end():
    window = {"conversion_window": 1, "conversion_window_unit": "hour"}
    events = [exposed(1, at(2, 10)), ("buy", 1, at(2, 11))]
    assert daily(events, mean(**window)) == [0, 0, 0, 0]


def test_a_unit_leaves_on_the_day_of_its_second_variant():
    events = [exposed(1, at(2, 10)), ("buy", 1, at(2, 11)), exposed(1, at(4, 10), "test")]
    assert daily(events, mean(), of="number_of_samples") == [1, 1, 0, 0]
    assert daily(events, mean()) == [1, 1, 0, 0]
    assert daily(events, mean(), of="number_of_samples", variant="test") == [0, 0, 0, 0]
    first = {"exposure_criteria": {"multiple_variant_handling": "first_seen"}}
    assert daily(events, mean(), of="number_of_samples", **first) == [1, 1, 1, 1]


def test_excluded_variants_do_not_make_a_unit_leave():
    events = [exposed(1, at(2, 10)), exposed(1, at(3, 10), "third")]
    three = ExperimentSpec(
        "f", ("control", "test", "third"), {}, START, excluded_variants=("third",)
    )
    result = compute_result(source(*events), three, mean(), as_of=at(5))
    assert result["baseline"]["number_of_samples"] == 1


@pytest.mark.parametrize(("share", "kept"), [(0.5, 6.0), (0.25, 4.0), (1.0, 8.0), (0.74, 6.0)])
def test_the_winsorization_bound_is_an_element_and_never_interpolated(share, kept):
    # 0-based element floor(p·n) of 2, 4, 6, 8, also where p·n is whole.
    amounts = (2, 4, 6, 8)
    events = [exposed(person, at(2, 10)) for person in range(4)]
    events += [("buy", i, at(2, 11), {"v": amount}) for i, amount in enumerate(amounts)]
    metric = mean(node={"math": "sum", "math_property": "v"}, upper_bound_percentile=share)
    assert daily(events, metric)[-1] == sum(min(amount, kept) for amount in amounts)


def test_units_with_several_variants_take_part_in_the_bounds():
    events = [exposed(person, at(2, 10)) for person in range(4)] + [exposed(3, at(2, 12), "test")]
    events += [("buy", i, at(2, 11), {"v": v}) for i, v in enumerate((2, 4, 6, 8))]
    metric = mean(node={"math": "sum", "math_property": "v"}, lower_bound_percentile=0.5)
    assert daily(events, metric)[-1] == 6 * 3


RETENTION = {
    "kind": "ExperimentMetric",
    "metric_type": "retention",
    "start_event": {"kind": "EventsNode", "event": "open"},
    "completion_event": {"kind": "EventsNode", "event": "buy"},
    "retention_window_start": 1,
    "retention_window_end": 1,
    "retention_window_unit": "day",
}


def test_retention_compares_days_of_the_projects_time_zone():
    events = [exposed(1, at(2, 10)), ("open", 1, at(2, 22)), ("buy", 1, at(2, 23, 30))]
    assert daily(events, RETENTION)[-1] == 0
    assert daily(events, RETENTION, timezone="Europe/Berlin")[-1] == 1


def test_retention_reads_completions_beyond_the_point_but_not_beyond_its_reach():
    events = [exposed(1, at(2, 10)), ("open", 1, at(4, 8)), ("buy", 1, at(5, 20))]
    # A point taken on the 4th at 12:00 reads until the 5th at 12:00; one at midnight a day longer.
    assert daily(events, RETENTION, as_of=at(4, 12)) == [0, 0, 0]
    assert daily(events, RETENTION, as_of=at(5, 1)) == [0, 0, 1, 1]


def test_the_last_start_replaces_the_one_before():
    events = [
        exposed(1, at(2, 10)),
        ("open", 1, at(2, 11)),
        ("buy", 1, at(3, 11)),
        ("open", 1, at(4, 11)),
    ]
    last = RETENTION | {"start_handling": "last_seen"}
    assert daily(events, last) == [1, 1, 0, 0]
    assert daily(events, RETENTION) == [1, 1, 1, 1]


def funnel(*names, **fields):
    series = [{"kind": "EventsNode", "event": name} for name in names]
    return {"kind": "ExperimentMetric", "metric_type": "funnel", "series": series, **fields}


def test_every_exposure_anchors_a_funnel_again():
    window = {"conversion_window": 2, "conversion_window_unit": "hour"}
    events = [exposed(1, at(2, 10)), exposed(1, at(4, 10)), ("cart", 1, at(4, 11))]
    assert daily(events, funnel("cart", **window), of="step_counts") == [[0], [0], [1], [1]]


def test_a_funnel_counts_its_steps_and_includes_the_windows_end():
    window = {"conversion_window": 1, "conversion_window_unit": "day"}
    events = [exposed(1, at(2, 10)), ("cart", 1, at(2, 11)), ("buy", 1, at(3, 10))]
    steps = daily(events, funnel("cart", "buy", **window), of="step_counts")
    assert steps[0] == [1, 1]
    backwards = daily(events, funnel("buy", "cart", **window), of="step_counts")
    assert backwards[-1] == [1, 0]
    anyhow = funnel("buy", "cart", funnel_order_type="unordered", **window)
    assert daily(events, anyhow, of="step_counts")[-1] == [1, 1]


def test_one_event_takes_one_step_at_a_time():
    events = [exposed(1, at(2, 10)), ("view", 1, at(2, 11)), ("view", 1, at(3, 11))]
    assert (
        daily(events, funnel("view", "view"), of="step_counts") == [[1, 0], [1, 1]] + [[1, 1]] * 2
    )


def test_matured_units_only():
    window = {"conversion_window": 2, "conversion_window_unit": "day"}
    events = [exposed(1, at(2, 10)), exposed(2, at(4, 10))]
    counted = daily(events, mean(**window), of="number_of_samples", only_count_matured_users=True)
    assert counted == [1, 1, 1, 1]


def test_units_mature_after_the_end_too():
    window = {"conversion_window": 2, "conversion_window_unit": "day"}
    events = [exposed(1, at(2, 10)), exposed(2, at(4, 10))]
    matured = {"of": "number_of_samples", "only_count_matured_users": True, "end": at(5)}
    assert daily(events, mean(**window), as_of=at(5, 12), **matured)[-1] == 1
    assert daily(events, mean(**window), as_of=at(6, 12), **matured)[-1] == 2


def test_groups_are_units_and_an_empty_key_is_none():
    events = []
    for person, key in ((1, "acme"), (2, "acme"), (3, ""), (4, None)):
        name, who, moment, properties = exposed(person, at(2, 10))
        events.append((name, who, moment, properties | {"$group_0": key}))
    assert daily(events, mean(), of="number_of_samples", group_index=0)[-1] == 1


def test_the_exposures_answer():
    events = [exposed(i, at(2 + i % 3, 10), ("control", "test")[i % 2]) for i in range(120)]
    events.append(exposed(0, at(4, 11), "test"))
    answer = compute_exposures(source(*events), spec(), at(4, 12))
    lines = {line["variant"]: line["exposure_counts"] for line in answer["timeseries"]}
    assert lines == {"control": [19, 39, 59], "test": [20, 40, 60], "$multiple": [1, 1, 1]}
    assert answer["timeseries"][0]["days"] == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert answer["total_exposures"] == {"control": 59, "test": 60, "$multiple": 1}
    assert answer["sample_ratio_mismatch"]["expected"] == {"control": 59.5, "test": 59.5}
    assert "bias_risk" not in answer


TWO_DAYS = {"conversion_window": 2, "conversion_window_unit": "day"}


@pytest.mark.parametrize("kind", ["ordered", "unordered", "two ways", "mean", "retention"])
@pytest.mark.parametrize(
    ("bought", "recommended"),
    [(at(2, 10), 1), (at(4, 9, 59), 1), (at(4, 10), 0), (at(4, 11), 0)],
    ids=["at the exposure", "a minute less", "two days later", "after another exposure"],
)
def test_a_window_is_one_thing_for_every_metric_in_recommended_mode(kind, bought, recommended):
    events = [exposed(1, at(2, 10)), exposed(1, at(3, 10)), ("buy", 1, bought)]
    buy = {"kind": "EventsNode", "event": "buy"}
    metrics = {
        "ordered": funnel("buy", **TWO_DAYS),
        "unordered": funnel("buy", funnel_order_type="unordered", **TWO_DAYS),
        "two ways": {**funnel("buy", **TWO_DAYS), "series": [buy | {"event": None}]},
        "mean": mean(**TWO_DAYS),
        "retention": {**RETENTION, "start_event": buy, **TWO_DAYS},
    }
    of = "number_of_samples" if kind == "retention" else "sum"
    if kind == "two ways":  # any event at all is its step, the second exposure too
        recommended = 1
    result = compute_result(source(*events), spec(), metrics[kind], as_of=at(9), mode="recommended")
    assert result["baseline"][of] == recommended
    result = compute_result(source(*events), spec(), metrics[kind], as_of=at(9))
    assert result["baseline"][of] == {
        "mean": recommended,
        "retention": int(bought <= at(4, 10)),
    }.get(kind, 1)


def test_an_exposure_at_local_midnight_counts_on_the_day_that_begins():
    new_york = replace(spec(timezone="America/New_York"), start=at(1, 5))
    told = source(exposed(1, at(3, 5)), exposed(2, at(3, 4, 59)), exposed(3, at(4, 5)))
    answer = compute_exposures(told, new_york, at(4, 5))
    assert answer["timeseries"][0]["days"][0] == "2026-03-01"
    assert answer["timeseries"][0]["exposure_counts"] == [0, 1, 2, 3]


def test_the_exposures_go_on_to_the_stated_end():
    answer = compute_exposures(source(exposed(1, at(2, 10))), spec(end=at(6)), at(3, 12))
    control = answer["timeseries"][0]
    assert control["days"][-1] == "2026-03-06"
    assert control["exposure_counts"] == [1, 1, 1, 1, 1]


def test_exposures_of_more_days_than_anybody_reads_are_refused():
    with pytest.raises(InputError, match="at most 5,000 days"):
        compute_exposures(source(exposed(1, at(2, 10))), spec(end=at(2).replace(year=2400)), at(3))


@pytest.mark.parametrize(
    "changes",
    [{"start": None}, {"variants": (), "end": at(4)}, {"start": at(20)}],
    ids=["no start", "no variants", "not begun"],
)
def test_a_window_without_days_or_variants_has_no_exposures(changes):
    answer = compute_exposures(source(exposed(1, at(2, 10))), replace(spec(), **changes), at(4))
    assert (answer["timeseries"], answer["total_exposures"]) == ([], {})


def test_a_future_end_does_not_extend_the_window():
    series = compute_series(
        source(exposed(1, at(2, 10))), spec(end=at(20)), mean(), as_of=at(4, 12)
    )
    assert len(series) == 3


def test_a_draft_and_a_moment_before_the_start_are_refused():
    draft = ExperimentSpec("f", ("control", "test"), {}, None)
    with pytest.raises(InputError, match="not started"):
        compute_result(source(), draft, mean(), as_of=at(4))
    with pytest.raises(InputError, match="before the experiment's start"):
        compute_result(source(), spec(), mean(), as_of=START - timedelta(days=1))


def test_only_the_days_asked_for_come_back():
    day = at(3).date()
    series = compute_series(source(), spec(), mean(), as_of=at(5), days=[day])
    assert list(series) == [day]
