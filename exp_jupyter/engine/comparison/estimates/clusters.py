"""The effect when whole clusters were randomised: stores, schools, blocks of time.

Everything is worked out from one matrix of products and one vector of sums a cluster, so that its
cost does not grow with the square of a cluster's size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.from_estimate import ABSOLUTE, Rule, check_rule
from exp_jupyter.engine.comparison.estimates.least_squares import (
    effect_of,
    interacted_design,
    two_arms,
)
from exp_jupyter.engine.comparison.estimates.wild_bootstrap import by_wild_bootstrap
from exp_jupyter.engine.statistics.arguments import choose, switch
from exp_jupyter.engine.statistics.arrays import Floats, floats
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError, StatisticsError

FEW_CLUSTERS = 40
"""Below this many clusters an error without a correction is too small."""

_NOTHING = 1e-10
_ROUNDING = 1e-13


def cluster_robust(
    values: object,
    treated: object,
    clusters: object,
    *,
    covariates: object = None,
    denominators: object = None,
    correction: str = "CR2",
    student: bool = True,
    bootstrap: Literal["wild"] | None = None,
    draws: int = 9999,
    seed: int = 0,
    rule: Rule = ABSOLUTE,
) -> Effect:
    """Return the difference in means when units sit inside randomised clusters.

    Parameters
    ----------
    values
        One value per unit.
    treated
        Per unit, whether it is in the treatment.
    clusters
        One label per unit; a cluster must lie in one arm. In a switchback experiment the blocks of
        time (in each place) are the clusters.
    covariates
        Units × covariates known before exposure, for Lin's interacted regression; by default none.
    denominators
        Of a ratio metric, what each unit's value is divided by in the sums; by default 1, a mean.
    correction
        ``CR2`` (the default: Bell and McCaffrey's, unbiased under equal variances), ``CR1``
        (``G/(G-1) · (n-1)/(n-p)``, which errs in 8 to 16 % of comparisons of few clusters where
        5 % are due) or ``CR0`` (none).
    student
        Use Student's t with ``G - 1`` degrees of freedom (CR2: Bell and McCaffrey's own, by
        Satterthwaite's approximation); False for the normal distribution.
    bootstrap
        ``"wild"`` takes the p-value and the interval from the wild cluster bootstrap with the null
        imposed instead.
    draws, seed
        How often the bootstrap draws, and what its draws begin from.
    rule
        Level, alternative and scale.

    Returns
    -------
    Effect
        With covariates, its ``variance_reduction`` says what they removed.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        ``cluster_in_both_arms``; ``too_few_clusters``: fewer than 2 in an arm, or no more than the
        coefficients of an arm.

    Notes
    -----
    With ``X_g`` a cluster's rows, ``M = (X'X)⁻¹``, ``H_g = X_g M X_g'`` and residuals ``e_g`` the
    covariance is ``M (Σ X_g' A_g e_g e_g' A_g X_g) M`` with ``A_g = (I - H_g)^(-1/2)``. Sources:
    Bell, McCaffrey, *Bias reduction in standard errors for linear regression with multi-stage
    samples*; Pustejovsky, Tipton, *Small-sample methods for cluster-robust variance estimation and
    hypothesis testing in fixed effects models*; Cameron, Gelbach, Miller, *Bootstrap-based
    improvements for inference with clustered errors*.

    Examples
    --------
    >>> effect = cluster_robust(
    ...     [1.0, 1.2, 0.8, 2.0, 2.1, 1.9, 1.1, 2.2], [0, 0, 0, 1, 1, 1, 0, 1],
    ...     ["a", "a", "b", "c", "c", "d", "b", "d"])
    >>> round(effect.estimate, 3), round(effect.standard_error, 3)
    (1.025, 0.075)
    """
    choose("correction", correction, ("CR0", "CR1", "CR2"))
    switch("student", student)
    check_rule(rule)
    if bootstrap is not None:
        choose("bootstrap", bootstrap, ("wild",))
    y, arm = two_arms(values, treated)
    labels, member = cluster_labels(clusters, y.size)
    _check_arms(arm, member)
    weights = np.ones(y.size) if denominators is None else _denominators(denominators, arm)
    plain = ClusteredFit.of(np.column_stack([np.ones(y.size), arm]), y, weights, member)
    fit = plain
    if covariates is not None:
        design = interacted_design(arm, covariates, weights)
        fit = ClusteredFit.of(design, y, weights, member)
        _check_freedom(design, arm, member)
    df = labels.size - 1.0

    def freedom(null: float) -> float | None:
        if not student:
            return None
        return fit.freedom(_contrast(rule, null, fit.size)) if correction == "CR2" else df

    warnings = []
    if labels.size < FEW_CLUSTERS and correction != "CR2":
        warnings.append(f"Only {labels.size} clusters: prefer correction='CR2'.")
    before = (0.0, 0.0)
    if fit is not plain:
        unadjusted = plain.covariance(correction, y.size)
        before = float(unadjusted[0, 0]), float(unadjusted.sum())
    effect = effect_of(
        "cluster robust",
        rule,
        fit.coefficients,
        fit.covariance(correction, y.size),
        freedom,
        (y, arm),
        plain=before,
        warnings=warnings,
    )
    if bootstrap is None:
        return effect
    return by_wild_bootstrap(
        effect,
        fit,
        lambda null: _contrast(rule, null, fit.size),
        rule,
        draws=draws,
        seed=seed,
        floor=-np.inf if rule.difference == "absolute" or (y < 0).any() else -1.0,
    )


def _contrast(rule: Rule, null: float, size: int) -> Floats:
    """Return what of the coefficients is 0 at a null value: the gap, less a share of the base."""
    found = np.zeros(size)
    found[1] = 1.0
    found[0] = -null if rule.difference == "relative" else 0.0
    return found


@dataclass(frozen=True, eq=False)
class ClusteredFit:
    """Least squares on clusters, and what the corrections of its errors need.

    Parameters
    ----------
    products, cross
        ``X_g'X_g`` and ``X_g'y_g`` of every cluster: clusters × p × p and clusters × p.
    """

    products: Floats
    cross: Floats
    inverse: Floats = field(init=False)
    coefficients: Floats = field(init=False)
    scores: Floats = field(init=False)

    def __post_init__(self) -> None:
        # A pseudo-inverse, so that a constant or repeated covariate costs nothing.
        inverse = np.linalg.pinv(self.products.sum(axis=0), hermitian=True)
        coefficients = inverse @ self.cross.sum(axis=0)
        object.__setattr__(self, "inverse", inverse)
        object.__setattr__(self, "coefficients", coefficients)
        scores = self.cross - self.products @ coefficients
        rounding = _ROUNDING * np.abs(self.cross).max(axis=0)
        object.__setattr__(self, "scores", np.where(np.abs(scores) > rounding, scores, 0.0))

    @classmethod
    def of(
        cls, design: Floats, values: Floats, weights: Floats, member: NDArray[np.intp]
    ) -> ClusteredFit:
        """Return the fit of values (of a ratio, its numerators) on a design."""
        size, groups = design.shape[1], int(member.max()) + 1
        products = np.empty((groups, size, size))
        cross = np.empty((groups, size))
        for i in range(size):
            cross[:, i] = np.bincount(member, design[:, i] * values, groups)
            for j in range(i, size):
                column = np.bincount(member, weights * design[:, i] * design[:, j], groups)
                products[:, i, j] = products[:, j, i] = column
        return cls(products, cross)

    @property
    def size(self) -> int:
        """How many coefficients there are."""
        return int(self.coefficients.size)

    @cached_property
    def corrections(self) -> Floats:
        """What turns every cluster's score into CR2's: ``R (I - R M R)^(-1/2) R⁺``, R² = X'X."""
        root, back, factor = self._roots
        lifted = root @ factor @ back
        # What lies outside the cluster's own columns (a ratio's value without a denominator) stays.
        return lifted + np.eye(self.size) - root @ back

    @cached_property
    def _roots(self) -> tuple[Floats, Floats, Floats]:
        """Return every cluster's root of X'X, its pseudo-inverse, and (I - R M R)^(-1/2)."""
        values, vectors = np.linalg.eigh(self.products)
        least = _NOTHING * np.maximum(values.max(axis=1, keepdims=True), 1e-300)
        kept = values > least
        roots = np.sqrt(np.where(kept, values, 0.0))
        backs = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
        turned = np.swapaxes(vectors, 1, 2)
        root = (vectors * roots[:, None, :]) @ turned
        back = (vectors * backs[:, None, :]) @ turned
        shares, axes = np.linalg.eigh(root @ self.inverse @ root)
        free = 1 - shares
        # A cluster that determines a coefficient alone has no residual to lift.
        lift = np.where(free > _NOTHING, 1 / np.sqrt(np.maximum(free, _NOTHING)), 0.0)
        return root, back, (axes * lift[:, None, :]) @ np.swapaxes(axes, 1, 2)

    def covariance(self, correction: str, units: int) -> Floats:
        """Return the coefficients' covariance by CR0, CR1 or CR2."""
        scores, factor = self.scores, 1.0
        groups = len(self.scores)
        if correction == "CR1":
            factor = groups / (groups - 1) * (units - 1) / (units - self.size)
        elif correction == "CR2":
            scores = np.einsum("gij,gj->gi", self.corrections, scores)
        found: Floats = factor * self.inverse @ (scores.T @ scores) @ self.inverse
        return found

    def freedom(self, contrast: Floats) -> float:
        """Return Bell and McCaffrey's degrees of freedom of a contrast of the coefficients.

        The variance of CR2 is a quadratic form of residuals; under independent units of equal
        variance its first two moments are those of χ² with so many degrees of freedom.
        """
        root, _, factor = self._roots
        lifted = np.einsum(
            "gij,gj->gi", factor @ root, np.tile(self.inverse @ contrast, (len(root), 1))
        )
        own = (lifted * lifted).sum(axis=1)
        sides = np.einsum("gij,gj->gi", root, lifted)
        shared = np.einsum("gi,ij,gj->g", sides, self.inverse, sides)
        mixed = self.inverse @ (sides.T @ sides)
        squares = (own**2).sum() - 2 * (own * shared).sum() + np.trace(mixed @ mixed)
        return float((own.sum() - shared.sum()) ** 2 / squares)


def _check_arms(arm: Floats, member: NDArray[np.intp]) -> None:
    sizes = np.bincount(member)
    inside = np.bincount(member, weights=arm)
    if ((inside > 0) & (inside < sizes)).any():
        raise StatisticsError(
            "cluster_in_both_arms",
            "A cluster has units in both arms, so it was not the unit of randomisation.",
            hint="Analyse the units that were randomised.",
        )
    if min((inside > 0).sum(), (inside == 0).sum()) < 2:
        raise StatisticsError("too_few_clusters", "Each arm needs at least 2 clusters.")


def _check_freedom(design: Floats, arm: Floats, member: NDArray[np.intp]) -> None:
    """Refuse more coefficients than an arm's clusters can carry."""
    coefficients = int(np.linalg.matrix_rank(design)) // 2
    for side in (0, 1):
        clusters = np.unique(member[arm == side]).size
        if clusters <= coefficients:
            raise StatisticsError(
                "too_few_clusters",
                f"An arm has {clusters} clusters, too few for {coefficients} coefficients.",
                hint="Drop covariates.",
            )


def _denominators(given: object, arm: Floats) -> Floats:
    below = floats(given, "denominators")
    if below.shape != arm.shape or not np.isfinite(below).all() or (below < 0).any():
        raise InputError(
            f"denominators has shape {below.shape}; expected {arm.size} finite numbers from 0 on."
        )
    if not min(below[arm == 0].sum(), below[arm == 1].sum()) > 0:
        raise StatisticsError("denominator_not_positive", "An arm's denominators sum to 0.")
    return below


def cluster_labels(clusters: object, size: int) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the different clusters, and which of them each value is in.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is not one label that can be compared with the others for every value.
    """
    try:
        labels, member = np.unique(np.asarray(clusters), return_inverse=True)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"clusters is {described(clusters)}; expected one label per value, all of one kind.",
            hint="Turn missing labels and labels of several kinds into text.",
        ) from error
    if member.shape != (size,):
        raise InputError(f"clusters has {member.size} labels for {size} values.")
    return labels, member
