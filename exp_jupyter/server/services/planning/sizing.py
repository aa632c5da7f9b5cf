"""How long an experiment must run: the engine's calculator, as the API answers."""

from __future__ import annotations

from exp_jupyter.engine.posthog.running_time import running_time
from exp_jupyter.errors import StatisticsError
from exp_jupyter.schema.requests.bodies import RunningTimeRequest
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.store import Document


def calculate(request: RunningTimeRequest) -> Document:
    """Return the answer of ``calculate_running_time``.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        The numbers are too large to be computed with, or a funnel's baseline is no share.
    """
    try:
        answer = running_time(
            request.metric_type,
            minimum_detectable_effect=request.minimum_detectable_effect,
            number_of_variants=request.number_of_variants,
            exposure_rate_per_day=request.exposure_rate_per_day,
            baseline_value=request.baseline_value,
            variance=request.variance,
            baseline_stats=request.baseline_stats.model_dump() if request.baseline_stats else None,
        )
    except StatisticsError as error:
        raise invalid(error.message) from error
    baseline = answer["baseline_value"]
    if request.metric_type == "funnel" and baseline is not None and not 0 <= baseline <= 1:
        raise invalid("A funnel's baseline must be between 0 and 1.", attr="baseline_value")
    return answer
