"""Many metrics or many arms: p-values and e-values corrected for how many were looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.statistics.arguments import choose, inside
from exp_jupyter.engine.statistics.arrays import Booleans, Floats, floats
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown

METHODS = (
    "bonferroni",
    "sidak",
    "holm",
    "holm-sidak",
    "hochberg",
    "hommel",
    "benjamini-hochberg",
    "benjamini-yekutieli",
    "two-stage-bh",
    "two-stage-bky",
)
"""The corrections that need p-values alone."""


@dataclass(frozen=True, eq=False, repr=False)
class Adjustment(Shown):
    """Tests corrected for multiplicity.

    Attributes
    ----------
    method
        The correction.
    controls
        What it bounds: ``family-wise error rate`` or ``false discovery rate``.
    alpha
        The bound.
    p_values
        What went in (for e-BH, ``1 / e``), in the given order.
    adjusted
        Adjusted p-values: each is the smallest alpha at which its test is significant.
    significant
        Whether each test is significant at ``alpha``.
    """

    method: str
    controls: str
    alpha: float
    p_values: Floats
    adjusted: Floats
    significant: Booleans


def adjust(p_values: object, method: str = "holm", *, alpha: float = 0.05) -> Adjustment:
    """Correct a family of p-values for multiplicity.

    Parameters
    ----------
    p_values
        One p-value per test, along the last axis; further axes are separate families.
    method
        Family-wise error rate: ``bonferroni``, ``sidak``, ``holm``, ``holm-sidak``, ``hochberg``,
        ``hommel``. False discovery rate: ``benjamini-hochberg`` (independent or positively
        dependent tests), ``benjamini-yekutieli`` (any dependence), ``two-stage-bh``,
        ``two-stage-bky`` (adaptive; their adjusted values hold for this alpha only).
    alpha
        Bound on the error rate.

    Raises
    ------
    InputError
        A p-value is outside 0 to 1, or there are none.

    Notes
    -----
    Sources: Holm, *A simple sequentially rejective multiple test procedure*; Hochberg, *A sharper
    Bonferroni procedure for multiple tests of significance*; Hommel, *A stagewise rejective
    multiple test procedure*; Benjamini, Hochberg, *Controlling the false discovery rate*;
    Benjamini, Yekutieli, *The control of the false discovery rate under dependency*; Benjamini,
    Krieger, Yekutieli, *Adaptive linear step-up procedures that control the false discovery rate*.

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03], "holm").adjusted
    array([0.03, 0.06, 0.06])
    >>> adjust([0.01, 0.04, 0.03], "benjamini-hochberg").significant
    array([ True,  True,  True])
    """
    choose("method", method, METHODS)
    inside("alpha", alpha, 0, 1)
    p = _probabilities(p_values)
    order = np.argsort(p, axis=-1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=-1)
    raised = np.minimum(_ADJUSTED[method](ranked, alpha), 1.0)
    adjusted = np.empty_like(raised)
    np.put_along_axis(adjusted, order, raised, axis=-1)
    discovery = method.startswith(("benjamini", "two-stage"))
    return Adjustment(
        method=method,
        controls="false discovery rate" if discovery else "family-wise error rate",
        alpha=alpha,
        p_values=p,
        adjusted=adjusted,
        significant=adjusted <= alpha,
    )


def e_bh(
    e_values: object | None = None, *, log_e_values: object | None = None, alpha: float = 0.05
) -> Adjustment:
    """Correct e-values, as confidence sequences give them, for multiplicity.

    The base e-BH procedure: the false discovery rate stays below ``alpha`` under any dependence
    and at any stopping time.

    Parameters
    ----------
    e_values, log_e_values
        One e-value per test along the last axis, or their logarithms.

    Notes
    -----
    Source: Wang, Ramdas, *False discovery rate control with e-values*.

    Examples
    --------
    >>> e_bh([100.0, 5.0, 0.2]).significant
    array([ True, False, False])
    """
    inside("alpha", alpha, 0, 1)
    if (e_values is None) == (log_e_values is None):
        raise InputError("Give either e_values or log_e_values.")
    if log_e_values is None:
        e = floats(e_values, "e_values")
        if not (e >= 0).all():
            raise InputError("An e-value is negative or not a number; expected 0 or more.")
        with np.errstate(divide="ignore"):
            logs = np.log(e)
    else:
        logs = floats(log_e_values, "log_e_values")
    if logs.ndim == 0 or logs.shape[-1] == 0 or np.isnan(logs).any():
        raise InputError("The e-values are empty or not numbers; expected one per test.")
    with np.errstate(over="ignore"):
        p = np.exp(-logs)
    order = np.argsort(p, axis=-1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=-1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(_step_up_fdr(ranked, alpha), 1.0), axis=-1)
    return Adjustment(
        method="e-bh",
        controls="false discovery rate",
        alpha=alpha,
        p_values=np.minimum(p, 1.0),
        adjusted=adjusted,
        significant=adjusted <= alpha,
    )


def _probabilities(p_values: object) -> Floats:
    p = floats(p_values, "p_values")
    if p.ndim == 0 or p.shape[-1] == 0:
        raise InputError("There are no p-values; expected one per test.")
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("A p-value is outside 0 to 1 or not a number.")
    return p


# Each takes the sorted p-values and returns the adjusted ones in the same order, not yet capped.


def _bonferroni(p: Floats, _alpha: float) -> Floats:
    return np.asarray(p * p.shape[-1])


def _sidak(p: Floats, _alpha: float) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(p.shape[-1] * np.log1p(-p)))


def _left(p: Floats) -> Floats:
    return np.arange(p.shape[-1], 0, -1, dtype=np.float64)


def _holm(p: Floats, _alpha: float) -> Floats:
    return np.asarray(np.maximum.accumulate(p * _left(p), axis=-1))


def _holm_sidak(p: Floats, _alpha: float) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum.accumulate(-np.expm1(_left(p) * np.log1p(-p)), axis=-1))


def _from_the_right(p: Floats) -> Floats:
    return np.asarray(np.minimum.accumulate(p[..., ::-1], axis=-1)[..., ::-1])


def _hochberg(p: Floats, _alpha: float) -> Floats:
    return _from_the_right(p * _left(p))


def _hommel(p: Floats, _alpha: float) -> Floats:
    # Wright, *Adjusted p-values for simultaneous inference*: closed testing with Simes tests.
    count = p.shape[-1]
    adjusted = p.copy()
    for size in range(count, 1, -1):
        ranks = np.arange(1, size + 1, dtype=np.float64)
        simes = (size * p[..., -size:] / ranks).min(axis=-1, keepdims=True)
        adjusted[..., -size:] = np.maximum(adjusted[..., -size:], simes)
        adjusted[..., :-size] = np.maximum(
            adjusted[..., :-size], np.minimum(size * p[..., :-size], simes)
        )
    return adjusted


def _step_up_fdr(p: Floats, _alpha: float) -> Floats:
    count = p.shape[-1]
    return _from_the_right(p * count / np.arange(1, count + 1, dtype=np.float64))


def _by(p: Floats, alpha: float) -> Floats:
    harmonic = (1 / np.arange(1, p.shape[-1] + 1, dtype=np.float64)).sum()
    return np.asarray(_step_up_fdr(p, alpha) * harmonic)


def _two_stage(p: Floats, alpha: float, inflation: float) -> Floats:
    count = p.shape[-1]
    first = np.minimum(_step_up_fdr(p, alpha), 1.0) * inflation
    rejected = (first <= alpha).sum(axis=-1, keepdims=True)
    # With nothing or everything rejected the first stage is the last.
    true_nulls = np.where((rejected == 0) | (rejected == count), count, count - rejected)
    return np.asarray(first * true_nulls / count)


def _two_stage_bh(p: Floats, alpha: float) -> Floats:
    return _two_stage(p, alpha, 1.0)


def _two_stage_bky(p: Floats, alpha: float) -> Floats:
    return _two_stage(p, alpha, 1.0 + alpha)


_ADJUSTED = {
    "bonferroni": _bonferroni,
    "sidak": _sidak,
    "holm": _holm,
    "holm-sidak": _holm_sidak,
    "hochberg": _hochberg,
    "hommel": _hommel,
    "benjamini-hochberg": _step_up_fdr,
    "benjamini-yekutieli": _by,
    "two-stage-bh": _two_stage_bh,
    "two-stage-bky": _two_stage_bky,
}
