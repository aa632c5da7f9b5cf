"""Whether an approval policy is likely to catch a write, said before the write is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.lookup.approvals import change_requests, policies_of
from exp_jupyter.client.lookup.experiments import experiments_of
from exp_jupyter.errors import ApiError, ConnectionFailedError, ProtocolError
from exp_jupyter.schema.approvals.approval import ApprovalPolicy, ChangeRequest
from exp_jupyter.schema.approvals.rules import OWNED, conditions_match
from exp_jupyter.schema.people import UserBasic

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi


@dataclass(frozen=True)
class Gated:
    """One thing that policies may be about.

    Attributes
    ----------
    action
        The action, such as ``feature_flag.enable``.
    before, after
        Rollout percentages by path; no ``before`` for a flag that is to be made, and neither
        where the action is no change of rollout.
    """

    action: str
    before: Mapping[str, float] | None = None
    after: Mapping[str, float] | None = None


def gate_sentence(api: ProjectApi, *changes: Gated) -> str:
    """Return which policy will likely catch these changes, and who may approve them.

    Parameters
    ----------
    api
        The project; a key that may not read its policies gives an empty sentence.
    changes
        What the write changes of a flag.

    Returns
    -------
    str
        Empty when no policy is known to match.
    """
    caught = [policy for change in changes if (policy := catching(api, change)) is not None]
    if len(caught) > 1:
        keys = " and ".join(policy.action_key for policy in caught)
        return f"The approval policies on {keys} both match; make the changes one at a time."
    return _sentence(api, caught[0]) if caught else ""


def catching(api: ProjectApi, change: Gated) -> ApprovalPolicy | None:
    """Return the enabled policy that matches a change; None also when policies may not be read."""
    try:
        policies = [*policies_of(api, enabled=True)]
    except (ApiError, ConnectionFailedError, ProtocolError):
        return None
    for policy in policies:
        if (
            policy.enabled
            and policy.action_key in action_keys(change.action)
            and (
                change.after is None
                or conditions_match(policy.conditions, change.before or {}, change.after)
            )
        ):
            return policy
    return None


def action_keys(action: str) -> frozenset[str]:
    """Return an action's names: its own, and the one it has where an experiment owns the flag."""
    return frozenset({action, OWNED.get(action, action)})


def _sentence(api: ProjectApi, policy: ApprovalPolicy) -> str:
    quorum = policy.quorum
    votes = "one approval" if quorum == 1 else f"{quorum} approvals"
    users = policy.approver_config.get("users") or []
    roles = policy.approver_config.get("roles") or []
    me = api.me
    allowed = [one for one in users if policy.allow_self_approve or me is None or one != me.id]
    who = _names(api, policy, allowed) if allowed else ""
    if roles:
        count = "one role" if len(roles) == 1 else f"{len(roles)} roles"
        who = f"{who} or whoever holds {count}" if who else f"whoever holds {count}"
    from_whom = f" from {who}" if who else ""
    return (
        f"The approval policy on {policy.action_key} will likely hold this: it needs "
        f"{votes}{from_whom}."
    )


def _names(api: ProjectApi, policy: ApprovalPolicy, ids: list[Any]) -> str:
    known = _people(api, policy.created_by, ids)
    return ", ".join(known.get(one, f"person {one}") for one in ids)


def approver_names(api: ProjectApi, request: ChangeRequest) -> tuple[str, ...]:
    """Return who may approve a change request, by name; empty unless all of them are known.

    Parameters
    ----------
    api
        The project, whose people are known from what it shows.
    request
        The request; the policy it was made under is kept with it.
    """
    snapshot = request.policy_snapshot
    asked_by = request.created_by.id if request.created_by is not None else None
    alone = not snapshot.get("allow_self_approve")
    ids = [one for one in snapshot.get("users") or () if not (alone and one == asked_by)]
    if not ids:
        return ()
    known = _people(api, request.created_by, ids)
    return tuple(known[one] for one in ids) if all(one in known for one in ids) else ()


def _people(api: ProjectApi, seen: UserBasic | None, ids: list[Any]) -> dict[Any, str]:
    """Return names for ids from what the project shows anyway: there is no list of people."""
    known: dict[Any, str] = {}

    def see(person: UserBasic | None) -> None:
        if person is not None:
            known.setdefault(person.id, person.label)

    see(api.me)
    see(seen)
    if all(one in known for one in ids):
        return known
    try:
        for request in change_requests(api):
            see(request.created_by)
            for vote in request.approvals:
                see(vote.created_by)
        if not all(one in known for one in ids):
            for experiment in experiments_of(api):
                see(experiment.created_by)
    except (ApiError, ConnectionFailedError, ProtocolError):
        pass  # a number instead of a name is good enough
    return known
