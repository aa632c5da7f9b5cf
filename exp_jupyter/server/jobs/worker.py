"""Recalculations, done one after the other in a thread beside the answering of requests."""

from __future__ import annotations

import logging
import threading
from zoneinfo import ZoneInfo

from exp_jupyter.errors import ExpError
from exp_jupyter.server.clock import stored_time
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.jobs.nightly import daily_results, days_over
from exp_jupyter.server.services.experiments import view as experiment_view
from exp_jupyter.server.services.results import queries, series
from exp_jupyter.server.store import Document, ProjectStore
from exp_jupyter.shown import plain

_LOG = logging.getLogger("exp_jupyter.server")


class NotWorkingError(Exception):
    """Nobody can do what waits: the project is being closed, or no thread can be started."""


class Worker:
    """Does the recalculations that wait, from the first call of `wake` until none is left.

    Parameters
    ----------
    store, events
        The project.
    """

    def __init__(self, store: ProjectStore, events: EventStore) -> None:
        self._store = store
        self._events = events
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._woken = False
        self._closed = False

    def wake(self) -> None:
        """Start working, or go on after the present job; returns at once.

        Raises
        ------
        NotWorkingError
            It cannot; what waits stays as it is.
        """
        with self._lock:
            if self._closed:
                raise NotWorkingError("The project is being closed.")
            if self._thread is None:
                thread = threading.Thread(
                    target=self._work, name="exp-jupyter-recalculation", daemon=True
                )
                self._woken = True
                try:
                    thread.start()
                except RuntimeError as error:  # the machine has no more of them
                    self._woken = False
                    raise NotWorkingError(str(error)) from error
                self._thread = thread
            self._woken = True

    def close(self, timeout: float | None = None) -> None:
        """Take nothing more on, and wait until nothing is left to do."""
        with self._lock:
            self._closed = True
        self.join(timeout)

    def join(self, timeout: float | None = None) -> None:
        """Wait until nothing is left to do."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._woken:
                    self._thread = None
                    return
                self._woken = False
            try:
                while self.do_next():
                    pass
            except ExpError:
                _LOG.exception("a recalculation could not be done")

    def do_next(self) -> bool:
        """Do the oldest job that waits; tell whether there was one."""
        with self._store.write() as work:
            found = work.recalculations.find("status = 'pending'", order="created_at, id", limit=1)
            job = next(found, None)
            if job is None:
                return False
            began = work.stamp(after=job["created_at"])
            work.recalculations.save({**job, "status": "in_progress", "started_at": began})
        try:
            outcome = self._series(job) if job["kind"] == "timeseries" else self._metrics(job)
        except ExpError as error:
            outcome = {"status": "failed", "error": error.message}
        except Exception:
            self._finish(job, {"status": "failed", "error": "The computation broke off."})
            raise
        self._finish(job, outcome)
        return True

    def _finish(self, job: Document, outcome: Document) -> None:
        with self._store.write() as work:
            present = work.recalculations.get(job["id"])
            if present is not None:
                ended = work.stamp(after=present.get("started_at") or present["created_at"])
                work.recalculations.save({**present, "completed_at": ended, **outcome})

    def _series(self, job: Document) -> Document:
        with self._store.read() as work:
            experiment = work.experiments.get(job["experiment_id"])
            if experiment is None or not experiment["start_date"]:
                return {"status": "failed", "error": "The experiment is not running any more."}
            spec, now = queries.spec_of(work, experiment), work.now()
            days = days_over(experiment, ZoneInfo(spec.timezone), now)
        results = daily_results(self._events, spec, job["metric"], days, now)
        with self._store.write() as work:
            series.store_results(
                work, job["experiment_id"], str(job["metric_uuid"]), job["fingerprint"], results
            )
        failed = bool(results) and all(result.status == "failed" for result in results)
        return {"status": "failed" if failed else "completed"}

    def _metrics(self, job: Document) -> Document:
        from exp_jupyter.analysis.posthog.compute import compute_result

        with self._store.read() as work:
            experiment = work.experiments.get(job["experiment_id"])
            if experiment is None or not experiment["start_date"]:
                return {"status": "failed"}
            spec, now = queries.spec_of(work, experiment), work.now()
            metrics = experiment_view.all_metrics(work, experiment)
        results: list[Document] = []
        with self._events.cursor() as cursor:
            source = self._events.source(cursor)
            for metric in metrics:
                entry: Document = {
                    "metric_uuid": metric.get("uuid"),
                    "status": "completed",
                    "result": None,
                    "error_message": None,
                }
                try:
                    entry["result"] = plain(compute_result(source, spec, metric, as_of=now))
                except ExpError as failure:
                    entry.update(status="failed", error_message=failure.message)
                results.append(entry)
        failed = bool(results) and all(entry["status"] == "failed" for entry in results)
        return {
            "status": "failed" if failed else "completed",
            "results": results,
            "query_to": stored_time(now),
        }
