"""Metrics on sessions: which of them count, what they are worth, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_daily_sums import agree, small
from test_edges import at, exposed, mean, source, spec
from worlds import means, nodes, request_of, sessions, source_of, worlds

from exp_jupyter.analysis.posthog.compute import compute_result, compute_series
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse import daily_sums


def seen(person, moment, session, name="$pageview"):
    return name, person, moment, {"$session_id": session}


def duration(**more):
    math = {"event": "$pageview", "math": "sum", "math_property": "$session_duration"}
    return mean(node=math, **more)


def daily(events, metric, of="sum", held=source, **fields):
    series = compute_series(held(*events), spec(**fields), metric, as_of=at(5, 12))
    return [day["baseline"][of] for day in series.values()]


def test_a_session_counts_once_however_many_events_match():
    events = [exposed(1, at(2, 10)), *(seen(1, at(2, 11, m), "s") for m in (0, 10, 20))]
    assert daily(events, duration()) == [1200] * 4


def test_the_duration_spans_all_events_of_the_session():
    events = [exposed(1, at(2, 10)), seen(1, at(2, 11), "s"), seen(1, at(2, 12), "s", "other")]
    assert daily(events, duration()) == [3600] * 4


def test_units_without_a_session_are_not_there():
    events = [exposed(1, at(2, 10)), exposed(2, at(2, 10)), seen(1, at(4, 11), "s")]
    assert daily(events, duration(), of="number_of_samples") == [0, 0, 1, 1]
    assert daily(events, duration()) == [0, 0, 0, 0]


def test_a_session_that_began_before_the_exposure_does_not_count():
    straddling = [seen(1, at(2, 9, 55), "s"), exposed(1, at(2, 10)), seen(1, at(2, 10, 5), "s")]
    assert daily(straddling, duration(), of="number_of_samples") == [0] * 4
    # It begins with its first matching event, not with its first.
    other = [seen(1, at(2, 9, 55), "s", "other"), *straddling[1:]]
    assert daily(other, duration()) == [600] * 4


def test_sessions_without_an_id_are_none():
    events = [exposed(1, at(2, 10)), seen(1, at(2, 11), ""), seen(1, at(2, 12), None)]
    assert daily(events, duration(), of="number_of_samples") == [0] * 4


def test_the_window_is_that_of_the_sessions_first_event():
    window = {"conversion_window": 1, "conversion_window_unit": "hour"}
    events = [exposed(1, at(2, 10)), seen(1, at(2, 10, 59), "s"), seen(1, at(2, 12, 59), "s")]
    assert daily(events, duration(**window)) == [7200] * 4
    late = [exposed(1, at(2, 10)), seen(1, at(2, 11), "s")]
    assert daily(late, duration(**window), of="number_of_samples") == [0] * 4


def test_events_of_a_name_are_counted():
    events = [exposed(1, at(2, 10)), *(seen(1, at(2, 11, m), "s") for m in (0, 1, 2))]
    events.append(seen(1, at(2, 12), "s", "$screen"))
    counts = {"math": "max", "math_property_type": "session_properties", "event": "$pageview"}
    for name, number in (("$pageview_count", 3), ("$screen_count", 1), ("$autocapture_count", 0)):
        assert daily(events, mean(node={**counts, "math_property": name}))[-1] == number


def test_a_covariate_is_not_taken():
    stats = {"method": "frequentist", "cuped": {"enabled": True, "lookback_days": 2}}
    events = [exposed(1, at(2, 10)), seen(1, at(2, 11), "s")]
    result = compute_result(source(*events), spec(stats_config=stats), duration(), as_of=at(5))
    assert "covariate_sum" not in result["baseline"]


def test_bounds_are_those_of_the_units_that_are_there():
    events = [exposed(person, at(2, 10)) for person in range(5)]
    for person in range(3):
        events += [
            seen(person, at(2, 11), f"s{person}"),
            seen(person, at(2, 11 + person), f"s{person}"),
        ]
    # Of 0, 1 and 2 hours the element floor(0.5 · 3) is the second.
    assert daily(events, duration(upper_bound_percentile=0.5))[-1] == 3600 + 3600


def test_a_relation_of_sessions_says_what_they_are_worth():
    def held(*events):
        found = source(*events)
        found.connection.execute(
            "CREATE TABLE known AS SELECT 's' AS session_id, 90 AS session_duration, "
            'TRUE AS "$is_bounce"'
        )
        return replace(found, sessions="known")

    events = [exposed(1, at(2, 10)), seen(1, at(2, 11), "s"), seen(1, at(2, 12), "unknown")]
    assert daily(events, duration(), held=held)[-1] == 90
    bounced = {"math": "avg", "math_property": "$is_bounce"}
    bounced |= {"math_property_type": "session_properties", "event": "$pageview"}
    assert daily(events, mean(node=bounced), held=held)[-1] == 0.5
    missing = bounced | {"math_property": "$screen_count"}
    with pytest.raises(InputError, match=r"sessions have no column '\$screen_count'"):
        daily(events, mean(node=missing), held=held)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"math_property": "$is_bounce"}, r"'\$is_bounce' cannot be told from the events"),
        ({"math_property": "$num_uniq_urls"}, r"'\$num_uniq_urls' cannot be told"),
        ({"math_property": "$entry_url"}, r"'\$entry_url' is no session property"),
        ({"math": "dau", "math_property": "$session_duration"}, "math 'dau'"),
    ],
)
def test_what_a_session_cannot_say_is_refused_by_name(node, words):
    metric = mean(node={"math_property_type": "session_properties", "math": "sum", **node})
    with pytest.raises(InputError, match=words):
        compute_result(source(), spec(), metric, as_of=at(5))


def test_a_ratio_takes_no_session():
    part = {"kind": "EventsNode", "event": "a"}
    sessions = {**part, "math": "sum", "math_property": "$session_duration"}
    ratio = {"kind": "ExperimentMetric", "metric_type": "ratio"}
    for above, below in ((sessions, part), (part, sessions)):
        with pytest.raises(InputError, match="no part of a ratio"):
            compute_result(
                source(), spec(), {**ratio, "numerator": above, "denominator": below}, as_of=at(5)
            )


@settings(small, max_examples=15)
@given(worlds(), means(), nodes(plain=True, tables=False), st.randoms(use_true_random=False))
def test_every_property_of_a_relation_equals_the_naive_analysis(world, metric, node, random):
    world = replace(world, sessions=sessions(random))
    for name in ("$session_duration", "$pageview_count", "$num_uniq_urls", "$is_bounce"):
        session = {"math": random.choice(("sum", "avg", "min", "max")), "math_property": name}
        session["math_property_type"] = "session_properties"
        wanted = {**metric, "source": {**node, **session}, "threshold": None}
        agree(world, [wanted], daily_sums(source_of(world), request_of(world, [wanted])))
