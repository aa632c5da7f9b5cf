"""The API's own behaviour, scenario by scenario, against the embedded project without a socket.

The scenarios are those of ``scenarios.json`` beside this file, or of the files that the
environment variable EXP_CONFORMANCE names.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from exp_jupyter.server.app import create_app
from exp_jupyter.server.testing import TrialProject

HERE = Path(__file__).parent
_SPEC = importlib.util.spec_from_file_location("scenario_matching", HERE / "scenario_matching.py")
assert _SPEC
assert _SPEC.loader
matching = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(matching)


def scenarios() -> list[dict[str, Any]]:
    named = os.environ.get("EXP_CONFORMANCE") or str(HERE / "scenarios.json")
    return [
        scenario
        for file in named.split(os.pathsep)
        for scenario in json.loads(Path(file).read_text(encoding="utf-8"))
    ]


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Iterator[TrialProject]:
    made = TrialProject(tmp_path / "project")
    yield made
    made.close()


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario["id"])
def test_the_project_answers_like_the_api(
    scenario: dict[str, Any], project: TrialProject, portal: BlockingPortal
) -> None:
    app = create_app(project.store, project.events)
    now = datetime.now(UTC).replace(microsecond=0)
    saved: dict[str, Any] = {}
    fixture = scenario.get("fixture")
    for number, step in enumerate(scenario["steps"]):
        if fixture and fixture.get("at", 0) == number:
            made = project.apply(fixture["kind"], matching.filled(fixture["data"], saved, now))
            for name, path in fixture.get("save", {}).items():
                saved[name] = matching.at(made, path)
        asked = matching.filled({k: v for k, v in step.items() if k != "save"}, saved, now)
        status, text = portal.call(_send, app, asked, project.keys)
        wrong = matching.failures(asked.get("expect", {}), status, text)
        where = f"step {number + 1}: {asked['method']} {asked['path']}"
        assert not wrong, "\n".join([where, *wrong, f"answer {status}: {text[:600]}"])
        for name, path in step.get("save", {}).items():
            saved[name] = matching.at(matching.read(text), path)
            assert saved[name] is not matching.ABSENT, f"{where}: nothing to save at {path}"


async def _send(app: Any, asked: dict[str, Any], keys: dict[str, str]) -> tuple[int, str]:
    role = asked.get("key", "owner")
    headers = {} if role == "nobody" else {"Authorization": f"Bearer {keys[role]}"}
    body = {"json": asked["json"]} if "json" in asked else {}
    query = {name: str(value) for name, value in asked.get("query", {}).items()}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://project.test") as client:
        answer = await client.request(
            asked["method"], asked["path"], params=query, headers=headers, **body
        )
    return answer.status_code, answer.text
