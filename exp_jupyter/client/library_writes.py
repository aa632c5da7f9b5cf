"""The writes on what experiments share: make one, change it, remove it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic

from exp_jupyter.client.library import Shelf, Thing
from exp_jupyter.client.lookup import suggestion
from exp_jupyter.client.project import parse
from exp_jupyter.client.write import Write
from exp_jupyter.errors import InputError, NotFoundError
from exp_jupyter.schema.writes import DiffRow, WriteOutcome, WritePlan, WriteState
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.client.project import Project

_LONGEST_CELL = 120


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
            diff=tuple(DiffRow(_label(key), None, _cell(one)) for key, one in body.items()),
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


class Change(Write, Generic[Thing]):
    """Changes fields of one.

    Parameters
    ----------
    project, shelf
        Where.
    thing
        As it was read when the write was made; the plan's "before".
    fields
        The new values by the API's names.
    """

    def __init__(
        self, project: Project, shelf: Shelf[Thing], thing: Thing, fields: Mapping[str, Any]
    ) -> None:
        super().__init__(project)
        self._shelf, self._thing = shelf, thing
        self._fields = checked(shelf, fields)
        if not fields:
            raise InputError("Nothing is to change.", hint="Give the new values.")

    @property
    def _path(self) -> str:
        return self._project.path(self._shelf.where, self._shelf.number_of(self._thing))

    def _call(self) -> tuple[str, str, Any]:
        return "PATCH", self._path, self._fields

    def _describe(self) -> WritePlan:
        shelf, name = self._shelf, self._shelf.name_of(self._thing)
        told = self._thing.to_dict()
        method, path, body = self._call()
        return WritePlan(
            title=f'Change the {shelf.word} "{name}"',
            sentence=f'Changes the {shelf.word} "{name}", and everything that uses it.',
            method=method,
            path=path,
            body=body,
            diff=tuple(
                DiffRow(_label(key), _cell(told.get(key)), _cell(self._fields[key]))
                for key in differing(shelf, self._fields, self._thing)
            ),
        )

    def _look(self) -> WriteState:
        now: Any = self._project.read(self._shelf.kind, self._path)
        name = self._shelf.name_of(now)
        if not differing(self._shelf, self._fields, now):
            return WriteState("already_done", f'"{name}" is like that.', result=now)
        return WriteState("to_do", f'"{name}" is not like that yet.', result=now)

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # an approved request has done all of it
        now: Any = parse(self._shelf.kind, body, self._path)
        return WriteOutcome("applied", f'"{self._shelf.name_of(now)}" was changed.', result=now)


class Remove(Write, Generic[Thing]):
    """Removes one for good.

    Parameters
    ----------
    project, shelf
        Where.
    thing
        As it was read when the write was made.
    """

    def __init__(self, project: Project, shelf: Shelf[Thing], thing: Thing) -> None:
        super().__init__(project)
        self._shelf, self._thing = shelf, thing
        self._name = shelf.name_of(thing)

    @property
    def _path(self) -> str:
        return self._project.path(self._shelf.where, self._shelf.number_of(self._thing))

    def _call(self) -> tuple[str, str, Any]:
        return "DELETE", self._path, None

    def _describe(self) -> WritePlan:
        shelf = self._shelf
        return WritePlan(
            title=f'Delete the {shelf.word} "{self._name}"',
            sentence=f'Deletes the {shelf.word} "{self._name}" for good, from everything that '
            "uses it too.",
            method="DELETE",
            path=self._path,
            body=None,
            diff=(DiffRow(_label(shelf.word), self._name, None),),
            confirm_name=self._name,
        )

    def _look(self) -> WriteState:
        try:
            now: Any = self._project.read(self._shelf.kind, self._path)
        except NotFoundError:
            return WriteState("already_done", f'"{self._name}" is deleted.')
        return WriteState("to_do", f'"{self._name}" is there.', result=now)

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del body, finishing  # the answer is empty
        return WriteOutcome("applied", f'"{self._name}" was deleted.')


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


def _label(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _cell(value: Any) -> str | None:
    if value is None or value == "" or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
