"""How many units, how small an effect, how much power: closed forms for one plan or a million.

Every function takes scalars or arrays (broadcast against each other) and is the same formula for
both; arrays bring in numpy and scipy, scalars need neither.

With the gap of ``exp_jupyter.engine.planning.gap``, its
null variance ``V₀`` and its variance ``V₁``
under the effect, ``N = (c·√V₀ + z_power·√V₁)² / gap²``. ``c`` is the normal quantile of a
fixed-horizon test, or the boundary of the asymptotic confidence sequence; ``V₁`` is that of the
gap less what the test's own standard error moves along with it. For means both get Welch's degrees
of freedom, so that small plans are t-tests.

Sources: Fleiss, Levin, Paik, *Statistical Methods for Rates and Proportions* (rates); Farrington,
Manning, *Test statistics and sample size formulae for comparative binomial trials with null
hypothesis of non-zero risk difference or non-unity relative risk* (margins); Kohavi, Tang, Xu,
*Trustworthy Online Controlled Experiments*; Johnson, Welch, *Applications of the non-central
t-distribution*; Waudby-Smith et al., *Time-uniform central limit theory and asymptotic confidence
sequences* (sequential).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from exp_jupyter.engine.planning.design import FIXED, Design
from exp_jupyter.engine.planning.gap import planned_gap
from exp_jupyter.engine.statistics.arguments import inside, instance
from exp_jupyter.engine.statistics.scalar_or_array import (
    as_numbers,
    computable,
    everywhere,
    normal_quantile,
    where,
)
from exp_jupyter.errors import StatisticsError

if TYPE_CHECKING:
    from exp_jupyter.engine.statistics.scalar_or_array import Numbers


_ROUNDS = 200
_MOST = 1e300


@computable()
def required_size(
    baseline: Numbers,
    effect: Numbers,
    *,
    variance: Numbers | None = None,
    power: Numbers = 0.8,
    design: Design = FIXED,
) -> Numbers:
    """Return the total number of units over all arms, not rounded.

    Parameters
    ----------
    baseline
        Control mean, or conversion rate between 0 and 1 when ``variance`` is None.
    effect
        True effect on the scale of ``design.difference`` (0.05 is +5 % when relative). With a
        non-inferiority margin it may be 0.
    variance
        Variance per unit, in both arms. None for a proportion, whose arms have their own
        variance ``p(1 - p)``.
    power
        Probability to find the effect.

    Raises
    ------
    InputError, StatisticsError
        A number is outside its range, or the effect cannot be found at any size.

    Examples
    --------
    >>> round(required_size(0.12, 0.05))
    94065
    >>> round(required_size(50.0, 2.0, variance=900.0, design=Design(difference="absolute")))
    7066
    >>> import numpy as np
    >>> required_size(0.12, np.array([0.05, 0.1])).round()
    array([94065., 24001.])
    """
    baseline = as_numbers("baseline", baseline)
    effect = as_numbers("effect", effect)
    power = as_numbers("power", power)
    variance = None if variance is None else as_numbers("variance", variance)
    instance("design", design, Design, "Design(alpha=…)")
    inside("power", power, 0, 1, hint="Usual values are 0.8 and 0.9.")
    _check(baseline, variance, design)
    _check_effect(baseline, variance, effect, design)
    gap = planned_gap(baseline, variance, effect, design)
    z = normal_quantile(power)
    threshold, error = gap.edges(None)
    reach = threshold + z * error
    if not everywhere(reach, lambda x: x > 0):
        raise StatisticsError(
            "power_below_alpha",
            "The power asked for is below what chance alone would give; no size fits it.",
        )
    root = reach / gap.signal
    size = root * root
    if not gap.settled and everywhere(size, lambda x: x < _MOST):

        def excess(candidate: Numbers) -> Numbers:
            threshold, error = gap.edges(candidate)
            return gap.signal * candidate**0.5 - threshold - z * error

        size = _crossing(excess, size, _MOST + 0.0 * size)
    if design.wrong_direction or design.degrees_of_freedom in ("t", "welch"):
        control, treatment = design.shares
        floor = 2.5 / where(control < treatment, control, treatment)

        def missing(candidate: Numbers) -> Numbers:
            return gap.power(candidate) - power

        size = _root_in_log(missing, size, floor)
    return size


@computable()
def detectable_effect(
    baseline: Numbers,
    size: Numbers,
    *,
    variance: Numbers | None = None,
    power: Numbers = 0.8,
    design: Design = FIXED,
) -> Numbers:
    """Return the smallest effect that ``size`` units in total find with this power.

    The inverse of `required_size` in its effect: positive, or negative for the alternative
    ``less``.

    Examples
    --------
    >>> round(detectable_effect(0.12, required_size(0.12, 0.05)), 12)
    0.05
    """
    baseline = as_numbers("baseline", baseline)
    size = as_numbers("size", size)
    power = as_numbers("power", power)
    variance = None if variance is None else as_numbers("variance", variance)
    instance("design", design, Design, "Design(alpha=…)")
    inside("size", size, 0, math.inf, hint="Give the total number of units over all arms.")
    inside("power", power, 0, 1, hint="Usual values are 0.8 and 0.9.")
    _check(baseline, variance, design)
    z = normal_quantile(power)
    exact = design.wrong_direction or design.degrees_of_freedom in ("t", "welch")

    def excess(beyond: Numbers) -> Numbers:
        """Return by how much an effect so far beyond the null value exceeds what is found."""
        gap = planned_gap(baseline, variance, design.sign * (beyond - design.margin), design)
        if exact:
            return gap.power(size) - power
        threshold, error = gap.edges(size)
        return gap.signal * size**0.5 - threshold - z * error

    start = planned_gap(baseline, variance, 0.0 * baseline, design).edges(None)
    beyond = (start[0] + cast("Numbers", abs(z)) * start[1]) / size**0.5 / _unit(baseline, design)
    found = _crossing(excess, beyond, _farthest(baseline, variance, design))
    return design.sign * (found - design.margin)


def _farthest(baseline: Numbers, variance: Numbers | None, design: Design) -> Numbers:
    """Return how far beyond the null value an effect can lie."""
    if variance is not None and design.effect != "conversion":
        return 1e9 + 0.0 * baseline
    reach = where(design.sign < 0, baseline, 1 - baseline)
    return cast("Numbers", reach / _unit(baseline, design) + design.margin)


def _unit(baseline: Numbers, design: Design) -> Numbers:
    """Return what an effect of 1 is in the metric's unit."""
    if design.difference == "relative":
        return baseline
    return 1.0


@computable()
def power_of(
    baseline: Numbers,
    effect: Numbers,
    size: Numbers,
    *,
    variance: Numbers | None = None,
    design: Design = FIXED,
) -> Numbers:
    """Return the probability that ``size`` units in total find this effect.

    Examples
    --------
    >>> round(power_of(0.12, 0.05, 94065), 4)
    0.8
    """
    baseline = as_numbers("baseline", baseline)
    effect = as_numbers("effect", effect)
    size = as_numbers("size", size)
    variance = None if variance is None else as_numbers("variance", variance)
    instance("design", design, Design, "Design(alpha=…)")
    inside("size", size, 0, math.inf, hint="Give the total number of units over all arms.")
    _check(baseline, variance, design)
    _check_effect(baseline, variance, effect, design)
    return planned_gap(baseline, variance, effect, design).power(size)


@computable()
def days_for(
    baseline: Numbers,
    effect: Numbers,
    rate: Numbers,
    *,
    variance: Numbers | None = None,
    power: Numbers = 0.8,
    design: Design = FIXED,
) -> Numbers:
    """Return the days until ``rate`` new units a day make up the required size, not rounded.

    Examples
    --------
    >>> round(days_for(0.12, 0.05, 1800), 1)
    52.3
    """
    rate = as_numbers("rate", rate)
    inside("rate", rate, 0, math.inf, hint="Give the number of new units per day.")
    return required_size(baseline, effect, variance=variance, power=power, design=design) / rate


def _check(baseline: Numbers, variance: Numbers | None, design: Design) -> None:
    if variance is None:
        inside(
            "baseline",
            baseline,
            0,
            1,
            hint="A conversion rate is a fraction: 12 % is 0.12. For a mean, give its variance.",
        )
    else:
        inside("variance", variance, 0, math.inf)
        if design.difference == "relative":
            inside(
                "baseline",
                baseline,
                0,
                math.inf,
                hint="A relative effect needs a positive baseline; plan "
                'difference="absolute" instead.',
            )
        else:
            inside("baseline", baseline, -math.inf, math.inf)
    if design.difference == "relative" and design.sign > 0:
        inside("margin", design.margin, -1, 1, hint="A margin of 1 is all of the baseline.")


def _check_effect(
    baseline: Numbers, variance: Numbers | None, effect: Numbers, design: Design
) -> None:
    inside("effect", effect, -math.inf, math.inf)
    if variance is None or design.effect == "conversion":
        rate = baseline * (1 + effect) if design.difference == "relative" else baseline + effect
        if not everywhere(rate, lambda x: (x >= 0) & (x <= 1)):
            raise StatisticsError(
                "rate_out_of_range",
                "The effect would bring the conversion rate outside 0 to 1.",
                hint="Give a smaller effect or check the baseline: 12 % is 0.12.",
            )
    beyond = design.sign * effect
    if design.alternative == "two-sided":
        beyond = cast("Numbers", abs(effect))
    if not everywhere(beyond + design.margin, lambda x: x > 0):
        raise StatisticsError(
            "no_effect",
            "The effect is 0; no number of units can find it."
            if design.alternative == "two-sided"
            else f"The effect lies outside what the alternative {design.alternative!r} and its "
            "margin would call a success; no number of units can show it.",
            hint="Give the smallest effect worth finding.",
        )


def _root_in_log(missing: Callable[[Numbers], Numbers], start: Numbers, floor: Numbers) -> Numbers:
    """Bisect an increasing function around ``start`` on the log scale, never below ``floor``."""
    low: Numbers = where(start / 4 > floor, start / 4, floor + 0 * start)
    high: Numbers = start * 4
    for _ in range(80):
        middle = (low * high) ** 0.5 if everywhere(low, lambda x: x > 0) else (low + high) / 2
        short = missing(middle) < 0
        low = where(short, middle, low)
        high = where(short, high, middle)
    return (low + high) / 2


def _crossing(excess: Callable[[Numbers], Numbers], start: Numbers, limit: Numbers) -> Numbers:
    """Return where an increasing function of positive numbers crosses 0, up to a limit."""
    high: Numbers = where(start < limit, start, limit)
    above = excess(high)
    for _ in range(100):
        short = (above < 0) & (high < limit)
        if everywhere(short, lambda x: x == 0):
            break
        high = where(short, where(2 * high < limit, 2 * high, limit), high)
        above = excess(high)
    if not everywhere(above, lambda x: x >= 0):
        raise StatisticsError(
            "size_too_small",
            "With so few units no effect of any size would be found.",
            hint="Plan more units.",
        )
    low: Numbers = high / 2
    below = excess(low)
    for _ in range(_ROUNDS):
        long = (below > 0) & (low > 1e-12 * high)
        if everywhere(long, lambda x: x == 0):
            break
        low = where(long, low / 8, low)
        below = excess(low)
    if not everywhere(below, lambda x: x <= 0):
        raise StatisticsError(
            "power_below_alpha",
            "The power asked for is below what chance alone would give; any effect fits it.",
        )
    # The secant through the bracket, an end halved when it stays twice (the Illinois rule).
    for _ in range(_ROUNDS):
        middle: Numbers = (low * above - high * below) / (above - below)
        value = excess(middle)
        left = value < 0
        width = where(left, middle - low, high - middle)
        below = where(left, value, below / 2)
        above = where(left, above / 2, value)
        low, high = where(left, middle, low), where(left, high, middle)
        if everywhere(width / middle, lambda x: x <= 1e-14) or everywhere(value, lambda x: x == 0):
            break
    nearer = cast("Numbers", abs(below)) < cast("Numbers", abs(above))
    return cast("Numbers", where(nearer, low, high))
