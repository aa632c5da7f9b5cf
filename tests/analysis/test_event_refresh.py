"""Yesterday's state of an analysis of events: one more day is one more day, and never another's."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest
from event_worlds import NAMES, frame, spec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracle import EPOCH
from shop_events import EVENTS, START, analyzed, until
from worlds import funnels, means, ratios, retentions, worlds

import exp_jupyter
from exp_jupyter.errors import InputError

HOUR = timedelta(hours=1)


def same(found, expected):
    """See that two analyses say the same of every metric, variant and day."""
    assert [one.metric_name for one in found] == [one.metric_name for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert [day.date for day in one.days] == [day.date for day in other.days]
        for day, another in zip(one.days, other.days, strict=True):
            pairs = zip(
                (day.baseline, *day.arms.values()),
                (another.baseline, *another.arms.values()),
                strict=True,
            )
            for arm, its in pairs:
                for name, value in its.sums.items():
                    if isinstance(value, (int, float)):
                        assert np.isclose(arm.sums[name], value, rtol=1e-9, atol=1e-6), name
    assert found.exposures.days == expected.exposures.days
    assert found.as_of == expected.as_of


few = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
measures = st.one_of(means(), ratios(), funnels(), retentions())


def day_by_day(world, metrics, seed):
    """Refresh an analysis four times, see that each is that of all days; return how many were."""
    random, table = Random(seed), frame(world)
    at = [EPOCH + timedelta(microseconds=event.at) for event in world.events]
    arrival = [moment + random.choice((0, 0, 0, 5, 30, 60)) * HOUR for moment in at]
    found, moment, refreshed = None, world.start + 40 * HOUR, 0
    for _ in range(4):
        moment += random.choice((5, 24, 30)) * HOUR
        known = table[[when <= moment for when in arrival]]
        try:
            expected = exp_jupyter.analyze_events(
                known,
                experiment=spec(world),
                metrics=[{**metric, "name": f"m{i}"} for i, metric in enumerate(metrics)],
                columns=NAMES,
                control="control",
                as_of=moment,
            )
        except InputError:  # there is no answer yet
            continue
        refreshed += found is not None
        found = expected if found is None else found.refresh(known, as_of=moment)
        same(found, expected)
    return refreshed


def test_day_by_day_is_all_at_once_also_when_events_come_late():
    refreshed = []

    @few
    @given(worlds(), st.lists(measures, min_size=1, max_size=2), st.integers(0, 2**32))
    def check(world, metrics, seed):
        world = replace(world, exclusions=(), test_filters=(), matured=False)
        refreshed.append(day_by_day(world, metrics, seed))

    check()
    assert sum(refreshed) >= 8


def test_one_more_day_reads_one_more_day():
    one = analyzed(until(8))
    two = one.refresh(until(9))
    same(two, analyzed(until(9)))
    same(two.refresh(EVENTS), analyzed())


def test_an_analysis_can_be_refreshed_again_and_again():
    first = analyzed(until(8))
    same(first.refresh(until(9)), first.refresh(until(9)))
    same(first.refresh(EVENTS), analyzed())


def test_events_that_come_late_are_counted():
    late = until(8).index[-300::7]
    first = analyzed(until(8).drop(late))
    same(first.refresh(until(9)), analyzed(until(9)))


def test_only_the_new_events_are_refused_by_the_day_that_lost_its_own():
    first = analyzed(until(8))
    new = EVENTS[EVENTS.timestamp >= pd.Timestamp(START) + pd.Timedelta(days=8)]
    with pytest.raises(InputError, match=r"events of 2026-03-0\d are 0 now and were") as caught:
        first.refresh(new)
    assert "Give all events" in caught.value.hint


def test_a_state_s_file_goes_from_call_to_call(tmp_path):
    path = tmp_path / "growth.state"
    for days in (6, 7, 7, 9):
        same(analyzed(until(days), state=path), analyzed(until(days)))
        assert [file.name for file in tmp_path.iterdir()] == ["growth.state"]
    assert f"state='{path}'" in analyzed(until(9), state=path).code()


def test_a_refresh_keeps_the_state_s_file_up_to_date(tmp_path):
    path = tmp_path / "growth.state"
    first = analyzed(until(6), state=path)
    before = path.read_bytes()
    first.refresh(until(9))
    assert path.read_bytes() != before
    same(analyzed(EVENTS, state=path), analyzed())


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        ({"start": "2026-03-03"}, "the start (2026-03-02"),
        ({"timezone": "Europe/Berlin"}, "the time zone (UTC before, Europe/Berlin now)"),
        ({"metrics": {"Paid": "view > purchase"}}, "metric 'Revenue'"),
        ({"cuped": 7}, "the CUPED (None before, 7 now)"),
        ({"variants": ("control", "other")}, "the variants"),
        ({"multiple_variants": "first_seen"}, "the exposure"),
    ],
)
def test_a_state_of_something_else_is_refused_and_kept(tmp_path, options, differs):
    path = tmp_path / "growth.state"
    analyzed(until(8), state=path)
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        analyzed(until(9), state=path, **options)
    assert "belongs to another analysis" in caught.value.message
    assert differs in caught.value.message
    assert "delete this one" in caught.value.hint
    assert path.read_bytes() == before


def test_a_file_that_is_no_state_is_refused_and_kept(tmp_path):
    path = tmp_path / "growth.state"
    path.write_text("my notes")
    with pytest.raises(InputError, match="holds no state"):
        analyzed(state=path)
    assert path.read_text() == "my notes"
    cut = tmp_path / "cut.state"
    analyzed(until(8), state=cut)
    cut.write_bytes(cut.read_bytes()[:1000])
    with pytest.raises(InputError, match="is damaged"):
        analyzed(state=cut)


def test_a_correction_that_cannot_be_made_is_refused_before_anything_is_kept(tmp_path):
    path = tmp_path / "growth.state"
    with pytest.raises(InputError, match="no p-values to correct"):
        analyzed(state=path, method="bayesian", correction="holm")
    assert not path.exists()


def test_a_state_needs_a_folder_that_is_there(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        analyzed(state=tmp_path / "nowhere" / "growth.state")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_that_cannot_be_written_is_told(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        analyzed(state=folder / "growth.state")


def test_a_failed_refresh_leaves_the_state_as_it_was(tmp_path):
    path = tmp_path / "growth.state"
    analyzed(until(8), state=path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="no column"):
        analyzed(EVENTS.drop(columns="person_id"), state=path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_what_cannot_be_kept_is_said(tmp_path):
    path = tmp_path / "growth.state"
    parts = analyzed(until(8), breakdown="country", state=path)
    assert any("nothing could be kept" in word for word in parts.warnings)
    assert not path.exists()
    same(parts.refresh(EVENTS), analyzed(breakdown="country"))
