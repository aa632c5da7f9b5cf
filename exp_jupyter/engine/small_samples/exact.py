"""Two conversion rates with few conversions: score and adjusted intervals, Fisher's exact test."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from exp_jupyter.engine.small_samples.score_tests import (
    SCORES,
    Score,
    score_difference,
    score_statsmodels,
)
from exp_jupyter.engine.statistics.arguments import choose, inside
from exp_jupyter.engine.statistics.scalar_or_array import normal_cdf, normal_quantile
from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.shown import Shown

METHODS = {
    "difference": ("newcombe", "score", "agresti-caffo", "wald", "score-statsmodels"),
    "ratio": ("score", "log-adjusted", "log"),
    "odds-ratio": ("score", "logit-adjusted", "logit-smoothed", "logit"),
}


@dataclass(frozen=True, repr=False)
class RateInterval(Shown):
    """An interval for the difference, ratio or odds ratio of two conversion rates.

    Attributes
    ----------
    compare
        ``difference`` (treatment minus control), ``ratio`` or ``odds-ratio``.
    method
        How the interval was formed.
    estimate
        The observed difference, ratio or odds ratio; None where it is not defined.
    interval
        Lower and upper bound; an upper bound may be infinite.
    level
        Confidence level.
    """

    compare: str
    method: str
    estimate: float | None
    interval: tuple[float, float]
    level: float


@dataclass(frozen=True, repr=False)
class ExactTest(Shown):
    """Fisher's exact test of two conversion rates.

    Attributes
    ----------
    p_value
        Probability, given the margins, of a table at least as extreme.
    odds_ratio
        Sample odds ratio, treatment over control; None where it is not defined.
    alternative
        ``two-sided``, ``greater`` or ``less``.
    """

    p_value: float
    odds_ratio: float | None
    alternative: str


def rate_interval(
    control: tuple[int, int],
    treatment: tuple[int, int],
    *,
    compare: str = "difference",
    method: str | None = None,
    level: float = 0.95,
) -> RateInterval:
    """Return an interval that holds its level for small counts.

    Parameters
    ----------
    control, treatment
        Conversions and units of each arm.
    compare
        ``difference``, ``ratio`` or ``odds-ratio``, treatment against control.
    method
        ``difference``: ``newcombe`` (default; hybrid of Wilson intervals), ``score``
        (Miettinen-Nurminen), ``agresti-caffo``, ``wald``, ``score-statsmodels`` (see Notes).
        ``ratio``: ``score`` (default), ``log-adjusted``, ``log``. ``odds-ratio``: ``score``
        (default), ``logit-adjusted``, ``logit-smoothed``, ``logit``.
    level
        Confidence level.

    Raises
    ------
    InputError, StatisticsError
        Counts that are not counts, or a method that cannot treat an arm without conversions.

    Notes
    -----
    ``score-statsmodels`` gives what statsmodels 0.15 gives for ``score``: there one coefficient of
    the cubic for the rate under the null hypothesis has control's conversions where its units
    belong, which moves the bounds by about a percent of their width, and the rate may leave 0 to
    1, where statsmodels often gives no bounds at all. Use it to compare only.

    Sources: Newcombe, *Interval estimation for the difference between independent proportions*;
    Miettinen, Nurminen, *Comparative analysis of two rates*; Agresti, Caffo, *Simple and effective
    confidence intervals for proportions and differences of proportions*; Agresti, *On logit
    confidence intervals for the odds ratio with small samples*.

    Examples
    --------
    >>> low, high = rate_interval((3, 40), (9, 42)).interval
    >>> round(low, 4), round(high, 4)
    (-0.018, 0.2925)
    """
    choose("compare", compare, tuple(METHODS))
    method = method or METHODS[compare][0]
    choose(f"method for a {compare}", method, METHODS[compare])
    inside("level", level, 0, 1)
    x0, n0 = _counts("control", control)
    x1, n1 = _counts("treatment", treatment)
    z = float(normal_quantile(1 - (1 - level) / 2))
    bounds = _INTERVALS[compare, method](x1, n1, x0, n0, z)
    return RateInterval(compare, method, _estimate(compare, x1, n1, x0, n0), bounds, level)


def exact_test(
    control: tuple[int, int], treatment: tuple[int, int], *, alternative: str = "two-sided"
) -> ExactTest:
    """Return Fisher's exact test.

    Examples
    --------
    >>> round(exact_test((1, 20), (8, 20)).p_value, 5)
    0.01966
    """
    choose("alternative", alternative, ("two-sided", "greater", "less"))
    x0, n0 = _counts("control", control)
    x1, n1 = _counts("treatment", treatment)
    total = x0 + x1
    low, high = max(0, total - n0), min(total, n1)

    def log_weight(x: int) -> float:
        return -(
            math.lgamma(x + 1)
            + math.lgamma(n1 - x + 1)
            + math.lgamma(total - x + 1)
            + math.lgamma(n0 - total + x + 1)
        )

    logs = [log_weight(x) for x in range(low, high + 1)]
    peak = max(logs)
    weights = [math.exp(value - peak) for value in logs]
    seen = x1 - low
    if alternative == "greater":
        chosen = weights[seen:]
    elif alternative == "less":
        chosen = weights[: seen + 1]
    else:
        # The usual rule: every table no more likely than the one seen, up to rounding.
        chosen = [weight for weight in weights if weight <= weights[seen] * (1 + 1e-7)]
    p_value = min(1.0, math.fsum(chosen) / math.fsum(weights))
    return ExactTest(p_value, _estimate("odds-ratio", x1, n1, x0, n0), alternative)


def score_statistic(
    control: tuple[int, int],
    treatment: tuple[int, int],
    null: float = 0.0,
    *,
    compare: str = "difference",
    corrected: bool = True,
) -> float:
    """Return the score statistic of Miettinen and Nurminen, standard normal under ``null``.

    Parameters
    ----------
    null
        Difference, ratio or odds ratio under the null hypothesis.
    corrected
        Multiply the variance by ``n / (n - 1)``.

    Examples
    --------
    >>> round(score_statistic((785, 4100), (778, 4000), -0.01), 4)
    1.4865
    """
    choose("compare", compare, tuple(METHODS))
    x0, n0 = _counts("control", control)
    x1, n1 = _counts("treatment", treatment)
    return SCORES[compare](x1, n1, x0, n0, null, corrected)


def _counts(arm: str, given: tuple[int, int]) -> tuple[int, int]:
    try:
        successes, n = given
    except (TypeError, ValueError):
        raise InputError(f"{arm} is {given!r}; expected conversions and units.") from None
    inside(f"{arm} units", n, 1, math.inf, closed=True)
    inside(f"{arm} conversions", successes, 0, math.inf, closed=True)
    if successes > n:
        raise StatisticsError(
            "successes_exceed_n", f"{arm} has {successes} conversions in {n} units."
        )
    if successes != int(successes) or n != int(n):
        raise InputError(f"{arm} is {given!r}; expected whole numbers.")
    return int(successes), int(n)


def _estimate(compare: str, x1: int, n1: int, x0: int, n0: int) -> float | None:
    if compare == "difference":
        return x1 / n1 - x0 / n0
    if compare == "ratio":
        return (x1 / n1) / (x0 / n0) if x0 else None
    return x1 * (n0 - x0) / (x0 * (n1 - x1)) if x0 and n1 - x1 else None


# ------------------------------------------------------------------- intervals in closed form

Interval = tuple[float, float]


def _wald(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
    p1, p0 = x1 / n1, x0 / n0
    half = z * math.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    return p1 - p0 - half, p1 - p0 + half


def _agresti_caffo(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
    return _wald(x1 + 1, n1 + 2, x0 + 1, n0 + 2, z)


def _wilson(x: float, n: float, z: float) -> Interval:
    centre = (x + z * z / 2) / (n + z * z)
    half = z * math.sqrt(x * (n - x) / n + z * z / 4) / (n + z * z)
    return centre - half, centre + half


def _newcombe(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
    p1, p0 = x1 / n1, x0 / n0
    low1, high1 = _wilson(x1, n1, z)
    low0, high0 = _wilson(x0, n0, z)
    return (
        p1 - p0 - math.hypot(p1 - low1, high0 - p0),
        p1 - p0 + math.hypot(high1 - p1, p0 - low0),
    )


def _log(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
    if not x1 or not x0:
        raise _needs_conversions("log-adjusted or score")
    half = z * math.sqrt(1 / x1 - 1 / n1 + 1 / x0 - 1 / n0)
    centre = math.log(x1 / n1) - math.log(x0 / n0)
    return math.exp(centre - half), math.exp(centre + half)


def _log_adjusted(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
    return _log(x1 + 0.5, n1 + 0.5, x0 + 0.5, n0 + 0.5, z)


def _logit(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
    if min(x1, x0, n1 - x1, n0 - x0) <= 0:
        raise _needs_conversions("logit-adjusted or score")
    half = z * math.sqrt(1 / x1 + 1 / (n1 - x1) + 1 / x0 + 1 / (n0 - x0))
    centre = math.log(x1 / (n1 - x1)) - math.log(x0 / (n0 - x0))
    return math.exp(centre - half), math.exp(centre + half)


def _logit_adjusted(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
    return _logit(x1 + 0.5, n1 + 1, x0 + 0.5, n0 + 1, z)


def _logit_smoothed(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
    # Two units' worth of the table that independence would give (Agresti 1999).
    pooled, total = (x1 + x0) / (n1 + n0), n1 + n0
    extra1, extra0 = 2 * n1 / total, 2 * n0 / total
    return _logit(x1 + pooled * extra1, n1 + extra1, x0 + pooled * extra0, n0 + extra0, z)


def _needs_conversions(instead: str) -> StatisticsError:
    return StatisticsError(
        "zero_count",
        "One arm has no conversions, or nothing but conversions; this method takes logarithms.",
        hint=f"Use {instead}.",
    )


# -------------------------------------------------------------------- score, by inverting a test


def _difference_by(score: Score) -> Callable[[float, float, float, float, float], Interval]:
    def interval(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
        def at(null: float) -> float:
            return score(x1, n1, x0, n0, null, True)

        middle = x1 / n1 - x0 / n0
        return _crossing(at, z, -1.0, middle), _crossing(at, -z, middle, 1.0)

    return interval


def _ratio_by(compare: str) -> Callable[[float, float, float, float, float], Interval]:
    def interval(x1: float, n1: float, x0: float, n0: float, z: float) -> Interval:
        def at(log_null: float) -> float:
            return SCORES[compare](x1, n1, x0, n0, math.exp(log_null), True)

        # Ratios are searched on their logarithm, between e^-30 and e^30.
        estimate = _estimate(compare, int(x1), int(n1), int(x0), int(n0))
        middle = 30.0 if estimate is None else math.log(estimate) if estimate > 0 else -30.0
        low, high = _crossing(at, z, -30.0, middle), _crossing(at, -z, middle, 30.0)
        odds = compare == "odds-ratio"
        if x1 == 0 or (odds and x0 == n0):
            low = -math.inf
        if x0 == 0 or (odds and x1 == n1):
            high = math.inf
        return math.exp(low), math.exp(high) if high < math.inf else math.inf

    return interval


def _crossing(at: Callable[[float], float], level: float, low: float, high: float) -> float:
    """Bisect for the point where a falling score passes ``level``; an end if it never does."""
    if at(low) <= level:
        return low
    if at(high) >= level:
        return high
    for _ in range(100):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if at(middle) > level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


_INTERVALS: dict[tuple[str, str], Callable[[float, float, float, float, float], Interval]] = {
    ("difference", "wald"): _wald,
    ("difference", "agresti-caffo"): _agresti_caffo,
    ("difference", "newcombe"): _newcombe,
    ("difference", "score"): _difference_by(score_difference),
    ("difference", "score-statsmodels"): _difference_by(score_statsmodels),
    ("ratio", "log"): _log,
    ("ratio", "log-adjusted"): _log_adjusted,
    ("ratio", "score"): _ratio_by("ratio"),
    ("odds-ratio", "logit"): _logit,
    ("odds-ratio", "logit-adjusted"): _logit_adjusted,
    ("odds-ratio", "logit-smoothed"): _logit_smoothed,
    ("odds-ratio", "score"): _ratio_by("odds-ratio"),
}


def two_sided_p_value(z: float) -> float:
    """Return the two-sided p-value of a standard normal statistic."""
    return 2 * float(normal_cdf(-abs(z)))
