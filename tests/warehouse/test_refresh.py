"""A series refreshed day by day is the series computed at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import EPOCH, Event, World
from test_daily_sums import small
from worlds import (
    MEMBERS,
    funnels,
    means,
    ratios,
    request_of,
    retentions,
    source_of,
    worlds,
)

from exp_jupyter.warehouse import daily_sums
from exp_jupyter.warehouse.refresh import Kept, key_of, refresh

HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)


def at(event):
    return EPOCH + timedelta(microseconds=event.at)


def arrived(world, arrivals, moment):
    events = [e for e, when in zip(world.events, arrivals, strict=True) if when <= moment]
    return source_of(replace(world, events=events))


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.breakdowns == other.breakdowns
        size = max(1.0, np.abs(other.values).max(initial=0))
        assert np.allclose(one.values, other.values, rtol=1e-9, atol=1e-9 * size)


def quiet_world():
    start = datetime(2026, 3, 27, tzinfo=UTC)
    seen = {"$feature_flag": "flag", "$feature_flag_response": "test"}
    events = [
        Event(f"u{i}", name, i % 9, (start - EPOCH + i * HOUR) // MICROSECOND, dict(seen))
        for i in range(200)
        for name in ("$feature_flag_called", "a")
    ]
    return World(events, start, None, start + 100 * HOUR, emails={1: "ada@example.com"})


def views(**more):
    node = {"kind": "EventsNode", "event": "a", **more}
    return {"kind": "ExperimentMetric", "metric_type": "mean", "source": node}


def filter_on_email():
    return {"key": "email", "type": "person", "operator": "not_icontains", "value": "bob"}


def watched(source):
    """Have the source note what it is asked."""
    asked, rows = [], type(source).rows

    class Watched(type(source)):
        def rows(self, sql, parameters):
            asked.append((sql, parameters))
            return rows(self, sql, parameters)

    object.__setattr__(source, "__class__", Watched)
    return asked


@settings(small, max_examples=25)
@given(
    worlds(),
    st.lists(st.one_of(means(), ratios(), funnels(), retentions()), min_size=1, max_size=3),
    st.integers(0, 2**32),
)
def test_day_by_day_is_all_at_once_also_when_events_come_late(world, metrics, seed):
    random = Random(seed)
    late = [random.choice((0, 0, 0, 0, 5, 30, 60)) for _ in world.events]
    arrivals = [at(e) + hours * HOUR for e, hours in zip(world.events, late, strict=True)]
    kept, moment = None, world.start + random.choice((3, 20, 40)) * HOUR
    for _ in range(6):
        told = replace(world, as_of=moment)
        source, request = arrived(world, arrivals, moment), request_of(told, metrics)
        found, kept = refresh(source, request, kept)
        same(found, daily_sums(source, request))
        moment += random.choice((5, 24, 24, 30)) * HOUR


@settings(small, max_examples=6)
@given(worlds(), st.lists(st.one_of(means(), funnels()), min_size=1, max_size=2))
def test_a_state_written_and_read_is_the_same_state(tmp_path_factory, world, metrics):
    folder = tmp_path_factory.mktemp("kept")
    kept = None
    for hours in (30, 50, 75):
        told = replace(world, as_of=world.start + hours * HOUR)
        source, request = source_of(told), request_of(told, metrics)
        found, kept = refresh(source, request, kept)
        same(found, daily_sums(source, request))
        if kept is not None:
            kept.save(folder)
            kept = Kept.load(folder, kept.key)
            assert kept is not None


def test_it_reads_only_the_days_that_are_not_kept():
    world, metric = quiet_world(), views()
    source = source_of(world)
    request = request_of(replace(world, as_of=world.start + 100 * HOUR), [metric])
    _, kept = refresh(source, request)
    read = watched(source)
    later = request_of(replace(world, as_of=world.start + 124 * HOUR), [metric])
    found, _ = refresh(source, later, kept)
    slices = [p for sql, p in read if " AS mask" in sql]
    earliest = min(value for p in slices for value in p.values() if hasattr(value, "year"))
    assert earliest >= (world.start + 96 * HOUR).replace(tzinfo=None)
    same(found, daily_sums(source, later))


def test_an_activation_that_turns_out_to_be_somebody_elses_is_taken_back():
    world = replace(quiet_world(), activation={"event": "open"})
    opened = Event("v1", "open", 1, (world.start - EPOCH + 70 * HOUR) // MICROSECOND)
    told, metric = replace(world, events=[*world.events, opened]), views()
    request = request_of(replace(world, as_of=world.start + 80 * HOUR), [metric])
    found, kept = refresh(source_of(told), request)
    assert found[0].values[..., -1, 0].sum() == 1
    told.events[-1] = replace(opened, person=99)
    later = request_of(world, [metric])
    found, _ = refresh(source_of(told), later, kept)
    same(found, daily_sums(source_of(told), later))
    assert found[0].values[..., -1, 0].sum() == 0


def test_a_state_of_something_else_is_not_used(tmp_path):
    world = quiet_world()
    source = source_of(world)
    request, other = request_of(world, [views()]), request_of(world, [views(math="dau")])
    _, kept = refresh(source, request)
    assert key_of(request) != key_of(other)
    same(refresh(source, other, kept)[0], daily_sums(source, other))
    assert Kept.load(tmp_path, kept.key) is None
    path = kept.save(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    assert Kept.load(tmp_path, kept.key) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"matured": True},
        {"test_filters": (filter_on_email(),)},
        {"exclusions": (filter_on_email(),)},
        {"exclusions": (MEMBERS,), "cohorts": {3: {1, 2}}},
    ],
)
def test_nothing_is_kept_where_yesterdays_answer_can_change(fields):
    world = replace(quiet_world(), **fields)
    found, kept = refresh(source_of(world), request_of(world, [views()]))
    assert kept is None
    same(found, daily_sums(source_of(world), request_of(world, [views()])))
