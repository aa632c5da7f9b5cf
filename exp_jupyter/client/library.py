"""What experiments share: saved metrics, holdouts and approval policies, each found by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from exp_jupyter.client.calls import call
from exp_jupyter.client.lookup import as_id, suggestion
from exp_jupyter.errors import InputError, NotFoundError
from exp_jupyter.schema.approval import ApprovalPolicy
from exp_jupyter.schema.base import ApiObject
from exp_jupyter.schema.experiment import Holdout, SavedMetric
from exp_jupyter.schema.listing import Page

if TYPE_CHECKING:
    from exp_jupyter.client.project import Project

Thing = TypeVar("Thing", bound=ApiObject)


class Shelf(Generic[Thing]):
    """The things of one kind in a project. A subclass says where they are and what they are called.

    Parameters
    ----------
    project
        The project.
    """

    kind: type[Any]
    where: ClassVar[str] = ""
    """The last part of their address."""
    called: ClassVar[str] = ""
    """The project's attribute for them."""
    word: ClassVar[str] = ""
    """One of them, in words."""
    name_field: ClassVar[str] = "name"
    """What people know one by."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def get(self, ref: int | str) -> Thing:
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
        everyone = [*self._iterate({})]
        found = [one for one in everyone if text in (self._name(one), self._number(one))]
        if len(found) == 1:
            return self._read(self._number(found[0]))
        names = [self._name(one) for one in everyone]
        if found:
            numbers = ", ".join(self._number(one) for one in found)
            raise InputError(
                f'{len(found)} {self.word}s are called "{text}".', hint=f"Give an id: {numbers}."
            )
        raise InputError(
            f'There is no {self.word} "{text}".',
            hint=suggestion(text, names) or f"There are {', '.join(names) or 'none'}.",
        )

    def _name(self, one: Thing) -> str:
        return str(getattr(one, self.name_field))

    def _number(self, one: Thing) -> str:
        return str(getattr(one, "id", ""))

    def _read(self, number: int | str) -> Thing:
        path = self._project.path(self.where, number)
        found: Thing = self._project.read(self.kind, path)
        shown = int(number) if str(number).isdecimal() else number
        return found.coded(call(f"{self.called}.get", shown))

    def _iterate(self, params: dict[str, Any]) -> Iterator[Thing]:
        for page in self._project.pages(Page[self.kind], self._project.path(self.where), params):  # type: ignore[name-defined]
            yield from page

    def _listed(self, params: dict[str, Any]) -> Page[Thing]:
        found = [*self._iterate(params)]
        shown = call(f"{self.called}.list", **params)
        return Page[self.kind](count=len(found), results=found).coded(shown)  # type: ignore[name-defined]


class SavedMetrics(Shelf[SavedMetric]):
    """Metrics that several experiments share."""

    kind = SavedMetric
    where, called, word = "experiment_saved_metrics", "saved_metrics", "shared metric"

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


class Holdouts(Shelf[Holdout]):
    """Shares of people kept out of experiments."""

    kind = Holdout
    where, called, word = "experiment_holdouts", "holdouts", "holdout"

    def list(self) -> Page[Holdout]:
        """Return the holdouts."""
        return self._listed({})


class Policies(Shelf[ApprovalPolicy]):
    """Which changes need whose approval; known by their action, such as ``feature_flag.update``."""

    kind = ApprovalPolicy
    where, called, word = "approval_policies", "policies", "approval policy"
    name_field = "action_key"

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
        return self._iterate({"enabled": enabled})
