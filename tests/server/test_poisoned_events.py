"""Events that say nonsense about persons and groups: dropped, refused, and read all the same."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from exp_jupyter.errors import InputError
from exp_jupyter.server.events.imports import import_events

NONSENSE = [
    "hello", "🎉" * 60, "{bad", "", 7, -0.5, True, [], ["a"], [{"plan": "pro"}], [[["deep"]]],
    '"plan"', "[1]", "null", "\u202e", "a" * 100_000,
]  # fmt: skip
PLACES = ["$set", "$set_once", "$groups", "$group_set", "$unset"]
METRIC: dict[str, Any] = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Bought",
    "source": {
        "kind": "EventsNode",
        "event": "bought",
        "properties": [
            {"key": "plan", "value": "pro", "operator": "exact", "type": "person"},
        ],
    },
}


def _send(talk: Any, *events: dict[str, Any]) -> Any:
    body = {"api_key": talk.project.token, "batch": list(events)}
    return talk.raw("POST", "/batch/", None, json=body)


def _bought(properties: dict[str, Any], who: str = "ada", **more: Any) -> dict[str, Any]:
    return {"event": "bought", "distinct_id": who, "properties": properties, **more}


@pytest.fixture
def experiment(talk: Any) -> dict[str, Any]:
    made = talk.made("experiments/", {"name": "Door", "feature_flag_key": "door"})
    answer = talk("POST", f"experiments/{made['id']}/launch/")
    assert answer.status_code == 200, answer.text
    seen = [
        {
            "event": "$feature_flag_called",
            "distinct_id": who,
            "properties": {"$feature_flag": "door", "$feature_flag_response": variant},
        }
        for who, variant in (("ada", "control"), ("ben", "test"))
    ]
    assert _send(talk, *seen, _bought({"$set": {"plan": "pro"}})).status_code == 200
    return made


def _analysed(talk: Any, experiment: dict[str, Any]) -> float:
    body = {
        "query": {"kind": "ExperimentQuery", "experiment_id": experiment["id"], "metric": METRIC}
    }
    answer = talk("POST", "query/", body)
    assert answer.status_code == 200, answer.text
    total: float = answer.json()["baseline"]["sum"]
    return total


@pytest.mark.parametrize("place", PLACES)
def test_a_captured_event_loses_what_is_no_object_and_nothing_else(
    talk: Any, experiment: dict[str, Any], place: str
) -> None:
    for value in NONSENSE:
        event = _bought({place: value, "kept": 1})
        assert _send(talk, event, {**_bought({}), place: value}).status_code == 200
    rows = talk.project.events.fetch("SELECT properties FROM events WHERE event = 'bought'")
    kept = [json.loads(properties) for (properties,) in rows]
    assert sum(found.get("kept", 0) for found in kept) == len(NONSENSE)
    shape = list if place == "$unset" else dict
    assert all(isinstance(found.get(place, shape()), shape) for found in kept)
    assert _analysed(talk, experiment) == 1 + 2 * len(NONSENSE)


@pytest.mark.parametrize("place", PLACES)
def test_a_folder_that_was_poisoned_before_is_analysed(
    talk: Any, experiment: dict[str, Any], place: str
) -> None:
    """Written below the checks, as an older version let it through."""
    events = talk.project.events
    for value in NONSENSE:
        with events.cursor() as cursor:
            events.append_query(
                cursor,
                "SELECT 'bought' AS event, 'ada' AS distinct_id, "
                "TIMESTAMP '2026-03-06 09:30:00' AS timestamp, "
                f"'{json.dumps({place: value})}' AS properties",
            )
    talk.project.store.clock.advance(timedelta(days=2))
    assert _analysed(talk, experiment) >= 1
    assert events.person_properties("ada") == {"plan": "pro"}


@pytest.mark.parametrize("place", [place for place in PLACES if place != "$unset"])
def test_an_import_refuses_what_is_no_object_by_its_row(
    talk: Any, tmp_path: Path, place: str
) -> None:
    events = talk.project.events
    good = {"event": "e", "distinct_id": "ada", "timestamp": "2026-03-01T00:00:00Z"}
    objects = [{"plan": "pro"}, '{"plan": "pro"}', None, ""]
    bad = [value for value in NONSENSE if value not in ("", "null")]
    for value in bad:
        with pytest.raises(InputError, match=rf"Row 2: its \{place} is not an object"):
            events.append([good, {**good, "properties": {place: value}}])
        table = pd.DataFrame([{**good, "p": json.dumps({place: given})} for given in ({}, value)])
        with pytest.raises(InputError, match=rf"Row 2: its \{place} is not an object"):
            import_events(events, table, properties="p")
    assert events.fetch("SELECT count(*) FROM events") == [(0,)]
    events.append([{**good, "properties": {place: value}} for value in objects])
    table = pd.DataFrame([{**good, "p": json.dumps({place: value})} for value in objects])
    assert import_events(events, table, properties="p") == len(objects)
    expected = {"plan": "pro"} if place in ("$set", "$set_once") else {}
    assert events.person_properties("ada") == expected


def test_numbers_that_are_none_do_not_poison_a_sum(talk: Any, experiment: dict[str, Any]) -> None:
    for value in ("nan", "inf", "-Infinity", "1e999", 10**400, [], {}, True, None, "🎉" * 60):
        event = _bought({"amount": value, "revenue": value, "$session_id": value})
        assert _send(talk, event).status_code == 200
    assert _send(talk, _bought({"amount": 2, "revenue": 3})).status_code == 200
    for key, expected in (("amount", 2), ("revenue", 3)):
        source = {"kind": "EventsNode", "event": "bought", "math": "sum", "math_property": key}
        metric = {**METRIC, "source": source}
        query = {"kind": "ExperimentQuery", "experiment_id": experiment["id"], "metric": metric}
        answer = talk("POST", "query/", {"query": query})
        assert answer.status_code == 200, answer.text
        assert answer.json()["baseline"]["sum"] == expected, (key, answer.text)
