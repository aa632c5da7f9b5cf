"""One object of every kind that is shown, built around a name that may be hostile."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from exp_jupyter import analyze, analyze_events, compare, sample_size
from exp_jupyter.analysis import UnitMetric
from exp_jupyter.analysis.report import Report
from exp_jupyter.analysis.results.experiment import Results
from exp_jupyter.analysis.results.health import Health
from exp_jupyter.analysis.results.series import Series
from exp_jupyter.client.resources.access import Access, Granted
from exp_jupyter.engine.checks.sample_ratio import sample_ratio_mismatch
from exp_jupyter.schema import (
    ChangeRequest,
    ChangeRequestList,
    DiffRow,
    EligibleFlags,
    Experiment,
    ExperimentList,
    ExperimentStats,
    FeatureFlag,
    FlagImplementation,
    PromptTemplates,
    RunningTime,
    WriteOutcome,
    WritePlan,
    WriteState,
)
from exp_jupyter.shown import Shown

HOSTILE = "<script>alert(1)</script>\"'&|`*x*`\x1b[31m\u202ered\n<img src=x onerror=alert(2)>"


def flag(name: str, **changes: Any) -> dict[str, Any]:
    variants = [
        {"key": "control", "name": name, "rollout_percentage": 50},
        {"key": "test", "name": name, "rollout_percentage": 50},
    ]
    return {
        "id": 5521,
        "key": name,
        "name": name,
        "active": True,
        "version": 3,
        "created_at": "2026-02-27T09:00:00Z",
        "experiment_set": [42],
        "filters": {
            "groups": [{"properties": [], "rollout_percentage": 100}],
            "multivariate": {"variants": variants},
        },
    } | changes


def experiment(name: str, **changes: Any) -> dict[str, Any]:
    metric = {"name": name, "uuid": "u-1", "fingerprint": "8c74aa4b5512ffee", "goal": None}
    return {
        "id": 42,
        "name": name,
        "description": name,
        "status": "running",
        "start_date": "2026-03-01T00:00:00Z",
        "feature_flag_key": name,
        "feature_flag": flag(name),
        "type": "product",
        "metrics": [metric | {"metric_type": "funnel"}],
        "metrics_secondary": [metric | {"metric_type": "mean", "goal": "decrease"}],
        "created_by": {"id": 1, "first_name": name, "last_name": ""},
        "conclusion": "won",
        "conclusion_comment": name,
        "stats_config": {"method": "frequentist"},
        "exposure_cohort": 3,
        "exposure_criteria": {
            "activation_config": {"event": name},
            "exclusions": [{"key": name, "type": "person", "operator": "is_not", "value": name}],
        },
    } | changes


def change_request(name: str, **changes: Any) -> dict[str, Any]:
    rollout = "multivariate.variants[0].rollout_percentage"
    vote = {"created_by": {"id": 2, "first_name": name}, "decision": "approved", "reason": name}
    return {
        "id": "019cc1f0-4d0e-7c33-9a5e-2b9d7f0e6a51",
        "action_key": "feature_flag.update",
        "intent": {
            "flag_key": name,
            "full_request_data": {
                "filters": {"multivariate": {"variants": [{"key": name}, {"key": "test"}]}}
            },
        },
        "intent_display": {
            "before": {"rollout_percentage": [{"path": rollout, "value": 50}], "note": name},
            "after": {"rollout_percentage": [{"path": rollout, "value": 0}], "note": "plain"},
        },
        "policy_snapshot": {"quorum": 2, "users": [3, 4], "roles": []},
        "state": "pending",
        "created_by": {"id": 1, "first_name": name},
        "created_at": "2026-03-06T12:02:00Z",
        "expires_at": "2026-03-20T12:02:00Z",
        "approvals": [vote],
    } | changes


def series(
    name: str,
    *,
    days: int = 14,
    arms: tuple[str, ...] = ("test",),
    lift: float = 0.17,
    goal: str | None = None,
    method: str | None = "sequential",
    missing: tuple[int, ...] = (),
    planned: int | None = 33_000,
    per_day: int = 900,
) -> Series:
    """Return a series whose every day converts exactly as the lift says."""
    first, timeseries = dt.date(2026, 3, 1), {}
    for place in range(days):
        n = per_day * (place + 1)
        stats = [
            {"key": key, "number_of_samples": n, "sum": total, "sum_squares": total}
            for index, key in enumerate(("control", *arms))
            for total in [round(n * 0.118 * (1 + lift * index))]
        ]
        day = {"baseline": stats[0], "variant_results": stats[1:]}
        timeseries[str(first + dt.timedelta(days=place))] = None if place in missing else day
    told = experiment(name)
    if planned:
        told["running_time_calculation"] = {"recommended_sample_size": planned}
    return Series.from_wire(
        {
            "experiment_id": 42,
            "metric_uuid": "u-1",
            "status": "completed" if days else "pending",
            "timeseries": timeseries,
            "computed_at": "2026-03-15T00:00:00+00:00",
        },
        experiment=told,
        metric={"name": name, "uuid": "u-1", "metric_type": "funnel", "goal": goal}
        | {"fingerprint": "8c74aa4b5512ffee"},
        method=method,
        mode="recommended",
    )


def health(name: str) -> Health:
    exposures = {"total_exposures": {"control": 1702, "test": 1398, "$multiple": 9}}
    return Health.assemble(experiment(name), exposures, requires_flag_implementation=True)


def plan(name: str) -> WritePlan:
    return WritePlan(
        title=f"Ship “test” of {name}",
        sentence=f"Everyone in the release conditions of {name} gets test.",
        method="POST",
        path="/api/projects/1/experiments/42/ship_variant/",
        body={"variant_key": name},
        diff=(DiffRow("test", "50 %", "100 %"), DiffRow(name, None, name)),
        gate=f"2 of 3 approvers in {name} will be asked.",
        confirm_name=name,
    )


def outcome(kind: str, name: str) -> WriteOutcome:
    waiting = kind == "waiting"
    return WriteOutcome(
        kind=kind,
        sentence=f"About {name}.",
        next_step=f"Look at {name}.",
        result=None if waiting else Experiment.model_validate(experiment(name)),
        change_request=ChangeRequest.model_validate(change_request(name)) if waiting else None,
    )


def events_of(name: str) -> dict[str, list[Any]]:
    """Return what 1,600 people did, half of whom saw a variant that may have a hostile name."""
    start = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    rows = []
    for person in range(1600):
        variant, at = ("control", name)[person % 2], start + dt.timedelta(hours=person % 96)
        seen = ("$feature_flag_called", person, at, name, variant, None)
        rows.append(seen)
        if person % 7 < 2 + person % 2:
            rows.append(("buy", person, at + dt.timedelta(hours=2), None, None, float(person % 9)))
    names = ("event", "person_id", "timestamp", "$feature_flag", "$feature_flag_response", "spent")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def event_analysis(name: str, **options: Any) -> Any:
    metrics = {name: "buy:conversion", "Spent": "buy:sum(spent)"}
    return analyze_events(
        events_of(name), flag=name, start="2026-03-02", metrics=metrics, split="equal", **options
    )


def results(name: str) -> Results:
    first, other = (series(name, days=1, lift=lift, per_day=90_000) for lift in (0.17, 0.3))
    failed = {name: f"{name} is broken."}
    return Results(42, name, "running", (first,), (other,), failed=failed)


def units(name: str) -> Any:
    table = {
        "variant": [("control", name)[place % 2] for place in range(400)],
        "spent": [float(place % 7) for place in range(400)],
    }
    return analyze(table, metrics={name: UnitMetric("mean", "spent")}, split="equal")


def report(name: str) -> Report:
    told = Experiment.model_validate(experiment(name))
    found = results(name)
    return Report(
        name, found, found.decision, f"{name}\n\n{name}", told, health(name), (series(name),)
    ).coded("project.experiments.report(42)")


BUILDERS: dict[str, Callable[[str], Shown]] = {
    "comparison": lambda name: compare(
        "8502/44700", "8279/45489", control_name="gate 30", treatment_name=name
    ),
    "comparison-with-margin": lambda name: compare(
        "80/1200", "92/1230", treatment_name=name, margin=5, method="frequentist"
    ),
    "comparison-bayesian": lambda name: compare(
        "1200/10000", "1390/10000", treatment_name=name, method="bayesian", goal="decrease"
    ),
    "effect": lambda _: compare("120/1000", "150/1000", difference="absolute").effect,
    "results": results,
    "report": report,
    "report-of-units": lambda name: analyze(
        {"variant": ["control", name] * 200, "spent": [float(place % 7) for place in range(400)]},
        metrics="spent:mean",
        split="equal",
    ).report(name, title=name, planned_look=True),
    "report-of-events": lambda name: event_analysis(
        name, breakdown="$feature_flag_response", method="sequential"
    ).report(name),
    "unit-analysis": units,
    "access": lambda name: Access(name, name, (Granted(name, name, "missing"),)),
    "series": series,
    "series-of-three": lambda name: series(
        name, arms=(name, "test-2", "test-3"), goal="decrease", missing=(4, 5), method="bayesian"
    ),
    "series-of-a-quarter": lambda name: series(name, days=90, lift=0.04, method="frequentist"),
    "series-empty": lambda name: series(name, days=0),
    "size-plan": lambda _: sample_size("funnel", baseline=0.12, mde=5, rate=1800),
    "size-plan-without-rate": lambda _: sample_size("mean", baseline=4, variance=9, mde=3),
    "running-time": lambda _: RunningTime(
        baseline_value=10, variance=32, recommended_sample_size=1024
    ),
    "event-analysis": event_analysis,
    "event-analysis-by-variant": lambda name: event_analysis(
        name, breakdown="$feature_flag_response", method="sequential", goal="decrease"
    ),
    "daily-exposures": lambda name: event_analysis(name).exposures,
    "health": health,
    "sample-ratio": lambda name: sample_ratio_mismatch(
        {"control": 5000, name: 5400}, {"control": 50, name: 50}
    ),
    "flags": lambda name: EligibleFlags.model_validate({"results": [flag(name)], "count": 3}),
    "no-flags": lambda _: EligibleFlags.model_validate({"results": [], "count": 0}),
    "flag": lambda name: FeatureFlag.model_validate(flag(name)),
    "templates": lambda name: PromptTemplates.model_validate(
        [{"key": name, "label": name, "description": name}]
    ),
    "experiment": lambda name: Experiment.model_validate(experiment(name)),
    "experiments": lambda name: ExperimentList.model_validate(
        {"results": [experiment(name)], "count": 7, "next": None, "previous": None}
    ),
    "stats": lambda _: ExperimentStats(
        launched_last_30d=7,
        launched_previous_30d=6,
        percent_change=16.7,
        active_experiments=4,
        completed_last_30d=5,
    ),
    "flag-implementation": lambda _: FlagImplementation(result=True),
    "change-request": lambda name: ChangeRequest.model_validate(change_request(name)),
    "change-request-failed": lambda name: ChangeRequest.model_validate(
        change_request(name, state="failed", apply_error=name)
    ),
    "change-requests": lambda name: ChangeRequestList.model_validate(
        {"results": [change_request(name, can_approve=True)], "count": 1}
    ),
    "write-plan": plan,
    "write-state": lambda name: WriteState("already_done", f"{name} is done."),
    "write-waiting": lambda name: outcome("waiting", name),
    "write-applied": lambda name: outcome("applied", name),
    "write-unknown": lambda name: outcome("unknown", name),
}


@pytest.fixture(params=BUILDERS)
def build(request: pytest.FixtureRequest) -> Callable[[str], Shown]:
    return BUILDERS[request.param]


@pytest.fixture
def sample(build: Callable[[str], Shown]) -> Shown:
    return build("New checkout")


@pytest.fixture
def hostile(build: Callable[[str], Shown]) -> Shown:
    return build(HOSTILE)


@pytest.fixture
def builders() -> dict[str, Callable[..., Any]]:
    return {**BUILDERS, "any-series": series, "any-outcome": outcome}
