"""Breakdowns by a metric's own events, and a value split by them, against the naive reading."""

from __future__ import annotations

import math
from dataclasses import replace

import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_daily_sums import scale, small
from test_edges import at, exposed, mean, source, spec
from worlds import funnels, means, ratios, request_of, retentions, source_of, worlds

from exp_jupyter.analysis.posthog.compute import compute_result, compute_series
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import parse_metric
from exp_jupyter.warehouse import daily_sums
from exp_jupyter.warehouse.breakdowns import value_split as splitting
from exp_jupyter.warehouse.breakdowns.value_split import daily_value_split

NULL, OTHER = oracle.NULL, oracle.OTHER
ATTRIBUTIONS = ("first_touch", "last_touch", "step", "all_events", None)


def reads_tables(metric):
    nodes = [metric.get(name) for name in ("source", "numerator", "start_event")]
    return any(node and oracle.from_table(node) for node in [*nodes, *metric.get("series", ())])


@st.composite
def attributed(draw):
    metric = draw(
        st.one_of(means(), ratios(), funnels(), retentions()).filter(lambda m: not reads_tables(m))
    )
    properties = draw(st.sampled_from([["plan"], ["plan", "$session_id"]]))
    limit = draw(st.sampled_from([None, 0, 1, 2]))
    told = {"breakdowns": [{"property": name, "type": None} for name in properties]}
    metric = {**metric, "breakdownFilter": {**told, "breakdown_limit": limit}}
    if metric["metric_type"] == "funnel":
        metric["breakdownAttributionType"] = draw(st.sampled_from(ATTRIBUTIONS))
        metric["breakdownAttributionValue"] = draw(st.integers(0, len(metric["series"]) - 1))
    return metric


def agree(sums, i, expected, kept, of):
    found = {
        (values, variant): sums.of(g, j, i)
        for g, values in enumerate(sums.breakdowns)
        for j, variant in enumerate(kept)
    }
    for key, row in found.items():
        want = expected.get(key, {})
        for name in of(row):
            assert math.isclose(
                row[name], want.get(name, 0.0), rel_tol=1e-9, abs_tol=1e-9 * scale(want)
            ), (key, name)
    assert {key for key, row in expected.items() if row["n"]} <= set(found)


@settings(small, max_examples=30)
@given(worlds(), attributed(), st.booleans())
def test_metric_events_give_their_units_the_breakdown_values(world, metric, one_window):
    world = replace(world, one_window=one_window)
    request = replace(request_of(world, [metric]), breakdowns_from="metric_event")
    (sums,) = daily_sums(source_of(world), request)
    kept = [v for v in world.variants if v not in world.excluded]
    limit = metric["breakdownFilter"]["breakdown_limit"] or 25
    for i, (_, stop) in enumerate(oracle.points(world)):
        rows = oracle.result(world, metric, stop, by_metric_event=True)
        agree(sums, i, oracle.of_most_units(rows, limit), kept, of=list)


@settings(small, max_examples=20)
@given(worlds(), means(), st.sampled_from(["plan", "$session_id"]), st.booleans())
def test_a_value_is_split_by_its_events(world, metric, prop, summed):
    node = {
        "kind": "EventsNode",
        "event": "buy",
        "properties": (metric["source"].get("properties") or [])
        if metric["source"]["kind"] == "EventsNode"
        else [],
        **({"math": "sum", "math_property": "amount"} if summed else {"math": "total"}),
    }
    window = {k: v for k, v in metric.items() if k.startswith("conversion_window")}
    metric = {**mean(**window), "source": node, "value_breakdown_property": prop}
    request = request_of(world, [metric])
    kept = [v for v in world.variants if v not in world.excluded]
    points = oracle.points(world)
    most, splitting.MOST_BUCKETS = splitting.MOST_BUCKETS, 2
    try:
        sums = daily_value_split(source_of(world), request, range(len(points)))
    finally:
        splitting.MOST_BUCKETS = most
    for i, (_, stop) in enumerate(points):
        expected = {
            ((key,), variant): {"n": n, "s": s, "ss": ss}
            for (key, variant), (n, s, ss) in oracle.split_value(world, metric, stop, 2).items()
        }
        there = {key for key, _ in expected}
        agree(sums, i, expected, kept, of=lambda row: ("s", "ss"))
        for g, values in enumerate(sums.breakdowns):
            for j, variant in enumerate(kept if values in there else []):
                want = expected.get((values, variant), {"n": 0})["n"]
                assert sums.of(g, j, i)["n"] == want


# ---------------------------------------------------------------- on a handful of events


def by_browser(metric, **told):
    return {**metric, "breakdownFilter": {"breakdowns": [{"property": "b"}], **told}}


def rows(result):
    return {
        row["breakdown_value"][0]: (row["baseline"]["number_of_samples"], row["baseline"]["sum"])
        for row in result["breakdown_results"]
    }


BOUGHT = [
    exposed(1, at(2, 10)),
    ("buy", 1, at(2, 9, 30), {"b": "before"}),
    ("buy", 1, at(3, 10), {"b": "first"}),
    ("buy", 1, at(3, 11), {"b": "second"}),
    exposed(2, at(2, 10)),
    ("buy", 2, at(3, 10), {"b": ""}),
    exposed(3, at(2, 10)),
    exposed(4, at(2, 10)),
    ("buy", 4, at(4, 10)),
]


def of_metric_events(events, metric):
    told = spec(breakdowns_from="metric_event")
    return rows(compute_result(source(*events), told, metric, as_of=at(5)))


def test_the_first_event_after_the_exposure_gives_the_value():
    assert of_metric_events(BOUGHT, by_browser(mean())) == {
        NULL: (2, 1),
        "": (1, 1),
        "first": (1, 2),
    }


def test_a_unit_has_no_value_before_its_event():
    told = spec(breakdowns_from="metric_event")
    series = compute_series(source(*BOUGHT), told, by_browser(mean()), as_of=at(5))
    days = [rows(result) for result in series.values()]
    assert days[0] == {NULL: (4, 0)}
    assert days[1] == {NULL: (2, 0), "": (1, 1), "first": (1, 2)}


def test_values_beyond_the_limit_are_one_and_the_last():
    found = of_metric_events(BOUGHT, by_browser(mean(), breakdown_limit=1))
    assert list(found.items()) == [(NULL, (2, 1)), (OTHER, (2, 3))]


def test_a_step_that_is_none_gives_no_value():
    series = [{"kind": "EventsNode", "event": "buy"}]
    told = {"kind": "ExperimentMetric", "metric_type": "funnel", "series": series}
    wrong = by_browser({**told, "breakdownAttributionType": "step"})
    for value in (None, -1, 1):
        with pytest.raises(InputError, match=r"must be in \[0, 0\] for step attribution, got"):
            of_metric_events(BOUGHT, {**wrong, "breakdownAttributionValue": value})
    found = of_metric_events(BOUGHT, {**wrong, "breakdownAttributionValue": 0})
    assert found == {NULL: (2, 1), "": (1, 1), "first": (1, 1)}


def test_a_first_exposure_without_the_property_has_the_null_label():
    calls = [exposed(1, at(2, 10)), exposed(2, at(2, 10))]
    calls[1] = (*calls[1][:3], calls[1][3] | {"b": "x"})
    result = compute_result(source(*calls), spec(), by_browser(mean()), as_of=at(5))
    assert list(rows(result)) == [NULL, "x"]


def test_more_than_three_breakdowns_are_refused_in_words():
    many = {"breakdowns": [{"property": str(i)} for i in range(4)]}
    with pytest.raises(InputError, match="Maximum of 3 breakdowns are supported"):
        parse_metric({**mean(), "breakdownFilter": many})


def test_a_breakdown_of_a_kind_that_rows_do_not_have_is_refused():
    told = {"breakdowns": [{"property": "b", "type": "session"}]}
    with pytest.raises(InputError, match="type 'session' are not supported"):
        compute_result(source(*BOUGHT), spec(), mean(breakdownFilter=told), as_of=at(5))


def test_the_value_split_keeps_all_units_and_adds_up_to_the_headline():
    paid = [(name, who, when, {"plan": p, "amount": a}) for name, who, when, p, a in [
        ("buy", 1, at(3), "free", 10), ("buy", 2, at(3), "free", 20),
        ("buy", 2, at(3, 1), "pro", 5),
        ("buy", 3, at(3), "pro", 8), ("buy", 4, at(3), None, 7), ("buy", 9, at(3), "unseen", 99),
    ]]  # fmt: skip
    events = [*(exposed(i, at(2, 10)) for i in range(1, 6)), *paid]
    node = {"math": "sum", "math_property": "amount"}
    metric = mean(node=node, value_breakdown_property="plan")
    result = compute_result(source(*events), spec(), metric, as_of=at(5))
    assert rows(result) == {NULL: (5, 7), "free": (5, 30), "pro": (5, 13)}
    assert (result["baseline"]["sum"], result["baseline"]["sum_squares"]) == (50, 838)


def test_beyond_twenty_buckets_the_smallest_are_added_up_by_unit():
    paid = [("buy", 1, at(3), {"plan": f"p{i:02}", "amount": 100 - i}) for i in range(23)]
    node = {"math": "sum", "math_property": "amount"}
    metric = mean(node=node, value_breakdown_property="plan")
    result = compute_result(source(exposed(1, at(2, 10)), *paid), spec(), metric, as_of=at(5))
    found = result["breakdown_results"]
    assert [row["breakdown_value"][0] for row in found] == [*(f"p{i:02}" for i in range(20)), OTHER]
    assert found[-1]["baseline"]["sum_squares"] == (80 + 79 + 78) ** 2


@pytest.mark.parametrize(
    "fields",
    [
        {"node": {"math": "avg", "math_property": "amount"}},
        {"breakdownFilter": {"breakdowns": [{"property": "b"}]}},
        {"upper_bound_percentile": 0.9},
        {"threshold": 2},
        {"node": {"math": "sum", "math_property": "$session_duration"}},
    ],
    ids=["math", "breakdown", "bounds", "threshold", "session"],
)
def test_a_value_split_that_means_nothing_is_refused(fields):
    metric = mean(value_breakdown_property="plan", **fields)
    with pytest.raises(InputError, match="value_breakdown_property cannot be combined"):
        compute_result(source(exposed(1, at(2, 10))), spec(), metric, as_of=at(5))
