"""The writes that copy an experiment: inside its project, or into another."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from exp_jupyter.client.api import ProjectApi
from exp_jupyter.client.lookup.names import as_id
from exp_jupyter.client.writes.experiments.create import NewExperiment, checked_name
from exp_jupyter.client.writes.experiments.prompt_request import LONGEST_NAME
from exp_jupyter.client.writes.flags.keys import checked_key
from exp_jupyter.client.writes.flags.shares import filters_of
from exp_jupyter.errors import InputError, NotFoundError, PermissionDeniedError
from exp_jupyter.schema.approvals.writes import DiffRow, WritePlan, WriteState
from exp_jupyter.schema.experiments.experiment import Experiment
from exp_jupyter.schema.flags.feature_flag import FeatureFlag
from exp_jupyter.schema.flags.flag import FlagFilters

_SUFFIX = " (Copy)"


class _Copy(NewExperiment):
    """Makes a draft with the settings of an experiment.

    Notes
    -----
    The project itself takes a second copy of the same name and flag without a word. So the copy's
    name is always sent, and a copy is looked for by it before anything is sent. What cannot be
    known is whether a request whose answer was lost is still on its way; the plan says so.
    """

    def __init__(self, api: ProjectApi, source: Experiment, name: str, flag_key: str) -> None:
        super().__init__(api, name, flag_key or source.feature_flag_key)
        self._source = source

    @property
    def _shares(self) -> bool:
        return False

    def _filters(self) -> FlagFilters | None:
        flag = self._source.feature_flag
        if self._shares or flag is None:
            return None
        # A copy takes over the variants and the first group's rollout, not its conditions.
        first = flag.rollout_percentage
        return filters_of(flag.split, 100 if first is None else float(first))

    def _mismatch(self, body: Any, result: Any) -> str:
        if result.id == self._source.id:
            return "is about the experiment that was to be copied"
        return super()._mismatch(body, result)

    def _refusal(self, flag: FeatureFlag | None) -> tuple[str, str] | None:
        del flag
        if self._source.is_legacy:
            return (
                f'"{self._source.name}" has metrics of an older kind and cannot be copied.',
                "Create a new experiment with metrics of the present kind.",
            )
        return None

    def _planned(self, title: str, sentence: str, metrics: list[str]) -> WritePlan:
        rows, gate = self._rows(), self._gate()
        method, path, body = self._call()
        if metrics:
            rows.append(DiffRow("Metrics", None, ", ".join(metrics)))
        return WritePlan(
            title=title,
            sentence=f"{sentence} The project would take this twice: should its answer be lost, "
            "look for the copy before sending it again.",
            method=method,
            path=path,
            body=body,
            diff=tuple(rows),
            gate=gate,
        )


class Duplicate(_Copy):
    """Makes a draft with the settings of an experiment, in the same project.

    Parameters
    ----------
    api, source
        The project, and the experiment to copy.
    name
        The copy's name; the source's with ``(Copy)`` when None.
    flag_key
        The copy's flag, new or existing; by default it shares the source's.

    Raises
    ------
    exp_jupyter.errors.InputError
        An argument is not usable.
    """

    def __init__(
        self, api: ProjectApi, source: Experiment, name: str | None, flag_key: str | None
    ) -> None:
        shortened = source.name[: LONGEST_NAME - len(_SUFFIX)]
        title = checked_name(name) if name else shortened + _SUFFIX
        self._given_key = checked_key(flag_key)
        super().__init__(api, source, title, self._given_key)

    @property
    def _shares(self) -> bool:
        return self._flag_key == self._source.feature_flag_key

    def _call(self) -> tuple[str, str, Any]:
        body = {"name": self._name}
        if self._given_key:
            body["feature_flag_key"] = self._given_key
        return "POST", self._api.path("experiments", self._source.id, "duplicate"), body

    def _describe(self) -> WritePlan:
        source = self._source
        shared = f" Both share the flag {self._flag_key}." if self._shares else ""
        return self._planned(
            f'Duplicate "{source.name}"',
            f'Makes the draft "{self._name}" with the metrics and settings of "{source.name}" '
            f"(experiment {source.id}).{shared} {self._who_sees()}",
            [entry.name for entry in source.metric_entries],
        )


class CopyToProject(_Copy):
    """Makes a draft with the settings of an experiment in another project.

    Parameters
    ----------
    api, source
        The project, and the experiment to copy.
    target
        The other project's number; of the same organization.
    name
        The copy's name; the source's when None.
    flag_key
        The copy's flag there, new or existing; of the source's key when None.

    Raises
    ------
    exp_jupyter.errors.InputError
        An argument is not usable, or the other project is this one.

    Notes
    -----
    A key that may not look at the other project cannot know whether the copy is there already.
    Then the write is refused rather than made twice; ``send(again=True)`` sends it all the same.
    """

    def __init__(
        self,
        api: ProjectApi,
        source: Experiment,
        target: int | str,
        name: str | None,
        flag_key: str | None,
    ) -> None:
        number = as_id(target)
        if number is None:
            raise InputError(
                f"{target!r} is not a project number.",
                hint="Give the number in the other project's address.",
            )
        if number == api.id:
            raise InputError(
                f"Project {number} is the one the experiment is in.",
                hint="project.experiments.duplicate makes a copy inside it.",
            )
        super().__init__(api, source, checked_name(name or source.name), checked_key(flag_key))
        self._target = number

    @cached_property
    def _other(self) -> ProjectApi:
        return ProjectApi(self._api.transport, self._target)

    @property
    def _there(self) -> ProjectApi:
        """The project in which it is made."""
        return self._other

    def _call(self) -> tuple[str, str, Any]:
        body = {
            "target_team_id": self._target,
            "feature_flag_key": self._flag_key,
            "name": self._name,
        }
        return "POST", self._api.path("experiments", self._source.id, "copy_to_project"), body

    def _look(self) -> WriteState:
        try:
            return super()._look()
        except (PermissionDeniedError, NotFoundError):
            return WriteState(
                "refused",
                f"Project {self._target} cannot be looked at with this key, so it is not known "
                "whether the copy is there already.",
                next_step="Use a key that may read experiments there; or send it all the same "
                "with send(again=True).",
            )

    def _describe(self) -> WritePlan:
        source = self._source
        own = [entry.name for entry in source.metric_entries if not entry.shared]
        left = [entry.name for entry in source.metric_entries if entry.shared]
        behind = f" Shared metrics stay behind: {', '.join(left)}." if left else ""
        return self._planned(
            f'Copy "{source.name}" to {self._there.name}',
            f'Makes the draft "{self._name}" in {self._there.name} (project {self._target}) with '
            f'the settings of "{source.name}" (experiment {source.id}).{behind} {self._who_sees()}',
            own,
        )
