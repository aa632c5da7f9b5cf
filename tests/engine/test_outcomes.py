"""Values per unit before they are summed: winsorized, thresholded, retained."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exp_jupyter.engine.statistics.retention import retention_outcome
from exp_jupyter.engine.statistics.winsorization import exact_quantile, threshold_mean, winsorize
from exp_jupyter.errors import InputError

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)
levels = st.floats(0, 1)


@given(values, levels)
def test_a_quantile_is_the_element_at_its_floor(units: list[float], level: float) -> None:
    place = min(math.floor(level * len(units)), len(units) - 1)
    assert exact_quantile(units, level) == sorted(units)[place]


@given(values, values, levels, levels, st.booleans())
def test_winsorized_values_lie_within_bounds_that_are_values(
    one: list[float], other: list[float], a: float, b: float, ignore: bool
) -> None:
    found = winsorize(
        {"control": one, "test": other}, lower=min(a, b), upper=max(a, b), ignore_zeros=ignore
    )
    low, high = found.bounds
    assert {low, high} <= {*one, *other}
    if low <= high:
        for clamped in found.values.values():
            assert ((clamped >= low) & (clamped <= high)).all()


@given(values)
def test_without_levels_nothing_changes(units: list[float]) -> None:
    found = winsorize({"control": units})
    assert (found.values["control"] == np.array(units)).all()


def test_zeros_may_be_left_out_of_the_upper_bound_only() -> None:
    units = {"control": [0.0] * 90 + [float(value) for value in range(1, 11)]}
    assert winsorize(units, upper=0.5).bounds == (0.0, 0.0)
    assert winsorize(units, lower=0.5, upper=0.5, ignore_zeros=True).bounds == (0.0, 6.0)
    assert winsorize({"control": [0.0, 0.0]}, upper=0.9, ignore_zeros=True).bounds == (0.0, 0.0)


def test_the_covariate_is_not_clamped() -> None:
    found = winsorize({"control": [1.0, 2.0, 100.0, 3.0]}, upper=0.5)
    arm = found.statistics({"control": [1.0, 2.0, 100.0, 3.0]})["control"]
    assert arm.sum == 9.0
    assert arm.covariate is not None
    assert arm.covariate.sum == 106.0


def test_levels_and_values_that_make_no_sense_are_refused() -> None:
    for call in (
        lambda: winsorize({"control": [1.0]}, upper=99),
        lambda: winsorize({"control": [1.0]}, lower=-0.1),
        lambda: winsorize({"control": [math.nan]}, upper=0.9),
        lambda: exact_quantile([], 0.5),
    ):
        with pytest.raises(InputError):
            call()
    assert winsorize({}).values == {}


@given(values, st.floats(-1e6, 1e6))
def test_a_threshold_counts_the_units_that_reach_it(units: list[float], bar: float) -> None:
    arm = threshold_mean(units, bar)
    reached = sum(value >= bar for value in units)
    assert (arm.n, arm.sum, arm.sum_squares) == (len(units), reached, reached)


def retained(start: str, back: str, unit: str, window: tuple[int, int], zone: str = "UTC") -> int:
    return retention_outcome(
        datetime.fromisoformat(start),
        [datetime.fromisoformat(back)],
        unit=unit,
        window_start=window[0],
        window_end=window[1],
        timezone=ZoneInfo(zone),
    )


def test_days_are_the_projects_calendar_days() -> None:
    start, back = "2025-03-03T23:30:00+00:00", "2025-03-04T00:30:00+00:00"
    assert retained(start, back, "day", (1, 1)) == 1
    assert retained(start, back, "day", (1, 1), "America/New_York") == 0


def test_a_day_is_a_day_when_the_clocks_change() -> None:
    start, back = "2025-03-29T12:00:00+01:00", "2025-03-31T01:00:00+02:00"
    assert retained(start, back, "day", (2, 2), "Europe/Berlin") == 1
    assert retained(start, back, "day", (1, 1), "Europe/Berlin") == 0


def test_hours_are_elapsed_hours_when_the_clocks_change() -> None:
    start, back = "2025-03-30T01:30:00+01:00", "2025-03-30T03:30:00+02:00"
    assert retained(start, back, "hour", (1, 1), "Europe/Berlin") == 1


def test_a_month_is_a_calendar_month() -> None:
    assert retained("2025-01-31T12:00:00+00:00", "2025-02-28T12:00:00+00:00", "month", (1, 2)) == 1
    assert retained("2025-01-31T12:00:00+00:00", "2025-02-27T12:00:00+00:00", "month", (1, 2)) == 0
    assert retained("2025-11-15T00:00:00+00:00", "2026-01-10T00:00:00+00:00", "month", (1, 2)) == 1


def test_what_happened_before_the_start_does_not_count() -> None:
    assert retained("2025-03-03T12:00:00+00:00", "2025-03-03T11:00:00+00:00", "day", (0, 1)) == 0


@given(st.integers(0, 10**6), st.integers(0, 20), st.integers(0, 20))
def test_exact_units_count_both_ends(seconds: int, low: int, width: int) -> None:
    start = datetime(2025, 3, 3, 12, tzinfo=UTC)
    back = start + timedelta(seconds=seconds)
    found = retention_outcome(
        start, [back], unit="minute", window_start=low, window_end=low + width
    )
    assert found == (60 * low <= seconds <= 60 * (low + width))


def test_times_need_a_zone_and_units_a_name() -> None:
    with pytest.raises(InputError, match="time zone"):
        retention_outcome(
            datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None),
            [],
            unit="day",
            window_start=0,
            window_end=1,
        )
    with pytest.raises(InputError):
        retained("2025-01-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00", "year", (0, 1))
