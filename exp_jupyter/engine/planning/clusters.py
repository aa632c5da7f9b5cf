"""What clusters cost: the correlation of their units, and the design effect that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.comparison.estimates.clusters import cluster_labels
from exp_jupyter.engine.statistics.arguments import number
from exp_jupyter.engine.statistics.arrays import floats
from exp_jupyter.errors import InputError, StatisticsError

_ROUNDING = 1e-9
_CLOSE = 1e-3


@dataclass(frozen=True)
class ClusterVariation:
    """How alike the units of a cluster are, and how large clusters are.

    Attributes
    ----------
    clusters
        How many there are.
    cluster_size
        Units of a cluster on average.
    variation
        The coefficient of variation of the clusters' sizes.
    icc
        The intraclass correlation: the share of a unit's variance that its cluster has in common;
        at least 0.
    """

    clusters: int
    cluster_size: float
    variation: float
    icc: float

    @property
    def design_effect(self) -> float:
        """How many times more units it takes than if units had been randomised."""
        return design_effect(self.icc, self.cluster_size, variation=self.variation)


def design_effect(icc: float, cluster_size: float, *, variation: float = 0.0) -> float:
    """Return how many times more units it takes to randomise whole clusters.

    Parameters
    ----------
    icc
        The intraclass correlation, 0 to 1.
    cluster_size
        Units of a cluster on average, at least 1.
    variation
        The coefficient of variation of the clusters' sizes; 0 for equal ones.

    Raises
    ------
    exp_jupyter.errors.InputError
        A number is outside its range.

    Notes
    -----
    ``1 + ((1 + cv²) m - 1) ρ``. Sources: Kish, *Survey Sampling*; Eldridge, Ashby, Kerry, *Sample
    size for cluster randomized trials: effect of coefficient of variation of cluster size*.

    Examples
    --------
    >>> round(design_effect(0.05, 21), 6)
    2.0
    """
    icc = number("icc", icc, 0, 1, closed=True, hint="0.01 to 0.1 is usual.")
    size = number("cluster_size", cluster_size, 1, closed=True, hint="Units of a cluster.")
    spread = number("variation", variation, 0, closed=True)
    return 1 + ((1 + spread**2) * size - 1) * icc


def cluster_variation(values: object, clusters: object, arms: object = None) -> ClusterVariation:
    """Return the intraclass correlation and the sizes of clusters, from past or present units.

    Parameters
    ----------
    values
        One value per unit.
    clusters
        One label per unit.
    arms
        One label per unit, when units are of an experiment: the arms' means are taken out first.

    Raises
    ------
    exp_jupyter.errors.InputError
        There are fewer than 2 clusters in an arm, or no more units than clusters.

    Notes
    -----
    The estimate of the analysis of variance with clusters of unequal size; a negative one is 0.
    Source: Donner, *A review of inference procedures for the intraclass correlation coefficient in
    the one-way random effects model*.

    Examples
    --------
    >>> found = cluster_variation([1.0, 1.2, 3.0, 3.4, 2.0, 2.1], ["a", "a", "b", "b", "c", "c"])
    >>> round(found.icc, 3), round(found.design_effect, 3)
    (0.969, 1.969)
    """
    y = floats(values, "values")
    if y.ndim != 1 or not y.size or not np.isfinite(y).all():
        raise InputError("values must be a list of finite numbers.")
    labels, member = cluster_labels(clusters, y.size)
    names, arm = cluster_labels(np.zeros(y.size) if arms is None else arms, y.size)
    sizes = np.bincount(member).astype(float)
    side = np.zeros(labels.size, dtype=np.intp)
    side[member] = arm
    units = np.bincount(arm).astype(float)
    freedom = labels.size - names.size
    if freedom < 1 or y.size <= labels.size:
        raise StatisticsError(
            "too_few_clusters",
            f"{y.size} units in {labels.size} clusters tell nothing of how alike a cluster is.",
            hint="Give the history of more units.",
        )
    middle = np.bincount(arm, y) / units
    inside = np.bincount(member, y) / sizes
    within = ((y - inside[member]) ** 2).sum() / (y.size - labels.size)
    between = (sizes * (inside - middle[side]) ** 2).sum() / freedom
    usual = (y.size - (np.bincount(side, sizes**2) / units).sum()) / freedom
    total = between + (usual - 1) * within
    icc = max(0.0, float((between - within) / total)) if total > 0 else 0.0
    return ClusterVariation(
        int(labels.size), float(sizes.mean()), float(sizes.std() / sizes.mean()), icc
    )


def clusters_needed(
    units: tuple[int, ...],
    cluster_size: float,
    effect: float,
    *,
    tail: float,
    power: float,
) -> tuple[int, ...]:
    """Return how many clusters each arm needs.

    Parameters
    ----------
    units
        Units per arm that would do if units were randomised, control first.
    cluster_size
        Units of a cluster.
    effect
        The design effect.
    tail
        The upper-tail probability of the test's critical value.
    power
        The power of control against the smallest treatment.

    Notes
    -----
    The test of clusters is Student's with as many degrees of freedom as both arms have clusters,
    less 2; its power is the non-central t's. Source: Hayes, Moulton, *Cluster Randomised Trials*.

    Examples
    --------
    >>> clusters_needed((400, 400), 20, 2.0, tail=0.025, power=0.8)
    (41, 41)
    """
    from scipy import stats

    aimed = float(stats.norm.isf(tail) + stats.norm.ppf(power))
    wanted = [arm * effect / cluster_size for arm in units]

    def arms(scale: float) -> tuple[int, ...]:
        return tuple(max(2, math.ceil(scale * arm - _ROUNDING)) for arm in wanted)

    scale = 1.0
    smallest = min(range(1, len(units)), key=lambda arm: units[arm])
    while True:
        found = arms(scale)
        control, treatment = found[0], found[smallest]
        df = control + treatment - 2
        needed = 1 / wanted[0] + 1 / wanted[smallest]
        noncentral = aimed * math.sqrt(needed / (1 / control + 1 / treatment))
        if stats.nct.sf(stats.t.isf(tail, df), df, noncentral) >= power - _CLOSE:
            return found
        scale = max(scale * 1.01, min((n + 1) / w for n, w in zip(found, wanted, strict=True)))
