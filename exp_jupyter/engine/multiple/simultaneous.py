"""Intervals that agree with a corrected decision: the level at which each test was decided.

A correction calls a test significant when its p-value is at most some threshold, which depends on
the other p-values. The interval at one minus that threshold leaves out the null value exactly where
the corrected test rejects it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from exp_jupyter.engine.comparison.methods import Sequential
from exp_jupyter.engine.multiple.corrections import Adjustment, adjust
from exp_jupyter.engine.sequential.confidence_sequence import mixture_precision
from exp_jupyter.engine.statistics.arrays import Floats, floats

_STEPS = 60
_LEAST = 1e-15
"""Below this a threshold is of no use: the interval at it is as good as the whole line."""


def marginal_alphas(
    p_values: object,
    method: str = "holm",
    *,
    alpha: float = 0.05,
    correct: Callable[[Floats], Adjustment] | None = None,
) -> Floats:
    """Return for each test the largest p-value at which it would be significant.

    The other p-values stay as they are.

    Parameters
    ----------
    p_values
        One per test of one family.
    method, alpha
        As ``exp_jupyter.engine.multiple.corrections.adjust`` takes them.
    correct
        Instead of the method: what corrects rows of p-values, for a procedure of another name.

    Returns
    -------
    array of floats
        The thresholds. Over all of a family the intervals at ``1 - threshold`` cover together with
        ``1 - alpha`` for ``bonferroni`` and ``sidak``; for ``benjamini-hochberg`` the share of
        wrong ones among the selected is at most alpha. Of the step-wise ones they agree with the
        decision, no more.

    Notes
    -----
    For Benjamini-Hochberg and R rejections the threshold of a rejected test is ``R alpha / m``.
    Source: Benjamini, Yekutieli, *False discovery rate-adjusted multiple confidence intervals for
    selected parameters*.

    Examples
    --------
    >>> marginal_alphas([0.001, 0.02, 0.6], "bonferroni").round(6)
    array([0.016667, 0.016667, 0.016667])
    >>> marginal_alphas([0.001, 0.02, 0.6], "benjamini-hochberg").round(6)
    array([0.033333, 0.033333, 0.05    ])
    """
    p = floats(p_values, "p_values")
    each = (lambda rows: adjust(rows, method, alpha=alpha)) if correct is None else correct
    each(p)  # refuses what are no p-values
    count = p.size
    # A threshold lies on a scale of orders of magnitude: it is halved on that scale.
    low, high = np.full(count, np.log(_LEAST)), np.zeros(count)
    own = np.eye(count, dtype=bool)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        rows = np.where(own, np.exp(middle)[:, None], p[None, :])
        decided = np.diagonal(each(rows).significant)
        low, high = np.where(decided, middle, low), np.where(decided, high, middle)
    found = np.exp(high)
    # The search is exact to rounding; a p-value that lies on the threshold is inside it.
    significant = each(p).significant
    return np.where(significant, np.maximum(found, np.nextafter(p, 1)), np.minimum(found, p))


def at_level(method: Any, alpha: float) -> Any:
    """Return the same test at another level, so that its interval there agrees with its p-value.

    Parameters
    ----------
    method
        A method of the engine with an ``alpha``.
    alpha
        The new level.

    Examples
    --------
    >>> from exp_jupyter.engine import Frequentist
    >>> at_level(Frequentist(), 0.01).alpha
    0.01
    """
    if not isinstance(method, Sequential):
        return replace(method, alpha=alpha)
    # A confidence sequence's tuning depends on its level; the mixture itself has to stay.
    sides = 1 if method.alternative == "two-sided" else 2
    own = float(method.precision)
    exact = method.mode == "recommended"
    tuning = float(mixture_precision(sides * alpha, 1.0, exact=exact)) / own
    return replace(method, alpha=alpha, tuning_n=tuning)
