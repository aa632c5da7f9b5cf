"""Always-valid bounds without a normal approximation: ordering, tuning, holding at all times."""

from __future__ import annotations

import numpy as np
import pytest

from exp_jupyter.engine.sequential.bounded import (
    bernoulli_sequence,
    cdf_band,
    empirical_bernstein_sequence,
    hoeffding_sequence,
    predictable_bernstein_sequence,
    quantile_boundary,
)
from exp_jupyter.errors import InputError

SEQUENCES = (
    lambda x: hoeffding_sequence(x, tightest_at=200),
    lambda x: empirical_bernstein_sequence(x, tightest_at_variance=10),
    lambda x: predictable_bernstein_sequence(x),
)


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_the_mean_is_inside_at_all_times_nearly_always(sequence: object) -> None:
    rng = np.random.default_rng(11)
    left = 0
    for _ in range(60):
        low, high = sequence(rng.beta(2, 6, 200))
        left += ((low > 0.25) | (high < 0.25)).any()
    assert left <= 3


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_bounds_narrow_and_mirror(sequence: object) -> None:
    x = np.random.default_rng(12).beta(2, 6, 2000)
    low, high = sequence(x)
    assert high[-1] - low[-1] < high[99] - low[99]
    mirrored_low, mirrored_high = sequence(1 - x)
    np.testing.assert_allclose([mirrored_low[-1], mirrored_high[-1]], [1 - high[-1], 1 - low[-1]])


def test_knowing_the_spread_helps() -> None:
    x = np.random.default_rng(13).beta(20, 60, 2000)
    widths = [(high[-1] - low[-1]) for low, high in (sequence(x) for sequence in SEQUENCES)]
    assert max(widths[1:]) < 0.6 * widths[0]


def test_a_rate_is_inside_at_all_times_nearly_always() -> None:
    rng = np.random.default_rng(14)
    left = 0
    for _ in range(40):
        counts = np.cumsum(rng.random(400) < 0.2)
        for trials in range(20, 401, 20):
            low, high = bernoulli_sequence(int(counts[trials - 1]), trials, tightest_at=200)
            if not low <= 0.2 <= high:
                left += 1
                break
    assert left <= 2


def test_extreme_counts_reach_the_ends() -> None:
    assert bernoulli_sequence(0, 30, tightest_at=100)[0] == 0.0
    assert bernoulli_sequence(30, 30, tightest_at=100)[1] == 1.0
    low, high = bernoulli_sequence(3, 30, tightest_at=100)
    other_low, other_high = bernoulli_sequence(27, 30, tightest_at=100)
    assert (low, high) == (pytest.approx(1 - other_high), pytest.approx(1 - other_low))


def test_quantile_bounds_grow_slower_than_time() -> None:
    t = np.array([100.0, 1000.0, 100_000.0])
    assert (np.diff(quantile_boundary(0.5, t, tightest_at=100) / t) < 0).all()
    assert (np.diff(cdf_band(t, start=32)) < 0).all()
    assert np.isinf(cdf_band(10, start=32))


@pytest.mark.parametrize(
    "call",
    [
        lambda: hoeffding_sequence([0.5, 1.5], tightest_at=10),
        lambda: hoeffding_sequence([], tightest_at=10),
        lambda: predictable_bernstein_sequence([np.nan]),
        lambda: empirical_bernstein_sequence([0.5], tightest_at_variance=0),
        lambda: bernoulli_sequence(5, 3, tightest_at=10),
        lambda: quantile_boundary(1.0, 10, tightest_at=10),
        lambda: cdf_band(10, alpha=0),
    ],
)
def test_the_rest_is_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()
