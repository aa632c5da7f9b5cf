"""What experiments share: saved metrics, holdouts and approval policies, each found by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.calls import NOTHING, call
from exp_jupyter.client.lookup.collections import Item, NamedCollection
from exp_jupyter.client.lookup.names import as_id, suggestion
from exp_jupyter.errors import InputError, NotFoundError
from exp_jupyter.schema.approvals.approval import ApprovalPolicy
from exp_jupyter.schema.experiments.experiment import Holdout, SavedMetric
from exp_jupyter.schema.listing import Page

if TYPE_CHECKING:
    from exp_jupyter.client.writes.collections import CreateItem, DeleteItem, UpdateItem


class Collection(NamedCollection[Item]):
    """The items of one kind in a project, to read and to write."""

    def get(self, ref: int | str) -> Item:
        """Return one by its id or its exact name.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is none of this name, or there are several; the hint names the nearest.
        exp_jupyter.errors.NotFoundError
            There is none of this id.
        """
        known = as_id(ref)
        if known is not None:
            try:
                return self._read(known)
            except NotFoundError:
                if isinstance(ref, int):
                    raise
        text = str(ref).strip()
        everyone = [*self.iterate_with({})]
        found = [one for one in everyone if text in (self.name_of(one), self.number_of(one))]
        if len(found) == 1:
            return self._read(self.number_of(found[0]))
        names = [self.name_of(one) for one in everyone]
        if found:
            numbers = ", ".join(self.number_of(one) for one in found)
            raise InputError(
                f'{len(found)} {self.word}s are called "{text}".', hint=f"Give an id: {numbers}."
            )
        raise InputError(
            f'There is no {self.word} "{text}".',
            hint=suggestion(text, names) or f"There are {', '.join(names) or 'none'}.",
        )

    def update(self, ref: int | str, **fields: Any) -> UpdateItem[Item]:
        """Return the write that changes fields of one, by the API's names; sends nothing."""
        from exp_jupyter.client.writes.collections import UpdateItem

        thing = self.get(ref)
        shown = {name: NOTHING if value is None else value for name, value in fields.items()}
        return UpdateItem(self._api, self, thing, fields).coded(
            call(f"{self.called}.update", ref, **shown)
        )

    def delete(self, ref: int | str) -> DeleteItem[Item]:
        """Return the write that removes one for good; sends nothing."""
        from exp_jupyter.client.writes.collections import DeleteItem

        thing = self.get(ref)
        return DeleteItem(self._api, self, thing, {}).coded(call(f"{self.called}.delete", ref))

    def _make(self, fields: dict[str, Any], *given: Any, **named: Any) -> CreateItem[Item]:
        """Return the write; ``given`` and ``named`` are the arguments it was asked for with."""
        from exp_jupyter.client.writes.collections import CreateItem

        kept = {name: value for name, value in fields.items() if value is not None}
        shown = call(f"{self.called}.create", *given, **named)
        return CreateItem(self._api, self, kept).coded(shown)

    def _read(self, number: int | str) -> Item:
        shown = int(number) if str(number).isdecimal() else number
        return self.of_number(number).coded(call(f"{self.called}.get", shown))

    def _listed(self, params: dict[str, Any]) -> Page[Item]:
        found = [*self.iterate_with(params)]
        shown = call(f"{self.called}.list", **params)
        return Page[self.kind](count=len(found), results=found).coded(shown)  # type: ignore[name-defined]


class SavedMetrics(Collection[SavedMetric]):
    """Metrics that several experiments share."""

    kind = SavedMetric
    where, called, word = "experiment_saved_metrics", "saved_metrics", "shared metric"
    written = ("name", "description", "query", "tags")

    def create(
        self,
        name: str,
        query: Any,
        *,
        description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> CreateItem[SavedMetric]:
        """Return the write that makes a shared metric; sends nothing.

        Parameters
        ----------
        name
            At most 400 characters; names are unique in a project.
        query
            The metric's definition.
        description, tags
            Kept with it.
        """
        told = {"description": description, "tags": tags}
        return self._make({"name": name, "query": query, **told}, name, query, **told)

    def normal(self, name: str, value: Any) -> Any:
        """Return a field's value without what the project adds to it by itself."""
        if name != "query" or not isinstance(value, dict):
            return value
        return {key: one for key, one in value.items() if key not in {"uuid", "fingerprint"}}

    def list(self, search: str | None = None, *, event: str | None = None) -> Page[SavedMetric]:
        """Return the shared metrics, by name.

        Parameters
        ----------
        search
            Part of the name, the description or a tag.
        event
            Only those that count this event.
        """
        return self._listed({"search": search, "event": event})


class Holdouts(Collection[Holdout]):
    """Shares of people kept out of experiments."""

    kind = Holdout
    where, called, word = "experiment_holdouts", "holdouts", "holdout"
    written = ("name", "description", "filters")
    guarded = MappingProxyType(
        {"PATCH": "experiment_holdout.update", "DELETE": "experiment_holdout.delete"}
    )

    def create(
        self, name: str, share: float, *, description: str | None = None
    ) -> CreateItem[Holdout]:
        """Return the write that makes a holdout; sends nothing.

        Parameters
        ----------
        name
            At most 400 characters.
        share
            Percent of people kept out of the experiments that use it.
        description
            Kept with it.
        """
        filters = [{"properties": [], "rollout_percentage": share}]
        told = {"description": description}
        return self._make({"name": name, "filters": filters, **told}, name, share, **told)

    def normal(self, name: str, value: Any) -> Any:
        """Return a field's value without what the project adds to it by itself."""
        if name != "filters" or not isinstance(value, list):
            return value
        # The project names each group's variant after the holdout.
        return [
            {"properties": [], **{key: one for key, one in group.items() if key != "variant"}}
            if isinstance(group, dict)
            else group
            for group in value
        ]

    def list(self) -> Page[Holdout]:
        """Return the holdouts."""
        return self._listed({})


class Policies(Collection[ApprovalPolicy]):
    """Which changes need whose approval; known by their action, such as ``feature_flag.update``."""

    kind = ApprovalPolicy
    where, called, word = "approval_policies", "policies", "approval policy"
    name_field = "action_key"
    written = (
        "action_key",
        "conditions",
        "approver_config",
        "allow_self_approve",
        "bypass_org_membership_levels",
        "bypass_roles",
        "expires_after",
        "enabled",
    )

    def create(
        self, action_key: str, approvers: Sequence[int], *, quorum: int = 1, **fields: Any
    ) -> CreateItem[ApprovalPolicy]:
        """Return the write that makes an approval policy; sends nothing.

        Parameters
        ----------
        action_key
            The action it guards, such as ``feature_flag.update``; one policy each.
        approvers
            The people who may approve, by their numbers.
        quorum
            How many approvals are needed.
        **fields
            Everything else by the API's names.
        """
        config = {"quorum": quorum, "users": [*approvers]}
        return self._make(
            {"action_key": action_key, "approver_config": config, **fields},
            action_key,
            [*approvers],
            quorum=None if quorum == 1 else quorum,
            **fields,
        )

    def normal(self, name: str, value: Any) -> Any:
        """Return a field's value without what the project adds to it by itself."""
        if name != "approver_config" or not isinstance(value, dict):
            return value
        return {"users": [], "roles": [], **value}

    def list(
        self, action_key: str | None = None, *, enabled: bool | None = None
    ) -> Page[ApprovalPolicy]:
        """Return the approval policies.

        Parameters
        ----------
        action_key
            Only those on this action.
        enabled
            Only those that are, or are not, in force.
        """
        return self._listed({"action_key": action_key, "enabled": enabled})

    def iterate(self, *, enabled: bool | None = None) -> Iterator[ApprovalPolicy]:
        """Yield the policies, one page of requests at a time."""
        return self.iterate_with({"enabled": enabled})
