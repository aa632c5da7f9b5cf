"""Boundaries for giving up: looks at which the planned effect has become too unlikely."""

from __future__ import annotations

import math

import numpy as np

from exp_jupyter.engine.sequential.group_sequential import GroupSequential, score_nodes
from exp_jupyter.engine.statistics.arguments import number
from exp_jupyter.engine.statistics.arrays import Floats
from exp_jupyter.engine.statistics.scalar_or_array import normal_quantile

_FAR = 9.0


def futility_bounds(design: GroupSequential, *, power: float = 0.8) -> Floats:
    """Return the z below which each look may stop for lack of an effect.

    Parameters
    ----------
    design
        The boundaries for an effect.
    power
        Power of the plan against its effect, which 1 minus is spent over the looks by the design's
        own spending function.

    Returns
    -------
    array of floats
        One z per look, on the side of the effect; a two-sided design compares the size of z.
        Minus infinity where nothing is spent yet, and at most the look's boundary for an effect.

    Notes
    -----
    Non-binding: the boundaries for an effect do not count on stopping here. The effect is the one
    that the design finds with this power. Source: Pampallona, Tsiatis, Kim, *Interim monitoring of
    group sequential trials using spending functions for the type I and type II error
    probabilities*.

    Examples
    --------
    >>> from exp_jupyter.engine.sequential.group_sequential import alpha_spending
    >>> futility_bounds(alpha_spending([0.25, 0.5, 0.75, 1.0])).round(2)
    array([-0.9 ,  0.5 ,  1.27,  1.84])
    """
    power = number("power", power, design.alpha, 1)
    drift = design.drift_for(power)
    points, mass, before, spent = np.zeros(1), np.ones(1), 0.0, 0.0
    found: list[float] = []
    looks = zip(design.information, design.critical_z, strict=True)
    for time, critical in ((float(t), float(z)) for t, z in looks):
        spread = math.sqrt(time - before)
        means = points + drift * (time - before)
        target = _spent(design.spending, 1 - power, time) - spent
        ceiling = critical * math.sqrt(time)
        floor = _edge(means, mass, spread, target, ceiling)
        spent += _below(means, mass, spread, floor)
        found.append(floor / math.sqrt(time))
        bottom = max(floor, float(means.min()) - _FAR * spread)
        points, mass = score_nodes(means, mass, spread, bottom, max(ceiling, bottom + 1e-9))
        before = time
    return np.array(found)


def _spent(spending: str, beta: float, time: float) -> float:
    time = min(time, 1.0)
    if spending == "pocock":
        return beta * math.log1p((math.e - 1) * time)
    from scipy import special

    strict = float(normal_quantile(1 - beta / 2))
    return 2 * float(special.ndtr(-strict / math.sqrt(time)))


def _below(means: Floats, mass: Floats, spread: float, edge: float) -> float:
    from scipy import special

    return float(mass @ special.ndtr((edge - means) / spread)) if math.isfinite(edge) else 0.0


def _edge(means: Floats, mass: Floats, spread: float, target: float, ceiling: float) -> float:
    """Return the score that is undershot with this probability, at most the ceiling."""
    if target <= 1e-12:
        return -math.inf
    if _below(means, mass, spread, ceiling) <= target:
        return ceiling
    low, high = float(means.min()) - _FAR * spread, ceiling
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _below(means, mass, spread, middle) < target else (low, middle)
        )
    return (low + high) / 2
