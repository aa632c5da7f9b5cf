"""The project answers as PostHog does: cases drawn from PostHog's own tests, asked over HTTP.

The cases are those of ``cases.json`` beside this file, or of the files that the environment
variable EXP_POSTHOG_CASES names, separated as the paths of PATH are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from posthog_case_expectations import at, narrower, of_query, of_step
from posthog_case_project import CaseProject, Json

HERE = Path(__file__).parent


def cases() -> list[Json]:
    named = os.environ.get("EXP_POSTHOG_CASES") or str(HERE / "cases.json")
    return [
        case
        for file in named.split(os.pathsep)
        for case in json.loads(Path(file).read_text(encoding="utf-8"))["cases"]
    ]


@pytest.fixture
def project(case: Json, tmp_path: Path) -> Iterator[CaseProject]:
    made = CaseProject(tmp_path / "project", case)
    yield made
    made.close()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_the_project_answers_as_posthog_cases_say(case: Json, project: CaseProject) -> None:
    if "steps" in case:
        _run_requests(case, project)
    else:
        _run_queries(case, project)


def _run_queries(case: Json, project: CaseProject) -> None:
    project.prepare_queries()
    for number, query in enumerate(case["queries"], 1):
        answer = project.query(query)
        wrong = list(of_query(query["expect"], answer))
        other = query["expect"].get("narrower_than")
        if other:
            theirs = project.with_statistics(other["stats_config"], query)
            wrong += narrower(other, answer.json(), theirs.json())
        assert not wrong, "\n".join([f"query {number}", *wrong, answer.text[:2000]])


def _run_requests(case: Json, project: CaseProject) -> None:
    project.prepare_requests()
    saved: Json = {}
    for number, step in enumerate(case["steps"], 1):
        path = _filled(step["path"], saved)
        body = _filled(step.get("body"), saved)
        answer = project.ask(step["method"], path, body, key=step.get("key") or "owner")
        where = f"step {number}: {step['method']} {path}"
        assert answer.status_code == step["status"], f"{where}\n{answer.text[:2000]}"
        wrong = list(of_step(_filled(step.get("expect", {}), saved), answer))
        assert not wrong, "\n".join([where, *wrong, answer.text[:2000]])
        for name, place in (step.get("save") or {}).items():
            saved[name] = at(answer.json(), place)


def _filled(thing: Any, saved: Json) -> Any:
    """Return a request with what was saved in the place of ``$name`` and ``{name}``."""
    if isinstance(thing, dict):
        return {name: _filled(value, saved) for name, value in thing.items()}
    if isinstance(thing, list):
        return [_filled(part, saved) for part in thing]
    if not isinstance(thing, str):
        return thing
    if thing.startswith("$") and thing[1:] in saved:
        return saved[thing[1:]]
    for name, value in saved.items():
        thing = thing.replace("{" + name + "}", str(value))
    return thing


def test_the_posthog_cases_are_of_the_stated_form() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((HERE / "cases.schema.json").read_text(encoding="utf-8"))
    whole = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
    jsonschema.validate(whole, schema)
    assert len({case["id"] for case in whole["cases"]}) == len(whole["cases"])
