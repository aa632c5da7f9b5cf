"""Two rates under a null hypothesis: their constrained estimates, and the tests made of them.

Miettinen and Nurminen, *Comparative analysis of two rates*: the score test uses the variance at
the null value, with both rates estimated under it. With few counts the conditional distribution of
the treatment's conversions, given their total, takes the place of the normal one; its odds ratio
is that of the constrained rates, so that at no effect it is Fisher's test with the mid-p value
(Lancaster, *Significance tests in discrete distributions*).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from exp_jupyter.engine.inference.roots import Index
from exp_jupyter.engine.statistics.arrays import Booleans, Floats

FEW_EXPECTED = 5.0
"""Below this many expected successes or failures in an arm the mid-p test decides."""

_STEEPEST = 700.0
_CELLS = 4_000_000


def constrained_for_ratio(
    x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats, ratio: Floats
) -> tuple[Floats, Floats]:
    """Return control's and treatment's rates of greatest likelihood with p_T = ratio·p_C."""
    a = (n_c + n_t) * ratio
    b = n_t * ratio + x_t + n_c + x_c * ratio
    root = np.sqrt(np.maximum(b * b - 4 * a * (x_c + x_t), 0.0))
    p_c = 2 * (x_c + x_t) / (b + root)
    return p_c, np.minimum(ratio * p_c, 1.0)


def constrained_for_difference(
    x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats, difference: Floats
) -> tuple[Floats, Floats]:
    """Return control's and treatment's rates of greatest likelihood with p_T = p_C + difference.

    The root of a cubic in trigonometric form, then two of Newton's steps on the likelihood, which
    give back the digits that the cubic loses for rare events.
    """
    d, n, x = difference, n_c + n_t, x_c + x_t
    l2 = (n_t + 2 * n_c) * d - n - x
    l1 = (n_c * d - n - 2 * x_c) * d + x
    l0 = x_c * d * (1 - d)
    q = (l2 / (3 * n)) ** 3 - l1 * l2 / (6 * n * n) + l0 / (2 * n)
    p = np.copysign(np.sqrt(np.maximum((l2 / (3 * n)) ** 2 - l1 / (3 * n), 0.0)), q)
    cubed = p**3
    cosine = np.clip(np.where(cubed != 0, q / np.where(cubed != 0, cubed, 1.0), 1.0), -1.0, 1.0)
    angle = np.where(p == 0, 0.0, (np.pi + np.arccos(cosine)) / 3)
    low, high = np.maximum(0.0, -d), np.minimum(1.0, 1.0 - d)
    p_c = np.clip(2 * p * np.cos(angle) - l2 / (3 * n), low, high)
    p_c = np.where(d == 0, x / n, p_c)
    for _ in range(2):
        p_t = p_c + d
        y_c, y_t = n_c - x_c, n_t - x_t
        slope = x_c / p_c - y_c / (1 - p_c) + x_t / p_t - y_t / (1 - p_t)
        bend = x_c / p_c**2 + y_c / (1 - p_c) ** 2 + x_t / p_t**2 + y_t / (1 - p_t) ** 2
        moved = p_c + slope / bend
        usable = np.isfinite(moved) & (moved > low) & (moved < high)
        p_c = np.where(usable & (d != 0), moved, p_c)
    return p_c, p_c + d


def score_variance(
    n_c: Floats, n_t: Floats, p_c: Floats, p_t: Floats, weight: Floats | float
) -> Floats:
    """Return the variance of p̂_T − weight·p̂_C at these rates, times N/(N − 1)."""
    n = n_c + n_t
    own = p_t * (1 - p_t) / n_t + weight**2 * p_c * (1 - p_c) / n_c
    return np.asarray(own * n / (n - 1))


def few_counts(x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats) -> Booleans:
    """Return where an arm expects fewer than 5 successes or failures without an effect."""
    n, x = n_c + n_t, x_c + x_t
    least = np.minimum(x, n - x) * np.minimum(n_c, n_t) / n
    whole = (x_c == np.floor(x_c)) & (x_t == np.floor(x_t))
    return np.asarray((least < FEW_EXPECTED) & whole)


class ConditionalTable:
    """The treatment's conversions given the total, for many tables of few counts.

    Parameters
    ----------
    x_c, n_c, x_t, n_t
        Counts, one table an element of one axis.
    """

    def __init__(self, x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats) -> None:
        total = x_c + x_t
        self._lowest = np.maximum(0.0, total - n_c)
        self._highest = np.minimum(n_t, total)
        self._counts = (n_c, n_t, total)
        self._seen = x_t
        self._width = int(np.max(self._highest - self._lowest, initial=0.0)) + 1

    def deviate(self, odds: Floats, index: Index) -> Floats:
        """Return the mid-p value of more conversions, as a standard normal deviate.

        Parameters
        ----------
        odds
            The odds ratio under the null hypothesis, one for every index.
        index
            Which tables.
        """
        found = np.empty(index.size)
        rows = max(1, _CELLS // self._width)
        for start in range(0, index.size, rows):
            part = slice(start, start + rows)
            found[part] = self._deviates(odds[part], index[part])
        return found

    def _deviates(self, odds: Floats, index: Index) -> Floats:
        from scipy import special

        n_c, n_t, total = (counts[index, None] for counts in self._counts)
        lowest, highest = self._lowest[index, None], self._highest[index, None]
        width = int(np.max(highest - lowest, initial=0.0)) + 1
        k = lowest + np.arange(width)
        possible = k <= highest
        k = np.minimum(k, highest)
        with np.errstate(divide="ignore"):
            tilt = np.clip(np.log(odds), -_STEEPEST, _STEEPEST)[:, None]
        logs = (
            k * tilt
            - special.gammaln(k + 1)
            - special.gammaln(n_t - k + 1)
            - special.gammaln(total - k + 1)
            - special.gammaln(n_c - total + k + 1)
        )
        logs = np.where(possible, logs, -np.inf)
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        seen = self._seen[index, None]
        half = 0.5 * (weights * (k == seen) * possible).sum(axis=1)
        above = (weights * (k > seen)).sum(axis=1) + half
        below = (weights * (k < seen)).sum(axis=1) + half
        whole = above + below
        smaller = np.maximum(np.minimum(above, below) / whole, 1e-300)
        deviates = -special.ndtri(smaller)
        return np.asarray(np.where(above <= below, deviates, -deviates))


def null_odds(
    p_c: Floats, p_t: Floats, kind: Literal["ratio", "difference"], null: Floats
) -> Floats:
    """Return the odds ratio of the constrained rates, exactly 1 at no effect."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "ratio":
            odds = null * (1 - p_c) / (1 - p_t)
            return np.where(null == 1, 1.0, np.where(np.isnan(odds), np.inf, odds))
        odds = p_t * (1 - p_c) / (p_c * (1 - p_t))
        return np.where(null == 0, 1.0, np.where(np.isnan(odds), 1.0, odds))
