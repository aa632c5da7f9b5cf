"""The effect between two arms' statistics, whatever the metric."""

from __future__ import annotations

import math
from typing import Any

from exp_jupyter.analysis.units.metrics import UnitMetric
from exp_jupyter.errors import InputError, StatisticsError


def quantile_rule(method: Any, metric: UnitMetric) -> Any:
    """Return the rule for quantiles.

    Raises
    ------
    exp_jupyter.errors.InputError
        The method cannot judge quantiles.
    """
    from exp_jupyter.engine.comparison.estimates.from_estimate import Rule

    if method.name != "frequentist":
        raise InputError(
            f"Metric {metric.label!r} is a {metric.kind}, which only the frequentist method can "
            "compare.",
            hint="Analyse it on its own with method='frequentist'.",
        )
    return Rule(
        alpha=method.alpha,
        alternative=method.alternative,
        difference=method.difference,
        null=method.null,
    )


def rule_for(method: Any, metric: UnitMetric) -> Any:
    """Return what judges a metric: the method itself, or the rule of what has no sums."""
    return quantile_rule(method, metric) if metric.kind in ("quantile", "bootstrap") else method


def effect_of(
    metric: UnitMetric, control_key: str, key: str, control: Any, treatment: Any, judge: Any
) -> Any:
    """Return the effect between two arms' statistics.

    Parameters
    ----------
    metric
        The metric.
    control_key, key
        What the arms are called.
    control, treatment
        Their statistics; None without a value.
    judge
        The method, or the rule for quantiles.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        The arms cannot be compared.
    """
    from exp_jupyter.engine.comparison.compare import compare
    from exp_jupyter.engine.comparison.estimates.bootstrap import compare_bootstrap
    from exp_jupyter.engine.comparison.estimates.quantiles import compare_quantiles

    for name, arm in ((control_key, control), (key, treatment)):
        if arm is None:
            raise StatisticsError("no_values", f"{name} has no unit with a value.")
    if metric.kind == "bootstrap":
        return compare_bootstrap(
            control, treatment, metric.statistic, judge, draws=metric.draws, seed=metric.seed
        )
    if metric.kind != "quantile":
        return compare(control, treatment, judge)
    for name, arm in ((control_key, control), (key, treatment)):
        if math.isnan(arm.variance):
            raise StatisticsError(
                "too_few_values",
                f"{name} has {arm.n:.0f} values, too few for an interval around this quantile.",
            )
    return compare_quantiles(control, treatment, judge)
