"""Each method on its own: what it decides, what it refuses, how the two modes differ."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy import integrate, stats

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Prior, Sequential
from exp_jupyter.engine.comparison.methods.msprt import (
    MixtureSPRT,
    log_likelihood_ratio,
    mixture_half_width,
)
from exp_jupyter.engine.inference.prior import expected_losses
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio
from exp_jupyter.errors import InputError, StatisticsError

CONTROL, TREATMENT = Mean.from_moments(900, 5.0, 9.0), Mean.from_moments(1100, 5.4, 16.0)
COOKIE_CATS = Proportion(44700, 8502), Proportion(45489, 8279)


def refusal(control: object, treatment: object, method: object) -> str:
    with pytest.raises(StatisticsError) as refused:
        compare(control, treatment, method)  # type: ignore[arg-type]
    return refused.value.code


def test_cookie_cats_loses_four_percent_of_its_players() -> None:
    effect = compare(*COOKIE_CATS, Frequentist())
    assert effect.estimate == pytest.approx(-0.0431, abs=5e-5)
    assert effect.p_value == pytest.approx(0.00155, abs=5e-6)
    assert effect.significant


def test_the_welch_test_is_scipys() -> None:
    effect = compare(CONTROL, TREATMENT, Frequentist(difference="absolute"))
    peer = stats.ttest_ind_from_stats(5.4, 4.0, 1100, 5.0, 3.0, 900, equal_var=False)
    assert effect.statistic == pytest.approx(peer.statistic, rel=1e-12)
    assert effect.p_value == pytest.approx(peer.pvalue, rel=1e-12)


def test_the_pooled_test_is_scipys() -> None:
    effect = compare(CONTROL, TREATMENT, Frequentist(difference="absolute", equal_variances=True))
    peer = stats.ttest_ind_from_stats(5.4, 4.0, 1100, 5.0, 3.0, 900, equal_var=True)
    assert effect.p_value == pytest.approx(peer.pvalue, rel=1e-12)
    assert effect.df == 1998


def test_one_sided_p_values_add_up_to_one() -> None:
    greater = compare(CONTROL, TREATMENT, Frequentist(alternative="greater"))
    less = compare(CONTROL, TREATMENT, Frequentist(alternative="less"))
    assert greater.p_value + less.p_value == pytest.approx(1)
    assert greater.interval[1] == math.inf
    assert less.interval[0] == -math.inf


def test_fieller_and_delta_agree_when_the_control_mean_is_well_known() -> None:
    large = [Mean.from_moments(10**7, arm.mean, arm.variance) for arm in (CONTROL, TREATMENT)]
    delta = compare(*large, Frequentist(interval="delta"))
    for kind in ("fieller", "log"):
        other = compare(*large, dataclasses.replace(Frequentist(), interval=kind))
        assert other.interval == pytest.approx(delta.interval, rel=1e-3)


def test_fiellers_bounds_are_the_ratios_that_the_test_just_rejects() -> None:
    method = Frequentist(interval="fieller", normal=True)
    low, high = compare(CONTROL, TREATMENT, method).interval
    for bound in (low, high):
        at_bound = compare(CONTROL, TREATMENT, dataclasses.replace(method, null=bound))
        assert at_bound.p_value == pytest.approx(0.05, rel=1e-9)


def test_fieller_has_no_bounds_when_the_control_mean_may_be_zero() -> None:
    vague = Mean.from_moments(50, 0.5, 25.0)
    assert refusal(vague, TREATMENT, Frequentist(interval="fieller")) == "control_mean_indistinct"


def test_the_delta_method_is_warned_about_where_the_control_mean_is_uncertain() -> None:
    vague = Mean.from_moments(60, 1.0, 9.0)
    effect = compare(vague, TREATMENT, Frequentist(interval="delta"))
    assert any('interval="test"' in warning for warning in effect.warnings)
    for other in (Frequentist(), Frequentist(difference="absolute", interval="delta")):
        assert not any(
            "interval=" in warning for warning in compare(vague, TREATMENT, other).warnings
        )


def test_far_tails_survive_in_recommended_mode_and_vanish_in_compat() -> None:
    far = Mean.from_moments(1100, 9.0, 16.0)
    kept = compare(CONTROL, far, Frequentist(difference="absolute"))
    lost = compare(CONTROL, far, Frequentist(difference="absolute", mode="compat"))
    assert 0 < kept.p_value < 1e-80
    assert lost.p_value == 0


def test_a_negative_baseline_is_refused_only_in_recommended_mode() -> None:
    below = Mean.from_moments(900, -5.0, 9.0)
    assert refusal(below, TREATMENT, Frequentist()) == "control_mean_not_positive"
    effect = compare(below, TREATMENT, Frequentist(mode="compat"))
    assert any("negative" in warning for warning in effect.warnings)
    assert refusal(below, TREATMENT, Bayesian(mode="compat")) == "control_mean_not_positive"


@pytest.mark.parametrize(
    ("code", "control", "treatment", "method"),
    [
        ("control_mean_zero", Mean.from_moments(90, 0.0, 9.0), TREATMENT, Frequentist()),
        ("zero_variance", Mean(9, 9.0, 9.0), Mean(9, 18.0, 36.0), Frequentist()),
        (
            "treatment_n_below_minimum",
            CONTROL,
            Mean.from_moments(4, 5.0, 1.0),
            Frequentist(mode="compat"),
        ),
        (
            "control_n_below_minimum",
            Mean.from_moments(4, 5.0, 1.0),
            CONTROL,
            Sequential(mode="compat"),
        ),
        ("treatment_n_below_minimum", CONTROL, Mean(1, 5.0, 25.0), Frequentist()),
        (
            "normal_approximation_invalid",
            Proportion(99, 4),
            Proportion(99, 50),
            Bayesian(mode="compat"),
        ),
        ("sum_too_large", Mean.from_moments(9, 1e15, 1.0), CONTROL, Bayesian()),
        ("statistic_type_mismatch", CONTROL, Proportion(99, 50), Bayesian(mode="compat")),
        (
            "treatment_mean_not_positive",
            CONTROL,
            Mean.from_moments(99, -1.0, 1.0),
            Frequentist(interval="log"),
        ),
    ],
)
def test_what_a_method_refuses(
    code: str, control: object, treatment: object, method: object
) -> None:
    assert refusal(control, treatment, method) == code


@pytest.mark.parametrize(
    ("code", "build"),
    [
        ("alpha_out_of_range", lambda: Frequentist(0.0)),
        ("alpha_out_of_range", lambda: Frequentist(1.0)),
        ("alpha_out_of_range", lambda: Sequential(-0.1)),
        ("alpha_out_of_range", lambda: Sequential(0.6, alternative="greater")),
        ("alpha_out_of_range", lambda: Frequentist(float("nan"))),
        ("ci_level_out_of_range", lambda: Bayesian(1.0)),
        ("prior_variance_not_positive", lambda: Prior(variance=0.0, proper=False)),
        ("tuning_parameter_not_positive", lambda: Sequential(tuning_n=0)),
        ("tuning_parameter_not_positive", lambda: Sequential(tuning_n=float("inf"))),
    ],
)
def test_levels_outside_their_range_are_refused(code: str, build: object) -> None:
    with pytest.raises(StatisticsError) as refused:
        build()  # type: ignore[operator]
    assert refused.value.code == code


@pytest.mark.parametrize(
    "build",
    [
        lambda: Frequentist(alternative="both"),
        lambda: Frequentist(difference="ratio"),
        lambda: Frequentist(mode="fast"),
        lambda: Frequentist(interval="log", difference="absolute"),
        lambda: Frequentist(interval="log", mode="compat"),
        lambda: Frequentist(null=-1.0),
        lambda: Bayesian(loss_tolerance=0.001, mode="compat"),
        lambda: Bayesian(loss_tolerance=-0.001),
        lambda: MixtureSPRT(tau=0.0),
        lambda: MixtureSPRT(tau=0.1, null=float("nan")),
    ],
)
def test_options_that_make_no_sense_are_refused(build: object) -> None:
    with pytest.raises(InputError):
        build()  # type: ignore[operator]


def test_a_flat_prior_gives_the_frequentist_numbers() -> None:
    for difference in ("relative", "absolute"):
        flat = compare(CONTROL, TREATMENT, Bayesian(difference=difference))
        test = compare(CONTROL, TREATMENT, Frequentist(difference=difference))
        assert flat.interval == pytest.approx(test.interval, rel=1e-4)
        assert flat.chance_to_win == pytest.approx(1 - test.p_value / 2, rel=1e-6)


def test_a_proper_prior_draws_the_effect_towards_it() -> None:
    flat = compare(CONTROL, TREATMENT, Bayesian())
    drawn = compare(CONTROL, TREATMENT, Bayesian(prior=Prior(0.0, 0.02**2)))
    assert 0 < drawn.estimate < flat.estimate
    assert drawn.standard_error < flat.standard_error
    v = flat.standard_error**2
    assert drawn.estimate == pytest.approx(flat.estimate * 0.02**2 / (0.02**2 + v), rel=0.06)


def test_a_prior_may_speak_of_the_other_difference() -> None:
    relative = Prior(0.02, 0.01, scale="relative")
    absolute = Prior(0.02 * 5.0, 0.01 * 25.0)
    one = compare(CONTROL, TREATMENT, Bayesian(difference="absolute", prior=relative))
    other = compare(CONTROL, TREATMENT, Bayesian(difference="absolute", prior=absolute))
    assert one.interval == pytest.approx(other.interval)


def test_expected_losses_are_the_integrals_they_claim_to_be() -> None:
    for mu, sigma in ((0.3, 1.0), (-0.8, 0.5), (2.0, 0.4)):
        density = stats.norm(mu, sigma)
        control = integrate.quad(lambda x, d=density: max(x, 0) * d.pdf(x), -8, 8, points=[0])[0]
        treatment = integrate.quad(lambda x, d=density: max(-x, 0) * d.pdf(x), -8, 8, points=[0])[0]
        assert expected_losses(mu, sigma) == pytest.approx((control, treatment), rel=1e-7)


def test_tiny_losses_keep_their_digits() -> None:
    z = 30.0
    _, loss = expected_losses(z, 1.0)
    asymptotic = stats.norm.pdf(z) / z**2 * (1 - 3 / z**2 + 15 / z**4 - 105 / z**6)
    assert loss == pytest.approx(asymptotic, rel=1e-7)


def test_posthogs_bayesian_rule_decides_with_zero_inside_the_interval() -> None:
    arms = Proportion(5000, 500), Proportion(5000, 560)
    compat = compare(*arms, Bayesian(mode="compat"))
    recommended = compare(*arms, Bayesian())
    assert compat.significant
    assert not compat.excludes_null
    assert any("10% rule" in warning for warning in compat.warnings)
    assert not recommended.significant


def test_a_loss_tolerance_decides_on_the_loss() -> None:
    arms = Proportion(5000, 500), Proportion(5000, 560)
    effect = compare(*arms, Bayesian(loss_tolerance=0.01))
    assert effect.expected_loss < 0.01
    assert effect.significant
    assert not compare(*arms, Bayesian(loss_tolerance=1e-5)).significant


def test_where_smaller_is_better_the_chance_turns_around() -> None:
    plain = compare(CONTROL, TREATMENT, Bayesian())
    inverse = compare(CONTROL, TREATMENT, Bayesian(inverse=True))
    assert inverse.chance_to_win == pytest.approx(1 - plain.chance_to_win)
    assert inverse.expected_loss == plain.expected_loss_control
    delta = compare(CONTROL, TREATMENT, Bayesian(interval="delta"))
    compat = compare(CONTROL, TREATMENT, Bayesian(inverse=True, mode="compat"))
    assert compat.expected_loss == pytest.approx(delta.expected_loss, rel=1e-6, abs=1e-9)


def test_the_mixture_test_is_the_confidence_sequence_of_the_matching_scale() -> None:
    method = Sequential(tuning_n=3000, difference="absolute", interval="delta")
    effect = compare(CONTROL, TREATMENT, method)
    variance, n = effect.standard_error**2, 2000
    tau = math.sqrt(variance * n * float(method.precision))
    assert effect.interval[1] - effect.estimate == pytest.approx(
        float(mixture_half_width(variance, tau, 0.05))
    )
    assert effect.log_e_value == pytest.approx(
        float(log_likelihood_ratio(effect.estimate, variance, tau))
    )


def test_small_counts_and_small_arms_are_said() -> None:
    effect = compare(Proportion(40, 3), Proportion(900, 90), Frequentist())
    assert "mid-p" in " ".join(effect.warnings)
    delta = compare(Proportion(40, 3), Proportion(900, 90), Frequentist(interval="delta"))
    said = " ".join(delta.warnings)
    assert "the control has fewer than 50 units" in said
    assert "the control has fewer than 5 successes" in said
    assert "the treatment" not in said


def test_uneven_arms_of_a_skewed_metric_are_warned_about_where_sums_hide_how_skewed() -> None:
    revenue = {"mean": 1.0, "variance": 400.0}
    uneven = Mean.from_moments(9000, **revenue), Mean.from_moments(1000, **revenue)
    even = Mean.from_moments(5000, **revenue), Mean.from_moments(5000, **revenue)
    plain = Mean.from_moments(9000, 10.0, 25.0), Mean.from_moments(1000, 10.0, 25.0)
    assert "about 20,000 units" in " ".join(compare(*uneven, Frequentist()).warnings)
    for arms in (even, plain):
        assert "skewed" not in " ".join(compare(*arms, Frequentist()).warnings)


def test_lost_digits_are_warned_about_only_when_raw_sums_lost_them() -> None:
    units = 1e8 + np.arange(100.0)
    raw = Mean(100, units.sum(), (units**2).sum())
    method = Frequentist(difference="absolute")
    assert any("most digits" in warning for warning in compare(raw, raw, method).warnings)
    arm = Mean.of(units)
    assert not any("most digits" in warning for warning in compare(arm, arm, method).warnings)


def test_warnings_belong_to_their_elements() -> None:
    effects = compare(Proportion([40, 900], [3, 450]), Proportion(900, 90), Frequentist())
    assert effects.at(0).warnings
    assert not effects.at(1).warnings


def test_a_ratio_of_means_is_compared_like_a_mean_when_its_denominator_is_one() -> None:
    control, treatment = (
        Ratio(arm.n, arm.sum, arm.sum_squares, arm.n, arm.n, arm.sum)
        for arm in (CONTROL, TREATMENT)
    )
    one, other = compare(control, treatment), compare(CONTROL, TREATMENT)
    assert one.interval == pytest.approx(other.interval)
