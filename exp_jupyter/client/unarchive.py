"""The write that brings an experiment back from the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.client.project import parse
from exp_jupyter.client.write import Write
from exp_jupyter.schema.experiment import Experiment
from exp_jupyter.schema.writes import DiffRow, WriteOutcome, WritePlan, WriteState

if TYPE_CHECKING:
    from exp_jupyter.client.project import Project


class Unarchive(Write):
    """Brings one experiment back; dates, conclusion and status stay as they are."""

    def __init__(self, project: Project, experiment: Experiment) -> None:
        super().__init__(project)
        self._experiment = experiment

    @property
    def _path(self) -> str:
        return self._project.path("experiments", self._experiment.id, "unarchive")

    def _call(self) -> tuple[str, str, Any]:
        return "POST", self._path, None

    def _describe(self) -> WritePlan:
        experiment = self._experiment
        flag = experiment.feature_flag
        rows = [DiffRow("Archived", _yes(experiment.archived), "no")]
        rows.append(DiffRow("Status", experiment.status, experiment.status))
        flag_archived = (flag.model_extra or {}).get("archived") if flag else None
        if isinstance(flag_archived, bool) and flag is not None:
            rows.append(DiffRow(f"Flag {flag.key}, archived", _yes(flag_archived), "no"))
        method, path, body = self._call()
        return WritePlan(
            title=f'Unarchive "{experiment.name}"',
            sentence=f'Brings "{experiment.name}" (experiment {experiment.id}) back from the '
            "archive. Its dates, conclusion and status stay. If archiving it had archived its "
            "flag too, the flag comes back inactive, provided the key may write flags.",
            method=method,
            path=path,
            body=body,
            diff=tuple(rows),
        )

    def _look(self) -> WriteState:
        path = self._project.path("experiments", self._experiment.id)
        now = self._project.read(Experiment, path)
        if now.archived:
            return WriteState("to_do", f'"{now.name}" is archived.', result=now)
        return WriteState("already_done", f'"{now.name}" is not archived.', result=now)

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # nothing is left to do after an unarchive
        now = parse(Experiment, body, self._path)
        return WriteOutcome(
            "applied",
            f'"{now.name}" is back from the archive; its status is {now.status}.',
            f"%exp_timeseries {now.id} shows its results.",
            result=now,
        )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
