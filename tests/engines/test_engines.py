"""The same statement gives the same numbers wherever it runs: the naive analysis' own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from oracle import EPOCH, Event, World, us
from test_daily_sums import agree, small
from worlds import (
    TABLES,
    funnels,
    means,
    members,
    ratios,
    request_of,
    retentions,
    source_of,
    worlds,
)

import exp_jupyter
from exp_jupyter.warehouse import daily_exposures, daily_sums

# Spark's client leaves sockets to the garbage collector.
pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]

START = datetime(2026, 3, 27, tzinfo=UTC)
KINDS = {"means": means, "ratios": ratios, "funnels": funnels, "retentions": retentions}


def examples(engine):
    return settings(small, max_examples={"spark": 2}.get(engine.name, 15))


def without_persons(world):
    # Persons' properties are JSON, which these sources do not have.
    kept = [item for item in world.exclusions if item["type"] != "person"]
    return replace(world, test_filters=(), exclusions=tuple(kept))


def loaded(engine, world):
    return replace(engine.load(world), cohorts=members(world))


@pytest.mark.parametrize("kind", KINDS)
def test_every_day_of_every_kind_equals_the_naive_analysis(engine, kind):
    @examples(engine)
    @given(worlds(), KINDS[kind]())
    def same(world, metric):
        world = without_persons(world)
        agree(world, [metric], daily_sums(loaded(engine, world), request_of(world, [metric])))

    same()


EVIL = "x'; DROP TABLE events; -- %s ? :p0 $p0 {p0} \\ \t\n"


def test_values_reach_every_engine_as_they_are(engine):
    seen = {"$feature_flag": "flag", "$feature_flag_response": "control"}
    world = World(
        [
            Event("e1", "$feature_flag_called", 1, us(START), seen),
            Event("e2", EVIL, 1, us(START) + 1, {"v": "2.5", "plan": EVIL}),
            Event("e3", EVIL, 1, us(START) + 2, {"v": "4", "plan": "free"}),
        ],
        START,
        None,
        START + timedelta(days=2),
    )
    filters = [{"key": "plan", "type": "event", "operator": "exact", "value": [EVIL]}]
    source = {"kind": "EventsNode", "event": EVIL, "math": "sum", "math_property": "v"}
    metric = {
        "kind": "ExperimentMetric",
        "metric_type": "mean",
        "source": {**source, "properties": filters},
    }
    found = daily_sums(loaded(engine, world), request_of(world, [metric]))
    agree(world, [metric], found)
    assert found[0].of(0, 0, 0)["s"] == 2.5


def test_the_exposures_are_the_same(engine):
    @examples(engine)
    @given(worlds())
    def same(world):
        world = without_persons(world)
        counts, multiple = daily_exposures(loaded(engine, world), request_of(world, []))
        here, several = daily_exposures(source_of(world), request_of(world, []))
        assert (counts == here).all()
        assert (multiple == several).all()

    same()


# ---------------------------------------------------------------- by the public call


def trial():
    """Sixty people on six days: what they saw, did and spent."""
    start, events = datetime(2026, 3, 27, tzinfo=UTC), []
    for person in range(1, 121):
        variant = ("control", "test")[person % 2]
        seen = {"$feature_flag": "flag", "$feature_flag_response": variant}
        at = (start - EPOCH + person * timedelta(minutes=55)) // timedelta(microseconds=1)
        events.append(Event(f"f{person}", "$feature_flag_called", person, at, seen))
        for visit in range(person % 4):
            later = at + (visit + 1) * 26 * 3_600_000_000
            events.append(Event(f"a{person}.{visit}", "a", person, later, {"v": float(person % 7)}))
        if person % 3 == 0:
            events.append(Event(f"b{person}", "b", person, at + 7_200_000_000, {"v": 2.5}))
    return World(
        events, start, None, start + timedelta(days=6), tables={name: [] for name in TABLES}
    )


MEASURED = {
    "Spent": "a:sum(v)",
    "Ratio": "a:sum(v) / b",
    "Funnel": "b > a",
    "Back": "a:retention(1-2 days)",
    "Capped": {
        "metric_type": "mean",
        "source": {"kind": "EventsNode", "event": "a", "math": "sum", "math_property": "v"},
        "upper_bound_percentile": 0.9,
    },
}


def told(found):
    days = [day for series in found for day in series.days]
    arms = [arm for day in days for arm in (day.baseline, *day.arms.values())]
    sums = [{**arm.sums, "steps": tuple(arm.sums.get("step_counts") or ())} for arm in arms]
    lists = ("step_counts", "validation_failures")
    return [{name: own[name] for name in own if name not in lists} for own in sums]


@pytest.mark.parametrize("exposure", ["flag", "assignments"])
def test_the_public_call_reads_events_where_they_live(engine, exposure):
    world = trial()
    names = {key: column for key, column in engine.properties.items() if key != "$group_1"}
    asked = {"flag": "flag", "start": "2026-03-27", "metrics": MEASURED, "columns": names}
    asked["as_of"] = world.as_of
    source = engine.load(world)
    here = engine.frame(world)
    beside = {"table": source.relation, "dialect": source.engine}
    if exposure == "assignments":
        columns = {"person_id": "BIGINT", "variant": "VARCHAR", "timestamp": "TIMESTAMP"}
        rows = [
            (event.person, event.properties["$feature_flag_response"], moment(event))
            for event in world.events
            if event.event == "$feature_flag_called"
        ]
        engine.put("assigned", columns, rows)
        beside["exposure"] = {"table": engine.called("assigned")}
        asked["exposure"] = pd.DataFrame(rows, columns=list(columns))
    expected = exp_jupyter.analyze_events(here, **asked)
    found = exp_jupyter.analyze_events(source.connection, **asked | beside)
    for one, other in zip(told(found), told(expected), strict=True):
        assert one.pop("steps") == other.pop("steps")
        assert one == pytest.approx(other)
    assert found.exposures.units == expected.exposures.units == {"control": 60, "test": 60}
    assert found.engine == source.client.engine


def moment(event):
    return (EPOCH + timedelta(microseconds=event.at)).replace(tzinfo=None)
