"""The difference of two arms and its variance: what every method starts from.

Per unit, the variance of the estimated difference is the sum of one share from each arm; the
shares also give Welch and Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from exp_jupyter.engine.comparison.arm import Arm
from exp_jupyter.engine.comparison.cuped import adjust, compat_adjust
from exp_jupyter.engine.comparison.skewness import skewed_test, unseen_skewness
from exp_jupyter.engine.inference.cautions import Caution, arm_cautions, wide_baseline
from exp_jupyter.engine.inference.effect_test import EffectTest, LinearTest, Weights
from exp_jupyter.engine.inference.rate_test import RateTest
from exp_jupyter.engine.statistics.arrays import Booleans, Floats, floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.refusals import Refusal
from exp_jupyter.errors import InputError

Difference = Literal["relative", "absolute"]
Mode = Literal["compat", "recommended"]

NO_BASELINE = 1e-10
"""PostHog's bound: a control mean this close to 0 divides nothing, in whatever unit."""

ROUNDING_BASELINE = 1e-12
"""A control mean below this share of its units' root mean square is what rounding leaves of 0."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """Treatment minus control.

    Parameters
    ----------
    estimate
        δ, in the metric's unit or as a fraction of the control mean.
    variance
        V, the variance of δ.
    divisor
        What δ was divided by: the unadjusted control mean, or 1.
    """

    difference: Difference
    mode: Mode
    estimate: Floats
    variance: Floats
    divisor: Floats
    control: Arm
    treatment: Arm
    theta: Floats | None
    reductions: tuple[Floats, Floats] | None
    refusals: tuple[Refusal, ...]
    cautions: tuple[Caution, ...]
    arms: tuple[Statistic, Statistic]
    divided: tuple[Floats, Floats] | None = None

    @property
    def n(self) -> Floats:
        """Units of both arms."""
        return self.control.n + self.treatment.n

    def test(self, *, equal_variances: bool = False, normal: bool = False) -> EffectTest:
        """Return the test of every value of the difference.

        The score test for conversion rates; for everything else the gap of the (adjusted) means
        with their own variances, corrected for skewness where third moments are known.

        Parameters
        ----------
        equal_variances
            Pool the variances of means; rates are pooled under the null value anyway.
        normal
            Take the normal distribution for Student's.
        """
        control, treatment = self.arms
        if self.theta is None and _both_rates(control, treatment):
            return _rate_test(control, treatment, relative=self.difference == "relative")
        linear = self._linear(equal_variances=equal_variances, normal=normal)
        if equal_variances:
            return linear
        arms = self.control, self.treatment
        skewed = skewed_test(linear, arms, self.arms, self.theta)
        if skewed is None:
            cautions = unseen_skewness(control, treatment, linear.signed)
            return replace(linear, cautions=cautions)
        return linear if linear.relative and bool(np.any(linear.signed)) else skewed

    def _linear(self, *, equal_variances: bool, normal: bool) -> LinearTest:
        c, t = self.control, self.treatment
        v_c, v_t = c.variance, t.variance
        if equal_variances:
            v_c = v_t = ((c.n - 1) * v_c + (t.n - 1) * v_t) / (c.n + t.n - 2)
        nothing = np.zeros(())
        control = Weights(c.n, v_c, nothing, nothing)
        baseline = np.ones(())
        if self.difference == "relative":
            covariance, raw = (v_c, v_c) if self.divided is None else self.divided
            control = Weights(c.n, v_c, covariance, raw)
            baseline = (c.n * c.mean + t.n * t.mean) / (c.n + t.n)
        signed = [_signed(arm) for arm in self.arms]
        return LinearTest(
            gap=t.value - c.value,
            divisor=self.divisor,
            control=control,
            treatment=Weights(t.n, v_t, nothing, nothing),
            baseline=baseline,
            relative=self.difference == "relative",
            signed=np.asarray(signed[0] | signed[1]),
            equal_variances=equal_variances,
            normal=normal,
        )


def _both_rates(control: Statistic, treatment: Statistic) -> bool:
    return control.kind == treatment.kind == "proportion"


def _rate_test(control: Statistic, treatment: Statistic, *, relative: bool) -> RateTest:
    counts = np.broadcast_arrays(
        *(
            part
            for arm in (control, treatment)
            for part in (floats(getattr(arm, "sum", 0.0)), floats(arm.n))
        )
    )
    x_c, n_c, x_t, n_t = (np.array(part) for part in counts)
    return RateTest(x_c, n_c, x_t, n_t, relative=relative)


def _signed(arm: Statistic) -> Booleans:
    """Return where a metric is known to take negative values."""
    known = getattr(arm, "signed", False)
    return np.asarray(np.asarray(known, dtype=np.bool_) | (floats(arm.mean) < 0))


@dataclass(frozen=True, eq=False)
class _Parts:
    """What both arms bring to the difference, control first."""

    values: tuple[Floats, Floats]
    variances: tuple[Floats, Floats]
    shares: tuple[Floats, Floats]
    theta: Floats | None = None
    reductions: tuple[Floats, Floats] | None = None
    refusals: tuple[Refusal, ...] = ()
    cautions: tuple[Caution, ...] = ()
    divided: tuple[Floats, Floats] | None = None


def contrast(
    control: Statistic,
    treatment: Statistic,
    *,
    difference: Difference,
    mode: Mode,
    positive_baseline: bool,
    delta: bool = False,
) -> Contrast:
    """Return the difference of two arms.

    Parameters
    ----------
    control, treatment
        Statistics; with a covariate in both, the difference of the adjusted means.
    difference
        ``"relative"`` or ``"absolute"``.
    mode
        ``"compat"`` or ``"recommended"``; they differ in the CUPED variance and in rounding.
    positive_baseline
        Refuse a relative difference to a negative control mean.
    delta
        Only the estimate and its standard error will be used, by the method's own wish.

    Raises
    ------
    exp_jupyter.errors.InputError
        Only one of the arms has a covariate.
    """
    exact = mode == "compat"
    raw = floats(control.mean), floats(treatment.mean)
    counts = floats(control.n), floats(treatment.n)
    divisor = raw[0] if difference == "relative" else np.ones(())
    carried = [arm.covariate_sums is not None for arm in (control, treatment)]
    if not any(carried):
        parts = _plain(control, treatment, divisor, difference)
    elif not all(carried):
        raise InputError(
            "only one of the two arms has a covariate",
            hint="Give both arms a covariate, or drop it with .without_covariate().",
        )
    elif exact:
        parts = _compat_adjusted(control, treatment, divisor, difference)
    else:
        parts = _adjusted(control, treatment, divisor, difference)
    estimate = (parts.values[1] - parts.values[0]) / divisor
    variance = parts.shares[0] / counts[0] + parts.shares[1] / counts[1]
    refusals = [*treatment.refusals(exact=exact), *control.refusals(exact=exact), *parts.refusals]
    rates = not exact and parts.theta is None and _both_rates(control, treatment)
    cautions = [
        *arm_cautions("the control", control, score=rates and not delta),
        *arm_cautions("the treatment", treatment, score=rates and not delta),
        *parts.cautions,
    ]
    if difference == "relative":
        # The score test of rates needs no control mean to divide by.
        if not rates or delta:
            zero = np.abs(divisor) < NO_BASELINE if exact else _no_baseline(divisor, control)
            refusals += baseline_refusals(divisor, zero, positive=positive_baseline)
        cautions += _baseline_cautions(divisor)
    if exact:
        refusals.append(no_variance(variance))
    arms = [
        Arm(counts[i], parts.values[i], parts.variances[i], parts.shares[i], raw[i]) for i in (0, 1)
    ]
    return Contrast(
        difference,
        mode,
        estimate,
        variance,
        divisor,
        arms[0],
        arms[1],
        parts.theta,
        parts.reductions,
        tuple(refusals),
        tuple(cautions),
        (control, treatment),
        parts.divided,
    )


def no_variance(variance: Floats) -> Refusal:
    """Return where a difference has no variance."""
    return Refusal(
        "zero_variance",
        np.asarray(variance <= 0),
        "the difference has no variance, so nothing can be tested",
        "Check that the metric varies between units; a constant metric has no test.",
    )


def _no_baseline(divisor: Floats, control: Statistic) -> Booleans:
    """Return where the control mean is 0, or only what rounding leaves of 0."""
    square = floats(control.variance) + divisor * divisor
    return np.asarray(divisor * divisor <= ROUNDING_BASELINE**2 * square)


def delta_shares(
    values: tuple[Floats, Floats],
    variances: tuple[Floats, Floats],
    divisor: Floats,
    difference: Difference,
) -> tuple[Floats, Floats]:
    """Return each arm's share of the variance per unit, control first.

    For a relative difference the delta method gives s²_T/D² and (m_T/D)²·s²_C/D².
    """
    if difference == "absolute":
        return variances
    return (values[1] / divisor) ** 2 * variances[0] / divisor**2, variances[1] / divisor**2


def _plain(
    control: Statistic, treatment: Statistic, divisor: Floats, difference: Difference
) -> _Parts:
    values = floats(control.mean), floats(treatment.mean)
    variances = floats(control.variance), floats(treatment.variance)
    return _Parts(values, variances, delta_shares(values, variances, divisor, difference))


def _compat_adjusted(
    control: Statistic, treatment: Statistic, divisor: Floats, difference: Difference
) -> _Parts:
    arms = compat_adjust(control, treatment)
    values = floats(arms.control.mean), floats(arms.treatment.mean)
    variances = floats(arms.control.variance), floats(arms.treatment.variance)
    refusals = (
        *arms.refusals,
        *arms.treatment.refusals(exact=True),
        *arms.control.refusals(exact=True),
    )
    too_narrow = Caution(
        "compat_cuped_variance",
        np.asarray((arms.theta != 0) & (difference == "relative")),
        "PostHog's interval for a relative effect under CUPED is too narrow: it errs in 8 to "
        '18 % of experiments without an effect where 5 % are due; use mode="recommended"',
    )
    return _Parts(
        values,
        variances,
        delta_shares(values, variances, divisor, difference),
        arms.theta,
        (arms.control_reduction, arms.treatment_reduction),
        refusals,
        (too_narrow,),
    )


def _adjusted(
    control: Statistic, treatment: Statistic, divisor: Floats, difference: Difference
) -> _Parts:
    arms = adjust(control, treatment)
    one, two = arms.control, arms.treatment
    values, variances = (one.value, two.value), (one.variance, two.variance)
    shares = variances
    if difference == "relative":
        # The control's mean enters twice, adjusted in the numerator and raw in the divisor:
        # its share is the variance of A_C + δ·Ȳ_C, over Ȳ_C².
        delta = (two.value - one.value) / divisor
        own = one.variance + delta**2 * one.raw_variance + 2 * delta * one.covariance
        shares = np.maximum(own, 0.0) / divisor**2, two.variance / divisor**2
    gap = two.covariate_mean - one.covariate_mean
    spread = one.covariate_variance / one.n + two.covariate_variance / two.n
    imbalance = Caution(
        "covariate_imbalance",
        np.asarray(gap**2 > 9 * spread),
        "the arms differ in the covariate before the experiment by more than 3 standard errors: "
        "check the assignment",
    )
    return _Parts(
        values,
        variances,
        shares,
        arms.theta,
        (one.reduction, two.reduction),
        arms.refusals,
        (imbalance,),
        (one.covariance, one.raw_variance),
    )


def baseline_refusals(divisor: Floats, zero: Booleans, *, positive: bool) -> list[Refusal]:
    """Return where a control mean cannot be divided by."""
    found = [
        Refusal(
            "control_mean_zero",
            zero,
            "the control mean is 0, so a relative difference is not defined",
            'Use difference="absolute".',
        )
    ]
    if positive:
        found.append(
            Refusal(
                "control_mean_not_positive",
                divisor <= 0,
                "the control mean is negative, so the sign of a relative difference misleads",
                'Use difference="absolute".',
            )
        )
    return found


def _baseline_cautions(divisor: Floats) -> list[Caution]:
    return [
        Caution(
            "negative_baseline",
            np.asarray(divisor < 0),
            "the control mean is negative: the sign of the relative difference is reversed",
        )
    ]


def wide_baseline_caution(found: Contrast) -> Caution:
    """Return where the delta method's interval is off because the control mean is uncertain."""
    control = found.arms[0]
    spread = floats(control.variance) / floats(control.n)
    relative = found.difference == "relative"
    return Caution(
        "wide_baseline",
        np.asarray(wide_baseline(found.divisor, spread) & relative),
        "the control mean is uncertain by more than 20 %: the delta method's interval of a "
        'relative difference is off; use interval="test"',
    )
