"""The minimum detectable effect day by day, as units really arrive: fast at first, then slower."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from exp_jupyter.engine.planning.design import FIXED, Design
from exp_jupyter.engine.planning.power import detectable_effect, required_size
from exp_jupyter.engine.statistics.arguments import inside
from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.shown import Shown


@dataclass(frozen=True, repr=False)
class ArrivalCurve(Shown):
    """What each further day of an experiment buys.

    Attributes
    ----------
    days
        1, 2, 3, …
    units
        Unique units seen by the end of each day, over all arms.
    effects
        The smallest effect found with ``power`` if the experiment ended that day, on the scale of
        ``difference`` (a fraction of the baseline when relative); None while none can be.
    observed_days
        How many of the days were given rather than carried on.
    """

    days: tuple[int, ...]
    units: tuple[float, ...]
    effects: tuple[float | None, ...]
    observed_days: int
    power: float
    alpha: float
    difference: str

    def days_until(self, effect: float) -> int | None:
        """Return the first day on which an effect of this size is found, or None.

        Examples
        --------
        >>> mde_over_days([4000, 7000, 9500], baseline=0.1, max_days=30).days_until(0.1)
        13
        """
        inside("effect", effect, 0, math.inf)
        for day, found in zip(self.days, self.effects, strict=True):
            if found is not None and abs(found) <= effect:
                return day
        return None


def mde_over_days(
    arrivals: Sequence[float],
    *,
    baseline: float | Sequence[float],
    variance: float | Sequence[float] | None = None,
    power: float = 0.8,
    design: Design = FIXED,
    max_days: int | None = None,
) -> ArrivalCurve:
    """Return the minimum detectable effect after each day under an arrival curve.

    Parameters
    ----------
    arrivals
        Cumulative number of unique units by the end of day 1, 2, …, over all arms.
    baseline, variance
        The metric's mean and variance per unit; a sequence gives them per horizon (a sum per unit
        grows while a unit stays in the experiment), the last value holding on. Without a variance
        the metric is a proportion.
    power
        Probability to find the effect.
    design
        Alpha, split, alternative and the rest.
    max_days
        Carry the curve on to this day, see `carried_on`; by default the given days only.

    Notes
    -----
    The test's power depends on units and variance alone, so each day is one closed form.

    Examples
    --------
    >>> curve = mde_over_days([4000, 7000, 9500], baseline=0.1)
    >>> [round(effect, 3) for effect in curve.effects]
    [0.281, 0.21, 0.179]
    """
    given = _cumulative(arrivals)
    units = list(given) if max_days is None else carried_on(given, max_days)
    if max_days is not None:
        units = units[:max_days]
    effects: list[float | None] = []
    for index, total in enumerate(units):
        spread = None if variance is None else _at(variance, index)
        try:
            effects.append(
                cast(
                    "float",
                    detectable_effect(
                        _at(baseline, index), total, variance=spread, power=power, design=design
                    ),
                )
            )
        except StatisticsError:
            effects.append(None)
    return ArrivalCurve(
        days=tuple(range(1, len(units) + 1)),
        units=tuple(units),
        effects=tuple(effects),
        observed_days=min(len(given), len(units)),
        power=power,
        alpha=cast("float", design.alpha),
        difference=design.difference,
    )


def days_to_find(
    effect: float,
    arrivals: Sequence[float],
    *,
    baseline: float,
    variance: float | None = None,
    power: float = 0.8,
    design: Design = FIXED,
    max_days: int = 365,
) -> int | None:
    """Return the days until enough unique units have arrived; None if not within ``max_days``.

    Examples
    --------
    >>> days_to_find(0.1, [4000, 7000, 9500], baseline=0.1)
    13
    """
    needed = cast(
        "float",
        required_size(baseline, effect, variance=variance, power=power, design=design),
    )
    for day, total in enumerate(carried_on(_cumulative(arrivals), max_days), start=1):
        if total >= needed:
            return day
    return None


def carried_on(arrivals: Sequence[float], days: int) -> list[float]:
    """Return a cumulative arrival curve carried on to ``days``.

    New units become rarer as the same people come back: the curve goes on as ``a·t^b``, with ``b``
    between 0 and 1 fitted to the second half of the given days and the last given day met exactly.
    A single day is carried on at a flat rate.

    Examples
    --------
    >>> [round(units) for units in carried_on([100, 141.42, 173.2], 5)]
    [100, 141, 173, 200, 224]
    """
    given = _cumulative(arrivals)
    inside("days", days, 1, math.inf, closed=True)
    last = len(given)
    if days <= last:
        return list(given[: int(days)])
    half = max(1, last // 2)
    growth = 1.0
    if last > 1 and given[half - 1] > 0:
        growth = math.log(given[-1] / given[half - 1]) / math.log(last / half)
    growth = min(1.0, max(0.0, growth))
    return [*given, *(given[-1] * (day / last) ** growth for day in range(last + 1, int(days) + 1))]


def _cumulative(arrivals: Sequence[float]) -> tuple[float, ...]:
    units = tuple(float(total) for total in arrivals)
    if not units:
        raise InputError("There are no arrivals; expected unique units by day.")
    for before, after in zip((0.0, *units), units, strict=False):
        inside("arrivals", after, 0, math.inf)
        if after < before:
            raise InputError(
                f"Arrivals fall from {before:g} to {after:g}; expected cumulative unique units.",
                hint="Add the new units of each day up.",
            )
    return units


def _at(values: float | Sequence[float], index: int) -> float:
    if isinstance(values, (int, float)):
        return float(values)
    return float(values[min(index, len(values) - 1)])
