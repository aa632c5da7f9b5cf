"""Approval policies and change requests."""

from __future__ import annotations

from typing import Any

from exp_jupyter.schema.requests.bodies import PolicyCreate, PolicyUpdate, VoteRequest
from exp_jupyter.server.http.endpoint import Answer, Call, Endpoint
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services.approvals import change_requests, policies
from exp_jupyter.server.store import Document, Work

READ, WRITE = ("approvals:read",), ("approvals:write",)


def list_policies(call: Call) -> Any:
    """List approval policies."""
    limit, offset = call.page

    def action(work: Work) -> tuple[list[Document], int]:
        parts, values = ["TRUE"], []
        if key := call.query.get("action_key"):
            parts.append("action_key = ?")
            values.append(key)
        if (enabled := call.query.get("enabled", "").lower()) in ("true", "false"):
            parts.append("enabled" if enabled == "true" else "NOT enabled")
        where = " AND ".join(parts)
        page = work.policies.find(
            where, values, order="created_at DESC, id", limit=limit, offset=offset
        )
        return [policies.view(work, policy) for policy in page], work.policies.count(where, values)

    return call.paged(*call.read(action))


def create_policy(call: Call) -> Any:
    """Make an approval policy."""

    def action(work: Work) -> Document:
        fields = call.body(PolicyCreate).given()
        return policies.view(work, policies.create(work, call.actor, fields))

    return call.write(action)


def retrieve_policy(call: Call) -> Any:
    """Return an approval policy."""
    return call.read(lambda work: policies.view(work, policies.find(work, call.path["uuid"])))


def update_policy(call: Call) -> Any:
    """Change an approval policy."""
    kind = PolicyUpdate if call.method == "PATCH" else PolicyCreate

    def action(work: Work) -> Document:
        policies.find(work, call.path["uuid"])
        fields = call.body(kind).given()
        return policies.view(work, policies.update(work, call.actor, call.path["uuid"], fields))

    return call.write(action)


def delete_policy(call: Call) -> Any:
    """Remove an approval policy."""
    call.write(lambda work: policies.delete(work, call.actor, call.path["uuid"]))
    return Answer(status=204)


def list_requests(call: Call) -> Any:
    """List change requests, newest first."""
    limit, offset = call.page

    def action(work: Work) -> tuple[list[Document], int]:
        parts, values = ["TRUE"], []
        for name in ("action_key",):
            if value := call.query.get(name):
                parts.append(f"{name} = ?")
                values.append(value)
        for name in ("resource_type", "resource_id"):
            if value := call.query.get(name):
                parts.append(f"json_extract(doc, '$.{name}') = ?")
                values.append(value)
        if requester := call.query.get("requester"):
            if not requester.isascii() or not requester.isdigit():
                raise invalid("requester must be a number.", attr="requester")
            parts.append("created_by = ?")
            values.append(int(requester[:18]))  # type: ignore[arg-type]
        wanted = {state.strip() for state in call.query.get("state", "").split(",")} - {""}
        found = work.change_requests.find(" AND ".join(parts), values, order="created_at DESC, id")
        # Expiry is a matter of the clock, so the state is known only after a look at each.
        standing = [change_requests.current(work, request) for request in found]
        kept = [request for request in standing if not wanted or request["state"] in wanted]
        return [
            change_requests.view(work, request, viewer=call.actor)
            for request in kept[offset : offset + limit]
        ], len(kept)

    return call.paged(*call.read(action))


def retrieve_request(call: Call) -> Any:
    """Return a change request."""

    def action(work: Work) -> Document:
        request = change_requests.find(work, call.path["uuid"])
        return change_requests.view(work, request, viewer=call.actor)

    return call.read(action)


def approve(call: Call) -> Any:
    """Vote for a change; the last vote needed applies it."""
    reason = call.body(VoteRequest).reason
    return call.write(
        lambda work: change_requests.approve(work, call.actor, call.path["uuid"], reason)
    )


def reject(call: Call) -> Any:
    """Vote against a change, which ends its request."""
    reason = call.body(VoteRequest).reason
    return call.write(
        lambda work: change_requests.reject(work, call.actor, call.path["uuid"], reason)
    )


def cancel(call: Call) -> Any:
    """Take one's own change request back."""
    reason = call.body(VoteRequest).reason
    return call.write(
        lambda work: change_requests.cancel(work, call.actor, call.path["uuid"], reason)
    )


_PAGE = ("limit", "offset")
_REQUESTS = ("state", "action_key", "requester", "resource_type", "resource_id", *_PAGE)

ENDPOINTS = (
    Endpoint(
        "GET", "approval_policies", list_policies, READ, query=("action_key", "enabled", *_PAGE)
    ),
    Endpoint("POST", "approval_policies", create_policy, WRITE, body=PolicyCreate, status=201),
    Endpoint("GET", "approval_policies/{uuid}", retrieve_policy, READ),
    Endpoint("PATCH", "approval_policies/{uuid}", update_policy, WRITE, body=PolicyUpdate),
    Endpoint("PUT", "approval_policies/{uuid}", update_policy, WRITE, body=PolicyCreate),
    Endpoint("DELETE", "approval_policies/{uuid}", delete_policy, WRITE, status=204),
    Endpoint("GET", "change_requests", list_requests, READ, query=_REQUESTS),
    Endpoint("GET", "change_requests/{uuid}", retrieve_request, READ),
    Endpoint("POST", "change_requests/{uuid}/approve", approve, WRITE, body=VoteRequest),
    Endpoint("POST", "change_requests/{uuid}/reject", reject, WRITE, body=VoteRequest),
    Endpoint("POST", "change_requests/{uuid}/cancel", cancel, WRITE, body=VoteRequest),
)
