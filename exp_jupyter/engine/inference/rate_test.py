"""The test of two conversion rates: the score test, or the mid-p test where counts are few."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from exp_jupyter.engine.inference.cautions import Caution
from exp_jupyter.engine.inference.constrained_rates import (
    FEW_EXPECTED,
    ConditionalTable,
    constrained_for_difference,
    constrained_for_ratio,
    few_counts,
    null_odds,
    score_variance,
)
from exp_jupyter.engine.inference.effect_test import LOWEST_RELATIVE
from exp_jupyter.engine.inference.roots import Index, crossings
from exp_jupyter.engine.statistics.arrays import Booleans, Floats
from exp_jupyter.engine.statistics.refusals import Refusal

Counts: TypeAlias = tuple[Floats, Floats, Floats, Floats]

_FARTHEST = 40.0
"""Ratios are searched on their logarithm, up to this far from 1."""


@dataclass(frozen=True, eq=False)
class RateTest:
    """Miettinen and Nurminen's score test of every difference or ratio of two rates.

    Where an arm expects fewer than 5 successes or failures without an effect, the statistic is the
    normal deviate of the mid-p value instead.

    Parameters
    ----------
    x_c, n_c, x_t, n_t
        Conversions and units of control and treatment, of one shape.
    relative
        Whether the effect is p_T/p_C − 1, else p_T − p_C.
    """

    x_c: Floats
    n_c: Floats
    x_t: Floats
    n_t: Floats
    relative: bool

    @property
    def kind(self) -> str:
        """What its interval is called."""
        return "score"

    @cached_property
    def estimate(self) -> Floats:
        """The observed difference; infinite where only the treatment converts."""
        p_c, p_t = self.x_c / self.n_c, self.x_t / self.n_t
        if not self.relative:
            return np.asarray(p_t - p_c)
        return np.asarray(np.where(self.x_c > 0, p_t / p_c - 1, np.inf))

    @property
    def baseline(self) -> Floats:
        """The pooled rate, or 1 for an absolute difference."""
        if not self.relative:
            return np.ones(())
        return np.asarray((self.x_c + self.x_t) / (self.n_c + self.n_t))

    @property
    def standard_error(self) -> Floats:
        """The standard error at the observed difference, at no effect where an arm has none."""
        p_c, p_t = self.x_c / self.n_c, self.x_t / self.n_t
        if self.relative:
            own = p_t * (1 - p_t) / self.n_t + (p_t / p_c) ** 2 * p_c * (1 - p_c) / self.n_c
            none = self.variance(0.0)
            usable = np.isfinite(own) & (own > 0)
            divisor = np.where(self.x_c > 0, p_c, self.baseline)
            return np.asarray(np.sqrt(np.where(usable, own, none)) / divisor)
        own = p_t * (1 - p_t) / self.n_t + p_c * (1 - p_c) / self.n_c
        return np.asarray(np.sqrt(np.where(own > 0, own, self.variance(0.0))))

    def df(self, null: float) -> None:
        """Return None: the statistic is a normal deviate."""
        del null

    def variance(self, null: float) -> Floats:
        """Return the variance of the gap at a null value."""
        at = np.full(self.x_c.shape, float(null))
        return self._gap(self._flat(None), at)[1]

    @cached_property
    def few(self) -> Booleans:
        """Where the mid-p test decides."""
        return few_counts(self.x_c, self.n_c, self.x_t, self.n_t)

    def _flat(self, index: Index | None) -> Counts:
        if index is None:
            return self.x_c, self.n_c, self.x_t, self.n_t
        x_c, n_c, x_t, n_t = (
            part.reshape(-1)[index] for part in (self.x_c, self.n_c, self.x_t, self.n_t)
        )
        return x_c, n_c, x_t, n_t

    def _gap(self, counts: Counts, effect: Floats) -> tuple[Floats, Floats]:
        """Return the gap of these counts, and its variance, at one effect each."""
        x_c, n_c, x_t, n_t = counts
        if self.relative:
            ratio = 1 + effect
            p_c, p_t = constrained_for_ratio(*counts, ratio)
            return x_t / n_t - ratio * x_c / n_c, score_variance(n_c, n_t, p_c, p_t, ratio)
        p_c, p_t = constrained_for_difference(*counts, effect)
        return x_t / n_t - x_c / n_c - effect, score_variance(n_c, n_t, p_c, p_t, 1.0)

    def _scores(self, effect: Floats, index: Index) -> Floats:
        gap, variance = self._gap(self._flat(index), effect)
        with np.errstate(all="ignore"):
            score = gap / np.sqrt(variance)
        # Neither rate varies at the null value: it is either right or impossible.
        return np.where(variance > 0, score, np.sign(gap) * np.where(gap == 0, 0.0, np.inf))

    @cached_property
    def _table(self) -> tuple[ConditionalTable, Index]:
        where = np.nonzero(self.few.reshape(-1))[0]
        place = np.full(self.few.size, -1)
        place[where] = np.arange(where.size)
        return ConditionalTable(*self._flat(where)), place

    def _deviates(self, effect: Floats, index: Index) -> Floats:
        """Return the statistic at one effect each for the elements at these flat indices."""
        with np.errstate(all="ignore"):
            found = self._scores(effect, index)
            few = self.few.reshape(-1)[index]
            if few.any():
                counts = self._flat(index[few])
                at = effect[few]
                if self.relative:
                    rates = constrained_for_ratio(*counts, 1 + at)
                    odds = null_odds(*rates, "ratio", 1 + at)
                else:
                    rates = constrained_for_difference(*counts, at)
                    odds = null_odds(*rates, "difference", at)
                table, place = self._table
                found[few] = table.deviate(odds, place[index[few]])
        return found

    def statistic(self, null: float) -> Floats:
        """Return the statistic against a null value."""
        index = np.arange(self.x_c.size)
        at = np.full(index.size, float(null))
        return self._deviates(at, index).reshape(self.x_c.shape)

    def log_likelihood(self, effect: Floats) -> Floats:
        """Return the profile likelihood of effects along a new last axis, by their scores."""
        shape = np.broadcast_shapes((*self.x_c.shape, 1), effect.shape)
        at = np.array(np.broadcast_to(effect, shape))
        x_c, n_c, x_t, n_t = (part[..., None] for part in self._flat(None))
        with np.errstate(all="ignore"):
            gap, variance = self._gap((x_c, n_c, x_t, n_t), at)
            value = -0.5 * gap * gap / variance - 0.5 * np.log(variance)
        possible = np.isfinite(value)
        return np.asarray(np.where(possible, value, -np.inf))

    def bounds(self, critical: Floats, null: float) -> tuple[Floats, Floats]:
        """Return the values that the test does not reject; never below −100 %."""
        del null
        level = np.broadcast_to(critical, self.x_c.shape).reshape(-1).astype(float)
        low, high = self._ratios(level) if self.relative else self._differences(level)
        return low.reshape(self.x_c.shape), high.reshape(self.x_c.shape)

    def _ratios(self, level: Floats) -> tuple[Floats, Floats]:
        x_c, n_c, x_t, n_t = self._flat(np.arange(self.x_c.size))

        def at(log_ratio: Floats, index: Index) -> Floats:
            return self._deviates(np.expm1(log_ratio), index)

        # Starting points from the adjusted log interval; the search moves them where they fail.
        centre = np.log((x_t + 0.5) / (n_t + 0.5)) - np.log((x_c + 0.5) / (n_c + 0.5))
        spread = 1 / (x_t + 0.5) - 1 / (n_t + 0.5) + 1 / (x_c + 0.5) - 1 / (n_c + 0.5)
        width = (np.abs(level) + 0.05) * np.sqrt(np.maximum(spread, 1e-12))
        low = np.full(level.size, LOWEST_RELATIVE)
        high = np.full(level.size, np.inf)
        below = np.nonzero(x_t > 0)[0]
        if below.size:
            found = crossings(
                lambda points, index: at(points, below[index]),
                level[below],
                (centre - 0.6 * width)[below],
                (centre - 1.3 * width)[below],
                -_FARTHEST,
                upwards=False,
            )
            low[below] = np.where(found <= -_FARTHEST, LOWEST_RELATIVE, np.expm1(found))
        above = np.nonzero(x_c > 0)[0]
        if above.size:
            found = crossings(
                lambda points, index: at(points, above[index]),
                -level[above],
                (centre + 0.6 * width)[above],
                (centre + 1.3 * width)[above],
                _FARTHEST,
                upwards=True,
            )
            high[above] = np.where(found >= _FARTHEST, np.inf, np.expm1(found))
        return low, high

    def _differences(self, level: Floats) -> tuple[Floats, Floats]:
        everything = np.arange(self.x_c.size)
        x_c, n_c, x_t, n_t = self._flat(everything)
        estimate = x_t / n_t - x_c / n_c
        p_c, p_t = (x_c + 1) / (n_c + 2), (x_t + 1) / (n_t + 2)
        width = (np.abs(level) + 0.05) * np.sqrt(p_c * (1 - p_c) / n_c + p_t * (1 - p_t) / n_t)
        bounds = []
        for sign, edge in ((-1.0, -1.0), (1.0, 1.0)):
            outer = np.clip(estimate + 1.3 * sign * width, -1.0, 1.0)
            found = crossings(
                self._deviates,
                -sign * level,
                np.clip(estimate + 0.6 * sign * width, -1.0, 1.0),
                np.where(outer == estimate, edge, outer),
                edge,
                upwards=sign > 0,
            )
            bounds.append(found)
        return bounds[0], bounds[1]

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Without a single success or failure there is nothing to compare."""
        x = self.x_c + self.x_t
        return (
            Refusal(
                "zero_variance",
                np.asarray((x <= 0) | (x >= self.n_c + self.n_t)),
                "no unit of either arm converted, or every one did, so nothing can be compared",
                "Wait for more events, or choose a metric that varies between units.",
            ),
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Few counts, and effects without an upper bound."""
        return (
            Caution(
                "few_events",
                self.few,
                f"an arm expects fewer than {FEW_EXPECTED:.0f} successes or failures: decided by "
                "Fisher's test with the mid-p value, and the interval is its inversion",
            ),
            Caution(
                "zero_baseline",
                np.asarray((self.x_c <= 0) & self.relative),
                "the control has no conversion, so a relative effect has no upper bound: "
                'difference="absolute" has one',
            ),
        )
