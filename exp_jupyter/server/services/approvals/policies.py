"""Approval policies: which flag changes need whose yes."""

from __future__ import annotations

from typing import Any

from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import forbidden, invalid, not_found
from exp_jupyter.server.services.approvals.gate import duration
from exp_jupyter.server.services.people.people import ADMIN, Actor, basic_view
from exp_jupyter.server.store import Document, Work

_DEFAULTS: Document = {
    "conditions": {},
    "allow_self_approve": False,
    "bypass_org_membership_levels": [],
    "bypass_roles": [],
    "expires_after": "14 00:00:00",
    "enabled": True,
}


def find(work: Work, identifier: str) -> Document:
    """Return a policy, or refuse with 404."""
    policy = work.policies.get(identifier)
    if policy is None:
        raise not_found()
    return policy


def create(work: Work, actor: Actor, fields: Document) -> Document:
    """Make a policy; only for admins.

    Parameters
    ----------
    fields
        At least ``action_key`` and ``approver_config``; as POST ``approval_policies/`` takes them.
    """
    _require_admin(actor)
    now = work.stamp()
    policy = {
        **_DEFAULTS,
        **fields,
        "id": work.new_uuid(),
        "created_by": actor.id,
        "created_at": now,
        "updated_at": now,
    }
    _check(work, policy, fields)
    return work.policies.add(policy)


def update(work: Work, actor: Actor, identifier: str, fields: Document) -> Document:
    """Change a policy; requests that wait keep the policy they were made under."""
    _require_admin(actor)
    known = find(work, identifier)
    policy = {**known, **fields, "updated_at": work.stamp(after=known["updated_at"])}
    _check(work, policy, fields)
    return work.policies.save(policy)


def delete(work: Work, actor: Actor, identifier: str) -> None:
    """Remove a policy."""
    _require_admin(actor)
    work.policies.delete(find(work, identifier)["id"])


def _require_admin(actor: Actor) -> None:
    if actor.level < ADMIN:
        raise forbidden("Your organization access level is insufficient.")


def _check(work: Work, policy: Document, fields: Document) -> None:
    unknown = [role for role in fields.get("bypass_roles") or [] if role not in _roles(work)]
    if unknown:
        raise invalid(f"Roles do not exist: {', '.join(unknown)}", attr="bypass_roles")
    taken = work.policies.first("action_key = ? AND id != ?", [policy["action_key"], policy["id"]])
    if taken:
        raise invalid("A policy for this action already exists. Change or delete that one.")
    if duration(policy["expires_after"]) is None:
        raise invalid(
            "Duration has wrong format. Use one of these formats instead: "
            "[DD] [HH:[MM:]]ss[.uuuuuu].",
            attr="expires_after",
        )


def _roles(work: Work) -> set[str]:
    """Return the roles there are: those that somebody has."""
    return {str(role) for person in work.people.find() for role in person["roles"]}


def view(work: Work, policy: Document) -> dict[str, Any]:
    """Return a policy as the API shows it."""
    return {
        **{key: policy[key] for key in ("id", "action_key", "conditions", "approver_config")},
        **{key: policy[key] for key in _DEFAULTS if key != "conditions"},
        "created_by": basic_view(work.person(policy["created_by"])),
        "created_at": wire_time(policy["created_at"]),
        "updated_at": wire_time(policy["updated_at"]),
    }
