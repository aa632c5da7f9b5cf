"""Confidence sequences: valid at every look, in both forms of the mixture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.intersection import running_intersection
from exp_jupyter.engine.comparison.methods import Frequentist, Sequential
from exp_jupyter.engine.comparison.methods.msprt import MixtureSPRT
from exp_jupyter.engine.sequential.confidence_sequence import (
    half_width,
    mixture_precision,
    normal_log_mixture,
    normal_mixture_boundary,
)
from exp_jupyter.engine.statistics.means import Mean, Proportion

levels = st.floats(0.001, 0.3)
times = st.floats(0.1, 1e7)


@given(levels, times, st.floats(1, 1e6), st.booleans())
def test_the_boundary_is_where_the_mixture_reaches_one_over_alpha(
    alpha: float, time: float, size: float, one_sided: bool
) -> None:
    precision = mixture_precision(alpha, size)
    bound = normal_mixture_boundary(time, precision, alpha, one_sided=one_sided)
    evidence = normal_log_mixture(bound, time, precision, one_sided=one_sided)
    assert evidence == pytest.approx(-np.log(alpha), rel=1e-9)


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05, 0.2])
def test_the_exact_mixture_is_the_narrowest_at_its_size(alpha: float) -> None:
    exact = float(mixture_precision(alpha, 5000, exact=True))
    best = optimize.minimize_scalar(
        lambda log_p: half_width(1.0, 5000, np.exp(log_p), alpha),
        bounds=(np.log(exact) - 1, np.log(exact) + 1),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert np.exp(best.x) == pytest.approx(exact, rel=1e-4)


def test_the_exact_mixture_exists_for_the_smallest_levels() -> None:
    near, beyond = (float(mixture_precision(a, 1.0, exact=True)) for a in (1e-150, 1e-200))
    assert near < beyond
    assert beyond == pytest.approx(2 * 200 * np.log(10), rel=0.02)


def looks(seed: int, repeats: int, effect: float = 0.0) -> tuple[Mean, Mean]:
    rng = np.random.default_rng(seed)
    sizes = np.arange(1, 51) * 100
    arms = []
    for shift in (0.0, effect):
        units = rng.normal(10 + shift, 4, (repeats, 5000))
        total, squares = np.cumsum(units, axis=-1), np.cumsum(units**2, axis=-1)
        arms.append(Mean(sizes.astype(float), total[:, sizes - 1], squares[:, sizes - 1]))
    return arms[0], arms[1]


@pytest.mark.parametrize("method", [Sequential(), Sequential(alternative="greater")])
def test_fifty_looks_err_no_more_often_than_alpha(method: Sequential) -> None:
    control, treatment = looks(1, 400)
    ever = np.any(compare(control, treatment, method).significant, axis=-1)
    assert ever.mean() <= 0.06
    peeking = compare(control, treatment, Frequentist(alternative=method.alternative))
    assert np.any(peeking.significant, axis=-1).mean() > 0.15


def test_the_mixture_test_errs_no_more_often_than_alpha() -> None:
    control, treatment = looks(2, 400)
    effect = compare(control, treatment, MixtureSPRT(tau=0.03))
    assert np.any(effect.significant, axis=-1).mean() <= 0.06


def test_a_one_sided_sequence_is_narrower_on_its_side() -> None:
    arms = Proportion(5000, 500), Proportion(5000, 560)
    both = compare(*arms, Sequential())
    greater = compare(*arms, Sequential(alternative="greater"))
    less = compare(*arms, Sequential(alternative="less"))
    assert both.interval[0] < greater.interval[0]
    assert less.interval[1] < both.interval[1]


def test_a_running_intersection_only_shrinks() -> None:
    control, treatment = looks(3, 5, effect=0.5)
    effect = compare(control, treatment, Sequential())
    kept = running_intersection(effect)
    assert (np.diff(kept.interval[0], axis=-1) >= 0).all()
    assert (np.diff(kept.interval[1], axis=-1) <= 0).all()
    assert (np.diff(kept.p_value, axis=-1) <= 0).all()
    assert (kept.interval[0] >= effect.interval[0]).all()
    assert kept.at((2, 49)).estimate == effect.at((2, 49)).estimate


def test_a_running_intersection_skips_masked_looks() -> None:
    control = Proportion.unchecked([0, 1000, 2000], [0, 100, 190])
    treatment = Proportion.unchecked([0, 1000, 2000], [0, 160, 260])
    kept = running_intersection(compare(control, treatment, Sequential(), on_refusal="mask"))
    assert np.isnan(kept.interval[0][0])
    assert np.isfinite(kept.interval[0][1:]).all()


def test_intervals_without_a_common_point_are_said_to_have_none() -> None:
    control = Proportion([20000, 40000], [2000, 4000])
    treatment = Proportion([20000, 40000], [4000, 4000])
    kept = running_intersection(compare(control, treatment, Sequential()))
    assert kept.interval[0][1] == kept.interval[1][1]
    assert any("no point in common" in warning for warning in kept.at(1).warnings)
    assert not any("no point in common" in warning for warning in kept.at(0).warnings)


def test_only_looks_in_a_row_have_a_running_intersection() -> None:
    arms = Proportion(5000, 500), Proportion(5000, 560)
    alone = compare(*arms, Sequential())
    assert running_intersection(alone) is alone
