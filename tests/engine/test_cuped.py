"""CUPED: it takes out what the covariate explains, and its intervals cover."""

from __future__ import annotations

import arms
import numpy as np
import pytest
from hypothesis import given

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.cuped import adjust, compat_adjust
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential
from exp_jupyter.engine.statistics.means import Covariate, Mean, Proportion, Ratio, RatioCovariate
from exp_jupyter.errors import InputError, StatisticsError

REPEATS, UNITS = 1500, 400


def experiments(seed: int, correlation: float) -> tuple[Mean, Mean]:
    """Return many experiments without an effect, as arrays of two arms."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(2):
        before = rng.normal(10, 3, (REPEATS, UNITS))
        noise = rng.normal(0, 3, (REPEATS, UNITS))
        after = 10 + correlation * (before - 10) + np.sqrt(1 - correlation**2) * noise
        found.append(Mean.of(after, before))
    return found[0], found[1]


@pytest.mark.parametrize("method", [Frequentist, Sequential, Bayesian])
def test_an_array_is_adjusted_element_by_element(method: type) -> None:
    control, treatment = experiments(3, 0.6)
    together = compare(control, treatment, method())
    alone = compare(control.at(5), treatment.at(5), method())
    assert together.at(5).interval == pytest.approx(alone.interval, rel=1e-10)
    assert together.at(5).theta == pytest.approx(alone.theta)


@pytest.mark.parametrize("correlation", [0.5, 0.9])
def test_a_relative_effect_errs_as_often_as_it_says(correlation: float) -> None:
    control, treatment = experiments(1, correlation)
    effect = compare(control, treatment, Frequentist())
    compat = compare(control, treatment, Frequentist(mode="compat"))
    assert 0.035 <= np.mean(effect.significant) <= 0.065
    # PostHog's variance forgets most of the control's noise.
    assert np.mean(compat.significant) > 0.09
    assert any("too narrow" in warning for warning in compat.warnings)
    assert not any("too narrow" in warning for warning in effect.warnings)


def test_a_relative_effect_is_covered_when_there_is_one() -> None:
    control, treatment = experiments(2, 0.7)
    lifted = Mean(
        treatment.n,
        1.3 * treatment.sum,
        1.69 * treatment.sum_squares,
        covariate=Covariate(
            treatment.covariate.sum,
            treatment.covariate.sum_squares,
            1.3 * treatment.covariate.cross,
        ),
    )
    low, high = compare(control, lifted, Frequentist()).interval
    assert 0.935 <= np.mean((low <= 0.3) & (high >= 0.3)) <= 0.965


def test_a_ratio_errs_as_often_as_it_says_and_gains_from_its_covariate() -> None:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(2):
        habit = rng.gamma(3, 1, (REPEATS, UNITS))
        b, u = (rng.poisson(4, habit.shape) + 1.0 for _ in range(2))
        a, w = (part * habit * rng.gamma(8, 1 / 8, habit.shape) for part in (b, u))
        total = [
            part.sum(axis=-1) for part in (a, a * a, b, b * b, a * b, w, w * w, u, u * u, w * u)
        ]
        crosses = [part.sum(axis=-1) for part in (a * w, a * u, b * w, b * u)]
        found.append(Ratio(UNITS, *total[:5], covariate=RatioCovariate(*total[5:], *crosses)))
    effect = compare(*found, Frequentist())
    assert 0.035 <= np.mean(effect.significant) <= 0.065
    assert np.mean(effect.variance_reduction[0]) > 0.25
    plain = compare(*(arm.without_covariate() for arm in found), Frequentist())
    assert np.mean(effect.standard_error) < 0.9 * np.mean(plain.standard_error)


@given(arms.adjusted_means(), arms.adjusted_means())
def test_the_adjustment_never_adds_variance_to_both_arms_together(
    control: Mean, treatment: Mean
) -> None:
    n = control.n + treatment.n
    found = adjust(control, treatment)
    raw = [arm.n * float(np.asarray(arm.variance)) / n for arm in (control, treatment)]
    left = [float(arm.n * arm.variance) / n for arm in (found.control, found.treatment)]
    # θ is the best for the units of both arms pooled, gap between the arms included.
    gap = control.n * treatment.n / n**2
    means = treatment.mean - control.mean
    rest = float(found.treatment.value - found.control.value)
    assert sum(left) + gap * rest**2 <= (sum(raw) + gap * means**2) * (1 + 1e-6) * n / (n - 2)


def test_a_covariate_that_never_varies_changes_nothing() -> None:
    values = np.random.default_rng(1).normal(5, 1, 100)
    adjusted = Mean.of(values, np.full(100, 0.1))
    effect = compare(adjusted, adjusted, Frequentist(difference="absolute"))
    assert effect.theta == 0.0
    plain = adjusted.without_covariate()
    bare = compare(plain, plain, Frequentist(difference="absolute"))
    assert effect.standard_error == pytest.approx(bare.standard_error)


def test_the_covariates_unit_and_origin_do_not_matter() -> None:
    after, before = arms.sample(1, 400)
    other_after, other_before = arms.sample(2, 300, effect=0.1)
    one = compare(Mean.of(after, before), Mean.of(other_after, other_before))
    two = compare(Mean.of(after, 1000 - 3 * before), Mean.of(other_after, 1000 - 3 * other_before))
    assert two.interval == pytest.approx(one.interval, rel=1e-9)


def test_posthog_adjusts_no_ratio() -> None:
    ratio = Ratio(
        100, 1000.0, 10500.0, 200.0, 450.0, 2100.0, covariate=Covariate(1.0, 1.0, 10.0, 2.0)
    )
    with pytest.raises(StatisticsError) as refused:
        compare(ratio, ratio, Frequentist(mode="compat"))
    assert refused.value.code == "cuped_ratio_unsupported"
    assert compare(ratio, ratio, Frequentist()).theta is not None


def test_a_ratios_covariate_needs_its_product_with_the_denominator() -> None:
    half = Covariate(1.0, 1.0, 10.0)
    ratio = Ratio(100, 1000.0, 10500.0, 200.0, 450.0, 2100.0, covariate=half)
    with pytest.raises(InputError, match="denominator_cross"):
        compare(ratio, ratio, Frequentist())


def test_an_adjusted_funnel_needs_no_five_conversions_in_posthog() -> None:
    arm = Proportion(100, 3, covariate=Covariate(20.0, 20.0, 2.0))
    assert compare(arm, arm, Bayesian(mode="compat")).chance_to_win == pytest.approx(0.5)


def test_an_imbalance_before_the_experiment_is_warned_about() -> None:
    after, before = arms.sample(1, 2000)
    effect = compare(Mean.of(after, before), Mean.of(after, before * 1.5))
    assert any("before the experiment" in warning for warning in effect.warnings)


def test_posthogs_arms_carry_their_variance_reduction() -> None:
    after, before = arms.sample(3, 500)
    arm = Mean.of(after, before)
    found = compat_adjust(arm, arm)
    reduction = float(found.control_reduction)
    correlation = np.corrcoef(after, before)[0, 1]
    assert reduction == pytest.approx(correlation**2, rel=1e-3)
