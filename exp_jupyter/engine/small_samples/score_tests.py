"""Miettinen and Nurminen's score statistics for two rates, at any null value.

Source: Miettinen, Nurminen, *Comparative analysis of two rates*. Each takes the treatment's
conversions and units, then control's.
"""

from __future__ import annotations

import math
from collections.abc import Callable


def score_difference(
    x1: float, n1: float, x0: float, n0: float, null: float, corrected: bool
) -> float:
    """Return the statistic of a difference in rates."""
    return _score_difference_at(x1, n1, x0, n0, null, corrected, n0)


def score_statsmodels(
    x1: float, n1: float, x0: float, n0: float, null: float, corrected: bool
) -> float:
    """Return the same with the constrained rate as statsmodels 0.15 computes it.

    There it may leave the range of rates, and so it may here.
    """
    return _score_difference_at(x1, n1, x0, n0, null, corrected, x0, bounded=False)


def _score_difference_at(
    x1: float,
    n1: float,
    x0: float,
    n0: float,
    null: float,
    corrected: bool,
    coefficient: float,
    *,
    bounded: bool = True,
) -> float:
    n, x = n1 + n0, x1 + x0
    if null == 0:
        p0 = p1 = x / n
    else:
        # Constrained maximum likelihood: the root of a cubic, in trigonometric form.
        l2 = (n1 + 2 * n0) * null - n - x
        l1 = (coefficient * null - n - 2 * x0) * null + x
        l0 = x0 * null * (1 - null)
        q = (l2 / (3 * n)) ** 3 - l1 * l2 / (6 * n * n) + l0 / (2 * n)
        p = math.copysign(math.sqrt(max((l2 / (3 * n)) ** 2 - l1 / (3 * n), 0.0)), q)
        angle = 0.0 if p == 0 else (math.pi + math.acos(min(1.0, max(-1.0, q / p**3)))) / 3
        root = 2 * p * math.cos(angle) - l2 / (3 * n)
        p0 = min(1.0, 1.0 - null, max(0.0, -null, root)) if bounded else root
        p1 = p0 + null
    variance = p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
    return _standardised(x1 / n1 - x0 / n0 - null, variance, n, corrected)


def score_ratio(x1: float, n1: float, x0: float, n0: float, null: float, corrected: bool) -> float:
    """Return the statistic of a ratio of rates."""
    n, x = n1 + n0, x1 + x0
    a = n * null
    b = -(n1 * null + x1 + n0 + x0 * null)
    # b is negative: the smaller root, from the larger one and their product.
    p0 = 2 * x / (math.sqrt(max(b * b - 4 * a * x, 0.0)) - b)
    p1 = p0 * null
    variance = p1 * (1 - p1) / n1 + null * null * p0 * (1 - p0) / n0
    return _standardised(x1 / n1 - null * x0 / n0, variance, n, corrected)


def score_odds(x1: float, n1: float, x0: float, n0: float, null: float, corrected: bool) -> float:
    """Return the statistic of an odds ratio."""
    n, x = n1 + n0, x1 + x0
    p0, q0 = _control_rate(x, n1, n0, null), _control_rate(n - x, n1, n0, 1 / null)
    odds = q0 + p0 * null
    p1, q1 = p0 * null / odds, q0 / odds
    information = n1 * p1 * q1, n0 * p0 * q0
    if min(information) <= 0:
        return 0.0
    scored = (x1 / n1 - p1) / (p1 * q1) - (x0 / n0 - p0) / (p0 * q0)
    return _standardised(scored, 1 / information[0] + 1 / information[1], n, corrected)


def _control_rate(x: float, n1: float, n0: float, null: float) -> float:
    """Return control's rate by maximum likelihood, given x conversions in all and the odds ratio.

    Asked for the other outcome with 1 / null it gives one minus the rate, with all its digits.
    """
    a = n0 * (null - 1)
    b = n1 * null + n0 - x * (null - 1)
    root = math.sqrt(max(b * b + 4 * a * x, 0.0))
    # The form of the root that subtracts nothing of nearly the same size.
    return 2 * x / (b + root) if b > 0 else (root - b) / (2 * a)


def _standardised(gap: float, variance: float, n: float, corrected: bool) -> float:
    if corrected:
        variance *= n / (n - 1)
    if variance <= 0:
        return 0.0 if abs(gap) < 1e-15 else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


Score = Callable[[float, float, float, float, float, bool], float]
SCORES: dict[str, Score] = {
    "difference": score_difference,
    "ratio": score_ratio,
    "odds-ratio": score_odds,
}
