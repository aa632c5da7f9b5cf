"""The writes on what experiments share: make one, change it, remove it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from exp_jupyter.client.lookup import suggestion
from exp_jupyter.client.project import parse
from exp_jupyter.client.resources.collections import Shelf, Thing
from exp_jupyter.client.writes.approvals.pending_request import my_request, standing
from exp_jupyter.client.writes.approvals.policy_preview import Gated, gate_sentence
from exp_jupyter.client.writes.base import Write
from exp_jupyter.client.writes.diff import cell, label
from exp_jupyter.errors import InputError, NotFoundError
from exp_jupyter.schema.approvals.approval import ChangeRequest
from exp_jupyter.schema.approvals.writes import DiffRow, WriteOutcome, WritePlan, WriteState
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.client.project import Project


class Make(Write, Generic[Thing]):
    """Makes one, known again by its name.

    Parameters
    ----------
    project, shelf
        Where.
    fields
        By the API's names, the name among them.
    """

    def __init__(self, project: Project, shelf: Shelf[Thing], fields: Mapping[str, Any]) -> None:
        super().__init__(project)
        self._shelf = shelf
        self._fields = checked(shelf, fields)
        self._name = str(self._fields.get(shelf.name_field) or "").strip()
        if not self._name:
            raise InputError(f"The {shelf.word} has no name.", hint=f"Give {shelf.name_field}=.")

    def _call(self) -> tuple[str, str, Any]:
        return "POST", self._project.path(self._shelf.where), self._fields

    def _describe(self) -> WritePlan:
        method, path, body = self._call()
        return WritePlan(
            title=f'Create the {self._shelf.word} "{self._name}"',
            sentence=f'Creates the {self._shelf.word} "{self._name}".',
            method=method,
            path=path,
            body=body,
            diff=tuple(DiffRow(label(key), None, cell(one)) for key, one in body.items()),
        )

    def _look(self) -> WriteState:
        found = self._shelf.called_exactly(self._name)
        if found is None:
            return WriteState("to_do", f'There is no {self._shelf.word} "{self._name}" yet.')
        other = differing(self._shelf, self._fields, found)
        if not other:
            return WriteState("already_done", f'"{self._name}" is there.', result=found)
        return WriteState(
            "refused",
            f'There is a {self._shelf.word} "{self._name}" with another {other[0]}.',
            result=found,
            next_step=f"Change it with project.{self._shelf.called}.update, or give another name.",
        )

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # nothing is left after it was made
        made: Any = parse(self._shelf.kind, body, self._project.path(self._shelf.where))
        return WriteOutcome("applied", f'"{self._name}" was created.', result=made)

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        name = self._shelf.name_of(result)
        if name.casefold() != self._name.casefold():
            return f"is about {name or 'one without a name'}"
        other = differing(self._shelf, self._fields, result)
        return f"is about one with another {other[0]}" if other else ""


class _OnOne(Write, Generic[Thing]):
    """A write on one that is there, which an approval policy may hold.

    Parameters
    ----------
    project, shelf
        Where.
    thing
        As it was read when the write was made; the plan's "before".
    fields
        The new values by the API's names.
    """

    method: ClassVar[str] = ""

    def __init__(
        self, project: Project, shelf: Shelf[Thing], thing: Thing, fields: Mapping[str, Any]
    ) -> None:
        super().__init__(project)
        self._shelf, self._thing = shelf, thing
        self._fields = checked(shelf, fields)
        self._name = shelf.name_of(thing)

    @property
    def _path(self) -> str:
        return self._project.path(self._shelf.where, self._shelf.number_of(self._thing))

    def _call(self) -> tuple[str, str, Any]:
        return self.method, self._path, self._fields or None

    @property
    def _action(self) -> str:
        return self._shelf.guarded.get(self.method, "")

    def _gate(self) -> str:
        return gate_sentence(self._project, Gated((self._action,))) if self._action else ""

    def _awaited(self, name: str) -> WriteState | None:
        """Return what my change request for this means, or None if there is none that counts."""
        if not self._action:
            return None
        asked = my_request(self._project, self._is_asked_by, action_key=self._action)
        if asked is None:
            return None
        return standing(
            asked,
            waits=f'The change of "{name}" waits for approval.',
            left=lambda: f"The request was approved; the {self._shelf.word} is still to change.",
            spent=self._spent,
        )

    def _is_asked_by(self, request: ChangeRequest) -> bool:
        told = request.intent.get("full_request_data")
        wanted = {} if not isinstance(told, dict) else {key: told.get(key) for key in self._fields}
        return request.resource_id in (None, self._shelf.number_of(self._thing)) and (
            not wanted or wanted == self._fields
        )


class Change(_OnOne[Thing]):
    """Changes fields of one."""

    method = "PATCH"

    def __init__(
        self, project: Project, shelf: Shelf[Thing], thing: Thing, fields: Mapping[str, Any]
    ) -> None:
        super().__init__(project, shelf, thing, fields)
        if not fields:
            raise InputError("Nothing is to change.", hint="Give the new values.")

    def _describe(self) -> WritePlan:
        shelf, name = self._shelf, self._name
        told = self._thing.to_dict()
        method, path, body = self._call()
        return WritePlan(
            title=f'Change the {shelf.word} "{name}"',
            sentence=f'Changes the {shelf.word} "{name}", and everything that uses it.',
            method=method,
            path=path,
            body=body,
            diff=tuple(
                DiffRow(label(key), cell(told.get(key)), cell(self._fields[key]))
                for key in differing(shelf, self._fields, self._thing)
            ),
            gate=self._gate(),
        )

    def _look(self) -> WriteState:
        now: Any = self._project.read(self._shelf.kind, self._path)
        name = self._shelf.name_of(now)
        if not differing(self._shelf, self._fields, now):
            return WriteState("already_done", f'"{name}" is like that.', result=now)
        return self._awaited(name) or WriteState(
            "to_do", f'"{name}" is not like that yet.', result=now
        )

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # an approved request has done all of it
        now: Any = parse(self._shelf.kind, body, self._path)
        return WriteOutcome("applied", f'"{self._shelf.name_of(now)}" was changed.', result=now)

    def _renew(self) -> None:
        self._thing = self._project.read(self._shelf.kind, self._path)

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        if self._shelf.number_of(result) != self._shelf.number_of(self._thing):
            return f"is about {self._shelf.name_of(result)}"
        return "does not show the change" if differing(self._shelf, self._fields, result) else ""


class Remove(_OnOne[Thing]):
    """Removes one for good."""

    method = "DELETE"

    def _describe(self) -> WritePlan:
        shelf = self._shelf
        return WritePlan(
            title=f'Delete the {shelf.word} "{self._name}"',
            sentence=f'Deletes the {shelf.word} "{self._name}" for good, from everything that '
            "uses it too.",
            method="DELETE",
            path=self._path,
            body=None,
            diff=(DiffRow(label(shelf.word), self._name, None),),
            gate=self._gate(),
            confirm_name=self._name,
        )

    def _look(self) -> WriteState:
        try:
            now: Any = self._project.read(self._shelf.kind, self._path)
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
        mine = self._shelf.number_of(self._thing)
        return "" if number is None or str(number) == mine else f"is about number {number}"


def checked(shelf: Shelf[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as JSON-ready values.

    Raises
    ------
    exp_jupyter.errors.InputError
        A name is not the API's.
    """
    for name in fields:
        if name not in shelf.written:
            raise InputError(
                f"No {shelf.word} has a field {name!r} that can be written.",
                hint=suggestion(name, shelf.written) or f"It has {', '.join(shelf.written)}.",
            )
    return {name: plain(value) for name, value in fields.items()}


def differing(shelf: Shelf[Any], fields: Mapping[str, Any], now: Any) -> list[str]:
    """Return the fields that ``now`` does not have like that."""
    told = now.to_dict()
    return [
        name
        for name, wanted in fields.items()
        if shelf.normal(name, wanted) != shelf.normal(name, told.get(name))
    ]
