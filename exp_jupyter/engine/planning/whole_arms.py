"""Whole units in every arm: where arms or counts are small, a plan is checked at what it will get.

The formulas of ``exp_jupyter.engine.planning.power`` know no fractions of a unit and no discrete
counts. That is no matter for large plans. For small ones the power is computed at whole arms, for
rates by going over every pair of counts with the test that will be made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from exp_jupyter.engine.planning.design import Design
from exp_jupyter.engine.planning.gap import planned_gap
from exp_jupyter.errors import StatisticsError

SMALL_ARM = 60
"""Below this many units in an arm, one unit more or less is seen in the power."""

FEW_COUNTS = 30
"""Below this many expected successes or failures in an arm the normal distribution is not used."""

_TAIL = 1e-9
_CLOSE = 1e-3
_LEAST = 2
_MOST = 1e9


@dataclass(frozen=True)
class WholePlan:
    """A plan in whole units.

    Parameters
    ----------
    baseline, effect, variance
        As ``required_size`` takes them; single numbers.
    design
        How the experiment is split and judged.
    """

    baseline: float
    effect: float
    variance: float | None
    design: Design

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of every arm, control first."""
        if self.design.split is None:
            arms = int(cast("float", self.design.variants))
            return (1 / arms,) * arms
        split = cast("Sequence[float]", self.design.split)
        return tuple(share / sum(split) for share in split)

    def arms(self, size: float, power: float) -> tuple[int, ...]:
        """Return whole units per arm that reach ``power``, near the formula's total size."""
        if not math.isfinite(size) or size > 1e300:
            raise StatisticsError(
                "no_sample_size",
                "The effect is too small to compute with.",
                hint="Check the units: mde is in percent of the baseline.",
            )
        wanted = tuple(size * share for share in self.shares)
        if min(wanted) >= SMALL_ARM and not self._few(wanted):
            return tuple(math.ceil(arm) for arm in wanted)

        def enough(total: int) -> bool:
            return self.power(self._rounded(total)) >= power - _CLOSE

        return self._rounded(_least_whole(enough, max(_LEAST * len(wanted), round(size))))

    def power(self, arms: Sequence[float]) -> float:
        """Return the power of control against the smallest treatment arm."""
        control, treatment = arms[0], min(arms[1:])
        total = control + treatment
        own = replace(self.design, variants=2, split=(control, treatment))
        if self._few(arms):
            critical = cast("float", own.boundary(total))
            return rate_power(
                (self.baseline, self._lifted),
                (round(control), round(treatment)),
                critical=critical,
                design=self.design,
                falls=self._lifted < self.baseline,
            )
        return cast(
            "float", planned_gap(self.baseline, self.variance, self.effect, own).power(total)
        )

    @property
    def _lifted(self) -> float:
        if self.design.difference == "absolute":
            return self.baseline + self.effect
        return self.baseline * (1 + self.effect)

    def _few(self, arms: Sequence[float]) -> bool:
        """Tell whether an arm of two plain rates expects few successes or failures."""
        if self.variance is not None or self.design.correlation != 0:
            return False
        own = self.design.refined and self.design.degrees_of_freedom == "own"
        control, treatment = arms[0], min(arms[1:])
        counts = [
            arm * min(rate, 1 - rate)
            for arm, rate in ((control, self.baseline), (treatment, self._lifted))
        ]
        return own and min(counts) < FEW_COUNTS

    def _rounded(self, total: int) -> tuple[int, ...]:
        return tuple(max(_LEAST, math.floor(total * share + 0.5)) for share in self.shares)


def _least_whole(enough: Callable[[int], bool], start: int) -> int:
    """Return a number that is enough while the one before is not, near ``start``."""
    high = start
    while not enough(high):
        high = math.ceil(1.1 * high)
        if high > _MOST:
            raise StatisticsError("no_sample_size", "No number of units reaches this power.")
    low = math.floor(high / 1.1)
    while low > 1 and enough(low):
        low, high = math.floor(low / 1.1), low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def rate_power(
    rates: tuple[float, float],
    arms: tuple[int, int],
    *,
    critical: float,
    design: Design,
    falls: bool = False,
) -> float:
    """Return the exact power of the package's test of two rates.

    Parameters
    ----------
    rates, arms
        Conversion rates and units of control and treatment.
    critical
        The value that the statistic, a normal deviate, has to exceed.
    design
        Alternative, margin and difference.
    falls
        Whether a two-sided test looks for a decrease.

    Examples
    --------
    >>> round(rate_power((0.2, 0.5), (40, 40), critical=1.96, design=Design()), 3)
    0.817
    """
    import numpy as np
    from scipy import stats

    from exp_jupyter.engine.inference.rate_test import RateTest

    counts = []
    for rate, n in zip(rates, arms, strict=True):
        low, high = (float(stats.binom.ppf(tail, n, rate)) for tail in (_TAIL, 1 - _TAIL))
        counts.append(np.arange(max(low - 1, 0.0), min(high + 1, n) + 1, dtype=np.float64))
    x_c, x_t = (part.ravel() for part in np.meshgrid(*counts, indexing="ij"))
    test = RateTest(
        x_c,
        np.full(x_c.shape, float(arms[0])),
        x_t,
        np.full(x_t.shape, float(arms[1])),
        relative=design.difference == "relative",
    )
    with np.errstate(all="ignore"):
        statistic = test.statistic(-design.sign * cast("float", design.margin))
    sign = design.sign if design.alternative != "two-sided" else (-1 if falls else 1)
    # Mid-p values of few counts may lie on the bound itself, where nothing is found.
    found = (sign * statistic > critical * (1 + 1e-9)).reshape(counts[0].size, counts[1].size)
    likely = [
        stats.binom.pmf(count, n, rate) for count, n, rate in zip(counts, arms, rates, strict=True)
    ]
    return float(likely[0] @ found @ likely[1])
