"""How far a saved experiment is from its planned size, as the project's own page says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exp_jupyter.engine.posthog.running_time import (
    METRIC_TYPES,
    baseline_from_stats,
    recommended_sample_size,
    variance_of,
    whole_days,
)

DEFAULT_MDE = 30.0
"""The minimum detectable effect, in percent, where neither experiment nor team names one."""

LEAST_ELAPSED_DAYS = 0.1
SETTLED_AFTER_DAYS = 1.0
SETTLED_AFTER_EXPOSURES = 100
_SECONDS_A_DAY = 86_400


def default_mde(saved_mde: float | None, team_default: float | None = None) -> float:
    """Return the minimum detectable effect in force, in percent; 0 counts as unset.

    Examples
    --------
    >>> default_mde(None, 18), default_mde(0, None)
    (18, 30.0)
    """
    return saved_mde or team_default or DEFAULT_MDE


def calculator_type(metric: Mapping[str, Any]) -> str:
    """Return the calculator's type for a saved metric.

    Examples
    --------
    >>> calculator_type({"metric_type": "mean", "source": {"math": "sum"}})
    'mean_sum_or_avg'
    >>> calculator_type({"metric_type": "mean", "source": {"math": "avg"}})
    'mean_count'
    """
    kind = str(metric.get("metric_type"))
    if kind != "mean":
        return kind
    summed = (metric.get("source") or {}).get("math") == "sum"
    return "mean_sum_or_avg" if summed else "mean_count"


@dataclass(frozen=True)
class RunningTimeEstimate:
    """How far a saved experiment is from its planned size.

    Attributes
    ----------
    target_sample_size
        Units over all variants; None when it cannot be told.
    current_exposures
        Units so far, over all variants.
    remaining_days
        Whole days until the target at the present rate; 0 when it is reached.
    """

    target_sample_size: int | None = None
    current_exposures: int | None = None
    remaining_days: int | None = None


NO_ESTIMATE = RunningTimeEstimate()


def estimate(
    *,
    metrics: Sequence[Mapping[str, Any]],
    primary_metrics_ordered_uuids: Sequence[str] | None,
    running_time_calculation: Mapping[str, Any] | None,
    start_date: datetime | None,
    number_of_variants: int,
    result: Mapping[str, Any] | None,
    now: datetime,
    mde: float | None = None,
) -> RunningTimeEstimate:
    """Return the target, the present and the remaining days of a saved experiment.

    Parameters
    ----------
    metrics
        The primary metrics.
    primary_metrics_ordered_uuids
        Their display order.
    running_time_calculation
        ``parameters`` of the saved calculation: ``minimum_detectable_effect`` in percent and
        ``exposure_estimate_config``, whose ``conversionRateInputType`` ``"manual"`` takes
        ``manualMetricType``, ``manualBaselineValue`` (percent for a funnel) and
        ``manualExposureRate`` in place of the latest result.
    start_date
        When the experiment started.
    number_of_variants
        The control included.
    result
        The latest result of the first primary metric: ``baseline`` and ``variant_results``.
    now
        The present.
    mde
        Takes the place of the saved minimum detectable effect.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> arm = {"number_of_samples": 500, "sum": 50}
    >>> estimate(
    ...     metrics=[{"uuid": "m", "metric_type": "funnel"}],
    ...     primary_metrics_ordered_uuids=None,
    ...     running_time_calculation={"minimum_detectable_effect": 20},
    ...     start_date=datetime(2025, 1, 1, tzinfo=UTC),
    ...     number_of_variants=2,
    ...     result={"baseline": arm, "variant_results": [arm]},
    ...     now=datetime(2025, 1, 11, tzinfo=UTC),
    ... )
    RunningTimeEstimate(target_sample_size=7200, current_exposures=1000, remaining_days=62)
    """
    saved = running_time_calculation or {}
    effect = mde if mde is not None else saved.get("minimum_detectable_effect")
    if not effect or effect <= 0:
        return NO_ESTIMATE
    config = saved.get("exposure_estimate_config") or {}
    manual = config.get("conversionRateInputType") == "manual"
    exposures = current_exposures(result)
    elapsed = None
    if start_date is not None:
        elapsed = (now - start_date).total_seconds() / _SECONDS_A_DAY
    planned = (
        _manual_plan(config)
        if manual
        else _measured_plan(metrics, primary_metrics_ordered_uuids, result)
    )
    if planned is None:
        return NO_ESTIMATE
    kind, baseline, variance = planned
    target = recommended_sample_size(kind, effect, baseline, variance, number_of_variants)
    rate = config.get("manualExposureRate") if manual else _measured_rate(exposures, elapsed)
    return RunningTimeEstimate(target, exposures, remaining_days(target, rate, exposures, elapsed))


def current_exposures(result: Mapping[str, Any] | None) -> int | None:
    """Return the units of all variants of a result; None without one.

    Examples
    --------
    >>> current_exposures({"baseline": {"number_of_samples": 3}, "variant_results": []})
    3
    """
    if not result or not result.get("baseline"):
        return None
    rows = [result["baseline"], *(result.get("variant_results") or ())]
    return int(sum(row.get("number_of_samples") or 0 for row in rows))


def remaining_days(
    target: int | None, rate: float | None, exposures: int | None, elapsed: float | None
) -> int | None:
    """Return the whole days left until a target.

    Parameters
    ----------
    target
        Units to reach.
    rate
        New units a day.
    exposures
        Units so far.
    elapsed
        Days since the start.

    Notes
    -----
    In the first day, or under 100 units, the full duration: the rate says nothing yet.

    Examples
    --------
    >>> remaining_days(1000, 100.0, 600, 6.0)
    4
    """
    if not target or not rate:
        return None
    seen = exposures or 0
    if elapsed is None or elapsed < SETTLED_AFTER_DAYS or seen < SETTLED_AFTER_EXPOSURES:
        return whole_days(target / rate)
    return 0 if seen >= target else whole_days((target - seen) / rate)


def _manual_plan(config: Mapping[str, Any]) -> tuple[str, float, float | None] | None:
    kind = config.get("manualMetricType")
    if kind not in METRIC_TYPES:
        kind = "funnel"
    baseline = config.get("manualBaselineValue")
    if not baseline:
        return None
    if kind == "funnel":
        baseline = baseline / 100
    return kind, baseline, variance_of(kind, baseline, None)


def _measured_plan(
    metrics: Sequence[Mapping[str, Any]],
    order: Sequence[str] | None,
    result: Mapping[str, Any] | None,
) -> tuple[str, float, float | None] | None:
    if not metrics or not result or not result.get("baseline"):
        return None
    ranks = {uuid: rank for rank, uuid in enumerate(order or ())}
    first = min(metrics, key=lambda metric: ranks.get(str(metric.get("uuid")), len(ranks)))
    kind, stats = calculator_type(first), result["baseline"]
    if kind not in METRIC_TYPES:
        return None
    baseline = baseline_from_stats(kind, stats)
    if baseline is None:
        return None
    return kind, baseline, variance_of(kind, baseline, stats)


def _measured_rate(exposures: int | None, elapsed: float | None) -> float | None:
    if not exposures or elapsed is None or elapsed < LEAST_ELAPSED_DAYS:
        return None
    return exposures / elapsed
