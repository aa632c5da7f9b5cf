"""Always-valid intervals without a normal approximation: yes/no data, bounded data, quantiles.

They hold at every sample size at once, however often one looks, and exactly rather than for large
samples; the price is width. Sources: Howard, Ramdas, McAuliffe, Sekhon, *Time-uniform,
nonparametric, nonasymptotic confidence sequences*; Waudby-Smith, Ramdas, *Estimating means of
bounded random variables by betting*; Howard, Ramdas, *Sequential estimation of quantiles with
applications to A/B testing and best-arm identification*.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from exp_jupyter.engine.sequential.confidence_sequence import (
    mixture_precision,
    normal_mixture_boundary,
)
from exp_jupyter.engine.statistics.arguments import inside
from exp_jupyter.engine.statistics.arrays import Floats, floats
from exp_jupyter.errors import InputError


def bernoulli_sequence(
    successes: int, trials: int, *, tightest_at: float, alpha: float = 0.05
) -> tuple[float, float]:
    """Return a confidence sequence for a conversion rate, from the counts so far.

    Inverts the two-sided beta-binomial mixture martingale.

    Parameters
    ----------
    successes, trials
        The counts so far.
    tightest_at
        Number of trials at which the interval should be tightest.

    Examples
    --------
    >>> low, high = bernoulli_sequence(30, 200, tightest_at=200)
    >>> round(low, 4), round(high, 4)
    (0.0831, 0.2357)
    """
    inside("trials", trials, 1, math.inf, closed=True)
    inside("successes", successes, 0, math.inf, closed=True)
    inside("tightest_at", tightest_at, 0, math.inf)
    inside("alpha", alpha, 0, 1)
    if successes > trials:
        raise InputError(f"There are {successes} successes in {trials} trials.")
    rate = successes / trials
    optimum = _two_sided_rho(1.0, 0.05)

    def evidence(p: float) -> float:
        # The prior weight r of the mixture, in trials: tuned for an alpha of 0.05.
        r = max(p * (1 - p) * tightest_at * optimum - p * (1 - p), 1e-3 * p * (1 - p))
        a, b = r / p, r / (1 - p)
        return (
            math.lgamma(a + trials - successes)
            + math.lgamma(b + successes)
            - math.lgamma(a + b + trials)
            - math.lgamma(a)
            - math.lgamma(b)
            + math.lgamma(a + b)
            - successes * math.log(p)
            - (trials - successes) * math.log1p(-p)
            + math.log(alpha)
        )

    low = _bisect(evidence, 1e-300, rate, falling=True) if successes else 0.0
    high = _bisect(evidence, rate, 1 - 1e-16, falling=False) if successes < trials else 1.0
    return low, high


def hoeffding_sequence(
    values: object, *, tightest_at: float, alpha: float = 0.05
) -> tuple[Floats, Floats]:
    """Return a confidence sequence for the mean of values between 0 and 1, after each value.

    The normal mixture of Hoeffding's bound: it needs no variance and uses none.

    Examples
    --------
    >>> low, high = hoeffding_sequence([0.2, 0.4] * 50, tightest_at=100)
    >>> round(float(low[-1]), 3), round(float(high[-1]), 3)
    (0.148, 0.452)
    """
    x = _unit_interval(values)
    inside("tightest_at", tightest_at, 0, math.inf)
    inside("alpha", alpha, 0, 1)
    t = np.arange(1, x.size + 1)
    precision = mixture_precision(alpha, tightest_at / 4)
    half = floats(normal_mixture_boundary(t / 4, precision, alpha)) / t
    mean = np.cumsum(x) / t
    return np.maximum(mean - half, 0.0), np.minimum(mean + half, 1.0)


def empirical_bernstein_sequence(
    values: object, *, tightest_at_variance: float, alpha: float = 0.05
) -> tuple[Floats, Floats]:
    """Return a confidence sequence for the mean of values between 0 and 1 that uses their spread.

    The gamma-exponential mixture of the empirical Bernstein bound.

    Parameters
    ----------
    tightest_at_variance
        Sum of squared deviations at which to be tightest: number of values times their variance.

    Examples
    --------
    >>> low, high = empirical_bernstein_sequence([0.2, 0.4] * 50, tightest_at_variance=1)
    >>> round(float(low[-1]), 3), round(float(high[-1]), 3)
    (0.216, 0.384)
    """
    x = _unit_interval(values)
    inside("tightest_at_variance", tightest_at_variance, 0, math.inf)
    inside("alpha", alpha, 0, 1)
    # Half of alpha for each side, halved again as the confseq package does: conservative, and the
    # same numbers as everyone else's.
    side = alpha / 4
    return (
        _bernstein_below(x, tightest_at_variance, side),
        1 - _bernstein_below(1 - x, tightest_at_variance, side),
    )


def predictable_bernstein_sequence(
    values: object, *, alpha: float = 0.05, truncation: float = 0.5
) -> tuple[Floats, Floats]:
    """Return a confidence sequence for the mean of values between 0 and 1 that tunes itself.

    The predictable plug-in empirical Bernstein bound: each bet is set by the values before it.

    Examples
    --------
    >>> low, high = predictable_bernstein_sequence([0.2, 0.4] * 50)
    >>> round(float(low[-1]), 3), round(float(high[-1]), 3)
    (0.222, 0.38)
    """
    x = _unit_interval(values)
    inside("alpha", alpha, 0, 1)
    inside("truncation", truncation, 0, 1)
    return (
        _plug_in_below(x, alpha / 2, truncation),
        1 - _plug_in_below(1 - x, alpha / 2, truncation),
    )


def quantile_boundary(
    quantile: float, t: object, *, tightest_at: float, alpha: float = 0.05
) -> Floats:
    """Return a bound on how far a count of values below a quantile strays, for all at once.

    Double stitching: uniform over quantiles and over time. Divide by ``t`` for the shift in rank.

    Examples
    --------
    >>> float(quantile_boundary(0.9, 100.0, tightest_at=100.0).round(4))
    10.2909
    """
    from scipy import special

    inside("quantile", quantile, 0, 1)
    inside("tightest_at", tightest_at, 0, math.inf)
    inside("alpha", alpha, 0, 1)
    time = np.maximum(floats(t, "t"), tightest_at)
    delta, s, eta = 0.5, 1.4, 2.0
    logit = math.log(quantile / (1 - quantile))
    shift = 2 * delta * np.sqrt(tightest_at * eta / time)
    nearest = quantile if quantile >= 0.5 else np.minimum(0.5, special.expit(logit + shift))
    spread = nearest * (1 - nearest)
    steps = np.sqrt(time / tightest_at) * abs(logit) / (2 * delta) + 1
    zeta = float(special.zeta(s))
    level = (
        s * np.log(np.log(eta * time / tightest_at))
        + s * np.log(steps)
        + math.log(2 * zeta * (2 * zeta + 1) / (alpha * math.log(eta) ** s))
    )
    k1 = (eta**0.25 + eta**-0.25) / math.sqrt(2)
    k2 = (math.sqrt(eta) + 1) / 2
    linear = k2 * (1 - 2 * quantile) / 3 * level
    return np.asarray(
        delta * np.sqrt(eta * time * spread / tightest_at)
        + np.sqrt(k1 * k1 * spread * time * level + linear * linear)
        + linear
    )


def cdf_band(t: object, *, alpha: float = 0.05, start: float = 1.0, scale: float = 0.85) -> Floats:
    """Return the half-width of a band around the empirical distribution function, at all times.

    A law-of-the-iterated-logarithm bound on the empirical process, valid from ``start`` values on
    (infinite before).

    Examples
    --------
    >>> float(cdf_band(500, start=32).round(4))
    0.1168
    """
    inside("alpha", alpha, 0, 1)
    inside("start", start, 1, math.inf, closed=True)
    inside("scale", scale, math.sqrt(0.5), math.inf)
    time = floats(t, "t")
    constant = _lil_constant(alpha, scale)
    with np.errstate(invalid="ignore", divide="ignore"):
        width = scale * np.sqrt((np.log1p(np.log(time / start)) + constant) / time)
    return np.asarray(np.where(time < start, math.inf, width))


def _two_sided_rho(v: float, alpha: float) -> float:
    return v / (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha)))


def _bernstein_below(x: Floats, tightest_at: float, alpha: float) -> Floats:
    t = np.arange(1, x.size + 1)
    mean = np.cumsum(x) / t
    before = np.append(0.5, mean[:-1])
    v = np.cumsum((x - before) ** 2)
    boundary = _mixture_root(lambda s: _gamma_exponential(s, v, tightest_at, alpha), v, alpha)
    return np.maximum(mean - boundary / t, 0.0)


def _gamma_exponential(s: Floats, v: Floats, tightest_at: float, alpha: float) -> Floats:
    from scipy import special

    rho = tightest_at * _two_sided_rho(1.0, 2 * alpha)
    constant = rho * math.log(rho) - math.lgamma(rho) - math.log(float(special.gammainc(rho, rho)))
    reach = s + v + rho
    return np.asarray(
        constant
        + special.gammaln(v + rho)
        + np.log(special.gammainc(v + rho, reach))
        - (v + rho) * np.log(reach)
        + s
        + v
    )


def _plug_in_below(x: Floats, alpha: float, truncation: float) -> Floats:
    t = np.arange(1, x.size + 1)
    mean = np.cumsum(x) / t
    # The bet on value t may use the values before it only.
    regularised = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - regularised) ** 2)) / (t + 1)
    known = np.append(0.25, variance[:-1])
    bets = np.minimum(np.sqrt(2 * math.log(1 / alpha) / (known * t * np.log1p(t))), truncation)
    surprise = (x - np.append(0.0, mean[:-1])) ** 2
    cost = np.cumsum(surprise * (-np.log1p(-bets) - bets))
    staked = np.cumsum(bets)
    bound = (np.cumsum(bets * x) - math.log(1 / alpha) - cost) / staked
    return np.asarray(np.minimum(bound, 1.0))


def _lil_constant(alpha: float, scale: float) -> float:
    def smallest_error(c: float) -> float:
        # eta runs from 1 to where the bound stops to hold.
        edge = _bisect(
            lambda eta: math.sqrt(eta / 2) + math.sqrt(2 * (eta - 1) / c) - scale,
            1.0,
            2 * scale * scale,
            falling=False,
        )

        def error(eta: float) -> float:
            gamma = 2 / eta * (scale - math.sqrt(2 * (eta - 1) / c)) ** 2
            if gamma <= 1:
                return math.inf
            return 4 * math.exp(-gamma * c) * (1 + 1 / ((gamma - 1) * math.log(eta)))

        return _smallest(error, 1.0, edge)

    return _bisect(lambda c: smallest_error(c) - alpha, 0.5, 1000.0, falling=True)


def _smallest(function: Callable[[float], float], low: float, high: float) -> float:
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(100):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if function(left) <= function(right):
            high = right
        else:
            low = left
    return function((low + high) / 2)


def _bisect(function: Callable[[float], float], low: float, high: float, *, falling: bool) -> float:
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if (function(middle) > 0) is falling:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _mixture_root(evidence: Callable[[Floats], Floats], v: Floats, alpha: float) -> Floats:
    """Return where a rising log mixture reaches ``log(1 / alpha)``, element by element."""
    low, high = np.zeros_like(v), np.maximum(v, 1.0)
    threshold = -math.log(alpha)
    for _ in range(50):
        short = evidence(high) < threshold
        if not short.any():
            break
        high = np.where(short, 2 * high, high)
    for _ in range(60):
        middle = (low + high) / 2
        short = evidence(middle) < threshold
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray((low + high) / 2)


def _unit_interval(values: object) -> Floats:
    x = floats(values, "values")
    if x.ndim != 1 or x.size == 0:
        raise InputError("values must be one list of numbers.")
    if not ((x >= 0) & (x <= 1)).all():
        raise InputError(
            "A value is outside 0 to 1.", hint="Divide bounded values by their largest possible."
        )
    return x
