"""The effect averaged over strata: groups of units known before the experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.from_estimate import ABSOLUTE, Rule, check_rule, judged
from exp_jupyter.engine.comparison.estimates.least_squares import removed
from exp_jupyter.engine.statistics.arguments import instance
from exp_jupyter.engine.statistics.arrays import Floats, floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.refusals import raise_first
from exp_jupyter.errors import InputError, StatisticsError


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

    effect = judged(
        "post-stratified",
        rule,
        means=(float(means[0]), float(means[1])),
        covariance=(float(variances.sum()), -float(variances[0]), float(variances[0])),
        counts=(float(n[0].sum()), float(n[1].sum())),
        freedom=freedom,
        signed=bool((mean < 0).any()),
        warnings=warnings,
    )
    apart = [_variance_of_the_whole(*side) for side in zip(n, mean, own, strict=True)]
    return replace(effect, variance_reduction=removed(apart, tuple(variances)))


def _variance_of_the_whole(n: Floats, mean: Floats, own: Floats) -> float:
    """Return the variance of an arm's mean if nothing were known of strata."""
    total = n.sum()
    middle = (n * mean).sum() / total
    squares = (own * n * (n - 1)).sum() + (n * (mean - middle) ** 2).sum()
    return float(squares / (total - 1) / total)


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
