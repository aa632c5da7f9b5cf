"""Running time: the API's formula to the last bit, and the days left of a saved experiment."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exp_jupyter.engine.posthog import running_time, running_time_estimate
from exp_jupyter.errors import StatisticsError

NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
ARM = {"number_of_samples": 1000, "sum": 100, "step_counts": [400, 100]}


def estimate(**changes: Any) -> running_time_estimate.RunningTimeEstimate:
    given: dict[str, Any] = {
        "metrics": [{"uuid": "m", "metric_type": "funnel"}],
        "primary_metrics_ordered_uuids": None,
        "running_time_calculation": {"minimum_detectable_effect": 20},
        "start_date": NOW - timedelta(days=10),
        "number_of_variants": 2,
        "result": {"baseline": ARM, "variant_results": [ARM]},
        "now": NOW,
    }
    return running_time_estimate.estimate(**(given | changes))


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (("mean_count", 5, 4.0, 8.0), 6400),
        (("mean_sum_or_avg", 5, 50.0, 625.0), 3200),
        (("mean_sum_or_avg", 5, 50.0, 625.0, 3), 4800),
        (("funnel", 50, 0.1, None), 1152),
        (("funnel", 5, 1.5, None), None),
        (("funnel", 5, 0.0, None), None),
        (("ratio", 5, 1.0, None), None),
    ],
)
def test_sizes_are_the_apis(arguments: tuple[Any, ...], size: int | None) -> None:
    assert running_time.recommended_sample_size(*arguments) == size


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"metric_type": "mean", "minimum_detectable_effect": 5}, "invalid_choice"),
        ({"metric_type": "funnel", "minimum_detectable_effect": -1}, "min_value"),
        ({"metric_type": "funnel", "minimum_detectable_effect": 0}, "invalid_input"),
        ({"metric_type": "funnel", "minimum_detectable_effect": float("nan")}, "min_value"),
        ({"metric_type": "funnel", "minimum_detectable_effect": 5}, "invalid_input"),
        (
            {
                "metric_type": "funnel",
                "minimum_detectable_effect": 5,
                "baseline_value": 0.1,
                "number_of_variants": 1,
            },
            "min_value",
        ),
        (
            {
                "metric_type": "funnel",
                "minimum_detectable_effect": 5,
                "baseline_value": 0.1,
                "exposure_rate_per_day": -1,
            },
            "min_value",
        ),
        (
            {"metric_type": "ratio", "minimum_detectable_effect": 5, "baseline_value": 2.0},
            "invalid_input",
        ),
        (
            {
                "metric_type": "retention",
                "minimum_detectable_effect": 5,
                "baseline_stats": {"number_of_samples": 5, "sum": 1},
            },
            "invalid_input",
        ),
    ],
)
def test_requests_the_api_refuses_are_refused(arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(StatisticsError) as refused:
        running_time.running_time(**arguments)
    assert refused.value.code == code


@given(
    st.sampled_from(["funnel", "mean_count", "mean_sum_or_avg"]),
    st.floats(0.5, 100),
    st.floats(0.001, 0.999),
    st.integers(2, 8),
    st.floats(0, 1e5),
)
def test_more_to_detect_needs_fewer_units_and_more_arms_need_more(
    kind: str, mde: float, baseline: float, variants: int, rate: float
) -> None:
    def size(effect: float, arms: int) -> dict[str, Any]:
        return running_time.running_time(
            kind,
            minimum_detectable_effect=effect,
            baseline_value=baseline,
            number_of_variants=arms,
            exposure_rate_per_day=rate,
        )

    here = size(mde, variants)
    assert size(mde * 1.5, variants)["recommended_sample_size"] <= here["recommended_sample_size"]
    assert size(mde, variants + 1)["recommended_sample_size"] >= here["recommended_sample_size"]
    days = here["recommended_running_time_days"]
    assert rate > 0 or days is None
    if days is not None and days < 1e12:
        assert (days - 1) * rate <= here["recommended_sample_size"] * (1 + 1e-12)


@given(
    st.sampled_from(running_time.METRIC_TYPES),
    st.floats(),
    st.floats(),
    st.floats(),
    st.floats(),
)
def test_every_answer_is_finite_or_the_request_is_refused(
    kind: str, mde: float, baseline: float, variance: float, rate: float
) -> None:
    try:
        answer = running_time.running_time(
            kind,
            minimum_detectable_effect=mde,
            baseline_value=baseline,
            variance=variance,
            exposure_rate_per_day=rate,
        )
    except StatisticsError:
        return
    assert all(value is None or math.isfinite(value) for value in answer.values())


def test_the_rest_of_a_running_experiment() -> None:
    found = estimate()
    assert found.target_sample_size == 7200
    assert found.current_exposures == 2000
    assert found.remaining_days == 26


def test_a_reached_target_has_no_days_left() -> None:
    assert estimate(mde=60).remaining_days == 0


def test_the_first_day_says_nothing_about_the_rate() -> None:
    assert estimate(start_date=NOW - timedelta(hours=12)).remaining_days == 2
    assert estimate(start_date=NOW - timedelta(hours=1)).remaining_days is None
    assert estimate(start_date=None).remaining_days is None


@pytest.mark.parametrize(
    "changes",
    [
        {"running_time_calculation": None},
        {"running_time_calculation": {"minimum_detectable_effect": 0}},
        {"mde": -5},
        {"result": None},
        {"metrics": []},
        {"metrics": [{"uuid": "m", "metric_type": "trend"}]},
    ],
)
def test_without_a_plan_there_is_no_estimate(changes: dict[str, Any]) -> None:
    assert estimate(**changes) == running_time_estimate.NO_ESTIMATE


def test_a_manual_plan_takes_the_entered_baseline_and_rate() -> None:
    config = {
        "conversionRateInputType": "manual",
        "manualBaselineValue": 10,
        "manualExposureRate": 100,
    }
    plan = {"minimum_detectable_effect": 20, "exposure_estimate_config": config}
    found = estimate(running_time_calculation=plan, result=None)
    assert (found.target_sample_size, found.current_exposures) == (7200, None)
    assert found.remaining_days == 72


def test_the_calculator_needs_neither_numpy_nor_scipy() -> None:
    code = (
        "import sys; import exp_jupyter.engine.posthog.running_time;"
        "sys.exit(bool({'scipy', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", ["mean_count", "funnel", "ratio", "retention"])
def test_no_units_imply_no_baseline_whatever_else_there_is(kind: str) -> None:
    stats = {"number_of_samples": 0, "sum": 0, "sum_squares": 0, "denominator_sum": 10}
    answer = running_time.running_time(
        kind, minimum_detectable_effect=10, exposure_rate_per_day=5, baseline_stats=stats
    )
    assert set(answer.values()) == {None}


@pytest.mark.parametrize("units", [1000, 997, 3])
def test_a_retention_of_everybody_needs_no_units(units: int) -> None:
    names = ("number_of_samples", "sum", "sum_squares", "denominator_sum")
    more = ("denominator_sum_squares", "numerator_denominator_sum_product")
    stats = dict.fromkeys((*names, *more), units)
    answer = running_time.running_time(
        "retention", minimum_detectable_effect=10, exposure_rate_per_day=5, baseline_stats=stats
    )
    assert (answer["baseline_value"], answer["recommended_sample_size"]) == (1, 0)
    assert answer["recommended_running_time_days"] is None
