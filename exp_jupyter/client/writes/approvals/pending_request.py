"""The change request behind a write: which one it is, and what it means for the write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from exp_jupyter.client.lookup.approvals import change_requests
from exp_jupyter.errors import ApiError
from exp_jupyter.schema.approvals.approval import ChangeRequest
from exp_jupyter.schema.approvals.writes import WriteState

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi


def my_request(
    api: ProjectApi, matches: Callable[[ChangeRequest], bool], *, action_key: str = ""
) -> ChangeRequest | None:
    """Return my newest change request that ``matches``, or None; also when none may be read.

    Parameters
    ----------
    api
        The project.
    matches
        Tells whether a request is the one.
    action_key
        Look at the requests of this action only; by default at those about flags.
    """
    me = api.me
    about = {"action_key": action_key} if action_key else {"resource_type": "feature_flag"}
    try:
        for request in change_requests(api, requester=me.id if me else None, **about):
            if request.is_requester and matches(request):
                return request
    except ApiError as refusal:
        # 402 is a plan without approvals, 403 and 404 a key or a version without them.
        if refusal.status not in {402, 403, 404}:
            raise
    return None


def standing(
    asked: ChangeRequest, *, waits: str, left: Callable[[], str], spent: bool
) -> WriteState | None:
    """Return what my change request means for a write, or None if it no longer counts.

    Parameters
    ----------
    asked
        The request.
    waits
        What to say while it waits.
    left
        Says what is left to do once it was applied; empty when it no longer counts.
    spent
        Whether the write itself sent something: then the request's end is its end.
    """
    if asked.is_open:
        return WriteState("waiting", waits, change_request=asked, next_step=waiting_step(asked))
    if asked.state == "applied":
        sentence = left()
        if not sentence:
            return None
        return WriteState(
            "to_do", sentence, change_request=asked, next_step="Finish the write.", can_finish=True
        )
    if asked.state == "rejected" and not asked.was_withdrawn:
        return WriteState(
            "refused",
            f"The request was rejected{_by_whom(asked)}.",
            change_request=asked,
            next_step="Change the plan; or ask once more with send(again=True).",
            can_ask_again=True,
        )
    if spent:
        why = asked.apply_error or ""
        ended = {
            "failed": f"The request was approved, but could not be applied: {why}",
            "expired": "The request expired before enough approvals came.",
        }.get(asked.state, "The request was withdrawn; nothing was changed.")
        return WriteState(
            "refused",
            ended,
            change_request=asked,
            next_step="Make the write again for a new request.",
        )
    return None


def waiting_step(request: ChangeRequest | None) -> str:
    """Say what a waiting request waits for."""
    if request is not None and request.is_stale:
        return "The flag changed meanwhile, so it cannot be applied: withdraw it and ask again."
    return "Ask an approver, then refresh."


def _by_whom(request: ChangeRequest) -> str:
    for vote in request.approvals:
        if vote.decision == "rejected":
            who = f" by {vote.created_by.label}" if vote.created_by else ""
            return f"{who}: {vote.reason}" if vote.reason else who
    return ""
