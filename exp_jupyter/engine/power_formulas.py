"""How many units, how small an effect, how much power: closed forms for one plan or a million.

Every function takes scalars or arrays (broadcast against each other) and is the same formula for
both; arrays bring in numpy and scipy, scalars need neither.

With arm shares ``r_T``, ``r_C`` of the total ``N``, an effect ``e`` and ``g = 1 - ρ²`` (CUPED), the
variance of the estimated effect times ``N`` is a quadratic in ``e``, for means and for proportions:

    absolute   Q(e) = g·s²_T/r_T + g·s²_C/r_C
    relative   Q(e) = [ g·s²_T/r_T + (g·(1 + 2e) + e²)·s²_C/r_C ] / m_C²

so ``N = (c + κ·z_power)²·Q(e)/(e + margin)²``. ``c`` is the normal quantile of a fixed-horizon
test, or the boundary of the asymptotic confidence sequence. ``κ`` is the standard deviation of the
test statistic under the effect, by the delta method: the statistic is ``e/√(Q/N)`` at the observed
means, and ``Q`` moves with them. It is 1 for an absolute effect on a mean, below 1 for an increase
in a relative one; without it, plans for large effects are a few points of power too safe.

Sources: Kohavi, Tang, Xu, *Trustworthy Online Controlled Experiments*; Larsen et al., *Statistical
Challenges in Online Controlled Experiments* (non-inferiority); Deng, Knoblich, Lu, *Applying the
Delta Method in Metric Analytics* (relative effects); Waudby-Smith et al., *Time-uniform central
limit theory and asymptotic confidence sequences* (sequential).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from exp_jupyter.engine.design import FIXED, Design
from exp_jupyter.engine.limits import inside
from exp_jupyter.engine.scalar_or_array import everywhere, normal_cdf, normal_quantile, where
from exp_jupyter.errors import StatisticsError

if TYPE_CHECKING:
    from exp_jupyter.engine.scalar_or_array import Numbers


_ROUNDS = 200


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
    95944
    >>> round(required_size(50.0, 2.0, variance=900.0, design=Design(difference="absolute")))
    7064
    >>> import numpy as np
    >>> required_size(0.12, np.array([0.05, 0.1])).round()
    array([95944., 24961.])
    """
    noise = _noise(baseline, variance, design, effect)
    inside("power", power, 0, 1, hint="Usual values are 0.8 and 0.9.")
    signal = _signal(effect, design)
    q = _at(noise, effect)
    spread = _statistic_spread(baseline, variance, effect, design)
    z = normal_quantile(power) * spread
    if design.sequential is True or design.sequential is False:
        reach = design.boundary() + z
        if not everywhere(reach, lambda x: x > 0):
            raise StatisticsError(
                "power_below_alpha",
                "The power asked for is below what chance alone would give; no size fits it.",
            )
        size = reach * reach * q / (signal * signal)
    else:
        # Only the boundary depends on the size, and weakly: the update contracts quickly.
        size = (design.boundary() + z) ** 2 * q / (signal * signal)
        for _ in range(60):
            size = (design.boundary(size) + z) ** 2 * q / (signal * signal)
    if design.wrong_direction or design.degrees_of_freedom != "normal":
        control, treatment = design.shares
        floor = 2.5 / where(control < treatment, control, treatment)

        def missing(candidate: Numbers) -> Numbers:
            return _power(signal, q, spread, candidate, design) - power

        size = _root_in_log(missing, size, floor)
    return size


def detectable_effect(
    baseline: Numbers,
    size: Numbers,
    *,
    variance: Numbers | None = None,
    power: Numbers = 0.8,
    design: Design = FIXED,
) -> Numbers:
    """Return the smallest effect that ``size`` units in total find with this power.

    The inverse of `required_size` in its effect: the positive root of a quadratic (the negative
    one for the alternative ``less``), found again until the statistic's spread fits the effect.

    Examples
    --------
    >>> round(detectable_effect(0.12, required_size(0.12, 0.05)), 12)
    0.05
    """
    inside("size", size, 0, math.inf, hint="Give the total number of units over all arms.")
    inside("power", power, 0, 1, hint="Usual values are 0.8 and 0.9.")
    noise = _noise(baseline, variance, design, None)
    boundary, z = design.boundary(size), normal_quantile(power)
    effect = _solve_effect(noise, size, boundary + z, design)
    for _ in range(_ROUNDS if _moves(variance, design) else 0):
        # The spread depends on the effect it is for, but weakly: the update contracts.
        spread = _statistic_spread(baseline, variance, effect, design)
        better = _solve_effect(noise, size, boundary + z * spread, design)
        settled = everywhere(better - effect, lambda step: abs(step) <= 1e-15)
        effect = better
        if settled:
            break
    if design.wrong_direction or design.degrees_of_freedom != "normal":

        def missing(candidate: Numbers) -> Numbers:
            found = candidate * design.sign
            spread = _statistic_spread(baseline, variance, found, design)
            signal = candidate + design.margin
            return _power(signal, _at(noise, found), spread, size, design) - power

        effect = _root_in_log(missing, effect * design.sign, 0.0) * design.sign
    _refuse_impossible_rate(baseline, variance, effect, design)
    return effect


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
    >>> round(power_of(0.12, 0.05, 95944), 4)
    0.8
    """
    inside("size", size, 0, math.inf, hint="Give the total number of units over all arms.")
    noise = _noise(baseline, variance, design, effect)
    spread = _statistic_spread(baseline, variance, effect, design)
    return _power(_signal(effect, design), _at(noise, effect), spread, size, design)


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
    53.3
    """
    inside("rate", rate, 0, math.inf, hint="Give the number of new units per day.")
    return required_size(baseline, effect, variance=variance, power=power, design=design) / rate


# ---------------------------------------------------------------------------- the quadratic


def _noise(
    baseline: Numbers, variance: Numbers | None, design: Design, effect: Numbers | None
) -> tuple[Numbers, Numbers, Numbers]:
    """Return ``a0, a1, a2`` of ``Q(e) = a0 + a1·e + a2·e²``."""
    control, treatment = design.shares
    g = 1 - design.correlation**2
    if variance is None:
        inside(
            "baseline",
            baseline,
            0,
            1,
            hint="A conversion rate is a fraction: 12 % is 0.12. For a mean, give its variance.",
        )
        if effect is not None:
            inside("effect", effect, -math.inf, math.inf)
            _refuse_impossible_rate(baseline, variance, effect, design)
        spread: Numbers = baseline * (1 - baseline)
        slope: Numbers = 1 - 2 * baseline
        bend: Numbers = -1.0
    else:
        inside("variance", variance, 0, math.inf)
        spread, slope, bend = variance, 0.0, 0.0
    if design.difference == "absolute":
        if variance is not None:
            inside("baseline", baseline, -math.inf, math.inf)
            # Nothing depends on the baseline here, but the answer keeps the grid's shape.
            spread = spread if isinstance(baseline, (int, float)) else spread + 0.0 * baseline
        return (
            g * (spread / treatment + spread / control),
            g * slope / treatment,
            (g * bend / treatment),
        )
    if variance is not None:
        inside(
            "baseline",
            baseline,
            0,
            math.inf,
            hint='A relative effect needs a positive baseline; plan difference="absolute" instead.',
        )
    # s²_T(e) = spread + slope·(m·e) + bend·(m·e)², everything divided by m².
    relative = spread / (baseline * baseline)
    return (
        g * relative * (1 / treatment + 1 / control),
        g * (slope / baseline / treatment + 2 * relative / control),
        g * bend / treatment + relative / control,
    )


def _at(noise: tuple[Numbers, Numbers, Numbers], effect: Numbers) -> Numbers:
    return noise[0] + effect * (noise[1] + effect * noise[2])


def _signal(effect: Numbers, design: Design) -> Numbers:
    if design.alternative == "two-sided":
        inside("effect", effect, -math.inf, math.inf)
        signal = cast("Numbers", abs(effect))
        wrong = "The effect is 0; no number of units can find it."
    else:
        inside("effect", effect, -math.inf, math.inf)
        signal = design.sign * effect + design.margin
        wrong = (
            f"The effect lies outside what the alternative {design.alternative!r} and its margin "
            "would call a success; no number of units can show it."
        )
    if not everywhere(signal, lambda x: x > 0):
        raise StatisticsError("no_effect", wrong, hint="Give the smallest effect worth finding.")
    return signal


def _solve_effect(
    noise: tuple[Numbers, Numbers, Numbers], size: Numbers, reach: Numbers, design: Design
) -> Numbers:
    a0, a1, a2 = noise
    kappa = size / (reach * reach)
    a = kappa - a2
    b = 2 * design.margin * kappa - design.sign * a1
    c = design.margin * design.margin * kappa - a0
    if not everywhere(a, lambda x: x > 0):
        raise StatisticsError(
            "size_too_small",
            "With so few units no effect of any size would be found: its own noise grows with it.",
            hint='Plan more units, or difference="absolute".',
        )
    root = (b * b - 4 * a * c) ** 0.5
    # Of the two equal forms of the root, take the one without cancellation.
    steep = where(b > 0, b + root, root - b)
    return cast("Numbers", design.sign * where(b > 0, -2 * c / steep, steep / (2 * a)))


def _refuse_impossible_rate(
    baseline: Numbers, variance: Numbers | None, effect: Numbers, design: Design
) -> None:
    if variance is not None:
        return
    rate = baseline * (1 + effect) if design.difference == "relative" else baseline + effect
    if not everywhere(rate, lambda x: (x >= 0) & (x <= 1)):
        raise StatisticsError(
            "rate_out_of_range",
            "The effect would bring the conversion rate outside 0 to 1.",
            hint="Give a smaller effect or check the baseline: 12 % is 0.12.",
        )


def _power(signal: Numbers, q: Numbers, spread: Numbers, size: Numbers, design: Design) -> Numbers:
    shift = signal * (size / q) ** 0.5
    if design.degrees_of_freedom != "normal":
        return _power_t(shift, spread, size, design)
    boundary = design.boundary(size)
    power = normal_cdf((shift - boundary) / spread)
    if design.wrong_direction and design.alternative == "two-sided":
        power = power + normal_cdf((-shift - boundary) / spread)
    return power


def _moves(variance: Numbers | None, design: Design) -> bool:
    """Tell whether the statistic's standard error moves with the observed means."""
    return design.refined and (variance is None or design.difference == "relative")


def _statistic_spread(
    baseline: Numbers, variance: Numbers | None, effect: Numbers, design: Design
) -> Numbers:
    """Return κ, the standard deviation of the test statistic under the effect.

    With ``t = D/√(P/N)``, ``D`` the effect beyond the null and everything in units of the
    baseline, κ² is the sum over the independent parts (treatment mean, control mean, and what the
    covariate explains of it) of ``(∂t/∂part)²`` times the part's variance.
    """
    if not _moves(variance, design):
        return 1.0
    control, treatment = design.shares
    explained = design.correlation**2
    g = 1 - explained
    relative = design.difference == "relative"
    unit = baseline if relative else 1.0
    if variance is None:
        rate = baseline * (1 + effect) if relative else baseline + effect
        own = rate * (1 - rate) / treatment, baseline * (1 - baseline) / control
        slopes = (1 - 2 * rate) / treatment / unit, (1 - 2 * baseline) / control / unit
    else:
        own = variance / treatment, variance / control
        slopes = 0.0, 0.0
    w_t, w_c = (part / (unit * unit) for part in own)
    beyond = effect + design.sign * design.margin
    if not relative:
        p = g * (w_t + w_c)
        l_t = 1 / beyond - g * slopes[0] / (2 * p)
        l_c = -1 / beyond - g * slopes[1] / (2 * p)
        return (beyond * beyond / p * g * (l_t * l_t * w_t + l_c * l_c * w_c)) ** 0.5
    h = g * (1 + 2 * effect) + effect * effect
    p = g * w_t + h * w_c
    pull = 1 / beyond - (g + effect) * w_c / p
    l_t = pull - g * slopes[0] / (2 * p)
    l_c = 1 - pull * (1 + effect) - h * slopes[1] / (2 * p)
    l_u = 1 - pull * effect
    parts = g * (l_t * l_t * w_t + l_c * l_c * w_c) + explained * l_u * l_u * w_c
    return (beyond * beyond / p * parts) ** 0.5


def _power_t(shift: Numbers, spread: Numbers, size: Numbers, design: Design) -> Numbers:
    from scipy import special

    df = design.freedom(size)
    boundary = cast("Numbers", -special.stdtrit(df, design.tail))
    shift = boundary + (shift - boundary) / spread
    power = 1 - special.nctdtr(df, shift, boundary)
    if design.wrong_direction and design.alternative == "two-sided":
        wrong = cast("Numbers", special.nctdtr(df, shift, -boundary))
        # The far tail underflows to no number where it is far below anything that matters.
        power = power + where(wrong >= 0, wrong, 0.0)
    return float(power) if getattr(power, "ndim", 0) == 0 else cast("Numbers", power)


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
