"""Who may ask, and what a request may look like."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal
from starlette.responses import PlainTextResponse

from exp_jupyter.server.http.hosts import HostGuard
from exp_jupyter.server.http.reading import DEEPEST
from exp_jupyter.server.services.people import people
from exp_jupyter.server.services.planning import overview

EXPERIMENTS = "/api/projects/@current/experiments/"
NO_KEY = {
    "type": "authentication_error",
    "code": "not_authenticated",
    "detail": "Authentication credentials were not provided.",
    "attr": None,
}
JSON = {"Content-Type": "application/json"}


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Basic abc"}]
)
def test_without_a_key_the_answer_is_401_with_a_challenge(talk: Any, headers: Any) -> None:
    answer = talk.raw("GET", EXPERIMENTS, None, headers=headers)
    assert (answer.status_code, answer.json()) == (401, NO_KEY)
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer resource_metadata="http://p.test/.well-known/oauth-protected-resource"'
    )


@pytest.mark.parametrize("key", ["phx_wrong", "phc_project", "' OR 1=1 --", "é", "x" * 5000])
def test_a_key_the_project_does_not_know_is_401(talk: Any, key: str) -> None:
    answer = talk.raw(
        "GET", EXPERIMENTS, None, headers={"Authorization": b"Bearer " + key.encode()}
    )
    assert answer.status_code == 401
    assert answer.json()["code"] == "authentication_failed"


def test_a_revoked_key_is_401(talk: Any) -> None:
    with talk.project.store.write() as work:
        assert people.revoke_keys(work, talk.project.member_id) == 1
    assert talk("GET", "experiments/", role="member2").status_code == 401
    assert talk("GET", "experiments/").status_code == 200


def test_the_store_keeps_no_key(talk: Any) -> None:
    content = b"".join(file.read_bytes() for file in talk.project.store.folder.glob("project*"))
    for key in talk.project.keys.values():
        assert key.encode() not in content
        assert key.removeprefix("phx_").encode() not in content


def test_writing_includes_reading_but_not_the_other_way_round(talk: Any) -> None:
    with talk.project.store.write() as work:
        key = people.add_key(work, talk.project.member_id, scopes=["experiment:write"])
    assert talk.raw("GET", EXPERIMENTS, key).status_code == 200
    flags = talk.raw("GET", "/api/projects/@current/feature_flags/", key)
    assert flags.status_code == 403
    assert flags.json()["detail"] == "API key missing required scope 'feature_flag:read'"


def test_another_project_is_unknown(talk: Any) -> None:
    for named in ("2", "999999999999999999999", "x", "@other", "%00"):
        answer = talk("GET", f"/api/projects/{named}/experiments/")
        assert answer.status_code == 404
        assert answer.json()["detail"] == "Project not found."


def test_the_project_and_the_person_tell_who_they_are(talk: Any) -> None:
    own = talk("GET", "/api/users/@me", role="reader").json()
    assert own["email"] == "owner@example.com"
    assert own["scopes"] == ["experiment:read", "feature_flag:read"]
    project = talk("GET", "/api/projects/@current/").json()
    assert (project["id"], project["name"], project["timezone"]) == (1, "Trial", "UTC")
    assert talk("GET", "/api/environments/1/").json() == project


def test_a_fault_of_the_program_is_a_500_that_tells_and_logs_no_secret(
    talk: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(work: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(overview, "stats", fail)
    with caplog.at_level(logging.DEBUG):
        answer = talk("GET", "experiments/stats/")
    assert answer.status_code == 500
    assert answer.json() == {
        "type": "server_error",
        "code": "error",
        "detail": "A server error occurred.",
        "attr": None,
    }
    assert talk.project.keys["owner"] not in caplog.text


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_slash_at_the_end_is_optional(talk: Any, slash: str) -> None:
    assert talk("GET", f"/api/projects/@current/experiments{slash}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/projects",
        "/api/projects/@current/nothing/",
        "/api/projects/@current/experiments/1/explode/",
        "/api/projects/@current//experiments/",
        "/api/projects/@current/experiments/..%2F..%2Fproject.sqlite3",
        "/api/projects/@current/experiments/1e3/",
        "/api/projects/@current/experiments/-1/",
        "/api/projects/@current/experiments/99999999999999999999/",
        "/api/projects/@current/change_requests/no-uuid/",
    ],
)
def test_what_is_not_there_is_404(talk: Any, path: str) -> None:
    answer = talk("GET", path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_a_wrong_verb_is_405_and_delete_has_no_body(talk: Any) -> None:
    wrong = talk("PUT", "experiments/stats/", {})
    assert wrong.status_code == 405
    assert wrong.json()["code"] == "method_not_allowed"
    assert wrong.headers["Allow"] == "GET"
    for path in ("experiments/1/", "feature_flags/1/"):
        refused = talk("DELETE", path)
        assert (refused.status_code, refused.content) == (405, b"")


def test_head_answers_like_get_without_the_body(talk: Any) -> None:
    answer = talk("HEAD", "experiments/")
    assert (answer.status_code, answer.content) == (200, b"")


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"name": NaN}',
        b'{"name": 1e999}',
        b"\xff\xfe",
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"name": ' + b"1" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1),
    ],
    ids=["cut", "text", "nan", "inf", "bytes", "half", "null", "digits", "open", "deep"],
)
def test_malformed_json_is_400_parse_error(talk: Any, body: bytes) -> None:
    key = talk.project.keys["owner"]
    answer = talk.raw("POST", EXPERIMENTS, key, content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["type"] == "invalid_request"
    assert answer.json()["code"] == "parse_error"


def test_brackets_in_text_are_not_depth(talk: Any) -> None:
    body = {"name": "[" * 300 + '\\"{', "feature_flag_key": "brackets"}
    assert talk("POST", "experiments/", body).status_code == 201


def test_another_content_type_is_415(talk: Any) -> None:
    answer = talk.raw(
        "POST",
        EXPERIMENTS,
        talk.project.keys["owner"],
        content="name=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


def test_a_body_that_nobody_reads_may_be_anything(talk: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    key = talk.project.keys["owner"]
    answer = talk.raw("POST", f"{EXPERIMENTS}{made['id']}/launch/", key, content=b"{", headers=JSON)
    assert answer.status_code == 200


def test_a_body_over_the_limit_is_refused_without_being_kept(
    project: Any, portal: BlockingPortal, talk: Any
) -> None:
    small = type(talk)(project, portal, largest_body=1000)
    key = project.keys["owner"]
    said = small.raw("POST", EXPERIMENTS, key, content=b"[" + b" " * 1000, headers=JSON)
    assert said.status_code == 413
    pulled = 0

    async def endless() -> Any:
        nonlocal pulled
        for _ in range(10_000):
            pulled += 100
            yield b" " * 100

    streamed = small.raw("POST", EXPERIMENTS, key, content=endless(), headers=JSON)
    assert streamed.status_code == 413
    assert pulled < 5000


@pytest.mark.parametrize("body", [[], "text", 7, None, True])
def test_a_body_that_is_no_object_is_400(talk: Any, body: Any) -> None:
    key = talk.project.keys["owner"]
    answer = talk.raw("POST", EXPERIMENTS, key, content=json.dumps(body), headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Invalid data. Expected a dictionary")
    assert answer.json()["attr"] is None


@pytest.mark.parametrize(
    ("body", "code", "attr", "detail"),
    [
        ({}, "required", "metric_type", "This field is required."),
        (
            {"metric_type": "mean"},
            "invalid_choice",
            "metric_type",
            '"mean" is not a valid choice.',
        ),
        (
            {"metric_type": "funnel", "minimum_detectable_effect": 0},
            "invalid_input",
            "minimum_detectable_effect",
            "Must be greater than 0.",
        ),
        (
            {"metric_type": "funnel", "minimum_detectable_effect": "x", "number_of_variants": 1},
            "invalid_input",
            "minimum_detectable_effect",
            "A valid number is required.",
        ),
        (
            {"metric_type": "funnel", "minimum_detectable_effect": 5, "number_of_variants": "1"},
            "min_value",
            "number_of_variants",
            "Ensure this value is greater than or equal to 2.",
        ),
        (
            {"metric_type": "funnel", "minimum_detectable_effect": 5, "baseline_stats": {"sum": 1}},
            "required",
            "baseline_stats__number_of_samples",
            "This field is required.",
        ),
    ],
)
def test_only_the_first_error_is_told(
    talk: Any, body: Any, code: str, attr: str, detail: str
) -> None:
    answer = talk("POST", "experiments/calculate_running_time/", body)
    assert answer.status_code == 400
    assert answer.json() == {
        "type": "validation_error",
        "code": code,
        "detail": detail,
        "attr": attr,
    }


# ---------------------------------------------------------------- hosts


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8765", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8765", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example:8765", 400),
        ("localhost.evil.example", 400),
        ("[::1].evil.example", 400),
        ("", 400),
    ],
)
def test_the_guard_lets_only_its_own_names_pass(
    portal: BlockingPortal, host: str, status: int
) -> None:
    guarded = HostGuard(PlainTextResponse("ok"), ("127.0.0.1", "[::1]", "localhost"))

    async def ask() -> int:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=guarded), base_url="http://x"
        ) as client:
            return (await client.get("/", headers={"Host": host})).status_code

    assert portal.call(ask) == status
