"""Change requests and approval policies, as the person whose key is used sees them."""

from __future__ import annotations

from collections.abc import Iterator

from exp_jupyter.client.api import ProjectApi
from exp_jupyter.schema.approvals.approval import ApprovalPolicy, ChangeRequest, ChangeRequestList
from exp_jupyter.schema.listing import Page


def change_request(api: ProjectApi, number: str) -> ChangeRequest:
    """Return one change request."""
    return api.read(ChangeRequest, api.path("change_requests", number))


def change_requests(
    api: ProjectApi,
    *,
    state: str | None = None,
    action_key: str | None = None,
    resource_type: str | None = None,
    resource_id: str | None = None,
    requester: int | None = None,
) -> Iterator[ChangeRequest]:
    """Yield change requests, newest first, one page of requests at a time."""
    params = {"state": state, "action_key": action_key, "resource_type": resource_type}
    path = api.path("change_requests")
    others = {"resource_id": resource_id, "requester": requester}
    for page in api.pages(ChangeRequestList, path, {**params, **others}):
        yield from page


def policies_of(api: ProjectApi, *, enabled: bool | None = None) -> Iterator[ApprovalPolicy]:
    """Yield the approval policies, one page of requests at a time."""
    path = api.path("approval_policies")
    for page in api.pages(Page[ApprovalPolicy], path, {"enabled": enabled}):
        yield from page
