"""The difference of two arms and its variance: what every method starts from.

Per unit, the variance of the estimated difference is the sum of one share from each arm; the
shares also give Welch and Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exp_jupyter.engine.arrays import Floats, floats
from exp_jupyter.engine.cautions import Caution, arm_cautions, wide_baseline
from exp_jupyter.engine.cuped import adjust, compat_adjust
from exp_jupyter.engine.refusals import Refusal
from exp_jupyter.engine.sums import Statistic
from exp_jupyter.errors import InputError

Difference = Literal["relative", "absolute"]
Mode = Literal["compat", "recommended"]

NO_BASELINE = 1e-10
"""A control mean this close to 0 divides nothing."""


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm as it enters the difference.

    Parameters
    ----------
    n
        Units.
    value
        Its mean, adjusted if there is a covariate.
    variance
        Variance per unit of that mean.
    share
        Variance per unit that the arm contributes to the difference, on the difference's scale.
    mean
        Its mean before any adjustment.
    """

    n: Floats
    value: Floats
    variance: Floats
    share: Floats
    mean: Floats


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

    @property
    def n(self) -> Floats:
        """Units of both arms."""
        return self.control.n + self.treatment.n


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


def contrast(
    control: Statistic,
    treatment: Statistic,
    *,
    difference: Difference,
    mode: Mode,
    positive_baseline: bool,
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
    cautions = [
        *arm_cautions("the control", control),
        *arm_cautions("the treatment", treatment),
        *parts.cautions,
    ]
    if difference == "relative":
        refusals += baseline_refusals(divisor, positive=positive_baseline)
        cautions += _baseline_cautions(divisor, floats(control.variance) / counts[0])
    refusals.append(
        Refusal(
            "zero_variance",
            variance <= 0,
            "the difference has no variance, so nothing can be tested",
            "Check that the metric varies between units; a constant metric has no test.",
        )
    )
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
    )


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
    )


def baseline_refusals(divisor: Floats, *, positive: bool) -> list[Refusal]:
    """Return where a control mean cannot be divided by."""
    found = [
        Refusal(
            "control_mean_zero",
            np.abs(divisor) < NO_BASELINE,
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


def _baseline_cautions(divisor: Floats, variance_of_mean: Floats) -> list[Caution]:
    return [
        Caution(
            "negative_baseline",
            divisor < 0,
            "the control mean is negative: the sign of the relative difference is reversed",
        ),
        Caution(
            "wide_baseline",
            wide_baseline(divisor, variance_of_mean),
            "the control mean is uncertain by more than 20 %: for a relative difference prefer "
            'interval="fieller" or "log"',
        ),
    ]
