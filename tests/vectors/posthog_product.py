"""How each kind of PostHog vector about the product around a comparison is put to the engine."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from exp_jupyter.engine.checks.sample_ratio import (
    even_split,
    multiple_variant_bias,
    sample_ratio_mismatch,
)
from exp_jupyter.engine.posthog import running_time
from exp_jupyter.engine.posthog import running_time_estimate as saved
from exp_jupyter.engine.posthog.assembly import assemble, breakdown_totals
from exp_jupyter.engine.posthog.settings import ADJUSTABLE, resolve
from exp_jupyter.engine.statistics.means import Mean
from exp_jupyter.engine.statistics.retention import retention_outcome
from exp_jupyter.engine.statistics.winsorization import threshold_mean, winsorize
from exp_jupyter.errors import StatisticsError

Answer = dict[str, Any]


def result_assembly(inputs: dict[str, Any]) -> Answer:
    settings = resolve(
        inputs["stats_config"], inputs["team_defaults"], metric_type=inputs["metric_type"]
    )
    rows = inputs["variants"]
    result = assemble(inputs["metric_type"], rows, settings)
    applied = (
        settings.cuped
        and inputs["metric_type"] in ADJUSTABLE
        and all("covariate_sum" in row for row in rows)
    )
    tested = {"p_value", "chance_to_win"}
    for variant in result["variant_results"]:
        # The vectors name a variant without a test "skipped"; ours simply has none.
        if not tested & set(variant):
            variant["skipped"] = True
            assert "significant" not in variant
    return {
        "method": settings.method,
        "cuped_applied": applied,
        "cuped_lookback_days": settings.cuped_lookback_days if applied else None,
        "baseline": result["baseline"],
        "variants": result["variant_results"],
    }


def check_untested(expected: Answer, got: Answer) -> None:
    """A variant that the vectors show without a test must have none here either."""
    for wanted, variant in zip(expected["variants"], got["variants"], strict=True):
        if not {"p_value", "chance_to_win"} & set(wanted):
            assert variant.get("skipped") is True, variant


def settings_resolution(inputs: dict[str, Any]) -> Answer:
    settings = resolve(
        inputs["stats_config"], inputs["team_defaults"], metric_type=inputs["metric_type"]
    )
    return {
        "method": settings.method,
        "alpha": settings.alpha,
        "ci_level": settings.ci_level,
        "difference_type": settings.difference,
        "sequential_testing_enabled": settings.sequential,
        "sequential_tuning_parameter": settings.tuning_n,
        "cuped_enabled": settings.cuped,
        "cuped_lookback_days": settings.cuped_lookback_days,
    }


def running_time_endpoint(inputs: dict[str, Any]) -> Answer:
    try:
        body = running_time.running_time(**inputs)
    except StatisticsError:
        return {"http_status": 400}
    return {"http_status": 200, "body": body}


def running_time_estimate(inputs: dict[str, Any]) -> Answer:
    start = inputs["start_date"]
    found = saved.estimate(
        metrics=inputs["metrics"],
        primary_metrics_ordered_uuids=inputs["primary_metrics_ordered_uuids"],
        running_time_calculation=inputs["running_time_calculation"],
        start_date=None if start is None else datetime.fromisoformat(start),
        number_of_variants=inputs["number_of_variants"],
        result=inputs["result"],
        now=datetime.fromisoformat(inputs["now"]),
        mde=inputs.get("mde_override"),
    )
    return {
        "target_sample_size": found.target_sample_size,
        "current_exposures": found.current_exposures,
        "remaining_days": found.remaining_days,
    }


def default_mde(inputs: dict[str, Any]) -> Answer:
    return {"minimum_detectable_effect": saved.default_mde(**inputs)}


def srm(inputs: dict[str, Any]) -> Answer:
    found = sample_ratio_mismatch(
        inputs["total_exposures"],
        {variant["key"]: variant["rollout_percentage"] for variant in inputs["variants"]},
        excluded=inputs["excluded_variants"],
    )
    return {"result": found.wire(), "warn": found.mismatch}


def bias(inputs: dict[str, Any]) -> Answer:
    found = multiple_variant_bias(
        inputs["total_exposures"],
        inputs["rollout_percentages"],
        handling=inputs["multiple_variant_handling"],
    )
    return {"result": None if found is None else {"multiple_variant_percentage": found}}


def split(inputs: dict[str, Any]) -> Answer:
    return {"rollout_percentages": even_split(inputs["variant_count"])}


def _sums(mean: Mean) -> Answer:
    told = {"number_of_samples": mean.n, "sum": mean.sum, "sum_squares": mean.sum_squares}
    if mean.covariate is not None:
        told["covariate_sum"] = mean.covariate.sum
        told["covariate_sum_squares"] = mean.covariate.sum_squares
        told["covariate_sum_product"] = mean.covariate.cross
    return told


def winsorized(inputs: dict[str, Any]) -> Answer:
    paired = any(
        isinstance(value, list) for values in inputs["values"].values() for value in values
    )
    first = {
        key: [value[0] if paired else value for value in values]
        for key, values in inputs["values"].items()
    }
    second = (
        {key: [value[1] for value in values] for key, values in inputs["values"].items()}
        if paired
        else None
    )
    found = winsorize(
        first,
        lower=inputs.get("lower_bound_percentile"),
        upper=inputs.get("upper_bound_percentile"),
        ignore_zeros=inputs.get("ignore_zeros", False),
    )
    arms = found.statistics(second)
    return {
        "bounds": list(found.bounds),
        "variants": {key: _sums(arm) for key, arm in arms.items()},
    }


def threshold(inputs: dict[str, Any]) -> Answer:
    return {
        key: _sums(threshold_mean(values, inputs["threshold"]))
        for key, values in inputs["values"].items()
    }


def breakdown(inputs: dict[str, Any]) -> Answer:
    return dict(breakdown_totals(inputs["rows"]))


def retention(inputs: dict[str, Any]) -> Answer:
    value = retention_outcome(
        datetime.fromisoformat(inputs["start"]),
        [datetime.fromisoformat(text) for text in inputs["completions"]],
        unit=inputs["unit"],
        window_start=inputs["window_start"],
        window_end=inputs["window_end"],
    )
    assert not math.isnan(value)
    return {"value": value}


KINDS = {
    "result_assembly": result_assembly,
    "settings_resolution": settings_resolution,
    "running_time_endpoint": running_time_endpoint,
    "running_time_estimate": running_time_estimate,
    "default_mde": default_mde,
    "sample_ratio_mismatch": srm,
    "multiple_variant_bias": bias,
    "even_split": split,
    "winsorize": winsorized,
    "winsorize_with_covariate": winsorized,
    "threshold_mean": threshold,
    "breakdown_aggregate": breakdown,
    "retention_outcome": retention,
}
