"""Change requests and approval policies, as the person whose key is used sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from exp_jupyter.client.api import ProjectApi
from exp_jupyter.client.lookup.names import not_there
from exp_jupyter.errors import InputError, NotFoundError
from exp_jupyter.schema.approvals.approval import (
    ApprovalPolicy,
    ChangeRequest,
    ChangeRequestList,
    short_ids,
)
from exp_jupyter.schema.listing import Page

_WHOLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


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


def request_id_of(api: ProjectApi, text: str) -> str:
    """Return the id of the change request that ``text`` begins.

    A whole id is returned as it is, and nobody is asked about it.

    Raises
    ------
    exp_jupyter.errors.NotFoundError
        No request begins like that.
    exp_jupyter.errors.InputError
        Several do, or nothing was given.
    """
    begin = str(text).strip()
    if _WHOLE.fullmatch(begin):
        return begin
    known = [request.id for request in change_requests(api)]
    if begin in known:
        return begin
    meant = [one for one in known if begin and one.startswith(begin.lower())]
    if len(meant) == 1:
        return meant[0]
    short = short_ids(known)
    if meant:
        listed = ", ".join(short[one] for one in meant)
        raise InputError(
            f"{len(meant)} change requests begin with {begin!r}.", hint=f"Say which: {listed}."
        )
    message = f"No change request begins with {begin!r}."
    some = ", ".join(short[one] for one in known[:5])
    hint = f"The newest are {some}." if some else "There are no change requests yet."
    if not begin:
        raise InputError(message, hint=hint)
    try:
        return change_request(api, begin).id
    except NotFoundError as miss:
        raise not_there(miss, message, hint) from None


def policies_of(api: ProjectApi, *, enabled: bool | None = None) -> Iterator[ApprovalPolicy]:
    """Yield the approval policies, one page of requests at a time."""
    path = api.path("approval_policies")
    for page in api.pages(Page[ApprovalPolicy], path, {"enabled": enabled}):
        yield from page
