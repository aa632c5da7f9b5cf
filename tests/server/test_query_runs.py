"""Queries beside the requests, and changes made for a version that is gone."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from exp_jupyter.server.services.results import queries

METRIC = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "source": {"kind": "EventsNode", "event": "purchase"},
}


@pytest.fixture
def query(talk: Any) -> dict[str, Any]:
    made = talk.made("experiments/", {"name": "Door", "feature_flag_key": "door"})
    talk("POST", f"experiments/{made['id']}/launch/")
    return {"kind": "ExperimentQuery", "experiment_id": made["id"], "metric": METRIC}


def _until_complete(talk: Any, name: str) -> Any:
    while (answer := talk("GET", f"query/{name}/")).status_code == 202:
        assert answer.json()["query_status"]["complete"] is False
    return answer


@pytest.mark.parametrize("words", [{"refresh": "force_async"}, {"async": True}])
def test_a_query_is_asked_for_once_and_then_looked_at(
    talk: Any, query: dict[str, Any], words: dict[str, Any]
) -> None:
    begun = talk("POST", "query/", {"query": query, "client_query_id": "mine", **words})
    assert begun.status_code == 202
    assert begun.json()["query_status"]["id"] == "mine"
    done = _until_complete(talk, "mine")
    assert done.status_code == 200
    status = done.json()["query_status"]
    direct = talk("POST", "query/", {"query": query}).json()
    moments = ("last_refresh",)
    assert {key: value for key, value in status["results"].items() if key not in moments} == {
        key: value for key, value in direct.items() if key not in moments
    }
    assert talk("DELETE", "query/mine/").json() == {"message": "Query task revoked"}
    assert talk("GET", "query/mine/").status_code == 200


def test_a_query_that_is_called_off_says_so(
    talk: Any, query: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def endless(plan: Any, events: Any, *, lending: Any) -> Any:
        with events.cursor() as cursor:
            lending(cursor)
            begun.set()
            cursor.execute("SELECT count(*) FROM range(10_000_000) a, range(10_000_000) b")
        return {}

    monkeypatch.setattr(queries, "run", endless)
    name = talk("POST", "query/", {"query": query, "async": True}).json()["query_status"]["id"]
    assert begun.wait(10)
    assert talk("GET", f"query/{name}/").status_code == 202
    assert talk("DELETE", f"query/{name}/").status_code == 200
    ended = _until_complete(talk, name)
    assert ended.status_code == 400
    assert ended.json()["query_status"]["error_message"] == "The query was cancelled."


def test_an_error_is_told_when_one_looks(talk: Any, query: dict[str, Any]) -> None:
    metric = {**METRIC, "source": {**METRIC["source"], "math": "hogql", "math_hogql": "sum(("}}  # type: ignore[dict-item]
    body = {"query": {**query, "metric": metric}, "refresh": "async", "client_query_id": "q"}
    first = talk("POST", "query/", body)
    if first.status_code == 202:
        first = _until_complete(talk, "q")
        assert first.json()["query_status"]["error"] is True
    assert first.status_code == 400
    assert talk("GET", "query/none/").status_code == 404


def test_a_change_for_a_version_that_is_gone_is_a_conflict(talk: Any) -> None:
    flag = talk.made("feature_flags/", {"key": "door"})
    path = f"feature_flags/{flag['id']}/"
    assert talk("PATCH", path, {"name": "A", "version": flag["version"]}).status_code == 200
    late = talk("PATCH", path, {"name": "B", "version": flag["version"]})
    assert late.status_code == 409
    assert late.json()["code"] == "conflict"
    assert "change_request_id" not in late.json()
    # What is so already needs no change, whatever version it was asked for.
    assert talk("PATCH", path, {"name": "A", "version": flag["version"]}).status_code == 200
    assert talk("GET", path).json()["name"] == "A"
