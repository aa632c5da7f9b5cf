"""The writes that have results computed again: a metric's days, or every metric's newest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.client.api import parse
from exp_jupyter.client.lookup.metrics import require_stored
from exp_jupyter.client.writes.experiment import ExperimentWrite
from exp_jupyter.errors import NotFoundError
from exp_jupyter.schema.approvals.writes import DiffRow, WriteOutcome, WriteState
from exp_jupyter.schema.experiments.experiment import Experiment, MetricEntry
from exp_jupyter.schema.experiments.recalculation import (
    UNDER_WAY,
    MetricsRecalculation,
    Recalculation,
)
from exp_jupyter.schema.experiments.series import TimeseriesResults

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi


class Recalculate(ExperimentWrite):
    """Forgets the stored daily results of one metric and has them computed again.

    Parameters
    ----------
    api, experiment
        As every write on an experiment takes them.
    metric
        The metric, with its uuid and fingerprint.

    Notes
    -----
    The project keeps no trace of a recalculation that is over, so only one under way counts as
    done; asked for again afterwards, everything is computed once more.
    """

    tail = "recalculate_timeseries"

    def __init__(self, api: ProjectApi, experiment: Experiment, metric: MetricEntry) -> None:
        super().__init__(api, experiment)
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
        if stored.recalculation_status not in UNDER_WAY:
            return ""
        return f'"{self._metric.name}" is being computed.'

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        return _nothing_to_compute(now)

    def _look(self) -> WriteState:
        state = super()._look()
        if state.kind != "to_do":
            return state
        return WriteState("to_do", "Nothing is being computed.", result=state.result)

    def _stored(self) -> TimeseriesResults:
        path = self._api.path("experiments", self._experiment.id, "timeseries_results")
        metric = self._metric
        params = {"metric_uuid": metric.uuid, "fingerprint": metric.fingerprint}
        return self._api.read(TimeseriesResults, path, params)

    def _told(self, now: Experiment) -> tuple[str, str]:
        return (
            f'"{self._metric.name}" of "{now.name}" is being computed again.',
            f"%exp_timeseries {now.id} shows the days that are there already.",
        )

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        metric = self._metric
        if result.experiment_id != self._experiment.id:
            return f"is about experiment {result.experiment_id}"
        other = result.metric_uuid not in {None, metric.uuid}
        if other or result.fingerprint not in {"", metric.fingerprint}:
            return "is about another metric"
        return ""

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # nothing is gated here
        job = parse(Recalculation, body, self._path)
        sentence, step = self._told(self._experiment)
        return WriteOutcome("applied", sentence, step, result=job)


class RecalculateMetrics(ExperimentWrite):
    """Has the newest result of every metric of one experiment computed again.

    Notes
    -----
    Nothing is lost by it, and the project itself answers a second request with the one under way.
    So one under way counts as done; asked for again after it is over, all is computed once more.
    """

    tail = "metrics_recalculation"

    def _body(self) -> dict[str, Any]:
        return {"trigger": "manual"}

    def _words(self) -> tuple[str, str]:
        one = self._experiment
        return (
            f'Compute the results of "{one.name}" again',
            (
                f'Has the newest result of every metric of "{one.name}" (experiment {one.id}) '
                "computed, which may take a while. What is stored stays until then."
            ),
        )

    def _rows(self) -> list[DiffRow]:
        last = latest_job(self._api, self._experiment)
        before = None if last is None else f"{last.status}: {last.words}"
        count = len(self._experiment.metric_entries)
        return [DiffRow("Recalculation", before, f"pending: 0 of {count} metrics are computed")]

    def _done(self, now: Experiment) -> str:
        if now.start_date is None:
            return ""
        job = latest_job(self._api, now)
        return f"It is being computed: {job.words}." if job and job.is_under_way else ""

    def _refusal(self, now: Experiment) -> tuple[str, str] | None:
        return _nothing_to_compute(now)

    def _look(self) -> WriteState:
        state = super()._look()
        if state.kind != "to_do":
            return state
        return WriteState("to_do", "Nothing is being computed.", result=state.result)

    def _told(self, now: Experiment) -> tuple[str, str]:
        return (
            f'The results of "{now.name}" are being computed again.',
            f"project.experiments.metrics_recalculation({now.id}) tells how far it is.",
        )

    def _mismatch(self, body: Any, result: Any) -> str:
        del body
        number = result.experiment_id
        return "" if number == self._experiment.id else f"is about experiment {number}"

    def _taken(self, body: Any, *, finishing: bool) -> WriteOutcome:
        del finishing  # nothing is gated here
        job = parse(MetricsRecalculation, body, self._path)
        sentence, step = self._told(self._experiment)
        if job.is_existing:
            # A run of a moment ago is given back, too, instead of a new one.
            return WriteOutcome("already_done", f"It was asked for: {job.words}.", step, result=job)
        return WriteOutcome("applied", sentence, step, result=job)


def latest_job(api: ProjectApi, experiment: Experiment) -> MetricsRecalculation | None:
    """Return the newest recalculation of all metrics, or None if there never was one."""
    path = api.path("experiments", experiment.id, "metrics_recalculation", "latest")
    try:
        return api.read(MetricsRecalculation, path)
    except NotFoundError:
        return None


def _nothing_to_compute(now: Experiment) -> tuple[str, str] | None:
    if now.start_date is None:
        return f'"{now.name}" has not been launched, so it has no results.', "Launch it first."
    return None
