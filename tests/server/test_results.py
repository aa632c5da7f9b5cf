"""Results and exposures computed from events, and recalculations beside the requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from exp_jupyter.server.clock import FrozenClock
from exp_jupyter.server.jobs.worker import Worker
from exp_jupyter.server.testing import TrialProject

PURCHASES = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Revenue",
    "source": {
        "kind": "EventsNode",
        "event": "purchase",
        "math": "sum",
        "math_property": "revenue",
    },
}


@pytest.fixture
def running(talk: Any, clock: FrozenClock) -> dict[str, Any]:
    """An experiment that has run for two whole days, with 120 people in each arm."""
    made = talk.made(
        "experiments/",
        {
            "name": "Door",
            "feature_flag_key": "door",
            "metrics": [PURCHASES],
            "allow_unknown_events": True,
            "stats_config": {"method": "frequentist"},
        },
    )
    launched: dict[str, Any] = talk("POST", f"experiments/{made['id']}/launch/").json()
    start, rows = clock.now(), []
    for number in range(240):
        who, variant = f"p{number}", ("control", "test")[number % 2]
        seen = start + timedelta(hours=1 + number % 30)
        shown = {"$feature_flag": "door", "$feature_flag_response": variant}
        rows.append(
            {
                "event": "$feature_flag_called",
                "distinct_id": who,
                "timestamp": seen.isoformat(),
                "properties": shown,
            }
        )
        rows.append(
            {
                "event": "purchase",
                "distinct_id": who,
                "timestamp": (seen + timedelta(minutes=5)).isoformat(),
                "properties": {"revenue": 10 + number % 7 + 2 * (number % 2)},
            }
        )
    talk.project.events.append(rows)
    clock.advance(timedelta(days=2, hours=12))
    return launched


def _series(talk: Any, experiment: dict[str, Any]) -> dict[str, Any]:
    metric = experiment["metrics"][0]
    found: dict[str, Any] = talk(
        "GET",
        f"experiments/{experiment['id']}/timeseries_results/",
        metric_uuid=metric["uuid"],
        fingerprint=metric["fingerprint"],
    ).json()
    return found


def test_a_query_computes_the_result_from_the_events(talk: Any, running: dict[str, Any]) -> None:
    query = {
        "kind": "ExperimentQuery",
        "experiment_id": running["id"],
        "metric": running["metrics"][0],
    }
    answer = talk("POST", "query/", {"query": query})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["baseline"]["number_of_samples"] == 120
    assert body["baseline"]["sum"] == sum(10 + n % 7 for n in range(0, 240, 2))
    test = body["variant_results"][0]
    assert (test["key"], test["method"]) == ("test", "frequentist")
    assert test["sum"] == sum(12 + n % 7 for n in range(1, 240, 2))
    assert test["significant"] is True


def test_a_query_counts_the_exposures(talk: Any, running: dict[str, Any]) -> None:
    query = {
        "kind": "ExperimentExposureQuery",
        "experiment_id": running["id"],
        "experiment_name": running["name"],
        "feature_flag": running["feature_flag"],
        "start_date": running["start_date"],
    }
    body = talk("POST", "query/", {"query": query}).json()
    assert body["total_exposures"] == {"control": 120, "test": 120}
    assert [line["exposure_counts"][-1] for line in body["timeseries"]] == [120, 120]
    without = {name: value for name, value in query.items() if name != "start_date"}
    body = talk("POST", "query/", {"query": without}).json()
    assert (body["timeseries"], body["total_exposures"]) == ([], {})


def test_an_exposure_query_says_its_own_window_variants_and_criteria(
    talk: Any, running: dict[str, Any]
) -> None:
    flag = {**running["feature_flag"]}
    query = {
        "kind": "ExperimentExposureQuery",
        "experiment_id": running["id"],
        "experiment_name": "any",
        "feature_flag": flag,
        "start_date": running["start_date"],
        "end_date": None,
    }

    def ask(**changes: Any) -> Any:
        answer = talk("POST", "query/", {"query": query | changes})
        return answer.status_code, answer.json()

    one = {"variants": [{"key": "test", "rollout_percentage": 100}]}
    status, body = ask(feature_flag=flag | {"filters": {"multivariate": one}})
    assert (status, body["total_exposures"]) == (200, {"test": 120})
    no_variants = flag | {"filters": {"multivariate": None}}
    status, body = ask(feature_flag=no_variants)
    assert (status, "has no variants" in body["detail"]) == (400, True)
    status, body = ask(feature_flag=no_variants, end_date=running["start_date"])
    assert (status, body["timeseries"]) == (200, [])
    other_event = {"exposure_config": {"event": "seen", "kind": "ExperimentEventExposureConfig"}}
    status, body = ask(exposure_criteria=other_event)
    assert (status, body["total_exposures"]) == (200, {"control": 0, "test": 0})


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"experiment_id": None}, "experiment_id is required"),
        ({"feature_flag": {}}, "feature_flag key is required"),
        ({"feature_flag": {"key": " "}}, "feature_flag key is required"),
        ({"feature_flag": []}, "JSON parse error - feature_flag must be an object"),
        ({"start_date": "soon"}, "JSON parse error - start_date and end_date must be moments"),
        ({"start_date": 7}, "JSON parse error - start_date and end_date must be moments"),
    ],
)
def test_an_exposure_query_without_its_parts_is_refused(
    talk: Any, running: dict[str, Any], changes: dict[str, Any], detail: str
) -> None:
    query = {
        "kind": "ExperimentExposureQuery",
        "experiment_id": running["id"],
        "feature_flag": running["feature_flag"],
    }
    answer = talk("POST", "query/", {"query": query | changes})
    assert (answer.status_code, answer.json()["detail"][: len(detail)]) == (400, detail)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "parse_error"),
        ({"kind": "HogQLQuery", "query": "select 1"}, "parse_error"),
        ({"kind": "ExperimentQuery"}, "parse_error"),
        ({"kind": "ExperimentQuery", "experiment_id": 1, "metric": {}}, "parse_error"),
        ({"kind": "ExperimentQuery", "experiment_id": 99, "metric": PURCHASES}, "invalid_input"),
        ({"kind": "ExperimentExposureQuery", "experiment_id": 99}, "invalid_input"),
    ],
)
def test_a_query_that_means_nothing_is_refused(talk: Any, query: Any, code: str) -> None:
    answer = talk("POST", "query/", {"query": query})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_draft_has_nothing_to_query(talk: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    query = {"kind": "ExperimentExposureQuery", "experiment_id": made["id"]}
    assert talk("POST", "query/", {"query": query}).status_code == 400


def test_a_recalculation_fills_the_series_and_can_be_polled(
    talk: Any, running: dict[str, Any]
) -> None:
    metric = running["metrics"][0]
    assert _series(talk, running)["status"] == "pending"
    body = {"metric": metric, "fingerprint": metric["fingerprint"]}
    path = f"experiments/{running['id']}/recalculate_timeseries/"
    first, second = talk("POST", path, body), talk("POST", path, body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert _series(talk, running)["recalculation_status"] == "pending"
    assert Worker(talk.project.store, talk.project.events).do_next() is True
    series = _series(talk, running)
    assert (series["recalculation_status"], series["errors"]) == (None, None)
    days = list(series["timeseries"].values())
    assert [day and day["baseline"]["number_of_samples"] for day in days] == [56, 120, None]
    assert series["status"] == "partial"
    assert series["formatted_results"].startswith("Method: frequentist\nVariants: control")


def test_a_recalculation_of_what_cannot_be_computed_says_why(
    talk: Any, running: dict[str, Any]
) -> None:
    table = {
        **PURCHASES,
        "uuid": "w",
        "source": {
            "kind": "ExperimentDataWarehouseNode",
            "table_name": "orders",
            "timestamp_field": "t",
            "events_join_key": "id",
            "data_warehouse_join_key": "id",
        },
    }
    talk(
        "POST",
        f"experiments/{running['id']}/recalculate_timeseries/",
        {"metric": table, "fingerprint": "f"},
    )
    Worker(talk.project.store, talk.project.events).do_next()
    series = talk(
        "GET",
        f"experiments/{running['id']}/timeseries_results/",
        metric_uuid="w",
        fingerprint="f",
    ).json()
    assert series["status"] == "failed"
    assert all(series["errors"].values())


def test_the_worker_works_beside_the_requests(
    project: TrialProject, portal: BlockingPortal, talk: Any, running: dict[str, Any]
) -> None:
    busy = type(talk)(project, portal, recalculate=True)
    path = f"experiments/{running['id']}/metrics_recalculation/"
    asked = busy("POST", path, {"trigger": "manual"})
    assert asked.status_code == 201
    busy.app._worker.join(timeout=60)
    job = busy("GET", f"{path}latest/").json()
    assert job["id"] == asked.json()["id"]
    assert (job["status"], job["completed_metrics"], job["failed_metrics"]) == ("completed", 1, 0)
    assert job["results"][0]["result"]["baseline"]["number_of_samples"] == 120
    assert job.pop("active_run") is None
    assert busy("GET", f"{path}{job['id']}/").json() == job


def _recalculated(busy: Any, running: dict[str, Any], **body: str) -> Any:
    answer = busy("POST", f"experiments/{running['id']}/metrics_recalculation/", body)
    busy.app._worker.join(timeout=60)
    return answer


@pytest.mark.parametrize(
    ("minutes", "trigger", "again"),
    [(0, "manual", True), (4.9, "manual", True), (5.1, "manual", False), (1, "cold_run", False)],
)
def test_a_run_of_the_last_five_minutes_answers_who_asks_by_hand(
    project: TrialProject,
    portal: BlockingPortal,
    talk: Any,
    clock: FrozenClock,
    running: dict[str, Any],
    minutes: float,
    trigger: str,
    again: bool,
) -> None:
    busy = type(talk)(project, portal, recalculate=True)
    first = _recalculated(busy, running, trigger="manual").json()
    clock.advance(timedelta(minutes=minutes))
    answer = _recalculated(busy, running, trigger=trigger)
    told = answer.json()
    assert (answer.status_code, told["is_existing"]) == ((200, True) if again else (201, False))
    assert (told["id"] == first["id"]) == again
    if again:
        assert told["status"] == "completed"


def test_a_run_that_nobody_can_do_is_503_and_failed(
    project: TrialProject, portal: BlockingPortal, talk: Any, running: dict[str, Any]
) -> None:
    busy = type(talk)(project, portal, recalculate=True)
    busy.app.rest()  # as it is while its folder is being closed
    path = f"experiments/{running['id']}/metrics_recalculation/"
    answer = busy("POST", path, {"trigger": "manual"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "recalculation_scheduling_unavailable"
    latest = busy("GET", f"{path}latest/").json()
    assert (latest["status"], latest["active_run"]) == ("failed", None)


def test_a_job_that_never_was_is_404_in_its_own_words(talk: Any, running: dict[str, Any]) -> None:
    answer = talk("GET", f"experiments/{running['id']}/metrics_recalculation/latest/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Recalculation not found"})


def test_events_that_carry_a_flag_need_no_implementation(talk: Any, clock: FrozenClock) -> None:
    path = "experiments/requires_flag_implementation/"
    asked = {"events": '[{"id": "signup", "type": "events"}]'}
    event = {"event": "signup", "distinct_id": "p", "timestamp": clock.now().isoformat()}
    talk.project.events.append([event])
    assert talk("GET", path, **asked).json() == {"result": True}
    talk.project.events.append([{**event, "properties": {"$feature/door": "control"}}])
    assert talk("GET", path, **asked).json() == {"result": False}
    action = talk.made("actions/", {"name": "signed up", "steps": [{"event": "signup"}]})
    by_action = {"actions": f'[{{"id": {action["id"]}, "type": "actions"}}]'}
    assert talk("GET", path, **by_action).json() == {"result": False}


def test_events_that_were_seen_need_no_override(talk: Any, clock: FrozenClock) -> None:
    fields = {"name": "n", "feature_flag_key": "n", "metrics": [PURCHASES]}
    assert talk("POST", "experiments/", fields).status_code == 400
    event = {"event": "purchase", "distinct_id": "p", "timestamp": clock.now().isoformat()}
    talk.project.events.append([event])
    assert talk("POST", "experiments/", fields).status_code == 201
