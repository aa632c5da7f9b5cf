"""Group-sequential boundaries: the published ones, alpha spent exactly, and what they cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exp_jupyter.engine.sequential.group_sequential import alpha_spending
from exp_jupyter.errors import InputError


def test_the_classic_boundaries() -> None:
    # Five equal looks, two-sided 5 %: Lan and DeMets' O'Brien-Fleming type and Pocock type.
    strict = alpha_spending([0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(strict.critical_z, [4.877, 3.357, 2.680, 2.290, 2.031], atol=6e-4)
    even = alpha_spending([0.2, 0.4, 0.6, 0.8, 1.0], spending="pocock")
    np.testing.assert_allclose(even.critical_z, [2.438, 2.427, 2.410, 2.397, 2.386], atol=1e-3)


looks = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=5).map(
    lambda steps: np.cumsum(steps) / np.sum(steps)
)


@settings(derandomize=True, max_examples=15, deadline=None)
@given(
    looks,
    st.sampled_from([0.01, 0.05]),
    st.sampled_from(["two-sided", "greater", "less"]),
    st.sampled_from(["obrien-fleming", "pocock", "power"]),
)
def test_the_whole_alpha_is_spent_and_no_more(
    information: np.ndarray, alpha: float, alternative: str, spending: str
) -> None:
    information = np.minimum(information, 1.0)
    test = alpha_spending(information, alpha=alpha, alternative=alternative, spending=spending)
    assert test.spent[-1] == pytest.approx(alpha, rel=1e-9)
    np.testing.assert_allclose(np.cumsum(test.stopping(0.0)), test.spent, rtol=1e-5, atol=1e-10)
    drift = -3.0 if alternative == "less" else 3.0
    assert test.power(drift) > 10 * alpha


def test_one_look_is_the_fixed_test() -> None:
    assert alpha_spending([1.0]).critical_z == pytest.approx([1.959964], abs=1e-5)
    assert alpha_spending([1.0]).inflation(0.8) == pytest.approx(1.0, abs=1e-4)


def test_earlier_boundaries_do_not_depend_on_later_looks() -> None:
    short, long = alpha_spending([0.3, 0.6]), alpha_spending([0.3, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(short.critical_z, long.critical_z[:2], rtol=1e-10)


def test_the_price_of_looking() -> None:
    strict = alpha_spending(np.arange(1, 6) / 5)
    even = alpha_spending(np.arange(1, 6) / 5, spending="pocock")
    assert 1 < strict.inflation() < 1.05 < even.inflation() < 1.3


def test_simulated_walks_stop_as_often_as_said() -> None:
    rng = np.random.default_rng(5)
    test = alpha_spending([0.25, 0.5, 0.75, 1.0], spending="pocock")
    walks = np.cumsum(rng.normal(2.5 / 4, 0.5, (20_000, 4)), axis=1)
    z = walks / np.sqrt(test.information)
    stopped = (np.abs(z) > test.critical_z).any(axis=1).mean()
    assert stopped == pytest.approx(test.power(2.5), abs=0.01)
    for row in z[:50]:
        first = test.crossed(row)
        over = np.abs(row) > test.critical_z
        assert (first is None) == (not over.any())
        assert first is None or first == int(np.argmax(over))


@pytest.mark.parametrize(
    "call",
    [
        lambda: alpha_spending([]),
        lambda: alpha_spending([0.5, 0.5]),
        lambda: alpha_spending([0.5, 1.1]),
        lambda: alpha_spending([0.0, 1.0]),
        lambda: alpha_spending([1.0], alpha=2),
        lambda: alpha_spending([1.0], spending="haybittle"),
        lambda: alpha_spending([1.0], spending="power", exponent=0),
        lambda: alpha_spending([1.0]).crossed([1.0, 2.0]),
        lambda: alpha_spending([1.0]).drift_for(0.01),
    ],
)
def test_the_rest_is_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()
