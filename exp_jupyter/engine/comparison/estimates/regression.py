"""Adjust an effect with what was known before the experiment: regression, clusters, strata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.from_estimate import ABSOLUTE, Rule, check_rule, judged
from exp_jupyter.engine.statistics.arguments import choose, instance, switch
from exp_jupyter.engine.statistics.arrays import Booleans, Floats, floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.engine.statistics.refusals import raise_first
from exp_jupyter.errors import InputError, StatisticsError

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
    y, arm = _arms(values, treated)
    x = floats(covariates, "covariates")
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != y.size or not np.isfinite(x).all():
        raise InputError(
            f"covariates has shape {x.shape}; expected {y.size} rows of finite numbers."
        )
    centred = x - x.mean(axis=0)
    design = np.column_stack([np.ones(y.size), arm, centred, centred * arm[:, None]])
    n, p = design.shape
    if n <= p:
        raise StatisticsError(
            "too_few_units", f"{n} units cannot carry {p} coefficients.", hint="Drop covariates."
        )
    # A pseudo-inverse, so that a constant or repeated covariate costs nothing.
    inverse = np.linalg.pinv(design.T @ design)
    coefficients = inverse @ (design.T @ y)
    residuals = y - design @ coefficients
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    squares = residuals * residuals * _weights(covariance, leverage, n, p)
    sandwich = inverse @ (design.T @ (design * squares[:, None])) @ inverse
    return _from_coefficients(
        "regression", rule, coefficients, sandwich, n - p if student else None, (y, arm)
    )


def cluster_robust(
    values: object,
    treated: object,
    clusters: object,
    *,
    correction: str = "CR2",
    student: bool = True,
    rule: Rule = ABSOLUTE,
) -> Effect:
    """Return the difference in means when units sit inside randomised clusters.

    Parameters
    ----------
    clusters
        One label per unit; a cluster must lie in one arm.
    correction
        ``CR2`` (the default: Bell and McCaffrey's, unbiased under equal variances), ``CR1``
        (``G/(G-1) · (n-1)/(n-2)``, which errs in 8 to 16 % of comparisons of few clusters where
        5 % are due) or ``CR0`` (none).
    student
        Use Student's t with ``G - 1`` degrees of freedom (CR2: Bell and McCaffrey's own); False
        for the normal distribution.

    Notes
    -----
    Source: Bell, McCaffrey, *Bias reduction in standard errors for linear regression with
    multi-stage samples*.

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
    y, arm = _arms(values, treated)
    labels, member = cluster_labels(clusters, y.size)
    g = labels.size
    sizes = np.bincount(member)
    inside_treatment = np.bincount(member, weights=arm)
    if ((inside_treatment > 0) & (inside_treatment < sizes)).any():
        raise StatisticsError(
            "cluster_in_both_arms",
            "A cluster has units in both arms, so it was not the unit of randomisation.",
            hint="Analyse the units that were randomised.",
        )
    treated_cluster = inside_treatment > 0
    if min(treated_cluster.sum(), (~treated_cluster).sum()) < 2:
        raise StatisticsError("too_few_clusters", "Each arm needs at least 2 clusters.")
    counts = np.array([y.size - arm.sum(), arm.sum()])
    means = np.array([y[arm == 0].mean(), y[arm == 1].mean()])
    residuals = y - means[arm.astype(int)]
    scores = np.bincount(member, weights=residuals)
    shares = sizes / counts[treated_cluster.astype(int)]
    df: float = g - 1
    factor = 1.0
    if correction == "CR1":
        factor = g / (g - 1) * (y.size - 1) / (y.size - 2)
    elif correction == "CR2":
        # One cluster's block of the hat matrix is constant, so its inverse root is scalar here.
        scores = scores / np.sqrt(1 - shares)
        df = _bell_mccaffrey(shares, sizes.astype(float), counts, treated_cluster)
    pieces = [
        factor * (scores[chosen] ** 2).sum() / counts[side] ** 2
        for side, chosen in enumerate((~treated_cluster, treated_cluster))
    ]
    coefficients = np.array([means[0], means[1] - means[0]])
    sandwich = np.array([[pieces[0], -pieces[0]], [-pieces[0], pieces[0] + pieces[1]]])
    warnings: tuple[str, ...] = ()
    if g < 40 and correction != "CR2":
        warnings = (f"Only {g} clusters: prefer correction='CR2'.",)
    return _from_coefficients(
        "cluster robust", rule, coefficients, sandwich, df if student else None, (y, arm), warnings
    )


def post_stratified(
    control: Sequence[Statistic], treatment: Sequence[Statistic], *, rule: Rule = ABSOLUTE
) -> Effect:
    """Return the effect averaged over strata, each weighted by its share of all units.

    Parameters
    ----------
    control, treatment
        One statistic per stratum, in the same order. A stratum with fewer than 2 units in an arm
        is left out, with a warning.

    Notes
    -----
    ``δ = Σ w_k δ_k``, ``V = Σ w_k² V_k``, ``w_k = N_k / N`` pooled over arms, with sample
    variances (n − 1) in every stratum. A relative effect is tested by the gap of the weighted
    means at every value of it (Fieller), so its p-value is the absolute effect's. Degrees of
    freedom by Satterthwaite.
    Sources: Miratrix, Sekhon, Yu, *Adjusting treatment effect estimates by post-stratification in
    randomized experiments*; Xie, Aurisset, *Improving the Sensitivity of Online Controlled
    Experiments: Case Studies at Netflix*.

    Examples
    --------
    >>> from exp_jupyter.engine.statistics.means import Proportion
    >>> effect = post_stratified(
    ...     [Proportion(1000, 100), Proportion(500, 150)],
    ...     [Proportion(1000, 120), Proportion(500, 165)])
    >>> round(effect.estimate, 4), round(effect.standard_error, 4)
    (0.0233, 0.0135)
    """
    check_rule(rule)
    for name, strata in (("control", control), ("treatment", treatment)):
        _check_strata(name, strata)
    if len(control) != len(treatment) or not control:
        raise InputError(
            f"There are {len(control)} control and {len(treatment)} treatment strata; expected "
            "the same number, at least one."
        )
    n = np.array([[float(floats(arm.n)) for arm in side] for side in (control, treatment)])
    usable = (n >= 2).all(axis=0)
    if not usable.any():
        raise StatisticsError("too_few_units", "No stratum has 2 units in both arms.")
    warnings: tuple[str, ...] = ()
    if not usable.all():
        warnings = (f"{(~usable).sum()} strata with fewer than 2 units in an arm are left out.",)
    n = n[:, usable]
    mean = np.array([[float(floats(arm.mean)) for arm in side] for side in (control, treatment)])
    spread = np.array(
        [[float(floats(arm.variance)) for arm in side] for side in (control, treatment)]
    )
    # A rate's variance p(1 − p) is too small by (n − 1)/n, which a small stratum feels.
    rates = np.array([[arm.kind == "proportion" for arm in side] for side in (control, treatment)])
    bessel = np.where(rates[:, usable], n / (n - 1), 1.0)
    mean, own = mean[:, usable], spread[:, usable] * bessel / n
    weight = n.sum(axis=0) / n.sum()
    means = mean @ weight
    shares = weight**2 * own
    variances = shares.sum(axis=1)

    def freedom(null: float) -> float:
        factors = np.array([(1 + null) ** 2 if rule.difference == "relative" else 1.0, 1.0])
        scaled = shares * factors[:, None]
        return float(scaled.sum() ** 2 / (scaled**2 / (n - 1)).sum())

    return judged(
        "post-stratified",
        rule,
        means=(float(means[0]), float(means[1])),
        covariance=(float(variances.sum()), -float(variances[0]), float(variances[0])),
        counts=(float(n[0].sum()), float(n[1].sum())),
        freedom=freedom,
        signed=bool((mean < 0).any()),
        warnings=warnings,
    )


def _check_strata(name: str, strata: object) -> None:
    instance(name, strata, (list, tuple), "a list with one statistic per stratum")
    for place, arm in enumerate(cast("Sequence[object]", strata)):
        where = f"{name}[{place}]"
        instance(where, arm, Statistic, "a Mean, Proportion or Ratio")
        own = cast("Statistic", arm)
        own.check_fields()
        if own.shape:
            raise InputError(
                f"{where} holds arms of shape {own.shape}; expected a single one.",
                hint="Take one out with .at(…).",
            )
        raise_first(own.refusals())


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


def _arms(values: object, treated: object) -> tuple[Floats, Floats]:
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


def _weights(covariance: str, leverage: Floats, n: int, p: int) -> Floats:
    if covariance == "HC1":
        return np.full(n, n / (n - p))
    if covariance == "HC0":
        return np.ones(n)
    # A unit that determines a coefficient alone has leverage 1 and residual 0.
    free = np.maximum(1 - leverage, 1e-12)
    return 1 / free if covariance == "HC2" else 1 / free**2


def _bell_mccaffrey(
    shares: Floats, sizes: Floats, counts: Floats, treated_cluster: Booleans
) -> float:
    """Return Bell and McCaffrey's degrees of freedom for a difference in cluster means."""
    traces = np.zeros(2)
    for side in (0, 1):
        chosen = treated_cluster == bool(side)
        s, m, n = shares[chosen], sizes[chosen], counts[side]
        # Under independent units of equal variance the score of a cluster has variance
        # m(1 - s), and two clusters of an arm covary by -m·m'/n.
        scale = 1 / np.sqrt(1 - s)
        covariance = (np.diag(m) - np.outer(m, m) / n) * np.outer(scale, scale) / n**2
        traces[0] += np.trace(covariance)
        traces[1] += (covariance**2).sum()
    return float(traces[0] ** 2 / traces[1])


def _from_coefficients(
    method: str,
    rule: Rule,
    coefficients: Floats,
    sandwich: Floats,
    df: float | None,
    data: tuple[Floats, Floats],
    warnings: tuple[str, ...] = (),
) -> Effect:
    """Return the effect of a regression's first two coefficients: control's mean, the gap."""
    values, arm = data
    baseline, gap = float(coefficients[0]), float(coefficients[1])
    return judged(
        method,
        rule,
        means=(baseline, baseline + gap),
        covariance=(float(sandwich[1, 1]), float(sandwich[0, 1]), float(sandwich[0, 0])),
        counts=(float((1 - arm).sum()), float(arm.sum())),
        freedom=lambda _: df,
        signed=bool((values < 0).any()),
        warnings=warnings,
    )
