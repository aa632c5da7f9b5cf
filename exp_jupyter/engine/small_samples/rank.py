"""Rank-sum test: whether one arm's values tend to be larger, whatever their distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.statistics.arguments import choose
from exp_jupyter.engine.statistics.arrays import floats
from exp_jupyter.engine.statistics.scalar_or_array import normal_cdf
from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.shown import Shown

_EXACT_UP_TO = 8


@dataclass(frozen=True, repr=False)
class RankSum(Shown):
    """The Mann-Whitney test.

    Attributes
    ----------
    statistic
        U: pairs in which the treatment's value is the larger, ties counting half.
    p_value
        Under the null hypothesis that both arms have the same distribution.
    superiority
        Probability that a treated unit's value is larger than a control unit's, ties half.
    """

    statistic: float
    p_value: float
    superiority: float
    alternative: str
    exact: bool


def rank_sum(
    control: object, treatment: object, *, alternative: str = "two-sided", exact: bool | None = None
) -> RankSum:
    """Return the Mann-Whitney rank-sum test.

    Parameters
    ----------
    control, treatment
        One value per unit.
    exact
        Count arrangements instead of the normal approximation (with tie and continuity
        correction); by default when an arm has at most 8 units and nothing is tied.

    Notes
    -----
    Source: Mann, Whitney, *On a test of whether one of two random variables is stochastically
    larger than the other*. A difference in means is usually the better question: ranks answer
    who wins a pair, not by how much.

    Examples
    --------
    >>> result = rank_sum([1.0, 2.0, 3.0, 4.0], [3.5, 4.5, 5.5, 6.5])
    >>> result.statistic, round(result.p_value, 4)
    (15.0, 0.0571)
    """
    choose("alternative", alternative, ("two-sided", "greater", "less"))
    x, y = floats(control, "control"), floats(treatment, "treatment")
    for arm in (x, y):
        if arm.ndim != 1 or arm.size == 0 or not np.isfinite(arm).all():
            raise InputError("Each arm must be a list of finite numbers.")
    m, n = x.size, y.size
    _, place, counts = np.unique(np.concatenate([x, y]), return_inverse=True, return_counts=True)
    # Equal values share the mean of their ranks.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    u = float(ranks[m:].sum() - n * (n + 1) / 2)
    tied = bool((counts > 1).any())
    if exact is None:
        exact = not tied and min(m, n) <= _EXACT_UP_TO
    if exact and tied:
        raise InputError("Values are tied, so arrangements cannot be counted.", hint="exact=False")
    at_least, at_most = _exact_tails(u, m, n) if exact else _normal_tails(u, m, n, counts)
    if alternative == "greater":
        p_value = at_least
    elif alternative == "less":
        p_value = at_most
    else:
        p_value = min(1.0, 2 * min(at_least, at_most))
    return RankSum(u, p_value, u / (m * n), alternative, exact)


def _normal_tails(u: float, m: int, n: int, counts: object) -> tuple[float, float]:
    total = m + n
    repeated = floats(counts)
    ties = float((repeated**3 - repeated).sum()) / (total * (total - 1))
    variance = m * n / 12 * (total + 1 - ties)
    if variance <= 0:
        raise StatisticsError("zero_variance", "All values are equal, so there are no ranks.")
    gap, error = u - m * n / 2, variance**0.5
    return (
        float(normal_cdf(-(gap - 0.5) / error)),
        float(normal_cdf((gap + 0.5) / error)),
    )


def _exact_tails(u: float, m: int, n: int) -> tuple[float, float]:
    # Arrangements by their U: the Gaussian binomial coefficient, built factor by factor.
    ways = np.zeros(m * n + 1)
    ways[0] = 1.0
    small, large = min(m, n), max(m, n)
    for i in range(1, small + 1):
        top = large + i
        for k in range(m * n, top - 1, -1):
            ways[k] -= ways[k - top]
        for k in range(i, m * n + 1):
            ways[k] += ways[k - i]
    ways /= ways.sum()
    seen = round(u)
    return min(1.0, float(ways[seen:].sum())), min(1.0, float(ways[: seen + 1].sum()))
