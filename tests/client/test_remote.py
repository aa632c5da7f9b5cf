"""Connecting to a project elsewhere: one question tells whether everything is right."""

import json
import os
import subprocess
import sys

import pytest

from exp_jupyter import connect
from exp_jupyter.client.http.credentials import ENVIRONMENT_NAME
from exp_jupyter.errors import AuthenticationError, NotFoundError, ProtocolError


@pytest.fixture
def open_remote(server, key):
    opened = []

    def open_remote(**arguments):
        opened.append(connect(server.origin, **{"project": 1, "key": key} | arguments))
        return opened[-1]

    yield open_remote
    for project in opened:
        project.close()


def test_a_good_key_connects_with_one_question(server, open_remote):
    project = open_remote()
    assert [target for _, target, _ in server.model.requests] == [
        "/api/projects/1/experiments/?limit=1"
    ]
    assert project.kind == "remote"


def test_the_key_comes_from_the_environment(server, open_remote, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_NAME, "phx_environment")
    open_remote(key=None)
    assert server.model.requests[0][2]["authorization"] == "Bearer phx_environment"


def test_a_wrong_key_is_said_at_once(server, open_remote):
    body = {"type": "authentication_error", "code": "authentication_failed", "detail": "invalid"}
    server.model.answer = lambda *request: (401, body)
    with pytest.raises(AuthenticationError) as caught:
        open_remote()
    assert ENVIRONMENT_NAME in caught.value.hint


def test_a_wrong_project_is_said_at_once(server, open_remote):
    body = {"type": "invalid_request", "code": "not_found", "detail": "Project not found."}
    server.model.answer = lambda *request: (404, body)
    with pytest.raises(NotFoundError) as caught:
        open_remote(project=7)
    assert "--project" in caught.value.hint


def test_a_site_that_is_no_project_is_said_at_once(open_remote, fault):
    fault("html_before")
    with pytest.raises(ProtocolError) as caught:
        open_remote()
    assert "PostHog" in caught.value.hint


def test_a_key_for_other_things_than_experiments_still_connects(server, open_remote):
    detail = "API key missing required scope 'experiment:read'"
    server.model.answer = lambda *request: (403, {"code": "permission_denied", "detail": detail})
    assert open_remote().kind == "remote"


def test_a_check_names_the_missing_scopes(server, open_remote):
    project = open_remote()
    real = server.model.answer

    def answer(method, path, query, body):
        if "/feature_flags/" in path:
            detail = "API key missing required scope 'feature_flag:read'"
            return 403, {"code": "permission_denied", "detail": detail}
        if "/change_requests/" in path:
            return 402, {"type": "server_error", "code": "payment_required"}
        return real(method, path, query, body)

    server.model.answer = answer
    found = project.check()
    assert (found.project, found.person) == ("Growth", "")
    assert found.missing == ("feature_flag:read",)
    verdicts = {one.what: one.verdict for one in found.granted}
    assert verdicts["Experiments"] == "allowed"
    assert verdicts["Approvals"] == "not offered"
    assert project.access is found
    assert "feature_flag:read, for flags to build experiments on" in " ".join(
        project.to_text().split()
    )


def test_what_the_person_may_not_do_is_told_from_what_the_key_lacks(server, open_remote):
    project = open_remote()
    assert project.access is None
    assert "The key lacks" not in project.to_text()

    def answer(method, path, query, body):
        if path.endswith("/query/"):
            assert body == {"query": {}}
            return 400, {"type": "validation_error", "code": "parse_error", "detail": "empty"}
        detail = "You do not have viewer access to this resource."
        return 403, {"code": "permission_denied", "detail": detail}

    server.model.answer = answer
    found = project.check()
    verdicts = {one.scope: one.verdict for one in found.granted}
    assert verdicts.pop("query:read") == "allowed"
    assert set(verdicts.values()) == {"refused"}
    assert found.missing == ()
    assert "refused to this person" in found.to_text()


FIRST_READ = """
import json, sys
import exp_jupyter
project = exp_jupyter.connect(sys.argv[1], project=1)
assert [one.name for one in project.experiments.list()] == ["Checkout"]
loaded = sorted(sys.modules)
from pydantic import BaseModel
shapes = [
    kind
    for name in loaded
    if name.startswith("exp_jupyter.schema.")
    for kind in vars(sys.modules[name]).values()
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__module__ == name
]
built = sorted(kind.__name__ for kind in shapes if kind.__pydantic_complete__)
print(json.dumps([loaded, built]))
"""


def test_connecting_and_a_first_list_load_and_build_no_more_than_they_need(server, key):
    flag = {"id": 7, "key": "checkout", "filters": {"groups": []}}
    server.model.add(name="Checkout", feature_flag=flag)
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_READ, server.origin],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, ENVIRONMENT_NAME: key},
    )
    loaded, built = json.loads(ran.stdout)
    heavy = {"numpy", "scipy", "pandas", "matplotlib", "duckdb", "sqlglot", "starlette", "uvicorn"}
    heavy |= {"IPython", "ipywidgets", "keyring", "rich", "click", "anyio._backends", "asyncio"}
    assert not heavy & set(loaded)
    ours = {name.removeprefix("exp_jupyter.") for name in loaded if name.startswith("exp_jupyter.")}
    assert {name for name in ours if name.startswith("schema.")} == {
        "schema.base", "schema.listing", "schema.people",
        "schema.experiments", "schema.experiments.baseline", "schema.experiments.experiment",
        "schema.experiments.health", "schema.flags", "schema.flags.flag", "schema.flags.rollout",
    }  # fmt: skip
    assert not {name for name in ours if name.partition(".")[0] in {"server", "analysis", "engine"}}
    # A list is parsed as a whole, so of all shapes only the list's own is built.
    assert built == ["ApiList", "ExperimentList", "Page"]
