"""Approvals: policies, change requests, votes and the answer of the gate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field

from exp_jupyter.schema.base import ApiObject, Moment
from exp_jupyter.schema.listing import Page
from exp_jupyter.schema.people import UserBasic


class ApprovalPolicy(ApiObject):
    """Which change needs whose approval."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "action_key", "enabled")

    id: str
    action_key: str
    conditions: dict[str, Any] = Field(default_factory=dict)
    approver_config: dict[str, Any] = Field(default_factory=dict)
    allow_self_approve: bool = False
    bypass_org_membership_levels: list[Any] = Field(default_factory=list)
    bypass_roles: list[Any] = Field(default_factory=list)
    expires_after: str | None = None
    enabled: bool = True
    created_by: UserBasic | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None

    @property
    def quorum(self) -> int:
        """How many approvals are needed."""
        return int(self.approver_config.get("quorum") or 1)


class Vote(ApiObject):
    """One person's decision on a change request."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("decision", "created_by")

    id: str | None = None
    created_by: UserBasic | None = None
    decision: str
    reason: str | None = None
    created_at: Moment | None = None


class ChangeRequest(ApiObject):
    """A change that waits for approval, or did."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "action_key", "state")

    id: str
    action_key: str = ""
    action_version: int | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    intent: dict[str, Any] = Field(default_factory=dict)
    intent_display: dict[str, Any] = Field(default_factory=dict)
    policy_snapshot: dict[str, Any] = Field(default_factory=dict)
    validation_status: str = "valid"
    validation_errors: dict[str, Any] | None = None
    validated_at: Moment | None = None
    state: str = "pending"
    created_by: UserBasic | None = None
    applied_by: UserBasic | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    expires_at: Moment | None = None
    applied_at: Moment | None = None
    apply_error: str | None = None
    result_data: dict[str, Any] | None = None
    approvals: list[Vote] = Field(default_factory=list)
    can_approve: bool = False
    can_cancel: bool = False
    is_requester: bool = False
    user_decision: str | None = None

    @property
    def quorum(self) -> int:
        """How many approvals are needed."""
        return int(self.policy_snapshot.get("quorum") or 1)

    @property
    def approved_count(self) -> int:
        """How many approvals it has."""
        return sum(vote.decision == "approved" for vote in self.approvals)

    @property
    def flag_key(self) -> str:
        """The flag the change is about; empty when the intent names none."""
        data = self.intent.get("full_request_data")
        named = self.intent.get("flag_key") or (data.get("key") if isinstance(data, dict) else None)
        return str(named or "")

    @property
    def description(self) -> str:
        """What the change does, in the project's words."""
        return str(self.intent_display.get("description") or self.action_key)

    @property
    def is_open(self) -> bool:
        """Whether it still waits: pending, or approved and not applied yet."""
        return self.state in {"pending", "approved"}

    @property
    def is_stale(self) -> bool:
        """Whether the flag changed since the request was made, so that applying it would fail."""
        return self.validation_status == "stale"

    @property
    def was_withdrawn(self) -> bool:
        """Whether whoever asked for it took it back: stored as a rejection by themselves."""
        creator = self.created_by
        return self.state == "rejected" and any(
            vote.decision == "rejected"
            and vote.created_by is not None
            and creator is not None
            and vote.created_by.id == creator.id
            for vote in self.approvals
        )

    @property
    def waits_for_me(self) -> bool:
        """Whether the person whose key is used can vote on it and has not."""
        return self.state == "pending" and self.can_approve and self.user_decision is None


class ChangeRequestDecision(ApiObject):
    """The answer to a vote or a withdrawal; ``status`` says what became of the request."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("status",)

    status: str
    message: str = ""
    change_request: ChangeRequest
    result: dict[str, Any] | None = None


class ApprovalNeeded(ApiObject):
    """The gate's answer to a write: nothing changed, a change request waits."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("error_code", "change_request_id")

    error_code: str = Field(default="approval_required", alias="code")
    status: str = "approval_required"
    detail: str | None = None
    message: str | None = None
    error: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    change_request_id: str | None = None
    change_request: ChangeRequest | None = None
    existing_change_request: ChangeRequest | None = None
    required_approvers: dict[str, Any] = Field(default_factory=dict)

    @property
    def request(self) -> ChangeRequest | None:
        """The request that waits, wherever this answer keeps it.

        The gate serializes it for nobody in particular: ``can_approve``, ``can_cancel`` and
        ``is_requester`` are always False here, so it has to be read again before they count.
        """
        return self.change_request or self.existing_change_request

    @property
    def request_id(self) -> str:
        """The waiting request's id; empty when the answer names none."""
        found = self.request
        return str(self.change_request_id or (found.id if found else ""))


_SHORT = 8
"""Characters of an id that are shown, as long as they tell it from the others."""


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return for each id its shortest beginning, of at least 8 characters, that is its own.

    Examples
    --------
    >>> short_ids(["019cc1f0-4d0e-7c33", "019cc1f0-4d11-7c33", "734fc56e-04aa"])
    {'019cc1f0-4d0e-7c33': '019cc1f0-4d0', ... '734fc56e-04aa': '734fc56e'}
    """
    known = list(dict.fromkeys(ids))

    def own(one: str) -> str:
        for length in range(_SHORT, len(one)):
            begin = one[:length]
            if not begin.endswith("-") and sum(other.startswith(begin) for other in known) == 1:
                return begin
        return one

    return {one: own(one) for one in known}


class ChangeRequestList(Page[ChangeRequest]):
    """Change requests, newest first."""

    @property
    def waiting_for_me(self) -> list[ChangeRequest]:
        """Those the person whose key is used can vote on and has not."""
        return [request for request in self.results if request.waits_for_me]
