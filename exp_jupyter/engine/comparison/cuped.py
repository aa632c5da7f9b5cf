"""CUPED: take out of each arm what a pre-exposure covariate explains.

θ is estimated from both arms together, and each arm keeps its own variance around the adjusted
mean (Deng, Xu, Kohavi, Walker, *Improving the Sensitivity of Online Controlled Experiments by
Utilizing Pre-Experiment Data*). For a ratio the same is done with the unit-level linearisation
of numerator and denominator (Deng, Knoblich, Lu, *Applying the Delta Method in Metric Analytics*).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.statistics.arrays import Floats, floats, numbers
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.covariates import Covariate
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio
from exp_jupyter.engine.statistics.moments import Moments
from exp_jupyter.engine.statistics.refusals import Refusal
from exp_jupyter.errors import InputError

COMPAT_FLOOR = 1e-10
"""What PostHog uses in place of a smaller adjusted variance, and as the least pooled variance."""


@dataclass(frozen=True, eq=False)
class AdjustedArm:
    """One arm after the adjustment.

    Parameters
    ----------
    value
        The adjusted mean: ȳ − θx̄ in compat mode, ȳ − θ(x̄ − x̄_pool) otherwise.
    variance
        Its variance per unit.
    covariance
        Covariance per unit of the adjusted and the raw metric: s²_y − θc.
    raw_variance
        s²_y.
    covariate_mean, covariate_variance
        x̄ and s²_x.
    reduction
        1 − variance/raw_variance.
    """

    n: Floats
    value: Floats
    variance: Floats
    covariance: Floats
    raw_variance: Floats
    covariate_mean: Floats
    covariate_variance: Floats
    reduction: Floats


@dataclass(frozen=True, eq=False)
class Adjusted:
    """Both arms after the adjustment, the coefficient they share, and what was refused."""

    theta: Floats
    control: AdjustedArm
    treatment: AdjustedArm
    refusals: tuple[Refusal, ...] = ()


def adjust(control: Statistic, treatment: Statistic) -> Adjusted:
    """Return both arms adjusted for their covariates, with corrected variances.

    Parameters
    ----------
    control, treatment
        Statistics of the same kind, each with a covariate of the same kind.

    Raises
    ------
    exp_jupyter.errors.InputError
        A covariate is missing or lacks the products that its metric needs.

    Examples
    --------
    >>> from exp_jupyter.engine.statistics.means import Mean
    >>> before, after = [1.0, 2.0, 3.0, 4.0], [1.1, 2.0, 3.1, 4.2]
    >>> arms = adjust(Mean.of(after, before), Mean.of([y + 1 for y in after], before))
    >>> round(float(arms.theta), 3), round(float(arms.control.reduction), 3)
    (1.04, 0.998)
    """
    for arm in (control, treatment):
        carried = arm.covariate_sums
        lacking = isinstance(carried, Covariate) and carried.denominator_cross is None
        if carried is None or (isinstance(arm, Ratio) and lacking):
            raise InputError(
                "an arm has no covariate, or a ratio's covariate has no denominator_cross",
                hint="A ratio needs the covariate's products with numerator and denominator.",
            )
    own = [control.moments(), treatment.moments()]
    pooled = own[0].pooled(own[1])
    theta, spread = _coefficient(control, pooled)
    centre = control.covariate_value(pooled)
    arms = [
        _adjusted(arm, moments, theta, centre)
        for arm, moments in zip((control, treatment), own, strict=True)
    ]
    return Adjusted(np.where(spread > 0, theta, 0.0), arms[0], arms[1])


def _coefficient(arm: Statistic, pooled: Moments) -> tuple[Floats, Floats]:
    metric, carried = arm.gradient(pooled), arm.covariate_gradient(pooled)
    spread = pooled.bilinear(carried, carried)
    shared = pooled.bilinear(metric, carried)
    # A covariate that never varies explains nothing, and rounding must not make it explain much.
    scale = arm.covariate_value(pooled) ** 2
    spread = np.where(spread > 1e-14 * scale, spread, 0.0)
    return np.where(spread > 0, shared / np.where(spread > 0, spread, 1.0), 0.0), spread


def _adjusted(arm: Statistic, moments: Moments, theta: Floats, centre: Floats) -> AdjustedArm:
    metric, carried = arm.gradient(moments), arm.covariate_gradient(moments)
    raw = moments.bilinear(metric, metric)
    spread = moments.bilinear(carried, carried)
    shared = moments.bilinear(metric, carried)
    variance = np.maximum(raw + theta**2 * spread - 2 * theta * shared, 0.0)
    covariate = arm.covariate_value(moments)
    return AdjustedArm(
        n=moments.n,
        value=floats(arm.mean) - theta * (covariate - centre),
        variance=variance,
        covariance=raw - theta * shared,
        raw_variance=raw,
        covariate_mean=covariate,
        covariate_variance=spread,
        reduction=np.where(raw > 0, 1 - variance / np.where(raw > 0, raw, 1.0), 0.0),
    )


@dataclass(frozen=True, eq=False)
class CompatAdjusted:
    """PostHog's adjustment: the arms as mean statistics, around an uncentred covariate."""

    theta: Floats
    control: Mean
    treatment: Mean
    control_reduction: Floats
    treatment_reduction: Floats
    refusals: tuple[Refusal, ...]


def compat_adjust(control: Statistic, treatment: Statistic) -> CompatAdjusted:
    """Return both arms adjusted exactly as PostHog does.

    The adjusted mean is ȳ − θx̄ with x̄ not centred, and the adjusted variance is never below
    1e-10, so a metric without variance is not refused.

    Parameters
    ----------
    control, treatment
        Means or proportions, each with a ``Covariate``.

    Examples
    --------
    >>> from exp_jupyter.engine.statistics.means import Covariate, Mean
    >>> arm = Mean(4, 10.0, 30.0, covariate=Covariate(8.0, 20.0, 24.0))
    >>> adjusted = compat_adjust(arm, arm)
    >>> float(adjusted.theta), adjusted.control.mean
    (1.0, 0.5)
    """
    refusals = [*treatment.refusals(exact=True), *control.refusals(exact=True)]
    refusals.append(
        Refusal(
            "statistic_type_mismatch",
            np.asarray(control.kind != treatment.kind),
            f"the control is a {control.kind}, the treatment a {treatment.kind}",
            "Compare two statistics of the same kind.",
        )
    )
    sums = []
    for arm in (treatment, control):
        if isinstance(arm, Ratio) or not isinstance(arm.covariate_sums, Covariate):
            where = np.ones((), dtype=np.bool_)
            message = "PostHog adjusts only means and proportions with a single covariate"
            hint = 'Use mode="recommended", which adjusts ratios too.'
            refusals.append(Refusal("cuped_ratio_unsupported", where, message, hint))
            continue
        carried = arm.covariate_sums
        total = floats(arm.sum if isinstance(arm, (Mean, Proportion)) else 0.0)
        sums.append(
            (
                floats(arm.n),
                total,
                floats(carried.sum),
                floats(carried.sum_squares),
                floats(carried.cross),
            )
        )
    if len(sums) < 2:
        empty = Mean.unchecked(0, 0, 0)
        nothing = np.zeros(())
        return CompatAdjusted(nothing, empty, empty, nothing, nothing, tuple(refusals))
    (n_t, y_t, x_t, xx_t, xy_t), (n_c, y_c, x_c, xx_c, xy_c) = sums
    n, x = n_t + n_c, x_t + x_c
    spread = ((xx_t + xx_c) - x**2 / n) / (n - 1)
    shared = ((xy_t + xy_c) - x * (y_t + y_c) / n) / (n - 1)
    usable = (n > 1) & (spread >= COMPAT_FLOOR)
    theta = np.where(usable, shared / np.where(usable, spread, 1.0), 0.0)
    arms = [
        _compat_arm(arm, part, theta) for arm, part in zip((treatment, control), sums, strict=True)
    ]
    return CompatAdjusted(theta, arms[1][0], arms[0][0], arms[1][1], arms[0][1], tuple(refusals))


def _compat_arm(
    arm: Statistic, sums: tuple[Floats, Floats, Floats, Floats, Floats], theta: Floats
) -> tuple[Mean, Floats]:
    n, y, x, xx, xy = sums
    freedom = n - 1 + (n <= 1)
    spread = np.where(n > 1, (xx - x**2 / n) / freedom, 0.0)
    shared = np.where(n > 1, (xy - x * y / n) / freedom, 0.0)
    raw = floats(arm.variance)
    variance = np.maximum(raw + theta**2 * spread - 2 * theta * shared, COMPAT_FLOOR)
    mean = y / n - theta * (x / n)
    total = mean * n
    adjusted = Mean.unchecked(
        numbers(np.broadcast_to(n, mean.shape)),
        numbers(total),
        numbers(variance * (n - 1) + n * mean**2),
    )
    moving = (raw > COMPAT_FLOOR) & (theta != 0)
    return adjusted, np.where(moving, 1 - variance / np.where(moving, raw, 1.0), 0.0)
