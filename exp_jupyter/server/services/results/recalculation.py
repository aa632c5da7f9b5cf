"""Requests to compute results again, and what became of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from exp_jupyter.server.clock import read_time
from exp_jupyter.server.refusals import invalid, odd
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.experiments.view import all_metrics
from exp_jupyter.server.services.results import series
from exp_jupyter.server.store import Document, Work

ACTIVE = "status IN ('pending', 'in_progress')"
FRESH = timedelta(minutes=5)
"""How long a run answers for itself when somebody asks by hand for another."""


def request_series(
    work: Work, identifier: int, metric: Document | None, fingerprint: str | None
) -> tuple[Document, bool]:
    """Ask for the daily results of a metric to be computed again.

    Returns
    -------
    tuple
        The job, and whether it is a new one. A new one forgets the stored days.
    """
    experiment = experiments.find(work, identifier)
    if not metric:
        raise invalid("metric is required")
    if not fingerprint:
        raise invalid("fingerprint is required")
    if not experiment["start_date"]:
        raise invalid("Cannot recalculate timeseries for experiment that hasn't started")
    waiting = work.recalculations.first(
        f"experiment_id = ? AND kind = 'timeseries' AND fingerprint = ? AND {ACTIVE}",
        [identifier, fingerprint],
    )
    if waiting:
        return waiting, False
    uuid = metric.get("uuid")
    job = work.recalculations.add(
        {
            "id": work.new_uuid(),
            "experiment_id": identifier,
            "kind": "timeseries",
            "metric_uuid": uuid if isinstance(uuid, str) else None,
            "metric": metric,
            "fingerprint": fingerprint,
            "status": "pending",
            "created_at": work.stamp(),
        }
    )
    series.forget(work, identifier, str(uuid), fingerprint)
    return job, True


def series_view(job: Document) -> dict[str, Any]:
    """Return a series job as its endpoint shows it."""
    return {
        "id": job["id"],
        "experiment_id": job["experiment_id"],
        "metric_uuid": job["metric_uuid"],
        "fingerprint": job["fingerprint"],
        "status": job["status"],
        "created_at": read_time(job["created_at"]).isoformat(),
    }


def request_metrics(work: Work, identifier: int, trigger: str) -> tuple[Document, bool]:
    """Ask for the newest result of every metric to be computed; return the job and if it is new."""
    experiment = experiments.find(work, identifier)
    if not experiment["start_date"]:
        raise invalid("Cannot recalculate metrics for experiment that hasn't started")
    waiting = work.recalculations.first(
        f"experiment_id = ? AND kind = 'metrics' AND {ACTIVE}", [identifier]
    )
    if waiting:
        return waiting, False
    if trigger == "manual":
        done = _newest(work, identifier, "status = 'completed'")
        if done is not None and work.now() - read_time(done["completed_at"]) < FRESH:
            return done, False
    job = work.recalculations.add(
        {
            "id": work.new_uuid(),
            "experiment_id": identifier,
            "kind": "metrics",
            "status": "pending",
            "trigger": trigger,
            "created_at": work.stamp(),
            "started_at": None,
            "completed_at": None,
            "query_to": None,
            "total_metrics": len(all_metrics(work, experiment)),
            "results": [],
        }
    )
    return job, True


def give_up(work: Work, job: Document) -> None:
    """Write down that nobody can do a job that waits."""
    present = work.recalculations.get(job["id"])
    if present is not None and present["status"] == "pending":
        ended = work.stamp(after=present["created_at"])
        work.recalculations.save({**present, "status": "failed", "completed_at": ended})


def find_metrics(work: Work, identifier: int, job_id: str) -> Document:
    """Return a metrics job, or refuse with 404."""
    experiments.find(work, identifier)
    job = work.recalculations.first(
        "experiment_id = ? AND kind = 'metrics' AND id = ?", [identifier, job_id]
    )
    if job is None:
        raise odd(404, detail="Recalculation not found")
    return job


def latest_metrics(work: Work, identifier: int) -> dict[str, Any]:
    """Return the newest results of an experiment's metrics, and which job is at work.

    The results are those of the newest finished job; where there is none, the newest days of the
    stored series; where there are none either, the job at work answers for itself.
    """
    experiment = experiments.find(work, identifier)
    active = _newest(work, identifier, ACTIVE)
    finished = _newest(work, identifier, f"NOT {ACTIVE}")
    if finished is not None:
        answer = metrics_view(finished, existing=True, results=True)
    else:
        stored = _from_series(work, experiment)
        if stored is None and active is None:
            raise odd(404, detail="Recalculation not found")
        answer = stored or metrics_view(active or {}, existing=True, results=True)
    run = {"id": active["id"], "status": active["status"]} if active else None
    return {**answer, "active_run": run}


def _newest(work: Work, identifier: int, which: str) -> Document | None:
    found = work.recalculations.find(
        f"experiment_id = ? AND kind = 'metrics' AND {which}",
        [identifier],
        order="created_at DESC, id DESC",
        limit=1,
    )
    return next(found, None)


def _from_series(work: Work, experiment: Document) -> dict[str, Any] | None:
    """Return the newest stored days of the metrics in the shape of a job; None without any."""
    results, moments = [], []
    listed = all_metrics(work, experiment)
    for metric in listed:
        uuid = str(metric.get("uuid"))
        rows = series.stored_rows(work, experiment["id"], uuid, metric["fingerprint"])
        done = [row for row in rows if row["status"] == "completed"]
        if done:
            results.append(
                {
                    "metric_uuid": uuid,
                    "status": "completed",
                    "result": series.stripped(done[-1]["result"]),
                    "error_message": None,
                }
            )
            moments.append((done[-1]["query_to"], done[-1]["completed_at"]))
    if not results:
        return None
    query_to, completed_at = max(moments, key=lambda pair: str(pair[0]))
    identity = f"series of {experiment['id']}"
    job = {
        "id": str(uuid5(UUID(work.project["uuid"]), identity)),
        "experiment_id": experiment["id"],
        "status": "completed",
        "trigger": "manual",
        "total_metrics": len(listed),
        "results": results,
        "created_at": completed_at or query_to,
        "started_at": completed_at,
        "completed_at": completed_at,
        "query_to": query_to,
    }
    answer = metrics_view(job, existing=True, results=True)
    return {**answer, "result_source": "timeseries_fallback"}


def metrics_view(job: Document, *, existing: bool, results: bool) -> dict[str, Any]:
    """Return a metrics job as its endpoints show it; GET adds the results."""
    failed = {
        entry["metric_uuid"]: entry["error_message"]
        for entry in job["results"]
        if entry["status"] == "failed"
    }
    times = ("created_at", "started_at", "completed_at", "query_to")
    return {
        "id": job["id"],
        "experiment_id": job["experiment_id"],
        "status": job["status"],
        "total_metrics": job["total_metrics"],
        "completed_metrics": sum(entry["status"] == "completed" for entry in job["results"]),
        "failed_metrics": len(failed),
        "metric_errors": failed,
        "metric_retries": {},
        "trigger": job["trigger"],
        **{name: read_time(job[name]).isoformat() if job[name] else None for name in times},
        "is_existing": existing,
        "result_source": "recalculation",
        **({"results": job["results"]} if results else {}),
    }
