"""Change requests: votes, quorum, application, expiry and staleness."""

from __future__ import annotations

from typing import Any

from exp_jupyter.schema.approvals.rules import DISABLE, ENABLE
from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import Refusal, forbidden, not_found, odd
from exp_jupyter.server.services.approvals.gate import OPEN_STATES
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.people.people import Actor, actor_of, basic_view
from exp_jupyter.server.store import Document, Work

_STALE = {"staleness": "Resource has been modified since this change request was created"}


def current(work: Work, request: Document) -> Document:
    """Return the request as it stands at this moment: expired, stale, or as stored.

    Time passes and flags change without anybody touching a request, so both are derived when it
    is looked at; a vote stores what was derived.
    """
    if request["state"] in OPEN_STATES and request["expires_at"] <= work.stamp():
        return {**request, "state": "expired", "validation_status": "expired"}
    if request["state"] == "pending" and _stale(work, request):
        return {**request, "validation_status": "stale", "validation_errors": _STALE}
    return request


def _stale(work: Work, request: Document) -> bool:
    conditions = request["intent"]["preconditions"]
    if conditions is None:
        return False
    flag = work.flags.get(request["intent"]["flag_id"])
    return flag is None or flag["version"] != conditions["version"]


def find(work: Work, identifier: str) -> Document:
    """Return a change request as it stands, or refuse with 404."""
    request = work.change_requests.get(identifier)
    if request is None:
        raise not_found()
    return current(work, request)


def votes(work: Work, request: Document) -> list[Document]:
    """Return the votes on a request, oldest first."""
    return list(work.votes.find("change_request_id = ?", [request["id"]], order="created_at, id"))


def can_approve(request: Document, actor: Actor) -> bool:
    """Tell whether this person is one of the approvers, whatever the state and earlier votes."""
    policy = request["policy_snapshot"]
    if request["created_by"] == actor.id and not policy["allow_self_approve"]:
        return False
    return _is_approver(request, actor)


def _is_approver(request: Document, actor: Actor) -> bool:
    policy = request["policy_snapshot"]
    return actor.id in policy["users"] or bool(set(actor.person["roles"]) & set(policy["roles"]))


def can_cancel(work: Work, request: Document, actor: Actor) -> bool:
    """Tell whether this person may take the request back now."""
    if request["created_by"] != actor.id or request["state"] != "pending":
        return False
    approved = any(vote["decision"] == "approved" for vote in votes(work, request))
    return not approved or request["validation_status"] == "stale"


# ---------------------------------------------------------------- decisions


def approve(work: Work, actor: Actor, identifier: str, reason: str = "") -> Document:
    """Record an approval; with the last one needed, apply the change at once.

    Returns
    -------
    dict
        The answer's body. Its ``status`` is ``approved``, ``applied`` or ``failed``.
    """
    request = find(work, identifier)
    if request["state"] != "pending":
        raise forbidden("Only pending change requests can be approved")
    if request["created_by"] == actor.id and not request["policy_snapshot"]["allow_self_approve"]:
        raise forbidden("You cannot approve your own change request")
    _require_approver(request, actor)
    _vote(work, actor, request, "approved", reason)
    approvals = sum(vote["decision"] == "approved" for vote in votes(work, request))
    quorum = request["policy_snapshot"]["quorum"]
    if approvals < quorum:
        _save(work, request)
        message = f"Approval recorded. {approvals}/{quorum} approvals received."
        return _answer(work, actor, request, "approved", message)
    return _apply(work, actor, request)


def reject(work: Work, actor: Actor, identifier: str, reason: str) -> Document:
    """Record a rejection, which ends the request; return the answer's body."""
    request = find(work, identifier)
    _require_approver(request, actor)
    if not reason.strip():
        raise odd(400, error="A reason is required for rejection.")
    if request["state"] != "pending":
        raise odd(400, error="This change request can no longer be rejected.")
    _vote(work, actor, request, "rejected", reason)
    request = _save(work, {**request, "state": "rejected"})
    return _answer(work, actor, request, "rejected", "Change request rejected.")


def cancel(work: Work, actor: Actor, identifier: str, reason: str = "") -> Document:
    """Take one's own request back; return the answer's body."""
    request = find(work, identifier)
    if not can_cancel(work, request, actor):
        raise forbidden("You cannot cancel this change request")
    _vote(work, actor, request, "rejected", reason.strip() or "Canceled by requester")
    request = _save(work, {**request, "state": "rejected"})
    return _answer(work, actor, request, "canceled", "Change request canceled.")


def _require_approver(request: Document, actor: Actor) -> None:
    if not _is_approver(request, actor):
        raise forbidden("You are not in the approver set for this change request")


def _vote(work: Work, actor: Actor, request: Document, decision: str, reason: str) -> None:
    if work.votes.first("change_request_id = ? AND person_id = ?", [request["id"], actor.id]):
        raise odd(400, error="You have already voted on this change request.")
    work.votes.add(
        {
            "id": work.new_uuid(),
            "change_request_id": request["id"],
            "person_id": actor.id,
            "decision": decision,
            "reason": reason,
            "created_at": work.stamp(),
        }
    )


def _save(work: Work, request: Document) -> Document:
    return work.change_requests.save(
        {**request, "updated_at": work.stamp(after=request["updated_at"])}
    )


def _answer(work: Work, actor: Actor, request: Document, status: str, message: str) -> Document:
    return {
        "status": status,
        "message": message,
        "change_request": view(work, request, viewer=actor),
    }


# ---------------------------------------------------------------- application


def _apply(work: Work, actor: Actor, request: Document) -> Document:
    requester = actor_of(work, request["created_by"])
    try:
        with work.savepoint():
            flag = _applied_flag(work, requester, request["intent"], request["action_key"])
    except _PreconditionError as error:
        return _failed(work, actor, request, f"Precondition failed: {error}", str(error))
    except Refusal as error:
        return _failed(work, actor, request, f"Validation failed: {error.message}", error.message)
    result = {"resource_id": flag["id"], "resource_version": flag["version"]}
    request = _save(
        work,
        {
            **request,
            "state": "applied",
            "applied_by": requester.id,
            "applied_at": work.stamp(after=request["created_at"]),
            "result_data": result,
        },
    )
    message = "Quorum reached. Change applied successfully."
    return {**_answer(work, actor, request, "applied", message), "result": result}


class _PreconditionError(Exception):
    """The flag is not what it was when the change was asked for."""


def _applied_flag(work: Work, requester: Actor, intent: Document, action_key: str) -> Document:
    changes, method = intent["full_request_data"], intent["http_method"]
    if intent["flag_id"] is None:
        return flags.create(work, requester, changes, method=method, gated=False)
    flag = work.flags.get(intent["flag_id"])
    if flag is None or flag["deleted"]:
        raise _PreconditionError("Flag no longer exists")
    wanted = intent["gated_changes"].get("active")
    if action_key in (ENABLE, DISABLE) and flag["active"] == wanted:
        return flag
    expected = intent["preconditions"]["version"]
    if flag["version"] != expected:
        raise _PreconditionError(
            f"Flag version mismatch: expected {expected}, got {flag['version']}"
        )
    return flags.update(work, requester, flag, changes, method=method, gated=False)


def _failed(work: Work, actor: Actor, request: Document, apply_error: str, reason: str) -> Document:
    request = _save(work, {**request, "state": "failed", "apply_error": apply_error})
    message = f"Quorum reached but application failed: {reason}"
    return _answer(work, actor, request, "failed", message)


# ---------------------------------------------------------------- views


def view(work: Work, request: Document, *, viewer: Actor | None) -> dict[str, Any]:
    """Return a request as the API shows it, as this person sees it.

    Parameters
    ----------
    viewer
        None for the copy inside a 409, which says "may not" whoever asks.
    """
    cast = votes(work, request)
    own = next((vote for vote in cast if viewer and vote["person_id"] == viewer.id), None)
    times = ("created_at", "updated_at", "expires_at", "applied_at", "validated_at")
    return {
        **request,
        **{name: wire_time(request[name]) for name in times},
        "created_by": basic_view(work.person(request["created_by"])),
        "applied_by": basic_view(work.person(request["applied_by"])),
        "approvals": [
            {
                "id": vote["id"],
                "created_by": basic_view(work.person(vote["person_id"])),
                "decision": vote["decision"],
                "reason": vote["reason"],
                "created_at": wire_time(vote["created_at"]),
            }
            for vote in cast
        ],
        "can_approve": viewer is not None and can_approve(request, viewer),
        "can_cancel": viewer is not None and can_cancel(work, request, viewer),
        "is_requester": viewer is not None and request["created_by"] == viewer.id,
        "user_decision": own["decision"] if own else None,
    }
