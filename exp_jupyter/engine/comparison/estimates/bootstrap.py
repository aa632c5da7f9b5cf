"""The bootstrap: intervals for any statistic of the units, where no formula serves.

Units of each arm are drawn again, with replacement, and the statistic is taken of every draw. A
draw is a weight per unit, how often it was drawn; for large arms the weights are independent
Poisson numbers, for small ones multinomial counts. Draws are made in blocks, each with a generator
of its own, so that a seed gives the same result on any number of threads.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.from_estimate import (
    Rule,
    baseline_divisor,
    check_rule,
)
from exp_jupyter.engine.comparison.estimates.unit_statistics import UnitStatistic, statistic_of
from exp_jupyter.engine.statistics.arguments import whole
from exp_jupyter.engine.statistics.arrays import Floats, floats
from exp_jupyter.errors import InputError, StatisticsError

if TYPE_CHECKING:
    Progress = Callable[[int, int], None]

DRAWS = 10_000
LEAST_DRAWS = 200
LEAST_UNITS = 5
MOST_DRAWS = 1_000_000
FEW_UNITS = 4000
"""Up to this many units a draw has exactly as many units as the arm."""
GROUPS = 400
"""Groups of neighbouring values that the jackknife leaves out, one after the other."""
_BLOCK = 500_000
"""Weights made at once."""


def compare_bootstrap(
    control: object,
    treatment: object,
    statistic: str | Callable[[Floats], float],
    rule: Rule | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Effect:
    """Return the difference of a statistic between two arms, with a BCa interval.

    Parameters
    ----------
    control, treatment
        One value per unit.
    statistic
        ``mean``, ``trimmed_mean(0.1)``, ``gini``, ``std``, ``variance``, ``median``,
        ``quantile(0.9)``, ``geometric_mean``, ``top_share(0.1)``, or a function that takes an
        array of values in any order and returns a number.
    rule
        Level of the test, alternative, scale and null value; by default 0.05, two-sided and
        absolute.
    draws
        How many times each arm is drawn again; p-values have steps of 1/draws.
    seed
        The same seed gives the same result.
    progress
        Called with draws done and in total.

    Returns
    -------
    Effect
        ``standard_error`` is the draws' standard deviation; the p-value is the smallest level at
        which the interval leaves the null value out.

    Raises
    ------
    exp_jupyter.errors.InputError
        The statistic is unknown, or the function fails on these values.
    exp_jupyter.errors.StatisticsError
        ``too_few_values``: an arm has fewer than 5 units. ``zero_variance``: every draw gives the
        same. ``control_mean_not_positive``: nothing to divide by.

    Notes
    -----
    Efron's bias-corrected and accelerated interval: the draws' quantiles at
    ``Φ(z₀ + (z₀ + z)/(1 - a(z₀ + z)))``, z₀ from the share of draws below the estimate and a from
    the third moments of the jackknife's influence values of both arms. Sources: Efron, *Better
    Bootstrap Confidence Intervals*; Hanley, MacGibbon, *Creating Non-parametric Bootstrap Samples
    Using Poisson Frequencies*.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> control, treatment = rng.lognormal(0, 1, 2000), rng.lognormal(0.1, 1, 2000)
    >>> effect = compare_bootstrap(control, treatment, "trimmed_mean(0.1)", draws=2000)
    >>> 0 < effect.interval[0] < effect.estimate < effect.interval[1]
    True
    """
    chosen = Rule() if rule is None else rule
    check_rule(chosen)
    measured = statistic_of(statistic)
    draws, seed = whole("draws", draws, LEAST_DRAWS), whole("seed", seed, 0)
    if draws > MOST_DRAWS:
        raise InputError(f"draws is {draws:,}; expected at most {MOST_DRAWS:,}.")
    both = [
        given if isinstance(given, ArmValues) else ArmValues.of(given, statistic, name)
        for name, given in (("control", control), ("treatment", treatment))
    ]
    arms, own = [arm.ordered for arm in both], [arm.value for arm in both]
    relative = chosen.difference == "relative"
    divisor = baseline_divisor(own[0]) if relative else 1.0
    told = _Told(progress, 2 * draws)
    first, second = (
        _drawn(arm, measured, draws, (seed, side), told) for side, arm in enumerate(arms)
    )
    if relative:
        if np.mean(first <= 0) > chosen.alpha / 20:
            raise StatisticsError(
                "control_mean_indistinct",
                "The control's value is not distinguishable from 0, so a relative difference has "
                "no interval.",
                hint='Use difference="absolute".',
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = np.where(first > 0, second / first - 1, np.inf)
        estimate = own[1] / own[0] - 1
    else:
        drawn, estimate = second - first, own[1] - own[0]
    error = float(np.std(drawn[np.isfinite(drawn)]))
    if not error > 1e-12 * max(abs(own[0]), abs(own[1])) / divisor:
        raise StatisticsError(
            "zero_variance",
            "Every draw gives the same difference, so nothing can be said about chance.",
            hint="Check that the values differ between units.",
        )
    influences = [_influence(arm, measured) / arm.size for arm in arms]
    if relative:
        influences[0] = influences[0] * own[1] / own[0]
    acceleration = _acceleration(-influences[0], influences[1])
    shape = _Shape.of(np.sort(drawn), estimate, acceleration)
    low, high = shape.interval(chosen)
    p_value = shape.p_value(chosen)
    return Effect(
        method="bootstrap",
        mode="recommended",
        difference=chosen.difference,
        alternative=chosen.alternative,
        interval_kind="bca",
        estimate=estimate,
        standard_error=error,
        interval=(low, high),
        level=1 - chosen.alpha,
        significant=p_value < chosen.alpha,
        control_mean=own[0],
        treatment_mean=own[1],
        control_n=float(arms[0].size),
        treatment_n=float(arms[1].size),
        p_value=p_value,
        null=chosen.null,
    )


@dataclass(frozen=True, eq=False)
class ArmValues:
    """One arm's values in order, and the statistic of them.

    Parameters
    ----------
    ordered
        One value per unit, sorted.
    value
        The statistic.
    """

    ordered: Floats
    value: float

    @property
    def n(self) -> int:
        """Units."""
        return int(self.ordered.size)

    @classmethod
    def of(
        cls, values: object, statistic: str | Callable[[Floats], float], name: str = "arm"
    ) -> ArmValues:
        """Return an arm of one value per unit.

        Raises
        ------
        exp_jupyter.errors.InputError
            They are no finite numbers, or the statistic cannot be taken of them.
        exp_jupyter.errors.StatisticsError
            ``too_few_values``: fewer than 5. ``not_finite``: the statistic is no number.

        Examples
        --------
        >>> ArmValues.of([3.0, 1.0, 2.0, 5.0, 4.0], "median").value
        3.0
        """
        own = floats(values, name)
        if own.ndim != 1 or not np.isfinite(own).all():
            raise InputError(f"{name} must be a list of finite numbers, one value per unit.")
        if own.size < LEAST_UNITS:
            raise StatisticsError(
                "too_few_values",
                f"The {name} has {own.size} units; the bootstrap needs at least {LEAST_UNITS}.",
            )
        ordered = np.sort(own)
        value = float(statistic_of(statistic).of(ordered))
        if not math.isfinite(value):
            raise StatisticsError("not_finite", "The statistic of these values is not finite.")
        return cls(ordered, value)


# ------------------------------------------------------------------------------------ the draws


class _Told:
    """Counts draws for somebody who waits."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def add(self, draws: int) -> None:
        self.done += draws
        if self.progress is not None:
            self.progress(self.done, self.total)


def _drawn(
    ordered: Floats,
    measured: UnitStatistic,
    draws: int,
    seed: tuple[int, int],
    told: _Told,
) -> Floats:
    """Return the statistic of every draw of one arm."""
    block = max(1, min(draws, _BLOCK // ordered.size))
    sizes = [min(block, draws - start) for start in range(0, draws, block)]
    seeds = np.random.SeedSequence(seed).spawn(len(sizes))

    def work(task: tuple[int, np.random.SeedSequence]) -> Floats:
        size, own = task
        return _block(ordered, measured, size, np.random.Generator(np.random.SFC64(own)))

    parts = []
    # A person's own function may not bear threads, and holds Python's lock anyway.
    threads = min(len(sizes), os.cpu_count() or 1) if measured.weighted is not None else 1
    if threads == 1:
        found: Iterator[Floats] = map(work, zip(sizes, seeds, strict=True))
        for part in found:
            parts.append(part)
            told.add(part.size)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for part in pool.map(work, zip(sizes, seeds, strict=True)):
                parts.append(part)
                told.add(part.size)
    drawn = np.concatenate(parts)
    if not np.isfinite(drawn).all():
        raise InputError(
            "The statistic of a draw is not a finite number.",
            hint="A draw may hold one value many times; let the function bear that.",
        )
    return drawn


def _block(ordered: Floats, measured: UnitStatistic, size: int, rng: np.random.Generator) -> Floats:
    n = ordered.size
    if measured.weighted is None:
        picks = rng.integers(0, n, (size, n))
        return np.array([measured.of(ordered[pick]) for pick in picks])
    if n <= FEW_UNITS:
        picks = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        weights = np.bincount(picks.ravel(), minlength=size * n).reshape(size, n)
        return measured.weighted(ordered, weights.astype(np.float64))
    return measured.weighted(ordered, poisson_weights(rng, (size, n)))


def _thresholds() -> list[int]:
    """Return where a number of 16 random bits becomes the next count, for mean and variance 1."""
    tails = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(9)])
    return [round(65536 * float(tail)) for tail in tails if round(65536 * float(tail)) < 65536]


_STEPS = _thresholds()


def poisson_weights(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return independent Poisson(1) numbers from 16 random bits each.

    Examples
    --------
    >>> weights = poisson_weights(np.random.default_rng(1), (100, 1000))
    >>> round(float(weights.mean()), 2), round(float(weights.var()), 2)
    (1.0, 1.0)
    """
    count = shape[0] * shape[1]
    words = rng.integers(0, 2**64, -(-count // 4), dtype=np.uint64)
    bits = words.view(np.uint16)[:count]
    counts = (bits >= _STEPS[0]).view(np.uint8)
    for step in _STEPS[1:]:
        counts += (bits >= step).view(np.uint8)
    return counts.reshape(shape).astype(np.float32)


# ------------------------------------------------------------------------- from draws to an answer


def _influence(ordered: Floats, measured: UnitStatistic) -> Floats:
    """Return how much one more unit of each value would move the statistic, times the units.

    Values are left out in groups of neighbours, the smallest and largest one by one: the influence
    of a unit is a function of its value, nearly the same within a group.
    """
    n = ordered.size
    edges = np.unique(_edges(n))
    whole_value = measured.of(ordered)
    found = np.empty(n)
    for low, high in itertools.pairwise(edges.tolist()):
        rest = np.concatenate([ordered[:low], ordered[high:]])
        # Leaving out k of n moves the statistic by −k/(n − k) of the group's mean influence.
        found[low:high] = (whole_value - measured.of(rest)) * (n - (high - low)) / (high - low)
    return np.asarray(found - found.mean())


def _edges(n: int) -> NDArray[np.int64]:
    if n <= GROUPS:
        return np.arange(n + 1)
    tail = GROUPS // 4
    middle = np.linspace(tail, n - tail, GROUPS // 2 + 1).round().astype(np.int64)
    return np.concatenate([np.arange(tail), middle, np.arange(n - tail + 1, n + 1)])


def _acceleration(*influences: Floats) -> float:
    second = sum(float((part**2).sum()) for part in influences)
    third = sum(float((part**3).sum()) for part in influences)
    return third / (6 * second**1.5) if second > 0 else 0.0


@dataclass(frozen=True)
class _Shape:
    """Sorted draws with what corrects their quantiles."""

    drawn: Floats
    bias: float
    acceleration: float

    @classmethod
    def of(cls, drawn: Floats, estimate: float, acceleration: float) -> _Shape:
        from scipy.special import ndtri

        below = float(np.mean(drawn < estimate) + np.mean(drawn <= estimate)) / 2
        edge = 1 / (drawn.size + 1)
        return cls(drawn, float(ndtri(min(max(below, edge), 1 - edge))), acceleration)

    def interval(self, rule: Rule) -> tuple[float, float]:
        """Return the bounds; a one-sided interval has an infinite one."""
        tail = rule.alpha / 2 if rule.alternative == "two-sided" else rule.alpha
        low = -math.inf if rule.alternative == "less" else self._quantile(tail)
        high = math.inf if rule.alternative == "greater" else self._quantile(1 - tail)
        return low, high

    def _quantile(self, level: float) -> float:
        from scipy.special import ndtr, ndtri

        reach = self.bias + float(ndtri(level))
        slack = 1 - self.acceleration * reach
        if slack <= 0:
            return math.inf if reach > 0 else -math.inf
        return float(np.quantile(self.drawn, ndtr(self.bias + reach / slack)))

    def p_value(self, rule: Rule) -> float:
        """Return the smallest level at which the interval leaves the null value out."""
        from scipy.special import ndtr, ndtri

        below = float(np.mean(self.drawn < rule.null) + np.mean(self.drawn <= rule.null)) / 2
        edge = 1 / (self.drawn.size + 1)
        place = float(ndtri(min(max(below, edge), 1 - edge))) - self.bias
        slack = 1 + self.acceleration * place
        z = (math.copysign(math.inf, place) if slack <= 0 else place / slack) - self.bias
        at_most, at_least = float(ndtr(z)), float(ndtr(-z))
        if rule.alternative == "greater":
            return max(at_most, edge)
        if rule.alternative == "less":
            return max(at_least, edge)
        return min(1.0, 2 * max(min(at_most, at_least), edge))
