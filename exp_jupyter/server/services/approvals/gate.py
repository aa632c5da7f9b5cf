"""The gate in front of flag changes: what a policy catches becomes a change request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from exp_jupyter.schema.approvals.rules import (
    ENABLE,
    UPDATE,
    FlagState,
    actions,
    conditions_match,
)
from exp_jupyter.schema.flags.rollout import FIELD, rollouts
from exp_jupyter.server.clock import read_time, stored_time
from exp_jupyter.server.refusals import Refusal, odd
from exp_jupyter.server.services.people.people import Actor
from exp_jupyter.server.store import Document, ProjectStore, Work

OPEN_STATES = ("pending", "approved")
RESOURCE = "feature_flag"
EXPERIMENTS = "experiments"
"""The creation context of flags that experiments bring along."""

_DURATION = re.compile(
    r"(?:(?P<days>\d{1,6}) )?(?:(?:(?P<hours>\d{1,5}):)?(?P<minutes>\d{1,5}):)?"
    r"(?P<seconds>\d{1,9})(?:\.\d{1,6})?"
)

T = TypeVar("T")


class Gated(Exception):  # noqa: N818 - not an error: the change waits
    """A change was caught by a policy; its change request is still to be stored."""

    def __init__(self, request: Document, policy: Document, actor: Actor) -> None:
        super().__init__(request["action_key"])
        self.request = request
        self.policy = policy
        self.actor = actor


def perform(store: ProjectStore, action: Callable[[Work], T]) -> T:
    """Run a write in one transaction.

    When a policy catches it, everything it had done is undone, the change request is stored
    instead, and the refusal with status 409 is raised.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        The project says no, or "not before it is approved".
    """
    with store.write() as work:
        try:
            with work.savepoint():
                return action(work)
        except Gated as gated:
            work.change_requests.add(gated.request)
            waiting = _waiting(work, gated)
    raise waiting


def check(
    work: Work,
    actor: Actor,
    flag: Document | None,
    target: Document,
    changes: Document,
    method: str,
) -> None:
    """Let a flag change pass, or stop it.

    Parameters
    ----------
    flag
        The flag as it is; None for one that is being made.
    target
        The flag as it would be.
    changes
        The fields of the change; what an approved request applies.
    method
        The HTTP method of the call, which decides whether the request names its resource.

    Raises
    ------
    Gated
        A policy catches the change.
    exp_jupyter.server.refusals.Refusal
        A request for it waits already (409), or several policies catch it (400).
    """
    caught = []
    for action_key, current, wanted, touched in _triggered(flag, target):
        policy = work.policies.first("action_key = ? AND enabled", [action_key])
        if policy and not _bypasses(actor, policy) and _matches(policy, current, wanted):
            caught.append((policy, current, wanted, touched))
    if not caught:
        return
    if len(caught) > 1:
        raise _conflict(work, [policy for policy, *_ in caught])
    policy, current, wanted, touched = caught[0]
    waiting = _open_request(work, policy["action_key"], flag, target)
    if waiting is not None:
        raise _already_waiting(work, waiting)
    request = _request(work, actor, policy, flag, target, changes, method)
    request["intent"].update(current_state=current, gated_changes=wanted)
    if policy["action_key"] == UPDATE:
        request["intent"]["triggered_paths"] = touched
    request["intent_display"] = _display(policy["action_key"], request["intent"])
    raise Gated(request, policy, actor)


def duration(text: str) -> timedelta | None:
    """Return the span that ``[days ][[hours:]minutes:]seconds`` stands for, or None.

    Examples
    --------
    >>> duration("14 00:00:00"), duration("soon")
    (datetime.timedelta(days=14), None)
    """
    found = _DURATION.fullmatch(text.strip())
    if not found:
        return None
    return timedelta(**{unit: int(value) for unit, value in found.groupdict("0").items()})


# ---------------------------------------------------------------- what a change is


def _triggered(
    flag: Document | None, target: Document
) -> list[tuple[str, Document, Document, list[str]]]:
    """List (action, state before, state after, paths) for every action the change is."""
    before = FlagState(flag["active"], rollouts(flag["filters"])) if flag else None
    after = FlagState(target["active"], rollouts(target["filters"]))
    with_experiment = target["creation_context"] == EXPERIMENTS
    found: list[tuple[str, Document, Document, list[str]]] = []
    for key in actions(before, after, brought_along=with_experiment):
        if key == UPDATE:
            old = before.rollouts if before else {}
            paths = {**old, **after.rollouts}
            touched = [path for path in paths if old.get(path) != after.rollouts.get(path)]
            states = ({FIELD: _listed(old)}, {FIELD: _listed(after.rollouts)})
            found.append((key, *states, touched))
        else:
            was = before is not None and before.active
            found.append((key, {"active": was}, {"active": after.active}, []))
    return found


def _listed(values: Mapping[str, float]) -> list[Document]:
    return [{"path": path, "value": value} for path, value in values.items()]


def _matches(policy: Document, current: Document, wanted: Document) -> bool:
    # A condition speaks of rollout numbers; switching a flag on or off has none to compare.
    if FIELD not in wanted:
        return True
    before, after = (
        {entry["path"]: entry["value"] for entry in state[FIELD]} for state in (current, wanted)
    )
    return conditions_match(policy["conditions"], before, after)


def _bypasses(actor: Actor, policy: Document) -> bool:
    return actor.level in policy["bypass_org_membership_levels"] or bool(
        set(actor.person["roles"]) & set(policy["bypass_roles"])
    )


# ---------------------------------------------------------------- what a request says


def _request(
    work: Work,
    actor: Actor,
    policy: Document,
    flag: Document | None,
    target: Document,
    changes: Document,
    method: str,
) -> Document:
    now = work.now()
    config = policy["approver_config"]
    expiry = duration(policy["expires_after"]) or timedelta(days=14)
    return {
        "id": work.new_uuid(),
        "action_key": policy["action_key"],
        "action_version": 1,
        "resource_type": RESOURCE,
        "resource_id": str(flag["id"]) if flag and method == "PATCH" else None,
        "intent": {
            "flag_id": flag["id"] if flag else None,
            "flag_key": target["key"],
            "full_request_data": changes,
            "preconditions": {
                "version": flag["version"],
                "updated_at": read_time(flag["updated_at"]).isoformat(),
            }
            if flag
            else None,
            "http_method": method,
        },
        "policy_snapshot": {
            "quorum": config["quorum"],
            "users": config.get("users", []),
            "roles": config.get("roles", []),
            "allow_self_approve": policy["allow_self_approve"],
            "conditions": policy["conditions"],
            "bypass_org_membership_levels": policy["bypass_org_membership_levels"],
            "bypass_roles": policy["bypass_roles"],
        },
        "validation_status": "valid",
        "validation_errors": None,
        "validated_at": None,
        "state": "pending",
        "created_by": actor.id,
        "applied_by": None,
        "created_at": stored_time(now),
        "updated_at": stored_time(now),
        "expires_at": stored_time(now + expiry),
        "applied_at": None,
        "apply_error": "",
        "result_data": None,
    }


def _display(action_key: str, intent: Document) -> Document:
    key, before, after = intent["flag_key"], intent["current_state"], intent["gated_changes"]
    if action_key != UPDATE:
        verb = "Enable" if action_key == ENABLE else "Disable"
        return {"description": f"{verb} feature flag '{key}'", "before": before, "after": after}
    old = {entry["path"]: entry["value"] for entry in before["rollout_percentage"]}
    new = {entry["path"]: entry["value"] for entry in after["rollout_percentage"]}
    parts = [
        f"rollout percentage at {path}: {_percent(old.get(path))} -> {_percent(new.get(path))}"
        for path in intent["triggered_paths"]
    ]
    return {
        "description": f"Update rollout percentage for feature flag '{key}': {'; '.join(parts)}",
        "before": before,
        "after": after,
        "triggered_paths": intent["triggered_paths"],
    }


def _percent(value: float | None) -> str:
    return "not set" if value is None else f"{value:g}%"


def _open_request(
    work: Work, action_key: str, flag: Document | None, target: Document
) -> Document | None:
    where, value = ("flag_id", flag["id"]) if flag else ("flag_key", target["key"])
    missing = "" if flag else " AND flag_id IS NULL"
    now = work.stamp()
    found = work.change_requests.find(
        f"action_key = ? AND state IN ('pending', 'approved') AND {where} = ?{missing}",
        [action_key, value],
        order="created_at DESC",
    )
    return next((request for request in found if request["expires_at"] > now), None)


# ---------------------------------------------------------------- what the caller hears


def _answer(work: Work, request: Document, code: str, detail: str, approvers: Document) -> Refusal:
    from exp_jupyter.server.services.approvals.change_requests import view

    return Refusal(
        409,
        {
            "code": code,
            "status": "approval_required",
            "detail": detail,
            "message": detail,
            "resource_type": request["resource_type"],
            "resource_id": request["resource_id"],
            "change_request_id": request["id"],
            "change_request": view(work, request, viewer=None),
            "required_approvers": approvers,
        },
    )


def _waiting(work: Work, gated: Gated) -> Refusal:
    config = gated.policy["approver_config"]
    approver = gated.actor.id in config.get("users", []) or bool(
        set(gated.actor.person["roles"]) & set(config.get("roles", []))
    )
    from_others = approver and not gated.policy["allow_self_approve"]
    detail = "A change request has been created and is pending approval"
    return _answer(
        work,
        gated.request,
        "approval_required",
        detail + (" from others." if from_others else "."),
        config,
    )


def _already_waiting(work: Work, request: Document) -> Refusal:
    detail = "A pending approval request already exists for this action"
    return _answer(work, request, "change_request_pending", detail, {})


def _conflict(work: Work, policies: list[Document]) -> Refusal:
    return odd(
        400,
        code="policy_conflict",
        error="This change requires approval under multiple policies",
        conflicting_policies=[
            {
                "id": policy["id"],
                "name": f"ApprovalPolicy({policy['action_key']}, Team {work.project['id']})",
                "action_key": policy["action_key"],
            }
            for policy in policies
        ],
        guidance="Send each gated change in a separate request.",
    )
