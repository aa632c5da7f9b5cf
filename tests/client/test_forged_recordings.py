"""Recordings that are damaged or forged: refused in words, whatever their hash says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from exp_jupyter.client import replay
from exp_jupyter.errors import StoreError

PROJECT = {"origin": "https://a.test", "project": 1, "label": "A", "now": "2026-03-01T00:00:00Z"}
ANSWER = {"status": 200, "body": {"id": 1}}
ENTRY = {"request": "GET x/", "answers": [ANSWER]}


def _forge(path: Path, project: Any, answers: Any) -> Path:
    body = {"project": project, "answers": answers}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    head = {"format": "exp_jupyter recording", "version": 1, "sha256": digest}
    path.write_text(json.dumps({**head, **body}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "project",
    [
        None,
        [],
        "x",
        {},
        *({**PROJECT, name: None} for name in PROJECT),
        {**PROJECT, "now": "yesterday"},
        {**PROJECT, "now": "2026-03-01T00:00:00"},
    ],
)
def test_a_project_of_another_form_is_refused(tmp_path: Path, project: Any) -> None:
    with pytest.raises(StoreError, match="does not have the form") as caught:
        replay(_forge(tmp_path / "a.expsnap", project, [ENTRY]))
    assert "Record again" in str(caught.value.hint)


@pytest.mark.parametrize(
    "answers",
    [None, {}, 3, [None], ["x"], [{}], [{**ENTRY, "request": 3}], [{**ENTRY, "answers": []}]]
    + [[{**ENTRY, "answers": one}] for one in (None, {}, [None], [3], [{}], [{"status": 200}])]
    + [
        [{**ENTRY, "answers": [{**ANSWER, **odd}]}]
        for odd in (
            {"status": "200"},
            {"status": 2},
            {"headers": []},
            {"headers": {"retry-after": 3}},
            {"times": 0},
            {"times": -1},
            {"times": "3"},
            {"times": 1.5},
        )
    ],
)
def test_answers_of_another_form_are_refused(tmp_path: Path, answers: Any) -> None:
    with pytest.raises(StoreError, match="does not have the form"):
        replay(_forge(tmp_path / "a.expsnap", PROJECT, answers))


def test_an_answer_that_came_very_often_takes_no_room(tmp_path: Path) -> None:
    answers = [{**ANSWER, "times": 10**15}, {**ANSWER, "body": {"id": 2}}]
    path = _forge(tmp_path / "a.expsnap", PROJECT, [{**ENTRY, "answers": answers}])
    assert replay(path).label == "A"
