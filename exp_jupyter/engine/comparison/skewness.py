"""What a comparison knows of its metric's skewness: third moments of the gap, or a caution.

A ratio and an adjusted mean are tested as a mean is, by the unit's own share in them: a − R·b over
the mean of b, or y − θ·x. A ratio's variance and skewness also move with its denominator's mean,
which the covariance of that share with the denominator tells.
"""

from __future__ import annotations

import numpy as np

from exp_jupyter.engine.comparison.arm import Arm
from exp_jupyter.engine.inference.cautions import Caution
from exp_jupyter.engine.inference.effect_test import LinearTest
from exp_jupyter.engine.inference.skewed_test import (
    Moments3,
    SkewedTest,
    Unadjusted,
    needed_cautions,
)
from exp_jupyter.engine.statistics.arrays import Booleans, Floats, blockwise, floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.means import Mean, Ratio

GREAT_GAP_SKEWNESS = 0.3
"""Above this skewness of the gap one tail of 2.5 % is wrong by more than 2.5 points."""


def skewed_test(
    linear: LinearTest,
    arms: tuple[Arm, Arm],
    statistics: tuple[Statistic, Statistic],
    theta: Floats | None,
) -> SkewedTest | None:
    """Return the test corrected for skewness; None where the third moments are not known.

    Parameters
    ----------
    linear
        The test without the correction.
    arms, statistics
        Both arms as they enter the difference, and their statistics; the control first.
    theta
        The coefficient of the covariate; None without one.
    """
    control, treatment = (
        _moments(arm, statistic, theta) for arm, statistic in zip(arms, statistics, strict=True)
    )
    if control is None or treatment is None:
        return None
    shape = np.broadcast_shapes(*control.shapes, *treatment.shapes)
    control, treatment = (
        side.each(lambda part: np.array(np.broadcast_to(part, shape)))
        for side in (control, treatment)
    )
    return SkewedTest(linear, control, treatment)


def _moments(arm: Arm, statistic: Statistic, theta: Floats | None) -> Moments3 | None:
    if theta is not None:
        return _adjusted(arm, statistic, theta)
    if isinstance(statistic, Ratio):
        return _ratio(arm, statistic)
    third = statistic.third if isinstance(statistic, Mean) else None
    return None if third is None else Moments3(arm.n, arm.value, arm.variance, third)


def _ratio(arm: Arm, ratio: Ratio) -> Moments3 | None:
    """Return the moments of a ratio to the order 1/n, to which its denominator's mean matters."""
    moments = ratio.moments()
    thirds = ratio.thirds(moments)
    if thirds is None:
        return None
    share = ratio.gradient(moments)
    own = thirds.of(share, share, share)
    pull = moments.bilinear(share, {1: 1 / moments.means[1]})
    return Moments3(
        arm.n,
        # The ratio of two means is off by -pull/n.
        arm.value + pull / arm.n,
        arm.variance,
        own - 6 * pull * arm.variance,
        regression=own - 4 * pull * arm.variance,
    )


def _adjusted(arm: Arm, statistic: Statistic, theta: Floats) -> Moments3 | None:
    """Return the moments of what a covariate leaves, and how the metric itself goes with it."""
    if isinstance(statistic, Ratio):
        return None
    moments = statistic.moments()
    thirds = statistic.thirds(moments)
    if thirds is None:
        return None
    metric = statistic.gradient(moments)
    left = metric | {
        place: -theta * part for place, part in statistic.covariate_gradient(moments).items()
    }
    return Moments3(
        arm.n,
        arm.value,
        arm.variance,
        thirds.of(left, left, left),
        unadjusted=Unadjusted(
            arm.mean,
            moments.bilinear(left, metric),
            moments.bilinear(metric, metric),
            thirds.of(left, left, metric),
            thirds.of(left, metric, metric),
            thirds.of(metric, metric, metric),
        ),
    )


def unseen_skewness(
    control: Statistic, treatment: Statistic, signed: Booleans
) -> tuple[Caution, ...]:
    """Return where uneven arms of a skewed metric may mislead a test that knows no third moment.

    Values that cannot be negative and vary more than their mean are skewed at least about as a
    gamma distribution is, whose skewness is twice its coefficient of variation. The same is taken
    for a ratio, whose variance is the delta method's, and for what a covariate leaves of a metric.
    """
    n_c, n_t = floats(control.n), floats(treatment.n)
    if np.array_equal(n_c, n_t):
        return ()
    with np.errstate(all="ignore"):
        needed = blockwise(
            _units_for_gamma,
            *(n_c, _gamma_mean(control), floats(control.variance)),
            *(n_t, _gamma_mean(treatment), floats(treatment.variance)),
        )
    where = (needed > np.minimum(n_c, n_t)) & ~signed & np.isfinite(needed)
    return needed_cautions(
        "unseen_skewness",
        np.asarray(where),
        needed,
        "the metric looks skewed, the arms differ in size, and sums alone do not show how much: "
        "the smaller arm would need about {units:,} units for the normal approximation to hold",
    )


def _gamma_mean(arm: Statistic) -> Floats:
    """Return the mean of the gamma distribution as variable and as skewed as the arm's values.

    It is the arm's own mean where its skewness is not known.
    """
    variance = floats(arm.variance)
    if arm.kind == "proportion":
        third = variance * np.abs(1 - 2 * floats(arm.mean))
    elif isinstance(arm, Mean) and arm.third is not None:
        third = np.abs(arm.third)
    else:
        return floats(arm.mean)
    return np.asarray(2 * variance * variance / third)


def _units_for_gamma(
    n_c: Floats, m_c: Floats, v_c: Floats, n_t: Floats, m_t: Floats, v_t: Floats
) -> Floats:
    """Return the units of the smaller arm at which a gamma metric's gap is only a bit skewed."""
    both = n_c + n_t
    mean, spread = n_c * m_c + n_t * m_t, (n_c * v_c + n_t * v_t) * both
    # The skewness of the gap is γ·|1/n_T² − 1/n_C²| / (1/n_T + 1/n_C)^1.5, with γ = 2σ/μ.
    skewness_squared = 4 * spread * (n_c - n_t) ** 2 / (mean * mean * n_c * n_t * both)
    needed = np.minimum(n_c, n_t) * skewness_squared / GREAT_GAP_SKEWNESS**2
    return np.where(mean > 0, needed, 0.0)
