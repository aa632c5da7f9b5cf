"""The write that has the daily results of a metric computed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.client.experiment_write import ExperimentWrite
from exp_jupyter.client.lookup import require_stored
from exp_jupyter.client.project import parse
from exp_jupyter.schema.experiment import Experiment, MetricEntry
from exp_jupyter.schema.series import Recalculation, TimeseriesResults
from exp_jupyter.schema.writes import DiffRow, WriteOutcome, WriteState

if TYPE_CHECKING:
    from exp_jupyter.client.project import Project

_UNDER_WAY = frozenset({"pending", "in_progress"})


class Recalculate(ExperimentWrite):
    """Forgets the stored daily results of one metric and has them computed again.

    Parameters
    ----------
    project, experiment
        As every write on an experiment takes them.
    metric
        The metric, with its uuid and fingerprint.

    Notes
    -----
    The project keeps no trace of a recalculation that is over, so only one under way counts as
    done; asked for again afterwards, everything is computed once more.
    """

    tail = "recalculate_timeseries"

    def __init__(self, project: Project, experiment: Experiment, metric: MetricEntry) -> None:
        super().__init__(project, experiment)
        require_stored(metric)
        self._metric = metric

    def _body(self) -> dict[str, Any]:
        return {"metric": self._metric.definition, "fingerprint": self._metric.fingerprint}

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'Compute "{self._metric.name}" again',
            (
                f'Forgets the stored daily results of "{self._metric.name}" in "{one.name}" '
                f"(experiment {one.id}) and has every day computed again, which may take a while."
            ),
        )

    def _rows(self) -> list[DiffRow]:
        stored = sum(day is not None for day in self._stored().timeseries.values())
        return [DiffRow("Stored days", str(stored), "0, until they are computed")]

    def _done(self, now: Experiment) -> str:
        if now.start_date is None:
            return ""
        stored = self._stored()
        if stored.recalculation_status not in _UNDER_WAY:
            return ""
        return f'"{self._metric.name}" is being computed.'

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        if now.start_date is None:
            return f'"{now.name}" has not been launched, so it has no results.', "Launch it first."
        return None

    def _look(self) -> WriteState:
        state = super()._look()
        if state.kind != "to_do":
            return state
        return WriteState("to_do", "Nothing is being computed.", result=state.result)

    def _stored(self) -> TimeseriesResults:
        path = self._project.path("experiments", self._experiment.id, "timeseries_results")
        metric = self._metric
        params = {"metric_uuid": metric.uuid, "fingerprint": metric.fingerprint}
        return self._project.read(TimeseriesResults, path, params)

    def _told(self, now: Experiment) -> tuple[str, str]:
        return (
            f'"{self._metric.name}" of "{now.name}" is being computed again.',
            f"%exp_timeseries {now.id} shows the days that are there already.",
        )

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # nothing is gated here
        job = parse(Recalculation, body, self._path)
        sentence, step = self._told(self._experiment)
        return WriteOutcome("applied", sentence, step, result=job)
