"""Sample size and running time exactly as the project's API computes them, to the last bit.

The formula is the API's own: a constant 16 in place of ``2 (z_{0.975} + z_{0.8})²``, an even split,
and fixed guesses for the variance of a mean.
``exp_jupyter.engine.planning.sample_size`` holds the general one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from exp_jupyter.errors import StatisticsError

METRIC_TYPES = ("funnel", "mean_count", "mean_sum_or_avg", "ratio", "retention")
_BEYOND_FLOATS = "These numbers are too large or too small to compute with."
_NEEDS_RATIO_STATS = (
    "Ratio and retention metrics require baseline_stats, or both baseline_value and variance."
)


def baseline_from_stats(metric_type: str, stats: Mapping[str, Any]) -> float | None:
    """Return the baseline value that ``baseline_stats`` imply, or None when they imply none.

    No units imply none, whatever else the statistics hold.

    Examples
    --------
    >>> baseline_from_stats("mean_count", {"number_of_samples": 500, "sum": 100})
    0.2
    """
    n = stats["number_of_samples"]
    if not n:
        return None
    if metric_type in ("ratio", "retention"):
        denominator = stats.get("denominator_sum")
        return float(stats["sum"]) / float(denominator) if denominator else None
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

    A metric without variance, such as a retention of everybody, needs 0 units.

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
    # Rounded before it is looked at: a variance of 0 is often a little less in floats.
    return size if total < math.inf and (size := math.ceil(total)) >= 0 else None


def recommended_running_time_days(sample_size: int | None, rate: float | None) -> int | None:
    """Return the whole days it takes ``rate`` new units a day to reach ``sample_size``.

    Examples
    --------
    >>> recommended_running_time_days(1000, 300)
    4
    """
    return whole_days(sample_size / rate) if sample_size and rate else None


def whole_days(days: float) -> int | None:
    """Return a number of days rounded up; None when it takes for ever, as a tiny rate does."""
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
