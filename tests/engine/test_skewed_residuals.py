"""Ratios and adjusted means of skewed values err as often as they say, whatever the split."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio, Statistic

REPEATS, UNITS = 2000, 200
SPLITS = {"90/10": (9, 1), "10/90": (1, 9)}
KINDS = ("revenue per order", "adjusted revenue")


def arm(
    kind: str, rng: np.random.Generator, shape: tuple[int, ...], lift: float = 1.0
) -> Statistic:
    """Return the statistic of skewed values."""
    if kind == "revenue per order":
        orders = 1.0 + rng.poisson(rng.gamma(0.5, 2.0, shape))
        return Ratio.of(lift * orders * np.exp(rng.normal(0, 1, shape)), orders)
    taste = np.exp(rng.normal(0, 1, shape))
    before, after = (taste * np.exp(rng.normal(0, 0.5, shape)) for _ in range(2))
    return Mean.of(lift * after, before)


def arms(
    kind: str, split: tuple[int, int], seed: int = 1, lift: float = 1.0, repeats: int = REPEATS
) -> tuple[Statistic, Statistic]:
    """Return many experiments, as arrays of two arms of which the smaller has ``UNITS``."""
    rng = np.random.default_rng(seed)
    control, treatment = ((repeats, UNITS * part) for part in split)
    return arm(kind, rng, control), arm(kind, rng, treatment, lift)


def unknowing(statistic: Statistic) -> Statistic:
    """Return the statistic without the sums of three factors."""
    if isinstance(statistic, Ratio):
        return dataclasses.replace(statistic, third_sums=None)
    covariate = dataclasses.replace(statistic.covariate_sums, third_sums=None)
    return dataclasses.replace(statistic, covariate=covariate)


@pytest.mark.parametrize("difference", ["relative", "absolute"])
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_tail_errs_as_seldom_as_it_should(kind: str, split: str, difference: str) -> None:
    effect = compare(*arms(kind, SPLITS[split]), Frequentist(difference=difference))
    up = np.mean(effect.significant & (effect.estimate > 0))
    down = np.mean(effect.significant & (effect.estimate < 0))
    assert 0.025 <= up + down <= 0.062
    assert max(up, down) <= 0.042


@pytest.mark.parametrize("kind", KINDS)
def test_a_true_effect_is_covered_on_uneven_arms(kind: str) -> None:
    low, high = compare(*arms(kind, (9, 1), seed=2, lift=1.3), Frequentist()).interval
    assert 0.935 <= np.mean((low <= 0.3) & (high >= 0.3)) <= 0.98


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("difference", ["relative", "absolute"])
def test_a_bound_is_where_p_is_alpha(kind: str, difference: str) -> None:
    control, treatment = (side.at(3) for side in arms(kind, (9, 1), repeats=5))
    for bound in compare(control, treatment, Frequentist(difference=difference)).interval:
        method = Frequentist(difference=difference, null=float(bound))
        assert compare(control, treatment, method).p_value == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_swapping_the_arms_changes_no_decision(kind: str) -> None:
    control, treatment = arms(kind, (9, 1), repeats=300)
    one, other = (
        compare(*pair, Frequentist()) for pair in ((control, treatment), (treatment, control))
    )
    assert one.p_value == pytest.approx(other.p_value, rel=1e-9)


@pytest.mark.parametrize("method", [Frequentist, Sequential, Bayesian])
@pytest.mark.parametrize("kind", KINDS)
def test_an_array_is_corrected_element_by_element(kind: str, method: type) -> None:
    control, treatment = arms(kind, (9, 1), repeats=6)
    together = compare(control, treatment, method())
    alone = compare(control.at(4), treatment.at(4), method())
    assert together.at(4).interval == pytest.approx(alone.interval, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_units_summed_in_two_parts_are_tested_as_one(kind: str) -> None:
    rng = np.random.default_rng(8)
    control = arm(kind, rng, (1800,))
    if kind == "revenue per order":
        a, b = np.exp(rng.normal(0, 1, 200)), 1.0 + rng.poisson(1.0, 200)
        whole, parts = Ratio.of(a, b), Ratio.of(a[:80], b[:80]) + Ratio.of(a[80:], b[80:])
    else:
        y, x = np.exp(rng.normal(0, 1, (2, 200)))
        whole, parts = Mean.of(y, x), Mean.of(y[:80], x[:80]) + Mean.of(y[80:], x[80:])
    expected = compare(control, whole, Frequentist()).p_value
    assert compare(control, parts, Frequentist()).p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("difference", ["relative", "absolute"])
def test_a_denominator_of_one_makes_a_ratio_its_mean(difference: str) -> None:
    rng = np.random.default_rng(4)
    values = [np.exp(rng.normal(0, 1, size)) for size in (1800, 200)]
    method = Frequentist(difference=difference)
    mean = compare(*(Mean.of(y) for y in values), method)
    ratio = compare(*(Ratio.of(y, np.ones_like(y)) for y in values), method)
    assert ratio.p_value == pytest.approx(mean.p_value, rel=1e-9)
    assert ratio.interval == pytest.approx(mean.interval, rel=1e-9)


@pytest.mark.parametrize("difference", ["relative", "absolute"])
def test_a_covariate_that_explains_nothing_changes_nothing(difference: str) -> None:
    rng = np.random.default_rng(4)
    values = [np.exp(rng.normal(0, 1, size)) for size in (1800, 200)]
    method = Frequentist(difference=difference)
    mean = compare(*(Mean.of(y) for y in values), method)
    adjusted = compare(*(Mean.of(y, np.full_like(y, 3.0)) for y in values), method)
    assert adjusted.p_value == pytest.approx(mean.p_value, rel=1e-9)
    assert adjusted.interval == pytest.approx(mean.interval, rel=1e-8)


def test_the_unit_of_measurement_does_not_matter() -> None:
    rng = np.random.default_rng(6)
    found = []
    for a_unit, b_unit in ((1.0, 1.0), (1e6, 1e-3)):
        rng = np.random.default_rng(6)
        sides = []
        for size in (1800, 200):
            b = 1.0 + rng.poisson(2.0, size)
            sides.append(Ratio.of(a_unit * b * np.exp(rng.normal(0, 1, size)), b_unit * b))
        found.append(compare(*sides, Frequentist()).p_value)
    assert found[0] == pytest.approx(found[1], rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_uneven_arms_without_the_sums_are_told_how_many_units_they_need(kind: str) -> None:
    sides = [unknowing(side.at(0)) for side in arms(kind, (9, 1), repeats=1)]
    rng = np.random.default_rng(1)
    small = [unknowing(arm(kind, rng, (size,))) for size in (270, 30)]
    told = compare(*small, Frequentist()).warnings
    assert any("the smaller arm would need about" in warning for warning in told)
    even = compare(sides[1], sides[1], Frequentist()).warnings
    assert not any("the smaller arm would need" in warning for warning in even)


def test_a_rare_conversion_with_a_covariate_is_told_too() -> None:
    sides = [Proportion(n, k) for n, k in ((9000, 27), (1000, 3))]
    rng = np.random.default_rng(2)
    carried = []
    for side in sides:
        n, k = int(side.n), int(side.sum)
        of_units = Mean.of(np.r_[np.ones(k), np.zeros(n - k)], rng.exponential(1.0, n))
        carried.append(
            dataclasses.replace(
                side, covariate=dataclasses.replace(of_units.covariate, third_sums=None)
            )
        )
    told = compare(*carried, Frequentist()).warnings
    assert any("the smaller arm would need about" in warning for warning in told)


@pytest.mark.parametrize("kind", KINDS)
def test_compat_mode_does_not_know_of_the_sums(kind: str) -> None:
    control, treatment = arms(kind, (9, 1), repeats=20)
    method = Frequentist(mode="compat")
    with_them = compare(control, treatment, method)
    without = compare(unknowing(control), unknowing(treatment), method)
    assert np.array_equal(with_them.p_value, without.p_value)
    assert np.array_equal(with_them.interval, without.interval)
