"""Sample size and running time exactly as the project's API computes them, to the last bit.

The formula is the API's own: a constant 16 in place of ``2 (z_{0.975} + z_{0.8})²``, an even split,
and fixed guesses for the variance of a mean. ``exp_jupyter.engine.planning`` holds the general one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

METRIC_TYPES = ("funnel", "mean_count", "mean_sum_or_avg", "ratio", "retention")


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
    return math.ceil(sample_size / rate) if sample_size and rate else None
