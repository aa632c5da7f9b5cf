"""What every regression on two arms shares: outcomes, the design, the effect of coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.from_estimate import Freedom, Rule, judged
from exp_jupyter.engine.statistics.arrays import Booleans, Floats, floats
from exp_jupyter.errors import InputError, StatisticsError


def two_arms(values: object, treated: object) -> tuple[Floats, Floats]:
    """Return one value and one 0 or 1 per unit.

    Raises
    ------
    exp_jupyter.errors.InputError
        They are not lists of one length, a value is not finite, or an arm has fewer than 2 units.
    """
    y = floats(values, "values")
    arm = floats(treated, "treated")
    if y.ndim != 1 or y.shape != arm.shape:
        raise InputError(f"values has shape {y.shape} and treated {arm.shape}; expected one list.")
    if not np.isfinite(y).all():
        raise InputError("A value is not a finite number.", hint="A unit without events counts 0.")
    known: Booleans = (arm == 0) | (arm == 1)
    if not known.all():
        raise InputError("treated must hold 0 or 1 (or False or True) for every unit.")
    if min(arm.sum(), (1 - arm).sum()) < 2:
        raise StatisticsError("too_few_units", "Each arm needs at least 2 units.")
    return y, arm


def interacted_design(arm: Floats, covariates: object, weights: Floats | None = None) -> Floats:
    """Return the columns of Lin's regression: 1, treatment, centred covariates, their products.

    Parameters
    ----------
    arm
        Per unit, 1 in the treatment and 0 in control.
    covariates
        Units × covariates; a plain list is one covariate.
    weights
        What a unit weighs in the covariates' means; by default 1.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is not one finite row a unit, or there are more coefficients than units.
    """
    x = floats(covariates, "covariates")
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != arm.size or not np.isfinite(x).all():
        raise InputError(
            f"covariates has shape {x.shape}; expected {arm.size} rows of finite numbers."
        )
    centred = x - np.average(x, axis=0, weights=weights)
    design = np.column_stack([np.ones(arm.size), arm, centred, centred * arm[:, None]])
    n, p = design.shape
    if n <= p:
        raise StatisticsError(
            "too_few_units", f"{n} units cannot carry {p} coefficients.", hint="Drop covariates."
        )
    return design


def effect_of(
    method: str,
    rule: Rule,
    coefficients: Floats,
    sandwich: Floats,
    freedom: Freedom,
    data: tuple[Floats, Floats],
    *,
    plain: tuple[float, float],
    warnings: Sequence[str] = (),
) -> Effect:
    """Return the effect of a regression's first two coefficients: control's mean, the gap.

    Parameters
    ----------
    freedom
        Degrees of freedom at a null value.
    data
        The values, and per unit 1 in the treatment and 0 in control.
    plain
        The variances of the arms' means without covariates, to say what these removed.
    """
    values, arm = data
    baseline, gap = float(coefficients[0]), float(coefficients[1])
    spread, shared, own = float(sandwich[1, 1]), float(sandwich[0, 1]), float(sandwich[0, 0])
    effect = judged(
        method,
        rule,
        means=(baseline, baseline + gap),
        covariance=(spread, shared, own),
        counts=(float((1 - arm).sum()), float(arm.sum())),
        freedom=freedom,
        signed=bool((values < 0).any()),
        warnings=tuple(warnings),
    )
    left = (own, own + 2 * shared + spread)
    return replace(effect, variance_reduction=removed(plain, left))


def removed(plain: Sequence[float], left: Sequence[float]) -> tuple[float, float] | None:
    """Return the shares of two variances that are gone; None where there was nothing to remove."""
    if not min(plain) > 0:
        return None
    control, treatment = (1 - after / before for before, after in zip(plain, left, strict=True))
    return control, treatment
