"""A machine's clock that is set back: nothing ends before it began, and nothing fails for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

METRIC = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Bought",
    "source": {"kind": "EventsNode", "event": "bought"},
}
BACK = [timedelta(seconds=1), timedelta(hours=2), timedelta(days=1), timedelta(days=400)]


@pytest.fixture
def running(talk: Any) -> dict[str, Any]:
    body = {
        "name": "Door",
        "feature_flag_key": "door",
        "metrics": [METRIC],
        "allow_unknown_events": True,
    }
    made: dict[str, Any] = talk.made("experiments/", body)
    return talk("POST", f"experiments/{made['id']}/launch/").json()


def _set_back(talk: Any, step: timedelta) -> None:
    clock = talk.project.store.clock
    clock.set(clock.now() - step)


@pytest.mark.parametrize("step", BACK, ids=str)
@pytest.mark.parametrize("way", ["end", "ship", "end_date"])
def test_an_experiment_ends_after_its_start(
    talk: Any, running: dict[str, Any], step: timedelta, way: str
) -> None:
    _set_back(talk, step)
    address = f"experiments/{running['id']}/"
    if way == "end":
        answer = talk("POST", f"{address}end/", {})
    elif way == "ship":
        answer = talk("POST", f"{address}ship_variant/", {"variant_key": "test"})
    else:
        answer = talk("PATCH", address, {"end_date": talk.project.store.clock.now().isoformat()})
    if way == "end_date":
        assert answer.status_code == 400
        return
    assert answer.status_code == 200, answer.text
    assert answer.json()["end_date"] > running["start_date"]
    assert answer.json()["updated_at"] > running["created_at"]
    _everything_answers(talk, running["id"])


@pytest.mark.parametrize("step", BACK, ids=str)
def test_everything_answers_while_the_clock_is_behind(
    talk: Any, running: dict[str, Any], step: timedelta
) -> None:
    _set_back(talk, step)
    _everything_answers(talk, running["id"])
    for word in ("pause", "resume", "end", "archive", "unarchive", "reset", "launch"):
        answer = talk("POST", f"experiments/{running['id']}/{word}/", {})
        assert answer.status_code < 500, (word, answer.text)
        _everything_answers(talk, running["id"])


def _everything_answers(talk: Any, number: int) -> None:
    found = talk("GET", f"experiments/{number}/").json()
    assert found["updated_at"] >= found["created_at"]
    start, end = found["start_date"], found["end_date"]
    assert not (start and end) or start < end
    metric = found["metrics"][0]
    for path in (
        "experiments/", "experiments/stats/", "feature_flags/", "change_requests/",
        f"experiments/{number}/",
    ):  # fmt: skip
        answer = talk("GET", path)
        assert answer.status_code in (200, 404), (path, answer.text)
    series = talk(
        "GET",
        f"experiments/{number}/timeseries_results/",
        metric_uuid=metric["uuid"],
        fingerprint=metric.get("fingerprint", "x"),
    )
    assert series.status_code < 500, series.text
    for query in (
        {"kind": "ExperimentQuery", "experiment_id": number, "metric": metric},
        {"kind": "ExperimentExposureQuery", "experiment_id": number},
    ):
        answer = talk("POST", "query/", {"query": query})
        assert answer.status_code < 500, answer.text
    event = {"event": "bought", "distinct_id": "ada", "api_key": talk.project.token}
    assert talk.raw("POST", "/e/", None, json=event).status_code == 200
