"""Approvals: what waits, what the policies say, and the votes."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import TYPE_CHECKING

from exp_jupyter.client.calls import call
from exp_jupyter.client.lookup.approvals import (
    change_request,
    change_requests,
    policies_of,
    request_id_of,
)
from exp_jupyter.client.writes.decision import Decision, require_reason
from exp_jupyter.schema.approvals.approval import ApprovalPolicy, ChangeRequest, ChangeRequestList

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi
    from exp_jupyter.schema.approvals.writes import Evidence


class Approvals:
    """The change requests and approval policies of a project."""

    def __init__(self, api: ProjectApi) -> None:
        self._api = api

    def list(
        self,
        state: str | None = None,
        *,
        action_key: str | None = None,
        resource_type: str | None = None,
        resource_id: str | None = None,
        requester: int | None = None,
    ) -> ChangeRequestList:
        """Return change requests, newest first.

        Parameters
        ----------
        state
            ``pending``, ``approved``, ``applied``, ``rejected``, ``expired`` or ``failed``;
            several with commas between.
        action_key, resource_type, resource_id
            Only those of this action or resource.
        requester
            Only those this person asked for, by their number.
        """
        given = {"state": state, "action_key": action_key, "resource_type": resource_type}
        given |= {"resource_id": resource_id}
        found = [*self.iterate(**given, requester=requester)]
        shown = call("approvals.list", **given, requester=requester)
        return ChangeRequestList(count=len(found), results=found).coded(shown)

    def iterate(
        self,
        state: str | None = None,
        *,
        action_key: str | None = None,
        resource_type: str | None = None,
        resource_id: str | None = None,
        requester: int | None = None,
    ) -> Iterator[ChangeRequest]:
        """Yield what ``list`` would return, one page of requests at a time."""
        return change_requests(
            self._api,
            state=state,
            action_key=action_key,
            resource_type=resource_type,
            resource_id=resource_id,
            requester=requester,
        )

    def get(self, request_id: str) -> ChangeRequest:
        """Return one change request, as the person whose key is used sees it.

        Parameters
        ----------
        request_id
            Its id, or so much of its beginning that no other has it.

        Raises
        ------
        exp_jupyter.errors.NotFoundError
            No request begins like that.
        exp_jupyter.errors.InputError
            Several do, or nothing was given.
        """
        whole = request_id_of(self._api, request_id)
        return change_request(self._api, whole).coded(call("approvals.get", request_id))

    def policies(self, *, enabled: bool | None = None) -> builtins.list[ApprovalPolicy]:
        """Return the approval policies."""
        return [*policies_of(self._api, enabled=enabled)]

    def approve(self, request_id: str, reason: str = "") -> Decision:
        """Return the write that approves a change request; sends nothing."""
        shown = call("approvals.approve", request_id, reason=reason or None)
        whole = request_id_of(self._api, request_id)
        write = Decision(self._api, "approve", whole, reason).coded(shown)
        return write.with_evidence(lambda: self._evidence(whole))

    def reject(self, request_id: str, reason: str) -> Decision:
        """Return the write that rejects a change request; sends nothing.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no reason.
        """
        require_reason(reason)  # before anything is asked of the project
        shown = call("approvals.reject", request_id, reason)
        whole = request_id_of(self._api, request_id)
        write = Decision(self._api, "reject", whole, reason).coded(shown)
        return write.with_evidence(lambda: self._evidence(whole))

    def withdraw(self, request_id: str, reason: str = "") -> Decision:
        """Return the write that takes back one's own change request; sends nothing."""
        shown = call("approvals.withdraw", request_id, reason=reason or None)
        whole = request_id_of(self._api, request_id)
        return Decision(self._api, "cancel", whole, reason).coded(shown)

    def _evidence(self, request_id: str) -> Evidence | None:
        """Read what is known of the experiment that a request decides about."""
        from exp_jupyter.client.resources.experiments import Experiments

        return Experiments(self._api).evidence_for(change_request(self._api, request_id))
