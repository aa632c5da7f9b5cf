"""Events as SDKs of every kind send them, and what is refused."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import zlib
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exp_jupyter.server.http.capture import LARGEST_BATCH
from exp_jupyter.server.jobs.batching import Intake
from exp_jupyter.server.services.people.capture import captured, project_token

NOW = "2026-03-06T09:00:00+00:00"


@pytest.fixture
def token(project: Any) -> str:
    with project.store.read() as work:
        return project_token(work)


def _sent(talk: Any, path: str, body: Any, **request: Any) -> Any:
    headers = {"Content-Type": "application/json", **request.pop("headers", {})}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return talk.raw("POST", path, None, content=content, headers=headers, **request)


def _events(talk: Any, columns: str = "event, distinct_id") -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = talk.project.events.fetch(
        f"SELECT {columns} FROM events ORDER BY timestamp, event, distinct_id"
    )
    return rows


ONE = {"event": "opened", "distinct_id": "ada", "properties": {"page": "/"}}


@pytest.mark.parametrize("path", ["/capture/", "/e/", "/i/v0/e/", "/batch", "/track"])
def test_every_address_takes_one_event_a_list_and_a_batch(talk: Any, token: str, path: str) -> None:
    for body in (
        {"api_key": token, **ONE},
        [{**ONE, "properties": {"token": token}}],
        {"token": token, "batch": [ONE, ONE]},
    ):
        assert _sent(talk, path, body).json() == {"status": 1}
    assert _events(talk) == [("opened", "ada")] * 4
    assert "phc_" not in str(_events(talk, "properties"))


def test_bodies_come_plain_packed_or_from_a_form(talk: Any, token: str) -> None:
    raw = json.dumps({"api_key": token, **ONE}).encode()
    encoded = quote(base64.b64encode(raw).decode())
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [
        _sent(talk, "/e/", gzip.compress(raw), headers={"Content-Encoding": "gzip"}),
        _sent(talk, "/e/?compression=gzip-js", gzip.compress(raw)),
        _sent(talk, "/e/", zlib.compress(raw), headers={"Content-Encoding": "deflate"}),
        _sent(talk, "/e/?compression=base64", f"data={encoded}".encode(), headers=form),
        _sent(talk, "/e/", b"data=" + quote(raw.decode()).encode(), headers=form),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len(_events(talk)) == 5


def test_without_the_project_s_token_nothing_comes_in_and_no_flag_goes_out(
    talk: Any, token: str
) -> None:
    for path in ("/batch/", "/flags/?v=2", "/decide/?v=3", "/i/v1/analytics/events"):
        for wrong in ("", "phc_other", talk.project.keys["owner"]):
            refused = _sent(talk, path, {"api_key": wrong, "batch": [ONE], "distinct_id": "ada"})
            assert refused.status_code == 401
    assert _events(talk) == []
    # The token opens nothing else.
    assert talk.raw("GET", "/api/projects/@current/", token).status_code == 401
    assert talk.raw("GET", "/flags/definitions", token).status_code == 401
    reader = talk.project.keys["experimenter"]
    assert talk.raw("GET", "/flags/definitions", reader).status_code == 403


def test_a_packed_body_cannot_unfold_without_bound(talk: Any) -> None:
    bomb = gzip.compress(b" " * (LARGEST_BATCH * 30))
    refused = _sent(talk, "/batch/", bomb, headers={"Content-Encoding": "gzip"})
    assert refused.status_code == 413
    broken = gzip.compress(b"{}" * 1000)[:-12]
    headers = {"Content-Encoding": "gzip"}
    assert _sent(talk, "/batch/", broken, headers=headers).status_code == 400
    assert _sent(talk, "/batch/", b"{}", headers=headers).status_code == 400
    other = _sent(talk, "/batch/", b"{}", headers={"Content-Encoding": "br"})
    assert other.status_code == 415


def test_what_is_no_event_is_told_and_the_rest_is_taken(talk: Any, token: str) -> None:
    bad = [7, {"event": "x"}, {"distinct_id": "ada"}, {**ONE, "properties": [1]}]
    assert _sent(talk, "/batch/", {"api_key": token, "batch": bad}).status_code == 400
    mixed = {"api_key": token, "batch": [*bad[:3], ONE]}
    assert _sent(talk, "/batch/", mixed).json() == {"status": 1, "dropped": 3}
    name = "0190a7c0-0000-7000-8000-000000000001"
    other = "0190a7c0-0000-7000-8000-000000000002"
    each = _sent(
        talk,
        "/i/v1/analytics/events",
        {"batch": [{**ONE, "uuid": name}, {"event": "x", "uuid": other}]},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert each.json()["results"] == {
        name: {"result": "ok"},
        other: {"result": "drop", "details": "it has no distinct_id"},
    }
    assert _events(talk) == [("opened", "ada")] * 2


@pytest.mark.parametrize(
    ("event", "whole", "happened"),
    [
        ({}, {}, "09:00:00"),
        ({"timestamp": "2026-03-06T08:59:00Z"}, {}, "08:59:00"),
        # A clock that is two hours late is put right; one that is nearly right is believed.
        (
            {"timestamp": "2026-03-06T06:50:00Z"},
            {"sent_at": "2026-03-06T07:00:00Z"},
            "08:50:00",
        ),
        (
            {"timestamp": "2026-03-06T08:50:00Z"},
            {"sent_at": "2026-03-06T08:59:30Z"},
            "08:50:00",
        ),
        (
            {"timestamp": "2026-03-06T06:50:00Z", "properties": {"$ignore_sent_at": True}},
            {"sent_at": "2026-03-06T07:00:00Z"},
            "06:50:00",
        ),
        ({"timestamp": "2027-01-01T00:00:00Z"}, {}, "09:00:00"),
        ({"timestamp": "soon"}, {}, "09:00:00"),
        ({"offset": 60_000}, {}, "08:59:00"),
    ],
)
def test_the_time_of_an_event_is_on_the_project_s_clock(
    clock: Any, event: dict[str, Any], whole: dict[str, Any], happened: str
) -> None:
    now = clock.now().replace(microsecond=0)
    row = captured({**ONE, **event}, whole, now).row
    assert row["timestamp"].strftime("%H:%M:%S") == happened


def test_persons_become_one_but_nobody_becomes_somebody_else(talk: Any, token: str) -> None:
    def identify(who: str, anonymous: str) -> dict[str, Any]:
        return {
            "event": "$identify",
            "distinct_id": who,
            "properties": {"$anon_distinct_id": anonymous},
        }

    batch = [
        {**ONE, "distinct_id": "device"},
        identify("ada", "device"),
        {**ONE, "distinct_id": "ada"},
        # A second person on the same device, and a word that is nobody's name.
        identify("bob", "ada"),
        identify("bob", "undefined"),
        {**ONE, "distinct_id": "undefined"},
    ]
    assert _sent(talk, "/batch/", {"api_key": token, "batch": batch}).json() == {"status": 1}
    persons = dict(_events(talk, "distinct_id, person_id"))
    assert persons["device"] == persons["ada"]
    assert len({persons["ada"], persons["bob"], persons["undefined"]}) == 3
    forced = {"event": "$merge_dangerously", "distinct_id": "bob", "properties": {"alias": "ada"}}
    _sent(talk, "/batch/", {"api_key": token, "batch": [forced]})
    persons = dict(_events(talk, "distinct_id, person_id"))
    assert persons["device"] == persons["ada"] == persons["bob"] != persons["undefined"]


def test_groups_get_indexes_in_the_order_in_which_they_come(talk: Any, token: str) -> None:
    for groups in ({"company": "acme"}, {"team": 7, "company": "acme"}):
        event = {**ONE, "properties": {"$groups": groups}}
        _sent(talk, "/batch/", {"api_key": token, "batch": [event]})
    found = _events(talk, "properties->>'$.$group_0', properties->>'$.$group_1'")
    assert found == [("acme", None), ("acme", "7")]
    flag = {
        "key": "by-company",
        "filters": {
            "aggregation_group_type_index": 0,
            "groups": [{"properties": [], "rollout_percentage": 100}],
        },
    }
    talk.made("feature_flags/", flag)
    request = {"api_key": token, "distinct_id": "ada", "groups": {"company": "acme"}}
    assert _sent(talk, "/flags/?v=2", request).json()["flags"]["by-company"]["enabled"]
    del request["groups"]
    record = _sent(talk, "/flags/?v=2", request).json()["flags"]["by-company"]
    assert (record["enabled"], record["reason"]["code"]) == (False, "no_group_type")
    definitions = talk.raw("GET", "/flags/definitions", talk.project.keys["reader"])
    assert definitions.json()["group_type_mapping"] == {"0": "company", "1": "team"}


def test_a_page_of_the_application_may_ask_from_another_port(talk: Any, token: str) -> None:
    asked = talk.raw("OPTIONS", "/i/v0/e/", None)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "*")
    answer = _sent(talk, "/e/", {"api_key": token, **ONE})
    assert answer.headers["access-control-allow-origin"] == "*"
    own = talk("GET", "feature_flags/")
    assert "access-control-allow-origin" not in own.headers


def test_what_arrives_at_the_same_time_is_one_part(project: Any, clock: Any) -> None:
    intake = Intake(project.store, project.events)
    write, first, go = intake._write, threading.Event(), threading.Event()

    def slow(events: Any) -> None:
        first.set()
        assert go.wait(10)
        write(events)

    intake._write = slow  # type: ignore[method-assign]
    sent = [[captured(ONE, {}, clock.now())] for _ in range(12)]
    threads = [threading.Thread(target=intake.take, args=(events,)) for events in sent]
    threads[0].start()
    assert first.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(intake._waiting) < 11:
        threads[-1].join(0.001)
    go.set()
    for thread in threads:
        thread.join()
    assert len(project.events.listed.parts()) == 2
    assert project.events.fetch("SELECT count(*) FROM events") == [(12,)]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**70), 2**70) | st.sampled_from(["", "ada", "$identify", "-7d", "1.2", "["]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["key", "type", "operator", "value", "event", "properties",
        "distinct_id", "groups", "timestamp", "$set", "$groups", "company", "uuid", "offset",
        "person_properties", "group_properties", "flag_keys_to_evaluate", "alias", "options"]),
        inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(body=JSON, event=JSON, condition=JSON, data=st.data())
def test_nothing_that_is_sent_or_kept_in_a_flag_breaks_the_project(
    talk: Any, token: str, body: Any, event: Any, condition: Any, data: st.DataObject
) -> None:
    operator = data.draw(st.sampled_from(["exact", "regex", "gt", "is_date_after", "semver_caret"]))
    properties = [condition, {"key": "company", "operator": operator, "value": condition}]
    filters = {"groups": [{"properties": properties, "rollout_percentage": 50}]}
    talk("PATCH", "feature_flags/1/", {"filters": filters})
    if talk("GET", "feature_flags/1/").status_code == 404:
        talk.made("feature_flags/", {"key": "any", "filters": filters})
    whole = body if isinstance(body, dict) else {"distinct_id": body}
    taken = event if isinstance(event, dict) else {"event": "e", "properties": event}
    for path, sent in (
        ("/flags/?v=4", {"distinct_id": "ada", **whole, "api_key": token}),
        ("/decide/", {**whole, "token": token}),
        ("/batch/", {**whole, "api_key": token, "batch": [{"distinct_id": "ada", **taken}, body]}),
    ):
        answer = _sent(talk, path, sent)
        assert answer.status_code in (200, 400), (path, sent, answer.text)
