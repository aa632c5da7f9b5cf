"""The writes on what experiments share: make one, change it, remove it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from exp_jupyter.client.api import parse
from exp_jupyter.client.lookup.collections import Item, NamedCollection
from exp_jupyter.client.lookup.names import suggestion
from exp_jupyter.client.writes.approvals.pending_request import my_request, standing
from exp_jupyter.client.writes.approvals.policy_preview import Gated, gate_sentence
from exp_jupyter.client.writes.base import Write
from exp_jupyter.client.writes.diff import cell, label
from exp_jupyter.errors import InputError, NotFoundError
from exp_jupyter.schema.approvals.approval import ChangeRequest
from exp_jupyter.schema.approvals.writes import DiffRow, WriteOutcome, WritePlan, WriteState
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi


class CreateItem(Write, Generic[Item]):
    """Makes one, known again by its name.

    Parameters
    ----------
    api, collection
        Where.
    fields
        By the API's names, the name among them.
    """

    def __init__(
        self, api: ProjectApi, collection: NamedCollection[Item], fields: Mapping[str, Any]
    ) -> None:
        super().__init__(api)
        self._collection = collection
        self._fields = checked(collection, fields)
        self._name = str(self._fields.get(collection.name_field) or "").strip()
        if not self._name:
            raise InputError(
                f"The {collection.word} has no name.", hint=f"Give {collection.name_field}=."
            )

    def _call(self) -> tuple[str, str, Any]:
        return "POST", self._api.path(self._collection.where), self._fields

    def _describe(self) -> WritePlan:
        method, path, body = self._call()
        return WritePlan(
            title=f'Create the {self._collection.word} "{self._name}"',
            sentence=f'Creates the {self._collection.word} "{self._name}".',
            method=method,
            path=path,
            body=body,
            diff=tuple(DiffRow(label(key), None, cell(one)) for key, one in body.items()),
        )

    def _look(self) -> WriteState:
        found = self._collection.called_exactly(self._name)
        if found is None:
            return WriteState("to_do", f'There is no {self._collection.word} "{self._name}" yet.')
        other = differing(self._collection, self._fields, found)
        if not other:
            return WriteState("already_done", f'"{self._name}" is there.', result=found)
        change = f"project.{self._collection.called}.update"
        return WriteState(
            "refused",
            f'There is a {self._collection.word} "{self._name}" with another {other[0]}.',
            result=found,
            next_step=f"Change it with {change}, or give another name.",
        )

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # nothing is left after it was made
        made: Any = parse(self._collection.kind, body, self._api.path(self._collection.where))
        return WriteOutcome("applied", f'"{self._name}" was created.', result=made)

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        name = self._collection.name_of(result)
        if name.casefold() != self._name.casefold():
            return f"is about {name or 'one without a name'}"
        other = differing(self._collection, self._fields, result)
        return f"is about one with another {other[0]}" if other else ""


class _OnOne(Write, Generic[Item]):
    """A write on one that is there, which an approval policy may hold.

    Parameters
    ----------
    api, collection
        Where.
    item
        As it was read when the write was made; the plan's "before".
    fields
        The new values by the API's names.
    """

    method: ClassVar[str] = ""

    def __init__(
        self,
        api: ProjectApi,
        collection: NamedCollection[Item],
        item: Item,
        fields: Mapping[str, Any],
    ) -> None:
        super().__init__(api)
        self._collection, self._item = collection, item
        self._fields = checked(collection, fields)
        self._name = collection.name_of(item)

    @property
    def _path(self) -> str:
        return self._api.path(self._collection.where, self._collection.number_of(self._item))

    def _call(self) -> tuple[str, str, Any]:
        return self.method, self._path, self._fields or None

    @property
    def _action(self) -> str:
        return self._collection.guarded.get(self.method, "")

    def _gate(self) -> str:
        return gate_sentence(self._api, Gated(self._action)) if self._action else ""

    def _awaited(self, name: str) -> WriteState | None:
        """Return what my change request for this means, or None if there is none that counts."""
        if not self._action:
            return None
        asked = my_request(self._api, self._is_asked_by, action_key=self._action)
        if asked is None:
            return None
        return standing(
            asked,
            waits=f'The change of "{name}" waits for approval.',
            left=lambda: (
                f"The request was approved; the {self._collection.word} is still to change."
            ),
            spent=self._spent,
        )

    def _is_asked_by(self, request: ChangeRequest) -> bool:
        told = request.intent.get("full_request_data")
        wanted = {} if not isinstance(told, dict) else {key: told.get(key) for key in self._fields}
        return request.resource_id in (None, self._collection.number_of(self._item)) and (
            not wanted or wanted == self._fields
        )


class UpdateItem(_OnOne[Item]):
    """Changes fields of one."""

    method = "PATCH"

    def __init__(
        self,
        api: ProjectApi,
        collection: NamedCollection[Item],
        item: Item,
        fields: Mapping[str, Any],
    ) -> None:
        super().__init__(api, collection, item, fields)
        if not fields:
            raise InputError("Nothing is to change.", hint="Give the new values.")

    def _describe(self) -> WritePlan:
        collection, name = self._collection, self._name
        told = self._item.to_dict()
        method, path, body = self._call()
        return WritePlan(
            title=f'Change the {collection.word} "{name}"',
            sentence=f'Changes the {collection.word} "{name}", and everything that uses it.',
            method=method,
            path=path,
            body=body,
            diff=tuple(
                DiffRow(label(key), cell(told.get(key)), cell(self._fields[key]))
                for key in differing(collection, self._fields, self._item)
            ),
            gate=self._gate(),
        )

    def _look(self) -> WriteState:
        now: Any = self._api.read(self._collection.kind, self._path)
        name = self._collection.name_of(now)
        if not differing(self._collection, self._fields, now):
            return WriteState("already_done", f'"{name}" is like that.', result=now)
        return self._awaited(name) or WriteState(
            "to_do", f'"{name}" is not like that yet.', result=now
        )

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # an approved request has done all of it
        now: Any = parse(self._collection.kind, body, self._path)
        return WriteOutcome(
            "applied", f'"{self._collection.name_of(now)}" was changed.', result=now
        )

    def _renew(self) -> None:
        self._item = self._api.read(self._collection.kind, self._path)

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        if self._collection.number_of(result) != self._collection.number_of(self._item):
            return f"is about {self._collection.name_of(result)}"
        return (
            "does not show the change" if differing(self._collection, self._fields, result) else ""
        )


class DeleteItem(_OnOne[Item]):
    """Removes one for good."""

    method = "DELETE"

    def _describe(self) -> WritePlan:
        collection = self._collection
        return WritePlan(
            title=f'Delete the {collection.word} "{self._name}"',
            sentence=f'Deletes the {collection.word} "{self._name}" for good, from everything that '
            "uses it too.",
            method="DELETE",
            path=self._path,
            body=None,
            diff=(DiffRow(label(collection.word), self._name, None),),
            gate=self._gate(),
            confirm_name=self._name,
        )

    def _look(self) -> WriteState:
        try:
            now: Any = self._api.read(self._collection.kind, self._path)
        except NotFoundError:
            return WriteState("already_done", f'"{self._name}" is deleted.')
        return self._awaited(self._name) or WriteState(
            "to_do", f'"{self._name}" is there.', result=now
        )

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del body, finishing  # the answer is empty
        return WriteOutcome("applied", f'"{self._name}" was deleted.')

    def _mismatch(self, body: Any, result: Any) -> str:
        del result
        if not body:
            return ""
        number = body.get("id") if isinstance(body, dict) else None
        mine = self._collection.number_of(self._item)
        return "" if number is None or str(number) == mine else f"is about number {number}"


def checked(collection: NamedCollection[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as JSON-ready values.

    Raises
    ------
    exp_jupyter.errors.InputError
        A name is not the API's.
    """
    for name in fields:
        if name not in collection.written:
            raise InputError(
                f"No {collection.word} has a field {name!r} that can be written.",
                hint=suggestion(name, collection.written)
                or f"It has {', '.join(collection.written)}.",
            )
    return {name: plain(value) for name, value in fields.items()}


def differing(collection: NamedCollection[Any], fields: Mapping[str, Any], now: Any) -> list[str]:
    """Return the fields that ``now`` does not have like that."""
    told = now.to_dict()
    return [
        name
        for name, wanted in fields.items()
        if collection.normal(name, wanted) != collection.normal(name, told.get(name))
    ]
