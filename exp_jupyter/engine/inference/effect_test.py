"""The test of every value of an effect, and the interval that holds the values not rejected.

An effect δ is tested by the gap m_T − (1 + δ)·m_C (relative) or m_T − m_C − δ (absolute) over its
standard error *at that value of δ*, so the p-value, the interval, a margin and an e-value are one
statement, and no decision depends on which arm is called control (Fieller, *Some problems in
interval estimation*; Miettinen, Nurminen, *Comparative analysis of two rates*).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from exp_jupyter.engine.inference.cautions import Caution
from exp_jupyter.engine.statistics.arrays import Booleans, Floats, blockwise, blockwise_pair
from exp_jupyter.engine.statistics.refusals import Refusal

LOWEST_RELATIVE = -1.0
"""The relative effect of a treatment that has nothing left of a metric that cannot be negative."""


class EffectTest(Protocol):
    """What a method asks of the test of an effect; arrays have one element a comparison."""

    @property
    def kind(self) -> str:
        """What its interval is called."""

    @property
    def estimate(self) -> Floats:
        """The observed difference."""

    @property
    def standard_error(self) -> Floats:
        """The standard error of the observed difference, on its scale."""

    @property
    def baseline(self) -> Floats:
        """The control's mean under no effect, on the metric's scale; 1 for an absolute effect."""

    def df(self, null: float) -> Floats | None:
        """Return the degrees of freedom at a null value; None for the normal distribution."""

    def statistic(self, null: float) -> Floats:
        """Return the t or z statistic against a null value; positive above it."""

    def log_likelihood(self, effect: Floats) -> Floats:
        """Return the logarithm of the likelihood of effects, which vary along a new last axis."""

    def variance(self, null: float) -> Floats:
        """Return the variance of the gap at a null value, on the metric's scale."""

    def bounds(self, critical: Floats, null: float) -> tuple[Floats, Floats]:
        """Return the values whose statistic is at most ``critical`` in size."""

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What cannot be tested."""

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What to keep in mind."""


@dataclass(frozen=True, eq=False)
class Weights:
    """One arm's mean in the gap a − δ·b, and its variance per unit as a quadratic in δ.

    Parameters
    ----------
    n
        Units.
    constant, linear, quadratic
        The variance per unit is constant + 2·linear·δ + quadratic·δ².
    """

    n: Floats
    constant: Floats
    linear: Floats
    quadratic: Floats

    def per_unit(self, effect: Floats | float) -> Floats:
        """Return the variance per unit at an effect."""
        if isinstance(effect, float) and effect == 0.0:
            return self.constant
        value = self.constant + effect * (2 * self.linear + effect * self.quadratic)
        return np.maximum(value, 0.0)


@dataclass(frozen=True, eq=False)
class LinearTest:
    """The test of the gap of two means with their own variances: Welch's t at every value.

    Parameters
    ----------
    gap, divisor
        The gap is ``gap − δ·divisor``: the difference of the (adjusted) means, and the control
        mean, or 1 for an absolute difference.
    control, treatment
        Variances per unit as functions of δ.
    baseline
        The control's mean under no effect, on the metric's scale; 1 for an absolute difference.
    relative
        Whether δ is a share of the control mean.
    signed
        Whether the metric's values may be negative, so that a fall of more than 100 % is possible.
    equal_variances
        Degrees of freedom n − 2; the variances are pooled by who makes the weights.
    normal
        Take the normal distribution for Student's.
    """

    gap: Floats
    divisor: Floats
    control: Weights
    treatment: Weights
    baseline: Floats
    relative: bool
    signed: Booleans
    equal_variances: bool = False
    normal: bool = False
    cautions: tuple[Caution, ...] = ()

    @property
    def kind(self) -> str:
        """What its interval is called."""
        return "fieller" if self.relative else "welch"

    @property
    def estimate(self) -> Floats:
        """The observed difference."""
        return np.asarray(self.gap / self.divisor)

    @property
    def standard_error(self) -> Floats:
        """The standard error at the observed difference (the delta method's)."""
        return np.asarray(np.sqrt(self._variance(self.estimate)) / np.abs(self.divisor))

    def _variance(self, effect: Floats | float) -> Floats:
        return np.asarray(
            self.control.per_unit(effect) / self.control.n
            + self.treatment.per_unit(effect) / self.treatment.n
        )

    def variance(self, null: float) -> Floats:
        """Return the variance of the gap at a null value."""
        return self._variance(null)

    def df(self, null: float) -> Floats | None:
        """Return Welch and Satterthwaite's degrees of freedom at a null value."""
        if self.normal:
            return None
        if self.equal_variances:
            return np.asarray(self.control.n + self.treatment.n - 2)
        return welch_df(
            self.control.n,
            self.control.per_unit(null),
            self.treatment.n,
            self.treatment.per_unit(null),
        )

    def statistic(self, null: float) -> Floats:
        """Return Welch's t of the gap at a null value."""
        gap = self.gap - null * self.divisor if null else self.gap
        return np.asarray(gap / np.sqrt(self._variance(null)))

    def log_likelihood(self, effect: Floats) -> Floats:
        """Return the normal likelihood of effects, the control mean integrated out."""
        variance = (
            _last(self.control.constant / self.control.n)
            + _last(self.treatment.constant / self.treatment.n)
            + 2 * effect * _last(self.control.linear / self.control.n)
            + effect**2 * _last(self.control.quadratic / self.control.n)
        )
        gap = _last(self.gap) - effect * _last(self.divisor)
        return np.asarray(-0.5 * gap * gap / variance - 0.5 * np.log(variance))

    def bounds(self, critical: Floats, null: float) -> tuple[Floats, Floats]:
        """Return Fieller's interval; open above where the control mean may be 0."""
        del null
        c, t = self.control, self.treatment
        constant = c.constant / c.n + t.constant / t.n
        if not self.relative:
            width = critical * np.sqrt(constant) / self.divisor
            return self.estimate - width, self.estimate + width
        floor = np.where(self.signed, -np.inf, LOWEST_RELATIVE)
        return blockwise_pair(
            _fieller,
            critical,
            self.gap,
            self.divisor,
            constant,
            c.linear / c.n,
            c.quadratic / c.n,
            np.minimum(floor, self.estimate),
        )

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Nothing beyond what every test refuses."""
        return ()


def _fieller(
    critical: Floats,
    gap: Floats,
    divisor: Floats,
    constant: Floats,
    linear: Floats,
    quadratic: Floats,
    floor: Floats,
) -> tuple[Floats, Floats]:
    """Return the effects δ with (gap − δ·divisor)² ≤ critical²·variance(δ), and above a floor."""
    square = critical * critical
    a = divisor * divisor - square * quadratic
    b = gap * divisor + square * linear
    rest = gap * gap - square * constant
    inside = b * b - a * rest
    # The root that does not cancel, and the other one from their product.
    outer = b + np.copysign(np.sqrt(np.maximum(inside, 0.0)), b)
    one, two = outer / a, rest / outer
    low, high = np.fmin(one, two), np.fmax(one, two)
    unbounded = a <= 0
    if unbounded.any():
        low = np.where(unbounded, np.where(inside < 0, -np.inf, high), low)
        high = np.where(unbounded, np.inf, high)
    return np.maximum(low, floor), high


def _last(value: Floats) -> Floats:
    return np.asarray(value)[..., None]


def welch_df(n_c: Floats, v_c: Floats, n_t: Floats, v_t: Floats) -> Floats:
    """Return Welch and Satterthwaite's degrees of freedom for variances per unit."""
    return blockwise(_welch_df, n_c, v_c, n_t, v_t)


def _welch_df(n_c: Floats, v_c: Floats, n_t: Floats, v_t: Floats) -> Floats:
    a, b = v_t / n_t, v_c / n_c
    # Shares of the whole, so that tiny or huge variances neither underflow nor overflow.
    total = a + b
    share_t, share_c = a / total, b / total
    return np.asarray(1 / (share_t**2 / (n_t - 1) + share_c**2 / (n_c - 1)))
