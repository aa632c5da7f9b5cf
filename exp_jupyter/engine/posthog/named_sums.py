"""Sums by the names the API gives them: the engine's statistic of them, and which are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from exp_jupyter.engine.statistics.means import Covariate, Mean, Proportion, Ratio, Statistic

MetricKind = Literal["mean", "funnel", "ratio", "retention"]

FEWEST_UNITS = 50
FEWEST_EVENTS = 5
FEW_EXPOSURES = "not-enough-exposures"
SUMS = ("number_of_samples", "sum", "sum_squares")
RATIO_SUMS = ("denominator_sum", "denominator_sum_squares", "numerator_denominator_sum_product")
COVARIATE_SUMS = ("covariate_sum", "covariate_sum_squares", "covariate_sum_product")


def statistic_of(
    kind: MetricKind,
    sums: Mapping[str, Any],
    *,
    adjusted: bool = False,
    covariate: Any = None,
    checked: bool = True,
    **known: Any,
) -> Statistic:
    """Return the engine's statistic of one variant's sums.

    Parameters
    ----------
    kind
        The metric's kind.
    sums
        The sums, each a number or an array with one element per comparison.
    adjusted
        Take the covariate's sums along.
    covariate
        The covariate where it is known better than by its sums.
    checked
        False to leave refusals to ``compare(..., on_refusal="mask")``.
    **known
        What else the statistic's class takes, such as ``centred`` or ``sum_cubes``.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        The sums cannot be of any data.

    Examples
    --------
    >>> statistic_of("funnel", {"number_of_samples": 1000, "sum": 120}).mean
    0.12
    """
    if adjusted:
        covariate = Covariate(*(sums[name] for name in COVARIATE_SUMS))
    n, total = sums["number_of_samples"], sums["sum"]
    of_kind = {"funnel": Proportion, "mean": Mean}
    made: type[Statistic] = of_kind.get(kind, Ratio)
    build: Callable[..., Statistic] = made if checked else made.unchecked
    if kind == "funnel":
        return build(n, total, covariate=covariate, **known)
    squares = sums["sum_squares"]
    if kind == "mean":
        return build(n, total, squares, covariate=covariate, **known)
    below = [0 if sums.get(name) is None else sums[name] for name in RATIO_SUMS]
    return build(n, total, squares, *below, covariate=covariate, **known)


def refused_by_project(kind: MetricKind, n: Any, total: Any, *, baseline: bool) -> dict[str, Any]:
    """Return where a variant's sums are not compared, by the API's word for why, in its order.

    Parameters
    ----------
    kind
        The metric's kind.
    n, total
        Units, and the sum of their values; numbers, or arrays of one shape.
    baseline
        Whether the others are compared with it.
    """
    refused = {FEW_EXPOSURES: n < FEWEST_UNITS}
    if kind in ("funnel", "retention"):
        refused["not-enough-metric-data"] = total < FEWEST_EVENTS
    if baseline:
        refused["baseline-mean-is-zero"] = total == 0
    return refused


def validation_failures(kind: MetricKind, row: Mapping[str, Any], *, baseline: bool) -> list[str]:
    """Return why a variant's sums are not compared, in the API's words and order.

    Examples
    --------
    >>> row = {"number_of_samples": 40, "sum": 0}
    >>> validation_failures("mean", row, baseline=True)
    ['not-enough-exposures', 'baseline-mean-is-zero']
    """
    refused = refused_by_project(kind, row["number_of_samples"], row["sum"], baseline=baseline)
    return [code for code, applies in refused.items() if applies]
