"""How long an experiment must run: the API's own calculator."""

from __future__ import annotations

import math

from exp_jupyter.engine.running_time import (
    baseline_from_stats,
    recommended_running_time_days,
    recommended_sample_size,
    variance_of,
)
from exp_jupyter.schema.requests import RunningTimeRequest
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.store import Document


def calculate(request: RunningTimeRequest) -> Document:
    """Return the answer of ``calculate_running_time``.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        The numbers are too large to be computed with, or a funnel's baseline is no share.
    """
    stats = request.baseline_stats.model_dump() if request.baseline_stats else None
    kind = request.metric_type
    try:
        baseline = request.baseline_value
        if baseline is None and stats is not None:
            baseline = baseline_from_stats(kind, stats)
        if kind == "funnel" and baseline is not None and not 0 <= baseline <= 1:
            raise invalid("A funnel's baseline must be between 0 and 1.", attr="baseline_value")
        variance = request.variance
        if variance is None:
            variance = variance_of(kind, baseline, stats)
        size = recommended_sample_size(
            kind, request.minimum_detectable_effect, baseline, variance, request.number_of_variants
        )
        days = recommended_running_time_days(size, request.exposure_rate_per_day)
    except (OverflowError, ZeroDivisionError) as error:
        raise invalid("These numbers are too large or too small to compute with.") from error
    if any(value is not None and not math.isfinite(value) for value in (baseline, variance)):
        raise invalid("These numbers are too large or too small to compute with.")
    return {
        "baseline_value": baseline,
        "variance": variance,
        "recommended_sample_size": size,
        "recommended_running_time_days": days,
    }
