"""The approval gate: what is caught, who decides, and what becomes of the change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exp_jupyter.server.clock import FrozenClock

SPLIT = [{"key": "control", "rollout_percentage": 50}, {"key": "test", "rollout_percentage": 50}]
EVERYBODY = {"groups": [{"properties": [], "rollout_percentage": 100}]}


def _policy(talk: Any, action: str = "feature_flag.update", **fields: Any) -> dict[str, Any]:
    config = {"quorum": 1, "users": [talk.project.member_id]} | fields.pop("approvers", {})
    made: dict[str, Any] = talk.made(
        "approval_policies/", {"action_key": action, "approver_config": config, **fields}
    )
    return made


def _flag(talk: Any, key: str = "door", **fields: Any) -> int:
    return int(talk.made("feature_flags/", {"key": key, "filters": EVERYBODY, **fields})["id"])


def _share(percent: float) -> dict[str, Any]:
    return {"filters": {"groups": [{"properties": [], "rollout_percentage": percent}]}}


def _caught(answer: Any) -> str:
    assert answer.status_code == 409, answer.text
    return str(answer.json()["change_request_id"])


def _decide(talk: Any, request: str, verb: str, role: str = "member2", **body: Any) -> Any:
    return talk("POST", f"change_requests/{request}/{verb}/", body, role=role)


# ---------------------------------------------------------------- deciding


def test_quorum_counts_approvals_and_applies_with_the_last(talk: Any) -> None:
    flag = _flag(talk)
    both = [talk.project.owner_id, talk.project.member_id]
    _policy(talk, approvers={"quorum": 2, "users": both}, allow_self_approve=True)
    request = _caught(talk("PATCH", f"feature_flags/{flag}/", _share(50)))
    first = _decide(talk, request, "approve", reason="fine").json()
    assert (first["status"], first["message"]) == (
        "approved",
        "Approval recorded. 1/2 approvals received.",
    )
    assert first["change_request"]["state"] == "pending"
    assert first["change_request"]["user_decision"] == "approved"
    last = _decide(talk, request, "approve", "owner").json()
    assert (last["status"], last["result"]) == (
        "applied",
        {"resource_id": flag, "resource_version": 2},
    )
    shown = talk("GET", f"feature_flags/{flag}/").json()
    assert (shown["filters"]["groups"][0]["rollout_percentage"], shown["version"]) == (50, 2)
    assert shown["last_modified_by"]["id"] == talk.project.owner_id


def test_a_flag_that_changed_meanwhile_makes_the_request_stale_and_applying_it_fail(
    talk: Any,
) -> None:
    flag = _flag(talk)
    _policy(talk)
    request = _caught(talk("PATCH", f"feature_flags/{flag}/", _share(50)))
    assert talk("PATCH", f"feature_flags/{flag}/", {"name": "renamed"}).status_code == 200
    stale = talk("GET", f"change_requests/{request}/").json()
    assert (stale["state"], stale["validation_status"]) == ("pending", "stale")
    assert "staleness" in stale["validation_errors"]
    answer = _decide(talk, request, "approve")
    assert answer.status_code == 200
    assert answer.json()["status"] == "failed"
    assert answer.json()["message"] == (
        "Quorum reached but application failed: Flag version mismatch: expected 1, got 2"
    )
    failed = answer.json()["change_request"]
    assert failed["state"] == "failed"
    assert failed["apply_error"] == (
        "Precondition failed: Flag version mismatch: expected 1, got 2"
    )
    filters = talk("GET", f"feature_flags/{flag}/").json()["filters"]
    assert filters["groups"][0]["rollout_percentage"] == 100


def test_a_request_expires_when_the_clock_says_so(talk: Any, clock: FrozenClock) -> None:
    flag = _flag(talk)
    _policy(talk, expires_after="1 00:00:00")
    request = _caught(talk("PATCH", f"feature_flags/{flag}/", _share(50)))
    clock.advance(timedelta(hours=25))
    assert talk("GET", f"change_requests/{request}/").json()["state"] == "expired"
    listed = talk("GET", "change_requests/", state="expired").json()
    assert [entry["id"] for entry in listed["results"]] == [request]
    assert talk("GET", "change_requests/", state="pending").json()["count"] == 0
    late = _decide(talk, request, "approve")
    assert late.status_code == 403
    assert late.json()["detail"] == "Only pending change requests can be approved"
    again = _caught(talk("PATCH", f"feature_flags/{flag}/", _share(50)))
    assert again != request


def test_enabling_what_is_enabled_by_now_applies_as_nothing_to_do(talk: Any) -> None:
    flag = _flag(talk, active=False)
    policy = _policy(talk, "feature_flag.enable")
    request = _caught(talk("PATCH", f"feature_flags/{flag}/", {"active": True}))
    talk("PATCH", f"approval_policies/{policy['id']}/", {"enabled": False})
    assert talk("PATCH", f"feature_flags/{flag}/", {"active": True}).json()["version"] == 2
    assert _decide(talk, request, "approve").json()["status"] == "applied"
    assert talk("GET", f"feature_flags/{flag}/").json()["version"] == 2


def test_a_later_edit_of_the_policy_does_not_matter_to_a_request(talk: Any) -> None:
    flag = _flag(talk)
    policy = _policy(talk)
    request = _caught(talk("PATCH", f"feature_flags/{flag}/", _share(50)))
    nobody_else = {"approver_config": {"quorum": 9, "users": [talk.project.owner_id]}}
    assert talk("PATCH", f"approval_policies/{policy['id']}/", nobody_else).status_code == 200
    assert _decide(talk, request, "approve").json()["status"] == "applied"


def test_a_request_with_an_approval_cannot_be_cancelled_unless_it_is_stale(talk: Any) -> None:
    flag = _flag(talk)
    both = [talk.project.owner_id, talk.project.member_id]
    _policy(talk, approvers={"quorum": 2, "users": both})
    request = _caught(talk("PATCH", f"feature_flags/{flag}/", _share(50)))
    _decide(talk, request, "approve")
    assert _decide(talk, request, "cancel", "owner").status_code == 403
    talk("PATCH", f"feature_flags/{flag}/", {"name": "renamed"})
    assert _decide(talk, request, "cancel", "owner").json()["status"] == "canceled"


def test_only_the_requester_cancels(talk: Any) -> None:
    flag = _flag(talk)
    _policy(talk)
    request = _caught(talk("PATCH", f"feature_flags/{flag}/", _share(50)))
    answer = _decide(talk, request, "cancel")
    assert answer.json()["detail"] == "You cannot cancel this change request"


def test_the_copy_inside_the_409_claims_no_rights(talk: Any) -> None:
    flag = _flag(talk)
    _policy(talk)
    body = talk("PATCH", f"feature_flags/{flag}/", _share(50)).json()
    inside = body["change_request"]
    rights = ("can_approve", "can_cancel", "is_requester", "user_decision")
    assert [inside[name] for name in rights] == [False, False, False, None]
    own = talk("GET", f"change_requests/{inside['id']}/").json()
    assert [own[name] for name in rights] == [False, True, True, None]
    theirs = talk("GET", f"change_requests/{inside['id']}/", role="member2").json()
    assert [theirs[name] for name in rights] == [True, False, False, None]


def test_a_key_without_the_scope_may_neither_see_nor_vote(talk: Any) -> None:
    seen = talk("GET", "change_requests/", role="reader")
    assert seen.json()["detail"] == "API key missing required scope 'approvals:read'"
    vote = talk("POST", "change_requests/x/approve/", {}, role="experimenter")
    assert vote.json()["detail"] == "API key missing required scope 'approvals:write'"


# ---------------------------------------------------------------- what is caught


def test_a_change_under_two_policies_is_a_conflict(talk: Any) -> None:
    flag = _flag(talk, active=False)
    policies = {
        _policy(talk, action)["id"] for action in ("feature_flag.enable", "feature_flag.update")
    }
    answer = talk("PATCH", f"feature_flags/{flag}/", {"active": True, **_share(50)})
    assert answer.status_code == 400
    body = answer.json()
    assert body["code"] == "policy_conflict"
    assert {policy["id"] for policy in body["conflicting_policies"]} == policies
    assert talk("GET", "change_requests/").json()["count"] == 0


@pytest.mark.parametrize(
    ("conditions", "percent", "caught"),
    [
        ({}, 99, True),
        ({"type": "any_change", "field": "rollout_percentage"}, 99, True),
        (
            {
                "type": "before_after",
                "field": "rollout_percentage",
                "operator": "<=",
                "value": 20,
            },
            21,
            False,
        ),
        (
            {
                "type": "before_after",
                "field": "rollout_percentage",
                "operator": "<=",
                "value": 20,
            },
            20,
            True,
        ),
        (
            {
                "type": "change_amount",
                "field": "rollout_percentage",
                "operator": "<",
                "value": -10,
            },
            90,
            False,
        ),
        (
            {
                "type": "change_amount",
                "field": "rollout_percentage",
                "operator": "<",
                "value": -10,
            },
            89,
            True,
        ),
        ({"type": "before_after", "field": "rollout_percentage"}, 99, True),
    ],
)
def test_conditions_decide_which_changes_are_caught(
    talk: Any, conditions: Any, percent: float, caught: bool
) -> None:
    flag = _flag(talk)
    _policy(talk, conditions=conditions)
    answer = talk("PATCH", f"feature_flags/{flag}/", _share(percent))
    assert answer.status_code == (409 if caught else 200)


def test_a_flag_that_an_experiment_brings_along_is_caught_and_the_request_outlives_the_rollback(
    talk: Any,
) -> None:
    talk.made("llm_prompts/", {"name": "reply", "prompt": "one"})
    talk("PATCH", "llm_prompts/name/reply/", {"prompt": "two", "base_version": 1})
    _policy(talk)
    wanted = {"prompt_name": "reply", "versions": [1, 2], "templates": ["cost"]}
    answer = talk("POST", "experiments/create_from_prompt/", wanted)
    request = _caught(answer)
    intent = answer.json()["change_request"]["intent"]
    assert answer.json()["resource_id"] is None
    assert (intent["flag_id"], intent["flag_key"]) == (None, "reply-v1-v2-cost")
    assert intent["preconditions"] is None
    assert talk("GET", "experiments/").json()["count"] == 0
    assert talk("GET", "feature_flags/").json()["count"] == 0
    repeated = talk("POST", "experiments/create_from_prompt/", wanted).json()
    assert (repeated["code"], repeated["change_request_id"]) == ("change_request_pending", request)

    applied = _decide(talk, request, "approve").json()
    assert applied["status"] == "applied"
    flag = talk("GET", f"feature_flags/{applied['result']['resource_id']}/").json()
    assert (flag["key"], flag["active"]) == ("reply-v1-v2-cost", False)
    assert talk("GET", "experiments/").json()["count"] == 0

    finished = talk.made(
        "experiments/",
        {
            "name": "reply: v1, v2 (cost)",
            "feature_flag_key": flag["key"],
            "parameters": {
                "prompt_metadata": {"name": "reply", "templates": ["cost"], "versions": [1, 2]}
            },
        },
    )
    assert finished["feature_flag"]["id"] == flag["id"]
    assert [v["name"] for v in finished["parameters"]["feature_flag_variants"]] == ["v1", "v2"]
    found = talk("GET", "experiments/", prompt_name="reply").json()
    assert [entry["id"] for entry in found["results"]] == [finished["id"]]


def test_a_requested_flag_whose_key_was_taken_meanwhile_fails(talk: Any) -> None:
    policy = _policy(talk)
    wanted = {"name": "n", "feature_flag_key": "door"}
    request = _caught(talk("POST", "experiments/", wanted))
    _flag(talk)
    talk("DELETE", f"approval_policies/{policy['id']}/")
    answer = _decide(talk, request, "approve").json()
    assert answer["status"] == "failed"
    assert answer["change_request"]["apply_error"] == (
        "Validation failed: There is already a feature flag with this key."
    )


def test_shipping_again_after_approval_ends_the_experiment(talk: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    talk("POST", f"experiments/{made['id']}/launch/")
    _policy(talk)
    ship = {"variant_key": "test", "release_to_everyone": True, "conclusion": "won"}
    request = _caught(talk("POST", f"experiments/{made['id']}/ship_variant/", ship))
    _decide(talk, request, "approve")
    assert talk("GET", f"experiments/{made['id']}/").json()["status"] == "running"
    shipped = talk("POST", f"experiments/{made['id']}/ship_variant/", ship)
    assert shipped.status_code == 200, shipped.text
    assert (shipped.json()["status"], shipped.json()["conclusion"]) == ("stopped", "won")


def test_launching_again_after_approval_launches(talk: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    _policy(talk, "feature_flag.enable")
    request = _caught(talk("POST", f"experiments/{made['id']}/launch/"))
    _decide(talk, request, "approve")
    assert talk("POST", f"experiments/{made['id']}/launch/").json()["status"] == "running"


def test_archiving_with_a_guarded_flag_is_403_and_changes_nothing(talk: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    talk("POST", f"experiments/{made['id']}/launch/")
    talk("POST", f"experiments/{made['id']}/end/", {})
    _policy(talk, "feature_flag.disable")
    body = {"disable_feature_flag": True}
    assert talk("POST", f"experiments/{made['id']}/archive/", body).status_code == 403
    assert talk("GET", f"experiments/{made['id']}/").json()["archived"] is False
    assert talk("GET", "change_requests/").json()["count"] == 0


def test_unarchiving_is_never_caught(talk: Any) -> None:
    made = talk.made("experiments/", {"name": "n", "feature_flag_key": "n"})
    talk("POST", f"experiments/{made['id']}/launch/")
    talk("POST", f"experiments/{made['id']}/end/", {})
    body = {"disable_feature_flag": True}
    talk("POST", f"experiments/{made['id']}/archive/", body)
    for action in ("feature_flag.enable", "feature_flag.disable", "feature_flag.update"):
        _policy(talk, action)
    back = talk("POST", f"experiments/{made['id']}/unarchive/")
    assert back.status_code == 200
    assert back.json()["feature_flag"]["active"] is False


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"approver_config": {"users": []}}, "approver_config__quorum"),
        ({"approver_config": {"quorum": 0}}, "approver_config"),
        ({"approver_config": None}, "approver_config"),
        ({"expires_after": "soon"}, "expires_after"),
        ({"conditions": []}, "conditions"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(talk: Any, change: Any, attr: str) -> None:
    body = {"action_key": "feature_flag.update", "approver_config": {"quorum": 1}, **change}
    answer = talk("POST", "approval_policies/", body)
    assert answer.status_code == 400
    assert answer.json()["attr"] == attr
