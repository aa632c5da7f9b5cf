"""The gap of two means as a plan expects it: how large, and how wrong the test may take it.

The test of ``exp_jupyter.engine.inference.effect_test`` divides the gap
``m_T − (1 + δ₀)·m_C`` (relative) or
``m_T − m_C − δ₀`` (absolute) by its standard error at the null value δ₀. With arm shares ``r`` of
``N`` units a plan needs two variances of that gap, both times ``N``:

    null variance   what the test divides by, at the expected means: pooled for rates (constrained
                    under a margin), the arms' own for everything else
    variance        what the gap really has under the effect

and, because the null variance is itself formed from the observed rates, how it moves with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from exp_jupyter.engine.planning.design import Design
from exp_jupyter.engine.statistics.scalar_or_array import expm1, normal_cdf, where

if TYPE_CHECKING:
    from exp_jupyter.engine.statistics.scalar_or_array import Numbers

_STEP = 1e-5


@dataclass(frozen=True)
class PlannedGap:
    """The gap under an effect, in the metric's unit and in the direction of the effect.

    Attributes
    ----------
    signal
        The gap beyond its null value; positive.
    null_variance
        N times the variance that the test takes.
    variance
        N times the variance that the gap has.
    shared, moving
        N times the covariance of the gap with the test's own standard error, and the variance of
        that standard error, both for √N = 1; 0 where the standard error does not move with the
        means.
    arms
        What control and treatment bring to the variance.
    pooled
        Whether it is the score test of two rates, which has no degrees of freedom.
    """

    signal: Numbers
    null_variance: Numbers
    variance: Numbers
    shared: Numbers
    moving: Numbers
    arms: tuple[Numbers, Numbers]
    pooled: bool
    design: Design

    @property
    def settled(self) -> bool:
        """Whether nothing but the standard error depends on the size."""
        design = self.design
        plain = design.degrees_of_freedom == "normal" or not design.refined
        return plain and not self._moves and isinstance(design.sequential, bool)

    @property
    def _moves(self) -> bool:
        return not (isinstance(self.moving, float) and self.moving == 0)

    def edges(self, size: Numbers | None) -> tuple[Numbers, Numbers]:
        """Return √N times the gap at which the test decides, and √N times its standard deviation.

        Parameters
        ----------
        size
            Total units; None before any size is known.
        """
        design = self.design
        critical = design.boundary(size)
        if size is None or not design.refined:
            return critical * self.null_variance**0.5, self.variance**0.5
        variance = self.variance
        if self._moves:
            scale = critical / size**0.5
            variance = variance - 2 * scale * self.shared + scale * scale * self.moving
        null = self.null_variance
        if design.degrees_of_freedom != "own":
            return critical * null**0.5, variance**0.5
        if self.pooled:
            both = size * (design.shares[0] + design.shares[1])
            null = null * where(both > 2, both / where(both > 2, both - 1, 1.0), 2.0)
            return critical * null**0.5, variance**0.5
        # Student's t as a normal deviate (Wallace), and the non-central t as a normal one with the
        # spread of the standard error (Johnson and Welch).
        df = self.freedom(size)
        scale = (8 * df + 3) / (8 * df + 1) * critical
        student = (df * expm1(scale * scale / df)) ** 0.5
        variance = variance + null * student * student / (2 * df)
        if not _is_zero(design.correlation):
            # The covariate's coefficient is estimated, and the arms differ in it by chance.
            both = size * (design.shares[0] + design.shares[1])
            variance = variance + null / where(both > 6, both - 4, 2.0)
        return student * (1 - 1 / (4 * df)) * null**0.5, variance**0.5

    def freedom(self, size: Numbers) -> Numbers:
        """Return Welch and Satterthwaite's degrees of freedom at a total size."""
        control, treatment = (share * size for share in self.design.shares)
        u_c, u_t = self.arms
        less_c = where(control > 1.5, control - 1, 0.5)
        less_t = where(treatment > 1.5, treatment - 1, 0.5)
        df = (u_c + u_t) ** 2 / (u_c * u_c / less_c + u_t * u_t / less_t)
        return cast("Numbers", where(df > 1, df, 1.0))

    def power(self, size: Numbers) -> Numbers:
        """Return the probability that a test of this many units in total finds the effect."""
        if self.design.degrees_of_freedom in ("t", "welch"):
            return self._power_by_noncentral_t(size)
        threshold, error = self.edges(size)
        shift = self.signal * size**0.5
        power = normal_cdf((shift - threshold) / error)
        if self.design.wrong_direction and self.design.alternative == "two-sided":
            power = power + normal_cdf((-shift - threshold) / error)
        return power

    def _power_by_noncentral_t(self, size: Numbers) -> Numbers:
        from scipy import special

        design = self.design
        df = design.freedom(size)
        boundary = cast("Numbers", -special.stdtrit(df, design.tail))
        shift = self.signal * (size / self.null_variance) ** 0.5
        shift = boundary + (shift - boundary) * (self.null_variance / self.variance) ** 0.5
        power = 1 - special.nctdtr(df, shift, boundary)
        if design.wrong_direction and design.alternative == "two-sided":
            wrong = cast("Numbers", special.nctdtr(df, shift, -boundary))
            # The far tail underflows to no number where it is far below anything that matters.
            power = power + where(wrong >= 0, wrong, 0.0)
        return float(power) if getattr(power, "ndim", 0) == 0 else cast("Numbers", power)


def planned_gap(
    baseline: Numbers, variance: Numbers | None, effect: Numbers, design: Design
) -> PlannedGap:
    """Return the gap under an effect.

    Parameters
    ----------
    baseline
        Control mean, or conversion rate.
    variance
        Variance per unit of the control; None for a rate.
    effect
        On the scale of ``design.difference``.
    design
        How the experiment is split and judged.
    """
    relative = design.difference == "relative"
    null = -design.sign * design.margin
    unit = baseline if relative else 1.0
    lifted = baseline + unit * effect
    beyond = unit * (effect - null)
    direction: Numbers = design.sign
    if design.alternative == "two-sided":
        direction = where(effect < 0, -1, 1)
    # Not everything depends on the baseline, but the answer keeps the grid's shape.
    signal = direction * beyond + 0.0 * baseline
    control = baseline * (1 - baseline) if variance is None else variance
    treatment = _treated(control, lifted, variance, effect, relative, baseline, design)
    if not design.refined:
        return _textbook(signal, control, treatment, effect, design)
    weight = null if relative else 0.0
    own = _Own.of(control, treatment, design)
    share_c, share_t = design.shares
    u_c = (own.control + 2 * weight * own.control_shared + weight * weight * control) / share_c
    u_t = own.treatment / share_t
    spread = u_c + u_t
    pooled = variance is None and _is_zero(design.correlation)
    rate = variance is None or design.effect == "conversion"
    if not rate:
        return PlannedGap(signal, spread, spread, 0.0, 0.0, (u_c, u_t), False, design)
    if pooled:
        null_variance, slope_c, slope_t = _pooled(baseline, lifted, null, relative, design)
    else:
        # The derivatives of the arms' own variances in the two rates.
        null_variance = spread
        factor = control / (baseline * (1 - baseline))
        slope_c = factor * u_c / control * (1 - 2 * baseline)
        slope_t = factor * u_t / treatment * (1 - 2 * lifted)
    root = 2 * null_variance**0.5
    slope_c, slope_t = slope_c / root, slope_t / root
    shared = slope_t * own.treatment_shared / share_t
    shared = shared - slope_c * (own.control_shared + weight * control) / share_c
    moving = slope_t * slope_t * treatment / share_t + slope_c * slope_c * control / share_c
    return PlannedGap(
        signal, null_variance, spread, direction * shared, moving, (u_c, u_t), pooled, design
    )


def _is_zero(value: Numbers) -> bool:
    return isinstance(value, (int, float)) and value == 0


def _treated(
    control: Numbers,
    lifted: Numbers,
    variance: Numbers | None,
    effect: Numbers,
    relative: bool,
    baseline: Numbers,
    design: Design,
) -> Numbers:
    """Return the variance per unit of the treatment under the effect."""
    if variance is None:
        # A rate of 0 or 1 has no variance; the limit keeps every formula defined.
        own = lifted * (1 - lifted)
        return cast("Numbers", where(own > 1e-12 * control, own, 1e-12 * control))
    if design.effect == "conversion":
        own = control * lifted * (1 - lifted) / (baseline * (1 - baseline))
        return cast("Numbers", where(own > 1e-12 * control, own, 1e-12 * control))
    if design.effect == "multiplicative":
        factor = 1 + effect if relative else lifted / baseline
        return control * factor * factor
    # Nothing depends on the effect here, but the answer keeps the grid's shape.
    return control + 0.0 * effect


@dataclass(frozen=True)
class _Own:
    """The arms' variances per unit after the covariate took its part, and with the raw mean.

    The coefficient is the pooled one: where the arms' variances differ it fits neither exactly.
    """

    control: Numbers
    treatment: Numbers
    control_shared: Numbers
    treatment_shared: Numbers

    @classmethod
    def of(cls, control: Numbers, treatment: Numbers, design: Design) -> _Own:
        if _is_zero(design.correlation):
            return cls(control, treatment, control, treatment)
        explained = design.correlation**2
        share_c, share_t = design.shares
        weight_t = share_t / (share_c + share_t)
        wider = (treatment / control) ** 0.5 - 1
        left = 1 - explained
        slope = 1 + weight_t * wider
        return cls(
            control=control * (left + explained * (weight_t * wider) ** 2),
            treatment=treatment * left + control * explained * ((1 - weight_t) * wider) ** 2,
            control_shared=control * (1 - explained * slope),
            treatment_shared=treatment - control * explained * slope * (1 + wider),
        )


def _textbook(
    signal: Numbers,
    control: Numbers,
    treatment: Numbers,
    effect: Numbers,
    design: Design,
) -> PlannedGap:
    """Return the delta method's gap: one variance, at the effect, for both of its uses."""
    share_c, share_t = design.shares
    left = 1 - design.correlation**2
    weight = left
    if design.difference == "relative":
        weight = left * (1 + 2 * effect) + effect * effect
    u_c, u_t = weight * control / share_c, left * treatment / share_t
    return PlannedGap(signal, u_c + u_t, u_c + u_t, 0.0, 0.0, (u_c, u_t), False, design)


def _pooled(
    baseline: Numbers, lifted: Numbers, null: Numbers, relative: bool, design: Design
) -> tuple[Numbers, Numbers, Numbers]:
    """Return N times the score test's variance and its derivatives in control's and own rate."""
    share_c, share_t = design.shares
    both = share_c + share_t
    if _is_zero(null):
        mean = (share_c * baseline + share_t * lifted) / both
        inverse = 1 / share_c + 1 / share_t
        slope = (1 - 2 * mean) * inverse / both
        return mean * (1 - mean) * inverse, slope * share_c, slope * share_t

    def at(p_c: Numbers, p_t: Numbers) -> Numbers:
        return _constrained(p_c, p_t, null, relative, design)

    step_c, step_t = _STEP * baseline * (1 - baseline), _STEP * lifted * (1 - lifted)
    step_t = where(step_t > 1e-12, step_t, 1e-12)
    return (
        at(baseline, lifted),
        (at(baseline + step_c, lifted) - at(baseline - step_c, lifted)) / (2 * step_c),
        (at(baseline, lifted + step_t) - at(baseline, lifted - step_t)) / (2 * step_t),
    )


def _constrained(
    p_c: Numbers, p_t: Numbers, null: Numbers, relative: bool, design: Design
) -> Numbers:
    import numpy as np

    from exp_jupyter.engine.inference.constrained_rates import (
        constrained_for_difference,
        constrained_for_ratio,
    )

    n_c, n_t = (np.asarray(share, dtype=float) for share in design.shares)
    x_c, x_t = n_c * p_c, n_t * p_t
    at = np.asarray(null, dtype=float)
    if relative:
        weight = np.asarray(1 + at)
        q_c, q_t = constrained_for_ratio(x_c, n_c, x_t, n_t, weight)
    else:
        weight = np.ones(())
        shape = np.broadcast_shapes(x_c.shape, x_t.shape, at.shape)
        q_c, q_t = constrained_for_difference(
            *(np.broadcast_to(part, shape) for part in (x_c, n_c, x_t, n_t, at))
        )
    found = q_t * (1 - q_t) / n_t + weight**2 * q_c * (1 - q_c) / n_c
    return float(found) if np.ndim(found) == 0 else cast("Numbers", found)
