"""The wild cluster bootstrap: the p-value and the interval of a contrast where clusters are few."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.engine.inference.distributions import Alternative
from exp_jupyter.engine.statistics.arguments import whole
from exp_jupyter.engine.statistics.arrays import Floats

WEBB_UP_TO = 12
"""Up to so many clusters the draws have six values, since two would repeat themselves."""

_LEAST_DRAWS = 199
_STEPS = 40
_WIDEST = 60


class Fit(Protocol):
    """A least-squares fit on clusters."""

    @property
    def products(self) -> Floats:
        """``X_g'X_g`` of every cluster."""

    @property
    def cross(self) -> Floats:
        """``X_g'y_g`` of every cluster."""

    @property
    def inverse(self) -> Floats:
        """``(X'X)⁻¹``."""

    @property
    def coefficients(self) -> Floats:
        """The estimates."""

    @property
    def corrections(self) -> Floats:
        """What turns a cluster's score into CR2's."""


def cluster_weights(clusters: int, draws: int, seed: int) -> Floats:
    """Return a weight for each cluster in each draw, with mean 0 and variance 1.

    Signs (Rademacher), or Webb's six values ``±√½, ±1, ±√1½`` for few clusters.

    Examples
    --------
    >>> drawn = cluster_weights(20, 999, 1)
    >>> drawn.shape, float(drawn.min()), float(drawn.max())
    ((999, 20), -1.0, 1.0)
    """
    rng = np.random.default_rng(seed)
    values = np.array([-1.0, 1.0])
    if clusters <= WEBB_UP_TO:
        half = np.sqrt([0.5, 1.0, 1.5])
        values = np.concatenate([-half, half])
    drawn: Floats = rng.choice(values, (draws, clusters))
    return drawn


def by_wild_bootstrap(
    effect: Effect,
    fit: Fit,
    contrast: Callable[[float], Floats],
    rule: Rule,
    *,
    draws: int = 9999,
    seed: int = 0,
    floor: float = -math.inf,
) -> Effect:
    """Return the effect with the p-value and the interval of the restricted wild bootstrap.

    Parameters
    ----------
    effect
        The same effect by CR2, whose error is the bootstrap's yardstick.
    fit
        The regression.
    contrast
        At a null value, the contrast of the coefficients that is tested; an absolute null is the
        contrast's own value.
    floor
        The least value that the effect can have.

    Notes
    -----
    Every value of the effect is tested with that value imposed on the regression: residuals of a
    cluster keep their order and change their sign (or size) together, and the statistic of the
    data, with CR2's error, is compared with the draws'. The interval holds the values that are not
    rejected. Sources: Cameron, Gelbach, Miller, *Bootstrap-based improvements for inference with
    clustered errors*; Webb, *Reworking wild bootstrap-based inference for clustered errors*;
    MacKinnon, Nielsen, Webb, *Fast and reliable jackknife and bootstrap methods for cluster-robust
    inference*.
    """
    whole("draws", draws, _LEAST_DRAWS, hint="9,999 is usual.")
    whole("seed", seed, 0)
    weights = cluster_weights(len(fit.cross), draws, seed)
    corrections = fit.corrections

    def p_value(null: float) -> float:
        aimed = null if rule.difference == "absolute" else 0.0
        return _p_value(fit, corrections, contrast(null), aimed, weights, rule.alternative)

    p = p_value(rule.null)
    low, high = _interval(p_value, effect, rule, floor)
    return replace(
        effect,
        p_value=p,
        interval=(low, high),
        interval_kind="wild_bootstrap",
        significant=bool(p < rule.alpha),
        df=None,
    )


def _p_value(
    fit: Fit,
    corrections: Floats,
    contrast: Floats,
    aimed: float,
    weights: Floats,
    alternative: Alternative,
) -> float:
    """Return the share of draws, under the null, whose statistic is at least the data's."""
    along = fit.inverse @ contrast
    gap = float(contrast @ fit.coefficients) - aimed
    restricted = fit.coefficients - along * gap / float(contrast @ along)
    scores = fit.cross - fit.products @ restricted
    # The contrast's own error: what CR2 makes of every cluster's score, along the contrast.
    sides = along @ corrections
    free = fit.cross - fit.products @ fit.coefficients
    own = math.sqrt(float(((sides * free).sum(axis=1) ** 2).sum()))
    pulled = np.einsum("gj,gji,ik->gk", sides, fit.products, fit.inverse)
    moved = weights @ scores
    residuals = weights * (sides * scores).sum(axis=1) - moved @ pulled.T
    errors = np.sqrt((residuals * residuals).sum(axis=1))
    with np.errstate(all="ignore"):
        drawn = np.where(errors > 0, (moved @ along) / errors, 0.0)
    observed = gap / own if own > 0 else math.copysign(math.inf, gap)
    observed -= math.copysign(1e-9 * abs(observed), observed) if math.isfinite(observed) else 0.0
    if alternative == "two-sided":
        as_far = np.abs(drawn) >= abs(observed)
    else:
        as_far = drawn >= observed if alternative == "greater" else drawn <= observed
    return float((1 + as_far.sum()) / (1 + len(drawn)))


def _interval(
    p_value: Callable[[float], float], effect: Effect, rule: Rule, floor: float
) -> tuple[float, float]:
    """Return the values around the estimate that the test does not reject."""
    estimate, step = float(effect.estimate), float(effect.standard_error)
    low = high = math.inf
    low = -math.inf
    if rule.alternative != "less":
        low = max(_bound(p_value, estimate, -step, rule.alpha, floor), floor)
    if rule.alternative != "greater":
        high = _bound(p_value, estimate, step, rule.alpha, -math.inf)
    return low, high


def _bound(
    p_value: Callable[[float], float], estimate: float, step: float, alpha: float, floor: float
) -> float:
    inside, outside = estimate, estimate + step
    for _ in range(_WIDEST):
        if outside <= floor:
            return floor
        if p_value(outside) < alpha:
            break
        inside, outside = outside, estimate + 1.5 * (outside - estimate)
    else:
        return math.copysign(math.inf, step)
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if p_value(middle) < alpha else (middle, outside)
    return outside
