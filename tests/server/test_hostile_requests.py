"""Requests made to stop the server: each is answered or refused in time that its size explains.

What is measured is work, in steps that grow with the size of the input; a clock would also measure
the machine.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from exp_jupyter.errors import InputError
from exp_jupyter.server.http.reading import DEEPEST, MOST_VALUES, parsed
from exp_jupyter.server.refusals import Refusal
from exp_jupyter.server.services.flags.linear_patterns import LONGEST_TEXT, PatternError, search
from exp_jupyter.warehouse.sql.hogql import LONGEST_EXPRESSION, condition

PATTERNS = ["(a+)+$", "(a|aa)+$", "(a|a?)+b$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"]
EVENTS: dict[str, Any] = {"kind": "EventsNode", "event": "bought"}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("operator", ["regex", "not_regex"])
def test_a_flag_with_a_hostile_pattern_is_decided(talk: Any, pattern: str, operator: str) -> None:
    """With an engine that tries every way, each of these outlives the test run."""
    condition = {"key": "name", "type": "person", "operator": operator, "value": pattern}
    group = {"properties": [condition], "rollout_percentage": 100}
    talk.made("feature_flags/", {"key": "door", "active": True, "filters": {"groups": [group]}})
    body = {
        "token": talk.project.token,
        "distinct_id": "ada",
        "person_properties": {"name": "a" * 34 + "!"},
    }
    answer = talk.raw("POST", "/flags/?v=2", None, json=body)
    assert answer.status_code == 200
    door = answer.json()["flags"]["door"]
    assert (door["enabled"], door["reason"]["code"]) in (
        (True, "condition_match"),
        (False, "no_condition_match"),
    )
    assert door["enabled"] is (operator == "not_regex")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_analysis_with_a_hostile_pattern_is_answered(talk: Any, pattern: str) -> None:
    made = talk.made("experiments/", {"name": "Door", "feature_flag_key": "door"})
    talk("POST", f"experiments/{made['id']}/launch/")
    filters = [{"key": "name", "type": "event", "operator": "regex", "value": pattern}]
    event = {"event": "bought", "distinct_id": "ada", "properties": {"name": "a" * 34 + "!"}}
    talk.raw("POST", "/e/", None, json={"api_key": talk.project.token, **event})
    hogql = [{"type": "hogql", "key": f"match(properties.name, '{pattern}')"}]
    for properties in (filters, hogql):
        metric = {
            "kind": "ExperimentMetric",
            "metric_type": "mean",
            "source": {**EVENTS, "properties": properties},
        }
        query = {"kind": "ExperimentQuery", "experiment_id": made["id"], "metric": metric}
        assert talk("POST", "query/", {"query": query}).status_code in (200, 400)


def test_a_pattern_is_found_where_python_finds_it() -> None:
    import re

    for pattern in ("^a", "b$", "a.c", r"\d{2,}", "(?i)ABC", "[^x]y", r"\bup\b", "é+", ""):
        for text in ("abc", "ABC", "b", "12", "1", "xy", "zy", "go up!", "éé", ""):
            test = search(pattern)
            assert test is not None
            assert test(text) is bool(re.search(pattern, text)), (pattern, text)


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "(?<!x)y", "a" * 501])
def test_a_pattern_that_only_trying_can_match_is_said(talk: Any, pattern: str) -> None:
    with pytest.raises(PatternError):
        search(pattern)
    condition = {"key": "name", "type": "person", "operator": "regex", "value": pattern}
    group = {"properties": [condition], "rollout_percentage": 100}
    made = talk(
        "POST", "feature_flags/", {"key": "d", "active": True, "filters": {"groups": [group]}}
    )
    assert made.status_code in (201, 400)
    body = {
        "token": talk.project.token,
        "distinct_id": "ada",
        "person_properties": {"name": "b"},
    }
    assert talk.raw("POST", "/flags/?v=2", None, json=body).status_code == 200


def test_a_text_that_is_too_long_for_a_pattern_is_said() -> None:
    test = search("a")
    assert test is not None
    with pytest.raises(PatternError):
        test("b" * (LONGEST_TEXT + 1))


_BODY = """
import sys
from exp_jupyter.server.http.reading import parsed
from exp_jupyter.server.refusals import Refusal
body = b"[" * 65 + b'"' + rb'\\"' * 1_900_000 + {ending!r}
try:
    parsed(body, None)
except Refusal as error:
    print(error.status)
"""


@pytest.mark.parametrize("ending", [b"", b"\\", b'"'])
def test_a_body_of_quotes_without_an_end_is_refused(ending: bytes) -> None:
    """Looked at from each of its quotes anew, four megabytes would take days."""
    script = _BODY.format(ending=ending)
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout == "400\n"


def test_a_body_of_very_many_values_is_refused_before_it_is_read() -> None:
    for body in (b"[" + b"1," * MOST_VALUES + b"1]", b"[" + b"[]," * MOST_VALUES + b"1]"):
        with pytest.raises(Refusal) as refused:
            parsed(body, None)
        assert refused.value.status == 413
    assert len(parsed(b"[" + b"1," * (MOST_VALUES // 2) + b"1]", None)) == MOST_VALUES // 2 + 1


def test_levels_are_counted_outside_of_texts_only() -> None:
    assert parsed(b'["' + b"[" * 999 + b'"]', None) == ["[" * 999]
    assert parsed(b'["\\"' + b"[" * 999 + b'"]', None) == ['"' + "[" * 999]
    with pytest.raises(Refusal):
        parsed(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), None)


class _Reader:
    """Reads no property: what is looked at here fails before."""


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000, "[" * 3000, "not " * 3000 + "1", "1" + "+1" * 5000, "case when " * 1500,
        "x[" * 3000, "if(" * 3000, "f(" * 300 + ")" * 300, "'" + r"\'" * 9000, "`" * 9999,
        "1" * (LONGEST_EXPRESSION + 1),
    ],
)  # fmt: skip
def test_a_hostile_expression_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        condition(text, _Reader(), "metric")  # type: ignore[arg-type]
