"""The test of two skewed means: the variance at the null value, and the skewness of the gap.

With skewed values a small arm's mean and variance rise and fall together: an arm that missed the
few large values has a low mean *and* looks precise. Two corrections of first order, both from the
third moment, undo that. The variance of each arm is carried to its null value along its regression
on the mean, s² + β·(m₀ − m) with β = κ₃/σ² of both arms together; for conversions that is the
score test's variance, since β = 1 − 2p there. Then the statistic is read through the skewness of
the gap by the expansion of Cornish and Fisher (*Moments and cumulants in the specification of
distributions*). With equal arms and equal shapes nothing changes: the skewness cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from exp_jupyter.engine.inference.cautions import Caution
from exp_jupyter.engine.inference.effect_test import LOWEST_RELATIVE, LinearTest
from exp_jupyter.engine.inference.roots import Index, crossings
from exp_jupyter.engine.statistics.arrays import Booleans, Floats
from exp_jupyter.engine.statistics.refusals import Refusal

LEAST_SKEWNESS = 0.05
"""Below this skewness of the gap a tail of 2.5 % is wrong by less than 0.5 points: plain Welch."""

GREAT_SKEWNESS = 0.5
"""Where the smaller arm's mean is more skewed than this, the expansion's next terms matter."""

_LEAST_SHARE = 0.25
"""A carried variance is never below this share of the observed one."""

_FARTHEST = 40.0


@dataclass(frozen=True, eq=False)
class Unadjusted:
    """The metric without its adjustment, of which the gap at an effect δ takes δ times the mean.

    Parameters
    ----------
    mean
        Its mean.
    covariance, variance
        Per unit: of the adjusted value A and the metric's own Y, and of Y.
    third_once, third_twice, third
        The third central moments AAY, AYY and YYY.
    """

    mean: Floats
    covariance: Floats
    variance: Floats
    third_once: Floats
    third_twice: Floats
    third: Floats


@dataclass(frozen=True, eq=False)
class Moments3:
    """One arm's moments, of one shape.

    Parameters
    ----------
    n
        Units.
    mean
        The mean, without the bias of order 1/n that a ratio has.
    variance
        Per unit.
    third
        The third central moment per unit, by which the mean is skewed.
    regression
        The covariance of mean and variance, times n; None where it is the third moment.
    unadjusted
        For an adjusted mean: the metric itself.
    """

    n: Floats
    mean: Floats
    variance: Floats
    third: Floats
    regression: Floats | None = None
    unadjusted: Unadjusted | None = None

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of its arrays."""
        found: list[tuple[int, ...]] = []

        def seen(part: Floats) -> Floats:
            found.append(part.shape)
            return part

        self.each(seen)
        return found

    def each(self, change: Callable[[Floats], Floats]) -> Moments3:
        """Return the moments with every array changed."""
        raw = self.unadjusted
        return Moments3(
            change(self.n),
            change(self.mean),
            change(self.variance),
            change(self.third),
            regression=None if self.regression is None else change(self.regression),
            unadjusted=None if raw is None else Unadjusted(*(change(p) for p in _fields(raw))),
        )

    def over(self, ratio: Floats) -> Moments3:
        """Return the moments of the values divided by a number."""
        cube = ratio**3
        return Moments3(
            self.n,
            self.mean / ratio,
            self.variance / ratio**2,
            self.third / cube,
            regression=None if self.regression is None else self.regression / cube,
        )

    def plus(self, effect: Floats) -> Moments3:
        """Return the moments of the adjusted values plus so many times the unadjusted."""
        raw = self.unadjusted
        if raw is None:
            raise ValueError("an unadjusted mean is scaled, not added to")
        thirds = 3 * raw.third_once + effect * (3 * raw.third_twice + effect * raw.third)
        return Moments3(
            self.n,
            self.mean + effect * raw.mean,
            self.variance + effect * (2 * raw.covariance + effect * raw.variance),
            self.third + effect * thirds,
        )


@dataclass(frozen=True, eq=False)
class SkewedTest:
    """Welch's test, corrected for skewness where the gap is skewed.

    Parameters
    ----------
    linear
        The test without the correction, which serves where it is not needed.
    control, treatment
        The arms' moments, broadcast to one shape.
    """

    linear: LinearTest
    control: Moments3
    treatment: Moments3

    @property
    def kind(self) -> str:
        """What its interval is called."""
        return self.linear.kind

    @property
    def estimate(self) -> Floats:
        """The observed difference."""
        return self.linear.estimate

    @property
    def standard_error(self) -> Floats:
        """The standard error at the observed difference."""
        return self.linear.standard_error

    @property
    def baseline(self) -> Floats:
        """The control's mean under no effect."""
        return self.linear.baseline

    def df(self, null: float) -> Floats | None:
        """Return Welch and Satterthwaite's degrees of freedom at a null value."""
        return self.linear.df(null)

    def log_likelihood(self, effect: Floats) -> Floats:
        """Return the normal likelihood of effects."""
        return self.linear.log_likelihood(effect)

    def variance(self, null: float) -> Floats:
        """Return the variance of the gap at a null value."""
        plain = np.broadcast_to(self.linear.variance(null), self.control.n.shape)
        if not self.skewed.any():
            return plain
        _, variance, _ = self._parts(np.full(self.control.n.size, null), self._everything)
        return np.where(self.skewed, variance.reshape(plain.shape), plain)

    @property
    def _everything(self) -> Index:
        return np.arange(self.control.n.size, dtype=np.intp)

    @cached_property
    def skewness(self) -> Floats:
        """The skewness of the gap without an effect."""
        return self._skewness_of(self)

    def _skewness_of(self, test: SkewedTest) -> Floats:
        with np.errstate(all="ignore"):
            _, _, skewness = test._parts(np.zeros(self.control.n.size), self._everything)
        return np.where(np.isfinite(skewness), skewness, 0.0).reshape(self.control.n.shape)

    @cached_property
    def skewed(self) -> Booleans:
        """Where the correction is made."""
        great = np.abs(self.skewness) >= LEAST_SKEWNESS
        if self.control.regression is not None and self.treatment.regression is not None:
            control = replace(self.control, third=self.control.regression)
            treatment = replace(self.treatment, third=self.treatment.regression)
            moved = self._skewness_of(SkewedTest(self.linear, control, treatment))
            great = great | (np.abs(moved) >= LEAST_SKEWNESS)
        return np.asarray(great)

    def _parts(self, effect: Floats, index: Index) -> tuple[Floats, Floats, Floats]:
        """Return the gap, its variance and its skewness at one effect each."""
        c, t = (
            arm.each(lambda part: part.reshape(-1)[index]) for arm in (self.control, self.treatment)
        )
        ratio = np.ones(index.size)
        if not self.linear.relative:
            t = replace(t, mean=t.mean - effect)
        elif c.unadjusted is not None:
            c = c.plus(effect)
        else:
            ratio = 1 + effect
            t = t.over(ratio)
        n_c, m_c, v_c, n_t, m_t, v_t = c.n, c.mean, c.variance, t.n, t.mean, t.variance
        spread = n_t * v_t + n_c * v_c
        shape = slope = (n_t * t.third + n_c * c.third) / spread
        if c.regression is not None and t.regression is not None:
            slope = (n_t * t.regression + n_c * c.regression) / spread
        centre = (n_t * m_t + n_c * m_c) / (n_t + n_c)
        own_t = np.maximum(v_t + slope * (centre - m_t), _LEAST_SHARE * v_t)
        own_c = np.maximum(v_c + slope * (centre - m_c), _LEAST_SHARE * v_c)
        variance = own_t / n_t + own_c / n_c
        skewness = shape * (own_t / n_t**2 - own_c / n_c**2) / variance**1.5
        return ratio * (m_t - m_c), ratio**2 * variance, skewness

    def _deviates(self, effect: Floats, index: Index) -> Floats:
        with np.errstate(all="ignore"):
            gap, variance, skewness = self._parts(effect, index)
            z = gap / np.sqrt(variance)
            a = skewness / 6
            root = np.sqrt(np.maximum(1 + 4 * a * (a + z), 0.0))
            # (root − 1)/2a without the cancellation at a = 0.
            return np.asarray(2 * (a + z) / (1 + root))

    def statistic(self, null: float) -> Floats:
        """Return the statistic against a null value."""
        plain = np.broadcast_to(self.linear.statistic(null), self.control.n.shape)
        where = np.nonzero(self.skewed.reshape(-1))[0]
        if not where.size:
            return plain
        found = np.array(plain).reshape(-1)
        found[where] = self._deviates(np.full(where.size, float(null)), where)
        return found.reshape(plain.shape)

    def bounds(self, critical: Floats, null: float) -> tuple[Floats, Floats]:
        """Return the values that the test does not reject."""
        shape = self.control.n.shape
        low, high = (
            np.array(np.broadcast_to(bound, shape)).reshape(-1)
            for bound in self.linear.bounds(critical, null)
        )
        where = np.nonzero(self.skewed.reshape(-1))[0]
        if where.size:
            level = np.broadcast_to(critical, shape).reshape(-1)[where].astype(float)
            inverted = self._relative if self.linear.relative else self._absolute
            low[where], high[where] = inverted(where, level, (low[where], high[where]))
        return low.reshape(shape), high.reshape(shape)

    def _relative(
        self, where: Index, level: Floats, plain: tuple[Floats, Floats]
    ) -> tuple[Floats, Floats]:
        def at(log_ratio: Floats, index: Index) -> Floats:
            return self._deviates(np.expm1(log_ratio), where[index])

        shape = self.control.n.shape
        estimate = np.broadcast_to(self.estimate, shape).reshape(-1)[where]
        with np.errstate(all="ignore"):
            centre = np.log1p(np.maximum(estimate, -1 + 1e-12))
            start = np.log1p(np.clip(plain[0], -0.999999, 1e12))
            end = np.log1p(np.clip(plain[1], -0.999999, 1e12))
        inner_low = centre + 0.7 * np.minimum(start - centre, -1e-9)
        outer_low = centre + 1.2 * np.minimum(start - centre, -1e-9)
        inner_high = centre + 0.7 * np.maximum(end - centre, 1e-9)
        outer_high = centre + 1.2 * np.maximum(end - centre, 1e-9)
        low = np.expm1(crossings(at, level, inner_low, outer_low, -_FARTHEST, upwards=False))
        low = np.where(low <= -1 + 1e-15, LOWEST_RELATIVE, low)
        found = crossings(at, -level, inner_high, outer_high, _FARTHEST, upwards=True)
        return low, np.where(found >= _FARTHEST, np.inf, np.expm1(found))

    def _absolute(
        self, where: Index, level: Floats, plain: tuple[Floats, Floats]
    ) -> tuple[Floats, Floats]:
        shape = self.control.n.shape
        estimate = np.broadcast_to(self.estimate, shape).reshape(-1)[where]
        # In units of the plain half-width, so that the search has one scale.
        unit = 0.5 * (plain[1] - plain[0])

        def at(points: Floats, index: Index) -> Floats:
            return self._deviates(estimate[index] + points * unit[index], where[index])

        size = where.size
        low = crossings(at, level, np.full(size, -0.7), np.full(size, -1.2), -1e6, upwards=False)
        high = crossings(at, -level, np.full(size, 0.7), np.full(size, 1.2), 1e6, upwards=True)
        return estimate + low * unit, estimate + high * unit

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Nothing beyond what every test refuses."""
        return ()

    @cached_property
    def _mean_skewness(self) -> Floats:
        """The skewness of the values of both arms together, over that of the smaller arm's mean."""
        c, t = self.control, self.treatment
        with np.errstate(all="ignore"):
            third = (c.n * c.third + t.n * t.third) / (c.n + t.n)
            spread = (c.n * c.variance + t.n * t.variance) / (c.n + t.n)
            return np.where(spread > 0, np.abs(third) / spread**1.5, 0.0)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Values so skewed that even the corrected test is only rough, and what would do."""
        smaller = np.minimum(self.control.n, self.treatment.n)
        great = np.asarray(self._mean_skewness > GREAT_SKEWNESS * np.sqrt(smaller))
        return needed_cautions(
            "great_skewness",
            great,
            (self._mean_skewness / GREAT_SKEWNESS) ** 2,
            "a few large values carry this comparison, and the test errs on the side of saying "
            "nothing: the normal approximation needs about {units:,} units in the smaller arm; "
            "winsorizing the metric needs fewer",
        )


def needed_cautions(
    code: str, where: Booleans, needed: Floats, sentence: str
) -> tuple[Caution, ...]:
    """Return a caution for every number of units that elements need, to one digit, upwards.

    An element of many comparisons reads the same sentence as it would alone.

    Parameters
    ----------
    sentence
        With ``{units:,}`` where the number belongs.
    """
    needs = np.broadcast_to(needed, where.shape)
    where = np.asarray(where & np.isfinite(needs))
    if not where.any():
        return ()
    some = needs[where]
    step = 10.0 ** np.floor(np.log10(np.maximum(some, 1.0)))
    rounded = np.ceil(some / step) * step
    cautions = []
    for units in np.unique(rounded):
        chosen = np.zeros(where.shape, dtype=np.bool_)
        chosen[where] = rounded == units
        cautions.append(Caution(code, chosen, sentence.format(units=int(units))))
    return tuple(cautions)


def _fields(part: Unadjusted) -> list[Floats]:
    return [getattr(part, field.name) for field in fields(part)]
