"""Regression adjustment: the effect at equal covariates, all known before the experiment."""

from __future__ import annotations

import numpy as np

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.from_estimate import ABSOLUTE, Rule, check_rule
from exp_jupyter.engine.comparison.estimates.least_squares import (
    effect_of,
    interacted_design,
    two_arms,
)
from exp_jupyter.engine.statistics.arguments import choose, switch
from exp_jupyter.engine.statistics.arrays import Floats

COVARIANCES = ("HC0", "HC1", "HC2", "HC3")


def regression_adjusted(
    values: object,
    treated: object,
    covariates: object,
    *,
    covariance: str = "HC2",
    student: bool = True,
    rule: Rule = ABSOLUTE,
) -> Effect:
    """Return the effect adjusted for several covariates at once.

    Least squares of the values on treatment, centred covariates and their products with treatment,
    with heteroscedasticity-robust errors.

    Parameters
    ----------
    values
        One value per unit.
    treated
        Per unit, whether it is in the treatment.
    covariates
        Units × covariates, all known before exposure; one column may be a plain list.
    covariance
        ``HC0``, ``HC1``, ``HC2`` (default, unbiased under equal variances) or ``HC3``.
    student
        Use Student's t with ``n - p`` degrees of freedom; False for the normal distribution.
    rule
        Level, alternative and scale.

    Returns
    -------
    Effect
        Its ``variance_reduction`` says what the covariates removed of the variance of either arm's
        mean.

    Raises
    ------
    exp_jupyter.errors.InputError
        A covariate is missing for a unit, or there are more coefficients than units.

    Notes
    -----
    A relative effect is tested by the adjusted means' gap at every value of it, with the
    covariance of the two (Fieller), so its p-value is the absolute effect's. Sources: Lin,
    *Agnostic notes on regression adjustments to experimental data: Reexamining Freedman's
    critique*; MacKinnon, White, *Some heteroskedasticity-consistent covariance matrix estimators
    with improved finite sample properties*.

    Examples
    --------
    >>> before = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]
    >>> after = [1.1, 2.0, 2.9, 4.1, 2.0, 3.1, 3.9, 5.1]
    >>> effect = regression_adjusted(after, [0, 0, 0, 0, 1, 1, 1, 1], before)
    >>> round(effect.estimate, 3), round(effect.standard_error, 3)
    (1.0, 0.082)
    """
    choose("covariance", covariance, COVARIANCES)
    switch("student", student)
    check_rule(rule)
    y, arm = two_arms(values, treated)
    design = interacted_design(arm, covariates)
    n, p = design.shape
    # A pseudo-inverse, so that a constant or repeated covariate costs nothing.
    inverse = np.linalg.pinv(design.T @ design)
    coefficients = inverse @ (design.T @ y)
    residuals = y - design @ coefficients
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    squares = residuals * residuals * _weights(covariance, leverage, n, p)
    sandwich = inverse @ (design.T @ (design * squares[:, None])) @ inverse
    df = float(n - p) if student else None
    return effect_of(
        "regression",
        rule,
        coefficients,
        sandwich,
        lambda _: df,
        (y, arm),
        plain=_plain(y, arm),
    )


def _plain(values: Floats, arm: Floats) -> tuple[float, float]:
    """Return the variances of the arms' means as they are."""
    control, treatment = (values[arm == side] for side in (0, 1))
    return (
        float(control.var(ddof=1) / control.size),
        float(treatment.var(ddof=1) / treatment.size),
    )


def _weights(covariance: str, leverage: Floats, n: int, p: int) -> Floats:
    if covariance == "HC1":
        return np.full(n, n / (n - p))
    if covariance == "HC0":
        return np.ones(n)
    # A unit that determines a coefficient alone has leverage 1 and residual 0.
    free = np.maximum(1 - leverage, 1e-12)
    return 1 / free if covariance == "HC2" else 1 / free**2
