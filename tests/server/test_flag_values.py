"""The value a flag has for somebody, against the official SDK's own decision."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posthog.feature_flags import InconclusiveMatchError, match_feature_flag_properties

from exp_jupyter.server.services.flags.conditions import UnknownFilterError, meets
from exp_jupyter.server.services.flags.evaluation import Evaluation, Subject
from exp_jupyter.server.services.people.capture import project_token

NOW = datetime.now(UTC)
OPERATORS = [
    "exact", "is_not", "is_set", "icontains", "not_icontains", "regex", "not_regex", "starts_with",
    "not_starts_with", "ends_with", "not_ends_with", "gt", "gte", "lt", "lte", "is_date_before",
    "is_date_after", "semver_eq", "semver_neq", "semver_gt", "semver_gte", "semver_lt",
    "semver_lte", "semver_tilde", "semver_caret", "semver_wildcard",
]  # fmt: skip
VALUES = [
    "pro", "Pro", "p", "", "true", "False", True, False, 0, 1, 10, 9.5, "10", "1e1", ["pro", "1"],
    ["true"], [], "2026-01-01", "2030-06-01T10:00:00Z", "-7d", "3m", "1y", "1.2.3", "v1.10", "1.*",
    "0.0.4-rc.1", "^p.o$", "[0-9]+", "a b",
]  # fmt: skip


def _flag(**filters: Any) -> dict[str, Any]:
    return {"id": 1, "key": "f", "active": True, "bucketing_identifier": None, "filters": filters}


def _ours(flag: dict[str, Any], who: str, known: dict[str, Any] | None = None) -> Any:
    subject = Subject(who, NOW, properties=known or {})
    return Evaluation(subject, lambda _: None).outcome(flag)


def _theirs(flag: dict[str, Any], who: str, known: dict[str, Any]) -> Any:
    return match_feature_flag_properties(flag, who, known, bucketing_value=who)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(
    who=st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable()),
    shares=st.lists(st.integers(0, 100), min_size=2, max_size=5),
    rollout=st.one_of(st.none(), st.integers(0, 100)),
    held=st.one_of(st.none(), st.integers(0, 100)),
)
def test_everybody_falls_where_the_sdk_puts_them(
    who: str, shares: list[int], rollout: int | None, held: int | None
) -> None:
    total = sum(shares) or 1
    variants = [
        {"key": f"v{index}", "rollout_percentage": 100 * share / total}
        for index, share in enumerate(shares)
    ]
    flag = _flag(
        groups=[{"properties": [], "rollout_percentage": rollout}],
        multivariate={"variants": variants},
        holdout=None if held is None else {"id": 4, "exclusion_percentage": held},
    )
    assert _ours(flag, who).value == _theirs(flag, who, {})


@settings(max_examples=1500, derandomize=True, deadline=None)
@given(
    operator=st.sampled_from(OPERATORS),
    value=st.sampled_from(VALUES),
    found=st.sampled_from(VALUES),
)
def test_conditions_hold_where_the_sdk_says_so(operator: str, value: Any, found: Any) -> None:
    if operator.endswith("regex") and not isinstance(value, str):
        return  # a pattern is text; what else it may be, SDKs read differently
    condition = {"key": "k", "type": "person", "operator": operator, "value": value}
    flag = _flag(groups=[{"properties": [condition], "rollout_percentage": 100}])
    ours = _ours(flag, "ada", {"k": found})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = _theirs(flag, "ada", {"k": found})
        except InconclusiveMatchError:
            return  # the SDK leaves it to the server
    assert ours.value == theirs


def test_what_is_not_known_meets_only_a_denial() -> None:
    for operator, met in {"exact": False, "is_not": True, "is_set": False, "is_not_set": True,
                          "gt": False, "not_icontains": True}.items():  # fmt: skip
        assert meets({"key": "k", "operator": operator, "value": "1"}, {}, NOW) is met
    with pytest.raises(UnknownFilterError):
        meets({"key": "k", "operator": "resembles", "value": "1"}, {"k": "1"}, NOW)


def test_a_flag_may_ask_for_a_flag_but_not_for_itself() -> None:
    def asking(key: str, other: str, wanted: Any) -> dict[str, Any]:
        condition = {"type": "flag", "key": other, "operator": "flag_evaluates_to", "value": wanted}
        return {**_flag(groups=[{"properties": [condition], "rollout_percentage": 100}]),
                "key": key}  # fmt: skip

    plain = {**_flag(groups=[{"properties": [], "rollout_percentage": 100}]), "key": "plain"}
    by_key = {
        flag["key"]: flag
        for flag in (
            plain,
            asking("after", "plain", True),
            asking("without", "plain", False),
            asking("tail", "head", True),
            asking("head", "tail", True),
            asking("lost", "nowhere", True),
        )
    }
    evaluation = Evaluation(Subject("ada", NOW), by_key.get)
    found = {key: evaluation.outcome(flag) for key, flag in by_key.items()}
    assert found["after"].value is True
    assert (found["without"].value, found["without"].failed) == (False, False)
    assert found["tail"].failed
    assert found["head"].failed
    assert found["lost"].failed


def test_the_answer_takes_the_form_that_is_asked_for(talk: Any) -> None:
    with talk.project.store.read() as work:
        token = project_token(work)
    talk.made(
        "feature_flags/",
        {"key": "on", "name": "A door", "filters": {"groups": [{"rollout_percentage": 100}],
                                                   "payloads": {"true": '{"a": 1}'}}},
    )  # fmt: skip
    talk.made("feature_flags/", {"key": "off", "filters": {"groups": [{"rollout_percentage": 0}]}})
    talk.made("feature_flags/", {"key": "paused", "active": False})
    cohort = {"key": "id", "type": "cohort", "value": 3}
    talk.made("feature_flags/", {"key": "by-cohort", "filters": {"groups": [
        {"properties": [cohort], "rollout_percentage": 100}]}})  # fmt: skip

    def asked(address: str) -> Any:
        answer = talk.raw("POST", address, None, json={"api_key": token, "distinct_id": "ada"})
        assert answer.status_code == 200
        return answer.json()

    plain = asked("/decide/?v=1")
    assert plain["featureFlags"] == {"on": True, "off": False, "by-cohort": False}
    assert plain["featureFlagPayloads"] == {"on": '{"a": 1}'}
    assert plain["errorsWhileComputingFlags"] is True
    detailed = asked("/flags/?v=2")["flags"]
    assert set(detailed) == {"on", "off", "by-cohort"}
    assert "value" not in detailed["on"]
    assert detailed["on"]["metadata"]["payload"] == '{"a": 1}'
    assert detailed["on"]["reason"] == {
        "code": "condition_match",
        "condition_index": 0,
        "description": "Matched condition set 1",
    }
    assert detailed["off"]["reason"]["code"] == "out_of_rollout_bound"
    typed = asked("/flags/?v=4")["flags"]
    assert [typed[key]["value"] for key in ("on", "off", "by-cohort")] == [True, False, None]
    assert typed["by-cohort"]["failed"] is True


def test_definitions_are_sent_only_when_they_changed(talk: Any) -> None:
    key = talk.project.keys["reader"]
    flag = talk.made("feature_flags/", {"key": "on"})
    first = talk.raw("GET", "/flags/definitions?send_cohorts", key)
    assert [one["key"] for one in first.json()["flags"]] == ["on"]
    seen = {"If-None-Match": first.headers["etag"]}
    assert talk.raw("GET", "/flags/definitions", key, headers=seen).status_code == 304
    talk("PATCH", f"feature_flags/{flag['id']}/", {"active": False})
    assert talk.raw("GET", "/flags/definitions", key, headers=seen).status_code == 200
