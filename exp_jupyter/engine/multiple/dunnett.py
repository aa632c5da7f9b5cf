"""Several treatments against one control: Dunnett's correction, which knows they share it."""

from __future__ import annotations

import functools

import numpy as np

from exp_jupyter.engine.multiple.corrections import Adjustment
from exp_jupyter.engine.statistics.arguments import choose, inside
from exp_jupyter.engine.statistics.arrays import Floats, floats
from exp_jupyter.errors import InputError

_NODES = 96


def dunnett_adjust(
    statistics: object,
    control_variance: object,
    treatment_variances: object,
    *,
    df: float | None = None,
    alternative: str = "two-sided",
    alpha: float = 0.05,
) -> Adjustment:
    """Correct the tests of several treatments against one control.

    Parameters
    ----------
    statistics
        One z or t statistic per treatment.
    control_variance
        Variance of control's mean (its squared standard error).
    treatment_variances
        Variances of the treatments' means. With equal variances per unit, ``1 / n`` will do.
    df
        Degrees of freedom of the pooled variance; None for the normal limit.
    alternative
        ``two-sided``, ``greater`` or ``less``.
    alpha
        Bound on the family-wise error rate.

    Notes
    -----
    The statistics' correlation is ``λ_i λ_j`` with ``λ_i² = V_C / (V_C + V_i)``, so the joint
    probability is one integral over the shared control (two with finite ``df``), taken by
    Gauss-Hermite quadrature. Source: Dunnett, *A Multiple Comparison Procedure for Comparing
    Several Treatments with a Control*.

    Examples
    --------
    >>> dunnett_adjust([2.2, 1.0], 1 / 1000, [1 / 1000, 1 / 1000]).adjusted.round(4)
    array([0.0515, 0.502 ])
    """
    choose("alternative", alternative, ("two-sided", "greater", "less"))
    inside("alpha", alpha, 0, 1)
    if df is not None:
        inside("df", df, 0, np.inf)
    z = floats(statistics, "statistics")
    shared = floats(control_variance, "control_variance")
    own = np.broadcast_to(floats(treatment_variances, "treatment_variances"), z.shape)
    if z.ndim != 1 or z.size == 0 or not np.isfinite(z).all():
        raise InputError("statistics must be one finite number per treatment.")
    inside("control_variance", shared, 0, np.inf)
    inside("treatment_variances", own, 0, np.inf)
    loading = np.sqrt(shared / (shared + own))
    reach = np.abs(z) if alternative == "two-sided" else z * (1 if alternative == "greater" else -1)
    adjusted = np.array([1 - _joint(float(c), loading, df, alternative) for c in reach])
    adjusted = np.clip(adjusted, 0.0, 1.0)
    from scipy import special

    tail = special.ndtr(-reach) if df is None else special.stdtr(df, -reach)
    p_values = 2 * tail if alternative == "two-sided" else tail
    # One test's own p-value is a floor that the quadrature must not undercut.
    adjusted = np.maximum(adjusted, np.minimum(p_values, 1.0))
    return Adjustment(
        method="dunnett",
        controls="family-wise error rate",
        alpha=alpha,
        p_values=np.minimum(p_values, 1.0),
        adjusted=adjusted,
        significant=adjusted <= alpha,
    )


def critical_value(
    loadings: object,
    *,
    alpha: float = 0.05,
    df: float | None = None,
    alternative: str = "two-sided",
) -> float:
    """Return the value that all statistics stay within with probability ``1 - alpha``.

    Parameters
    ----------
    loadings
        ``λ_i`` of each treatment; √0.5 for equal arms.

    Examples
    --------
    >>> round(critical_value([0.5**0.5] * 3), 3)
    2.349
    """
    inside("alpha", alpha, 0, 1)
    loading = floats(loadings, "loadings")
    low, high = 0.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        if _joint(middle, loading, df, alternative) < 1 - alpha:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _joint(reach: float, loading: Floats, df: float | None, alternative: str) -> float:
    """Return the probability that no statistic passes ``reach``."""
    from scipy import special

    nodes, weights = _normal_nodes()
    rest = np.sqrt(1 - loading * loading)
    scales, scale_weights = np.ones(1), np.ones(1)
    if df is not None:
        # Quantiles of s = sqrt(chi²/df) at Gauss-Legendre points of its probability.
        scales, scale_weights = _scale_nodes(df)
    edge = reach * scales[:, None, None]
    shared = nodes[None, :, None] * loading
    inside_edge = special.ndtr((edge - shared) / rest)
    if alternative == "two-sided":
        inside_edge = inside_edge - special.ndtr((-edge - shared) / rest)
    each = inside_edge.prod(axis=-1)
    return float(scale_weights @ each @ weights)


@functools.cache
def _normal_nodes() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / np.sqrt(2 * np.pi)


@functools.lru_cache(maxsize=32)
def _scale_nodes(df: float) -> tuple[Floats, Floats]:
    from scipy import special

    points, weights = np.polynomial.legendre.leggauss(_NODES)
    return np.sqrt(special.chdtri(df, (1 - points) / 2) / df), weights / 2
