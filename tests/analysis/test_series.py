"""Daily series from what a project stores."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import pytest

from exp_jupyter.analysis.results.series import Series
from exp_jupyter.engine.posthog.assembly import assemble
from exp_jupyter.engine.posthog.settings import resolve
from exp_jupyter.errors import InputError

METRIC = {
    "kind": "ExperimentMetric",
    "metric_type": "funnel",
    "uuid": "m-1",
    "name": "Checkout",
    "fingerprint": "f" * 64,
    "series": [{"kind": "EventsNode", "event": "order"}],
}
EXPERIMENT = {
    "id": 7,
    "name": "One-page checkout",
    "stats_config": {"method": "frequentist"},
    "running_time_calculation": {"recommended_sample_size": 9000},
}
COUNTS = [(30, 3, 31, 4), (400, 40, 410, 55), (900, 90, 880, 130), (1500, 150, 1510, 240)]


def day_result(control_n, control, test_n, test, config=None):
    rows = [
        {"key": key, "number_of_samples": n, "sum": s, "sum_squares": s, "step_counts": [s]}
        for key, n, s in (("control", control_n, control), ("test", test_n, test))
    ]
    return assemble("funnel", rows, resolve(config or {"method": "frequentist"}))


@pytest.fixture
def results():
    days = {f"2026-03-0{i + 1}": day_result(*counts) for i, counts in enumerate(COUNTS)}
    return {
        "experiment_id": 7,
        "metric_uuid": "m-1",
        "status": "partial",
        "timeseries": days | {"2026-03-05": None},
        "errors": {"2026-03-05": "Query timed out."},
        "computed_at": "2026-03-06T02:00:41.118204+00:00",
    }


def test_the_projects_own_numbers_are_kept(results):
    series = Series.from_wire(results, experiment=EXPERIMENT, metric=METRIC)
    told = results["timeseries"]["2026-03-04"]["variant_results"][0]
    effect = series.days[3].effects["test"]
    assert list(effect.interval) == told["confidence_interval"]
    assert effect.p_value == told["p_value"]
    assert effect.estimate == pytest.approx(240 / 1510 / 0.1 - 1)
    assert math.isnan(effect.standard_error)
    assert (series.method, series.mode, series.level) == ("frequentist", "compat", 0.95)
    assert series.variants == ("control", "test")
    assert series.planned_sample_size == 9000


def test_a_day_that_is_not_compared_says_why(results):
    series = Series.from_wire(results, experiment=EXPERIMENT, metric=METRIC)
    assert series.days[0].effects["test"] is None
    assert "not-enough-exposures" in series.days[0].baseline.failures


def test_a_failed_day_keeps_its_error_and_is_not_the_latest(results):
    series = Series.from_wire(results, experiment=EXPERIMENT, metric=METRIC)
    assert series.days[4].baseline is None
    assert series.days[4].error == "Query timed out."
    assert series.latest.date == date(2026, 3, 4)
    assert series.latest.exposures == 3010


def test_the_crossing_is_the_first_day_of_an_unbroken_run(results):
    series = Series.from_wire(results, experiment=EXPERIMENT, metric=METRIC)
    assert series.crossed == date(2026, 3, 3)
    assert "test is better: above control" in series.verdict


@pytest.mark.parametrize("mode", ["compat", "recommended"])
@pytest.mark.parametrize("method", ["frequentist", "sequential", "bayesian"])
def test_every_day_is_recomputed_as_if_alone(results, method, mode):
    from exp_jupyter.analysis.definition.methods import (
        InferenceOptions,
        method_of_experiment,
        planned_tuning,
    )
    from exp_jupyter.engine.comparison.compare import compare
    from exp_jupyter.engine.statistics.means import Proportion

    series = Series.from_wire(
        results, experiment=EXPERIMENT, metric=METRIC, method=method, mode=mode
    )
    options = InferenceOptions(method, mode=mode)
    chosen, _ = method_of_experiment(options, resolve(EXPERIMENT["stats_config"]), {})
    if method == "sequential" and mode == "recommended":
        chosen = replace(chosen, tuning_n=planned_tuning(EXPERIMENT))
        assert series.tuning == "tuned to the experiment’s saved plan"
    for day, (control_n, control, test_n, test) in list(zip(series.days, COUNTS, strict=False))[1:]:
        alone = compare(Proportion(control_n, control), Proportion(test_n, test), chosen)
        effect = day.effects["test"]
        assert effect.estimate == pytest.approx(alone.estimate, rel=1e-12)
        assert effect.interval == pytest.approx(alone.interval, rel=1e-9)
    assert series.days[0].effects["test"] is None
    assert series.method == method


def test_recomputing_the_projects_method_gives_its_numbers(results):
    stated = Series.from_wire(results, experiment=EXPERIMENT, metric=METRIC)
    again = Series.from_wire(results, experiment=EXPERIMENT, metric=METRIC, method="frequentist")
    for one, other in zip(stated.days, again.days, strict=True):
        if one.effects.get("test"):
            assert other.effects["test"].interval == pytest.approx(one.effects["test"].interval)


def test_goal_decrease_turns_the_verdict(results):
    series = Series.from_wire(results, experiment=EXPERIMENT, metric=METRIC | {"goal": "decrease"})
    assert "test is worse: above control" in series.verdict


def test_an_unknown_method_is_refused(results):
    with pytest.raises(InputError, match="magic"):
        Series.from_wire(results, experiment=EXPERIMENT, metric=METRIC, method="magic")


def test_a_series_without_results_says_so(results):
    empty = results | {"timeseries": {"2026-03-01": None}, "status": "pending"}
    series = Series.from_wire(empty, experiment=EXPERIMENT, metric=METRIC)
    assert series.latest is None
    assert series.crossed is None


def flag(control, test):
    shares = {"control": control, "test": test}
    variants = [{"key": key, "rollout_percentage": share} for key, share in shares.items()]
    return {"key": "one-page", "filters": {"multivariate": {"variants": variants}}}


def test_units_that_are_not_split_as_planned_are_told_before_the_results(results):
    planned = {**EXPERIMENT, "feature_flag": flag(60, 40)}
    series = Series.from_wire(results, experiment=planned, metric=METRIC)
    assert series.sample_ratio.mismatch
    assert series.sample_ratio.observed == {"control": 1500, "test": 1510}
    text = series._repr_mimebundle_()["text/plain"]
    warning = "✕ The arms are not split as planned (p < 0.001): control 1,500 instead of 1,806"
    assert 0 < text.index(warning) < text.index("test is better")


def test_a_split_as_planned_is_not_worth_a_word(results):
    planned = {**EXPERIMENT, "feature_flag": flag(50, 50)}
    series = Series.from_wire(results, experiment=planned, metric=METRIC)
    assert not series.sample_ratio.mismatch
    assert "split" not in series._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize(
    "definition",
    [
        {"metric_type": "retention"},
        {"metric_type": "mean", "source": {"math_property": "$session_duration"}},
        {
            "metric_type": "ratio",
            "numerator": {"math": "total"},
            "denominator": {"math_property": "$pages", "math_property_type": "session_properties"},
        },
    ],
)
def test_a_metric_of_only_some_of_the_exposed_says_nothing_about_the_split(results, definition):
    planned = {**EXPERIMENT, "feature_flag": flag(60, 40)}
    series = Series.from_wire(results, experiment=planned, metric={"name": "Some", **definition})
    assert series.sample_ratio is None


def test_without_a_planned_split_nothing_is_said_of_it(results):
    assert Series.from_wire(results, experiment=EXPERIMENT, metric=METRIC).sample_ratio is None
