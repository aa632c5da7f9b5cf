"""Effects of a result's sums: as the project stated them, or computed again by the engine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from exp_jupyter.errors import StatisticsError

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential
    from exp_jupyter.engine.posthog.settings import Settings

Kind = Literal["mean", "funnel", "ratio", "retention"]
Sums = Mapping[str, Any]
"""The sums of one variant, by the names the API gives them."""

CUBES = "sum_cubes"
"""Σy³, which an analysis of events adds up and the API does not state."""

FEW_EXPOSURES = "not-enough-exposures"


def statistic(kind: Kind, rows: Sequence[Sums]) -> Any:
    """Return the engine's statistic of these rows: scalar for one row, else one element each.

    Parameters
    ----------
    kind
        The metric's type.
    rows
        Sums of one variant, for example on every day.
    """
    from exp_jupyter.engine.statistics.means import Covariate, Mean, Proportion, Ratio

    def column(name: str) -> Any:
        values = [float(row.get(name) or 0.0) for row in rows]
        return values[0] if len(values) == 1 else np.array(values)

    n, total = column("number_of_samples"), column("sum")
    covariate = None
    if all(row.get("covariate_sum") is not None for row in rows):
        covariate = Covariate(
            column("covariate_sum"),
            column("covariate_sum_squares"),
            column("covariate_sum_product"),
        )
    if kind == "funnel":
        return Proportion(n, total, covariate=covariate)
    if kind == "mean":
        known = all(row.get(CUBES) is not None for row in rows)
        cubes = column(CUBES) if known else None
        return Mean(n, total, column("sum_squares"), covariate=covariate, sum_cubes=cubes)
    return Ratio(
        n,
        total,
        column("sum_squares"),
        column("denominator_sum"),
        column("denominator_sum_squares"),
        column("numerator_denominator_sum_product"),
    )


def value(kind: Kind, row: Sums) -> float | None:
    """Return what a variant's sums amount to: a mean, a share or a ratio; None when undefined."""
    below = row.get("denominator_sum") if kind in ("ratio", "retention") else None
    below = row.get("number_of_samples") if below is None else below
    return float(row.get("sum") or 0.0) / float(below) if below else None


def engine_method(
    name: str, settings: Settings, mode: Literal["compat", "recommended"]
) -> Frequentist | Sequential | Bayesian:
    """Return the engine's method of this name with the experiment's own levels.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such method.
    """
    from exp_jupyter.analysis.definition.methods import MethodOptions, project_method

    return project_method(name, settings, mode, MethodOptions(), {})[0]


def stated(kind: Kind, baseline: Sums, row: Sums, settings: Settings) -> Effect | None:
    """Return the effect a variant's result states; None when its comparison is absent.

    The API gives no point estimate and no standard error: the midpoint of its interval is the
    estimate, as on its own pages, and the standard error is NaN.
    """
    from exp_jupyter.engine.comparison.effect import Effect

    bayesian = row.get("credible_interval") is not None
    interval = row.get("credible_interval") or row.get("confidence_interval")
    if not interval:
        return None
    low, high = float(interval[0]), float(interval[1])
    sequential = not bayesian and settings.sequential
    kinds = {True: "credible", False: "confidence_sequence" if sequential else "delta"}
    below, above = value(kind, baseline), value(kind, row)
    return Effect(
        method="bayesian" if bayesian else "sequential" if sequential else "frequentist",
        mode="compat",
        difference=settings.difference,
        alternative="two-sided",
        interval_kind=kinds[bayesian],
        estimate=(low + high) / 2,
        standard_error=math.nan,
        interval=(low, high),
        level=settings.ci_level if bayesian else 1 - settings.alpha,
        significant=bool(row.get("significant")),
        control_mean=math.nan if below is None else below,
        treatment_mean=math.nan if above is None else above,
        control_n=float(baseline.get("number_of_samples") or 0),
        treatment_n=float(row.get("number_of_samples") or 0),
        p_value=row.get("p_value"),
        chance_to_win=row.get("chance_to_win"),
    )


def recomputed(
    kind: Kind,
    baseline: Sequence[Sums],
    arm: Sequence[Sums],
    method: Frequentist | Sequential | Bayesian,
) -> list[Effect | None]:
    """Return the effect of every pair of rows in one pass; None where the engine refuses.

    Rows the project does not validate (``validation_failures``) have no effect; the recommended
    methods answer few events too, so there only too few exposures count.
    """
    from exp_jupyter.engine.comparison.compare import compare

    effects: list[Effect | None] = [None] * len(arm)
    told = [failures(kind, below, above) for below, above in zip(baseline, arm, strict=True)]
    if method.mode == "recommended":
        told = [[code for code in codes if code == FEW_EXPOSURES] for codes in told]
    usable = [place for place, codes in enumerate(told) if not codes]
    if not usable:
        return effects
    left, right = [baseline[i] for i in usable], [arm[i] for i in usable]
    try:
        together = compare(statistic(kind, left), statistic(kind, right), method)
    except StatisticsError:
        for place, a, b in zip(usable, left, right, strict=True):
            try:
                effects[place] = compare(statistic(kind, [a]), statistic(kind, [b]), method)
            except StatisticsError:
                continue
        return effects
    for position, place in enumerate(usable):
        effects[place] = together if len(usable) == 1 else together.at(position)
    return effects


def failures(kind: Kind, baseline: Sums, arm: Sums) -> list[str]:
    """Return why a pair of rows is not compared, in the API's words.

    At least 50 units in each arm, at least 5 conversions in a funnel or retention, and a baseline
    that is not zero.
    """
    found = []
    for row in (baseline, arm):
        if float(row.get("number_of_samples") or 0) < 50:
            found.append(FEW_EXPOSURES)
        if kind in ("funnel", "retention") and float(row.get("sum") or 0) < 5:
            found.append("not-enough-metric-data")
    if not float(baseline.get("sum") or 0):
        found.append("baseline-mean-is-zero")
    return found
