"""The writes on a change request: approve it, reject it, take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.client.api import parse
from exp_jupyter.client.lookup.approvals import change_request
from exp_jupyter.client.writes.base import Write
from exp_jupyter.errors import InputError
from exp_jupyter.schema.approvals.approval import ChangeRequest, ChangeRequestDecision
from exp_jupyter.schema.approvals.intent import changed_rows, summary
from exp_jupyter.schema.approvals.writes import DiffRow, WriteOutcome, WritePlan, WriteState

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi

_TITLE = {"approve": "Approve", "reject": "Reject", "cancel": "Withdraw"}
_VOTE = {"approve": "approved", "reject": "rejected", "cancel": "rejected"}
_ENDED = {
    "applied": "It was approved and applied.",
    "failed": "It was approved, but could not be applied.",
    "rejected": "It was rejected.",
    "expired": "It expired before enough approvals came.",
}


class Decision(Write):
    """One person's word on a change request.

    Parameters
    ----------
    api
        The project.
    verb
        ``approve``, ``reject`` or ``cancel``.
    request_id
        The change request.
    reason
        Why; a rejection needs one.

    Raises
    ------
    exp_jupyter.errors.InputError
        A rejection without a reason.
    """

    def __init__(self, api: ProjectApi, verb: str, request_id: str, reason: str = "") -> None:
        super().__init__(api)
        if verb == "reject":
            require_reason(reason)
        self._verb = verb
        self._request_id = str(request_id)
        self._reason = reason.strip()

    @property
    def _path(self) -> str:
        return self._api.path("change_requests", self._request_id, self._verb)

    def _call(self) -> tuple[str, str, Any]:
        return "POST", self._path, {"reason": self._reason} if self._reason else {}

    def _describe(self) -> WritePlan:
        request = self._request()
        after = request.approved_count + 1
        rows = [DiffRow("State", request.state, None if self._verb == "approve" else "rejected")]
        if self._verb == "approve":
            applied = "applied" if after >= request.quorum else "pending"
            rows = [
                DiffRow("State", request.state, applied),
                DiffRow(
                    "Approvals",
                    f"{request.approved_count} of {request.quorum}",
                    f"{after} of {request.quorum}",
                ),
            ]
        effect = {
            "approve": "With enough approvals the change is applied at once.",
            "reject": "One rejection ends the request; nothing is changed.",
            "cancel": "The request ends; nothing is changed.",
        }[self._verb]
        asked = "You asked for it." if request.is_requester else ""
        if not asked and request.created_by is not None:
            asked = f"{request.created_by.label} asked for it."
        method, path, body = self._call()
        return WritePlan(
            title=f"{_TITLE[self._verb]}: {_lowered(summary(request))}",
            sentence=f"{asked} {effect}".strip(),
            method=method,
            path=path,
            body=body,
            # What would be changed is what the voter has to weigh; a withdrawal changes nothing.
            diff=(*(() if self._verb == "cancel" else changed_rows(request)), *rows),
        )

    def _look(self) -> WriteState:
        request = self._request()
        mine = request.user_decision == _VOTE[self._verb]
        if self._verb == "cancel":
            mine = request.state == "rejected" and (mine or request.was_withdrawn)
        if mine:
            done = {
                "approve": "You approved it.",
                "reject": "You rejected it.",
                "cancel": "You withdrew it.",
            }[self._verb]
            return self._state("already_done", f"{done} {_ENDED.get(request.state, '')}", request)
        if request.state in _ENDED:
            said = f"{_ENDED[request.state]} {request.apply_error or ''}"
            return self._state("refused", said, request)
        if request.state != "pending":
            return self._state("refused", f"It is {request.state} already.", request)
        # Whether the vote is allowed is the project's to say: a refusal comes with its reason.
        have, need = request.approved_count, request.quorum
        return self._state("to_do", f"It waits, with {have} of {need} approvals.", request)

    def _state(self, kind: str, sentence: str, request: ChangeRequest) -> WriteState:
        return WriteState(kind, sentence.strip(), change_request=request, result=request)

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # a vote has no second part
        told = parse(ChangeRequestDecision, body, self._path)
        request = told.change_request
        if told.status == "failed" or request.state == "failed":
            why = request.apply_error or told.message
            return WriteOutcome(
                "refused",
                f"Approved, but the change could not be applied: {why}",
                "Whoever asked for it has to ask again.",
                result=request,
                change_request=request,
            )
        sentence = {
            "applied": "Approved, and the change was applied.",
            "approved": f"Approved: {request.approved_count} of {request.quorum}.",
            "rejected": "Rejected; nothing was changed.",
            "canceled": "Withdrawn; nothing was changed.",
        }.get(told.status, told.message or told.status)
        step = ""
        if told.status == "applied":
            step = "Only the flag was changed; whoever asked for it can now finish the write."
        return WriteOutcome("applied", sentence, step, result=request, change_request=request)

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        if result.id != self._request_id:
            return f"is about the change request {result.id}"
        ended = result.state in {"rejected", "canceled", "cancelled"}
        return "" if ended is (self._verb != "approve") else "does not show the decision"

    def _request(self) -> ChangeRequest:
        return change_request(self._api, self._request_id)


def require_reason(reason: str) -> None:
    """Refuse a rejection that says nothing.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no reason.
    """
    if not reason.strip():
        raise InputError("A rejection needs a reason.", hint="Give reason=, in a few words.")


def _lowered(words: str) -> str:
    """Return words that follow a colon."""
    return words[:1].lower() + words[1:]
