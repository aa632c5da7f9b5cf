"""Result assembly: the API's object from sums, never an error over one variant's numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.methods import Frequentist
from exp_jupyter.engine.posthog.assembly import assemble, breakdown_totals
from exp_jupyter.engine.posthog.named_sums import statistic_of
from exp_jupyter.engine.posthog.settings import resolve
from exp_jupyter.errors import InputError, StatisticsError

FREQUENTIST = resolve({"method": "frequentist"})


def funnel(key: str, n: int, converted: int, **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "number_of_samples": n,
        "sum": converted,
        "sum_squares": converted,
        "step_counts": [n // 2, converted],
        **more,
    }


def test_the_baseline_has_no_test_and_the_others_do() -> None:
    result = assemble("funnel", [funnel("control", 900, 90), funnel("test", 910, 120)], FREQUENTIST)
    assert result["baseline"] == {
        "key": "control",
        "number_of_samples": 900,
        "sum": 90,
        "sum_squares": 90,
        "step_counts": [450, 90],
        "validation_failures": [],
    }
    (test,) = result["variant_results"]
    effect = compare(
        statistic_of("funnel", funnel("control", 900, 90)),
        statistic_of("funnel", funnel("test", 910, 120)),
        Frequentist(mode="compat"),
    )
    assert test["p_value"] == effect.p_value
    assert test["confidence_interval"] == list(effect.interval)
    assert test["significant"] is effect.significant
    assert test["point_estimate"] == effect.estimate
    assert test["mode"] == "compat"
    assert test["method_details"]["alpha"] == 0.05


def test_a_bayesian_variant_says_its_chance_and_its_losses() -> None:
    result = assemble("funnel", [funnel("control", 900, 90), funnel("test", 910, 120)], resolve({}))
    (test,) = result["variant_results"]
    assert test["method"] == "bayesian"
    assert 0.95 < test["chance_to_win"] < 1
    assert test["expected_loss"] < test["expected_loss_control"]
    assert "p_value" not in test


def test_a_variant_that_cannot_be_compared_keeps_its_sums() -> None:
    rows = [funnel("control", 900, 90), funnel("few", 40, 3), funnel("all", 900, 900)]
    result = assemble("funnel", rows, resolve({}))
    few, everyone = result["variant_results"]
    assert few["validation_failures"] == ["not-enough-exposures", "not-enough-metric-data"]
    assert everyone["validation_failures"] == []
    assert "fewer than 5 successes or failures" in everyone["warnings"][0]
    for variant in (few, everyone):
        assert "chance_to_win" not in variant
        assert "significant" not in variant


def test_an_unusable_baseline_leaves_every_variant_without_a_test() -> None:
    rows = [funnel("control", 900, 0), funnel("test", 910, 120)]
    result = assemble("funnel", rows, FREQUENTIST)
    assert result["baseline"]["validation_failures"] == [
        "not-enough-metric-data",
        "baseline-mean-is-zero",
    ]
    assert "p_value" not in result["variant_results"][0]


def test_the_baseline_must_be_there_once() -> None:
    for rows in ([funnel("a", 900, 90)], [funnel("control", 900, 90)] * 2):
        with pytest.raises(StatisticsError) as refused:
            assemble("funnel", rows, FREQUENTIST)
        assert refused.value.code == "no_control_variant"
    with pytest.raises(InputError):
        assemble("share", [], FREQUENTIST)  # type: ignore[arg-type]


def test_the_order_is_the_flags_and_missing_variants_count_as_empty() -> None:
    rows = [funnel("b", 900, 90), funnel("control", 900, 90)]
    result = assemble("funnel", rows, FREQUENTIST, variants_order=("control", "a", "b"))
    assert [variant["key"] for variant in result["variant_results"]] == ["a", "b"]
    assert result["variant_results"][0]["number_of_samples"] == 0


def test_the_headline_of_a_breakdown_adds_its_parts_up() -> None:
    rows = [
        funnel(key, n, x, breakdown=[browser])
        for key, n, x, browser in (
            ("control", 500, 50, "Chrome"),
            ("test", 510, 70, "Chrome"),
            ("control", 400, 30, "Safari"),
        )
    ]
    result = assemble("funnel", rows, FREQUENTIST)
    totals = [funnel("control", 900, 80), funnel("test", 510, 70)]
    plain = assemble("funnel", totals, FREQUENTIST)
    assert result["baseline"] == plain["baseline"]
    assert result["variant_results"][0]["p_value"] == plain["variant_results"][0]["p_value"]
    chrome, safari = result["breakdown_results"]
    assert chrome["breakdown_value"] == ["Chrome"]
    assert "p_value" in chrome["variants"][0]
    assert safari["variants"][0]["number_of_samples"] == 0
    assert breakdown_totals(rows)["control"]["step_counts"] == [450, 80]


def test_the_recommended_mode_corrects_cuped() -> None:
    settings = resolve({"method": "frequentist", "cuped": {"enabled": True}})
    rows = [
        {
            "key": key,
            "number_of_samples": n,
            "sum": 3.0 * n,
            "sum_squares": 13.0 * n,
            "covariate_sum": 3.0 * n,
            "covariate_sum_squares": 13.0 * n,
            "covariate_sum_product": 12.0 * n,
        }
        for key, n in (("control", 900), ("test", 950))
    ]
    compat = assemble("mean", rows, settings)["variant_results"][0]
    recommended = assemble("mean", rows, settings, mode="recommended")["variant_results"][0]
    assert compat["standard_error"] < recommended["standard_error"]
    assert any("too narrow" in warning for warning in compat["warnings"])
    assert compat["theta"] == pytest.approx(recommended["theta"])
    assert assemble("mean", rows, settings)["baseline"]["covariate_sum"] == 2700.0


sums = st.one_of(st.integers(-10, 10**6), st.floats(-1e9, 1e9))


@given(
    st.sampled_from(["mean", "funnel", "ratio", "retention"]),
    st.lists(st.lists(sums, min_size=6, max_size=6), min_size=2, max_size=3),
    st.sampled_from(["bayesian", "frequentist"]),
    st.sampled_from(["compat", "recommended"]),
)
def test_whatever_the_sums_the_object_is_json(
    kind: Any, raw: list[list[float]], method: str, mode: Any
) -> None:
    names = ("number_of_samples", "sum", "sum_squares", "denominator_sum")
    names = (*names, "denominator_sum_squares", "numerator_denominator_sum_product")
    rows = [
        {"key": "control" if not i else f"test{i}", **dict(zip(names, row, strict=True))}
        for i, row in enumerate(raw)
    ]
    result = assemble(kind, rows, resolve({"method": method}), mode=mode)
    json.dumps(result, allow_nan=False)
    assert len(result["variant_results"]) == len(rows) - 1
