"""Sample size and running time exactly as the project's API computes them, to the last bit.

The formula is the API's own: a constant 16 in place of ``2 (z_{0.975} + z_{0.8})²``, an even split,
and fixed guesses for the variance of a mean. ``exp_jupyter.engine.planning`` holds the general one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exp_jupyter.errors import StatisticsError

METRIC_TYPES = ("funnel", "mean_count", "mean_sum_or_avg", "ratio", "retention")
DEFAULT_MDE = 30.0
"""The minimum detectable effect, in percent, where neither experiment nor team names one."""

LEAST_ELAPSED_DAYS = 0.1
SETTLED_AFTER_DAYS = 1.0
SETTLED_AFTER_EXPOSURES = 100
_SECONDS_A_DAY = 86_400
_BEYOND_FLOATS = "These numbers are too large or too small to compute with."
_NEEDS_RATIO_STATS = (
    "Ratio and retention metrics require baseline_stats, or both baseline_value and variance."
)


def baseline_from_stats(metric_type: str, stats: Mapping[str, Any]) -> float | None:
    """Return the baseline value that ``baseline_stats`` imply, or None when they imply none.

    Examples
    --------
    >>> baseline_from_stats("mean_count", {"number_of_samples": 500, "sum": 100})
    0.2
    """
    n = stats["number_of_samples"]
    if metric_type in ("ratio", "retention"):
        denominator = stats.get("denominator_sum")
        return float(stats["sum"]) / float(denominator) if denominator else None
    if not n:
        return None
    steps = stats.get("step_counts")
    if metric_type == "funnel" and steps:
        return float(steps[-1]) / float(n)
    return float(stats["sum"]) / float(n)


def variance_of(
    metric_type: str, baseline: float | None, stats: Mapping[str, Any] | None
) -> float | None:
    """Return the variance the API works with when none is given: a guess for means.

    Examples
    --------
    >>> variance_of("mean_count", 4.0, None), variance_of("mean_sum_or_avg", 50.0, None)
    (8.0, 625.0)
    """
    if metric_type in ("ratio", "retention"):
        return _ratio_variance(stats) if stats is not None else None
    if baseline is None or metric_type == "funnel":
        return None
    return 2 * baseline if metric_type == "mean_count" else 0.25 * baseline**2


def _ratio_variance(stats: Mapping[str, Any]) -> float | None:
    n = stats["number_of_samples"]
    if not n or not stats.get("denominator_sum"):
        return None
    m = stats["sum"] / n
    d = stats["denominator_sum"] / n
    var_m = (stats.get("sum_squares") or 0.0) / n - m**2
    var_d = (stats.get("denominator_sum_squares") or 0.0) / n - d**2
    cov = (stats.get("numerator_denominator_sum_product") or 0.0) / n - m * d
    return float(var_m / d**2 + m**2 * var_d / d**4 - 2 * m * cov / d**3)


def recommended_sample_size(
    metric_type: str,
    mde: float,
    baseline: float | None,
    variance: float | None,
    variants: int = 2,
) -> int | None:
    """Return the total sample size over all variants, or None where the API answers null.

    Parameters
    ----------
    mde
        Minimum detectable effect in percent of the baseline.

    Examples
    --------
    >>> recommended_sample_size("funnel", 50, 0.1, None)
    1152
    >>> recommended_sample_size("mean_count", 5, 4.0, 8.0)
    6400
    """
    if baseline is None:
        return None
    spread = baseline * (1 - baseline) if metric_type == "funnel" else variance
    squared = ((mde / 100) * baseline) ** 2
    if spread is None or squared == 0:
        return None
    # The order of operations is the API's: ``ceil`` is sensitive to the last bit.
    total = ((16 * spread) / squared) * variants
    return math.ceil(total) if 0 < total < math.inf else None


def recommended_running_time_days(sample_size: int | None, rate: float | None) -> int | None:
    """Return the whole days it takes ``rate`` new units a day to reach ``sample_size``.

    Examples
    --------
    >>> recommended_running_time_days(1000, 300)
    4
    """
    return _whole_days(sample_size / rate) if sample_size and rate else None


def _whole_days(days: float) -> int | None:
    # A rate of nearly nothing takes for ever, which is no number of days.
    return math.ceil(days) if days < math.inf else None


def running_time(
    metric_type: str,
    *,
    minimum_detectable_effect: float,
    number_of_variants: int = 2,
    exposure_rate_per_day: float | None = None,
    baseline_value: float | None = None,
    variance: float | None = None,
    baseline_stats: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what the API's ``calculate_running_time`` answers.

    Parameters
    ----------
    metric_type
        One of ``METRIC_TYPES``.
    minimum_detectable_effect
        In percent of the baseline, above 0.
    number_of_variants
        At least 2, the control included.
    exposure_rate_per_day
        New units a day, at least 0.
    baseline_value
        The baseline; beats the one that ``baseline_stats`` imply.
    variance
        The variance per unit; beats any derived one.
    baseline_stats
        The sums of the baseline variant, by the names of the API.

    Returns
    -------
    dict
        ``baseline_value``, ``variance``, ``recommended_sample_size`` (over all variants),
        ``recommended_running_time_days``; None where there is no answer.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        The request is refused; ``code`` and message are the API's.

    Examples
    --------
    >>> answer = running_time(
    ...     "mean_count", minimum_detectable_effect=5, baseline_value=4, exposure_rate_per_day=100
    ... )
    >>> answer["recommended_sample_size"], answer["recommended_running_time_days"]
    (6400, 64)
    """
    _refuse(
        metric_type,
        minimum_detectable_effect,
        number_of_variants,
        exposure_rate_per_day,
        baseline_value,
        variance,
        baseline_stats,
    )
    try:
        baseline = baseline_value
        if baseline is None and baseline_stats is not None:
            baseline = baseline_from_stats(metric_type, baseline_stats)
        if variance is None:
            variance = variance_of(metric_type, baseline, baseline_stats)
        size = recommended_sample_size(
            metric_type, minimum_detectable_effect, baseline, variance, number_of_variants
        )
    except (OverflowError, ZeroDivisionError) as error:
        raise StatisticsError("not_finite", _BEYOND_FLOATS) from error
    if any(value is not None and not math.isfinite(value) for value in (baseline, variance)):
        raise StatisticsError("not_finite", _BEYOND_FLOATS)
    return {
        "baseline_value": baseline,
        "variance": variance,
        "recommended_sample_size": size,
        "recommended_running_time_days": recommended_running_time_days(size, exposure_rate_per_day),
    }


def _refuse(
    metric_type: str,
    mde: float,
    variants: int,
    rate: float | None,
    baseline: float | None,
    variance: float | None,
    stats: Mapping[str, Any] | None,
) -> None:
    ratio = metric_type in ("ratio", "retention")
    reasons = (
        (
            metric_type not in METRIC_TYPES,
            "invalid_choice",
            f'metric_type: "{metric_type}" is not a valid choice.',
        ),
        (
            not math.isfinite(mde) or mde < 0,
            "min_value",
            "minimum_detectable_effect: Ensure this value is greater than or equal to 0.",
        ),
        (mde == 0, "invalid_input", "minimum_detectable_effect: Must be greater than 0."),
        (
            variants < 2,
            "min_value",
            "number_of_variants: Ensure this value is greater than or equal to 2.",
        ),
        (
            rate is not None and not 0 <= rate < math.inf,
            "min_value",
            "exposure_rate_per_day: Ensure this value is greater than or equal to 0.",
        ),
        (
            ratio and stats is None and (baseline is None or variance is None),
            "invalid_input",
            _NEEDS_RATIO_STATS,
        ),
        (
            stats is None and baseline is None,
            "invalid_input",
            "Provide either baseline_value or baseline_stats.",
        ),
        (
            ratio and stats is not None and not stats.get("denominator_sum"),
            "invalid_input",
            "baseline_stats__denominator_sum: Required to size ratio and retention metrics.",
        ),
    )
    for refused, code, message in reasons:
        if refused:
            raise StatisticsError(code, message)


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
        return _whole_days(target / rate)
    return 0 if seen >= target else _whole_days((target - seen) / rate)


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
