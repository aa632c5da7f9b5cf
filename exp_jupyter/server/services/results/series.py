"""The stored daily results of a metric, and the series that is read from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from exp_jupyter.server.clock import read_time, stored_time
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.store import Document, Work, packed
from exp_jupyter.shown import plain

MOST_DAYS = 36_525
"""A hundred years: nobody runs an experiment for longer, whatever its dates say."""

_COLUMNS = (
    "query_from",
    "query_to",
    "status",
    "result",
    "completed_at",
    "error_message",
    "created_at",
    "updated_at",
)


@dataclass(frozen=True)
class DailyResult:
    """One stored day of one metric.

    Attributes
    ----------
    query_from, query_to
        The half-open window that was computed: from the start to the end of the day.
    status
        ``completed``, ``failed`` or ``pending``.
    result
        The API's experiment result, for a completed day.
    completed_at
        When it was computed.
    error_message
        Why it failed.
    """

    query_from: datetime
    query_to: datetime
    status: str
    result: Mapping[str, Any] | None = None
    completed_at: datetime | None = None
    error_message: str | None = None


def store_results(
    work: Work,
    experiment_id: int,
    metric_uuid: str,
    fingerprint: str,
    results: Iterable[DailyResult],
) -> int:
    """Keep daily results; a day that is there already is replaced. Returns how many."""
    count = 0
    for result in results:
        now = work.stamp()
        work.connection.execute(
            "INSERT INTO metric_results (experiment_id, metric_uuid, fingerprint, query_from, "
            "query_to, status, result, completed_at, error_message, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (experiment_id, metric_uuid, fingerprint, query_to) DO UPDATE SET "
            "query_from = excluded.query_from, status = excluded.status, "
            "result = excluded.result, completed_at = excluded.completed_at, "
            "error_message = excluded.error_message, updated_at = excluded.updated_at",
            [
                experiment_id,
                metric_uuid,
                fingerprint,
                stored_time(result.query_from),
                stored_time(result.query_to),
                result.status,
                None if result.result is None else packed(plain(result.result)),
                None if result.completed_at is None else stored_time(result.completed_at),
                result.error_message,
                now,
                now,
            ],
        )
        count += 1
    return count


def stored_rows(
    work: Work, experiment_id: int, metric_uuid: str, fingerprint: str
) -> list[Document]:
    """Return the stored days of a metric, oldest window first."""
    rows = work.connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM metric_results "  # noqa: S608 - constants
        "WHERE experiment_id = ? AND metric_uuid = ? AND fingerprint = ? ORDER BY query_to",
        [experiment_id, metric_uuid, fingerprint],
    )
    return [dict(zip(_COLUMNS, row, strict=True)) for row in rows]


def forget(work: Work, experiment_id: int, metric_uuid: str, fingerprint: str) -> None:
    """Remove the stored days of a metric."""
    work.connection.execute(
        "DELETE FROM metric_results "
        "WHERE experiment_id = ? AND metric_uuid = ? AND fingerprint = ?",
        [experiment_id, metric_uuid, fingerprint],
    )


def days_of(work: Work, experiment: Document) -> list[date]:
    """Return the UTC days of a launched experiment, the first and the last (or today) included."""
    first = read_time(experiment["start_date"]).date()
    last = read_time(experiment["end_date"]) if experiment["end_date"] else work.now()
    number = (last.date() - first).days + 1
    if number > MOST_DAYS:
        raise invalid(f"A series of {number} days is too long; at most {MOST_DAYS} are given.")
    return [first + timedelta(days=index) for index in range(max(number, 0))]


def day_of(query_to: str, zone: ZoneInfo) -> date:
    """Return the project's day that a window ends with."""
    return (read_time(query_to) - timedelta(microseconds=1)).astimezone(zone).date()


def timeseries(work: Work, identifier: int, query: Mapping[str, str]) -> Document:
    """Return the answer of ``timeseries_results``."""
    experiment = experiments.find(work, identifier)
    uuid, fingerprint = query.get("metric_uuid"), query.get("fingerprint")
    if not uuid:
        raise invalid("metric_uuid query parameter is required")
    if not fingerprint:
        raise invalid("fingerprint query parameter is required")
    if not experiment["start_date"]:
        raise invalid("Experiment has not been started yet")
    days = days_of(work, experiment)
    in_range = _by_day(work, experiment, uuid, fingerprint, days)
    found = {
        day: stripped(row["result"])
        for day, row in in_range.items()
        if row["status"] == "completed"
    }
    status = _status(in_range.values(), len(days))
    job = work.recalculations.first(
        "experiment_id = ? AND kind = 'timeseries' AND fingerprint = ? "
        "AND status IN ('pending', 'in_progress')",
        [identifier, fingerprint],
    )
    rows = list(in_range.values())
    body: Document = {
        "experiment_id": identifier,
        "metric_uuid": uuid,
        "status": status,
        "timeseries": {day.isoformat(): found.get(day) for day in days},
        "errors": {
            day.isoformat(): row["error_message"]
            for day, row in in_range.items()
            if row["status"] == "failed" and row["error_message"]
        }
        or None,
        "computed_at": _iso(max((row["completed_at"] or "" for row in rows), default="") or None),
        "created_at": _iso(
            min((row["created_at"] for row in rows), default=experiment["created_at"])
        ),
        "updated_at": _iso(
            max((row["updated_at"] for row in rows), default=experiment["updated_at"])
        ),
        "recalculation_status": job["status"] if job else None,
        "recalculation_created_at": _iso(job["created_at"]) if job else None,
    }
    body["formatted_results"] = formatted(body["timeseries"], status)
    return body


def _by_day(
    work: Work, experiment: Document, uuid: str, fingerprint: str, days: list[date]
) -> dict[date, Document]:
    zone, wanted = ZoneInfo(work.project["timezone"]), set(days)
    found: dict[date, Document] = {}
    # Windows come oldest first: of two that end on the same day the later one wins.
    for row in stored_rows(work, experiment["id"], uuid, fingerprint):
        day = day_of(row["query_to"], zone)
        if day in wanted:
            found[day] = row
    return dict(sorted(found.items()))


def stripped(result: str | None) -> Any:
    """Return a stored result without the session lists that are only for drilling down."""
    if result is None:
        return None
    body = json.loads(result)
    if not isinstance(body, dict):
        return body
    blocks = [body, body.get("baseline"), *(body.get("variant_results") or [])]
    for block in blocks:
        if isinstance(block, dict):
            block.pop("step_sessions", None)
    return body


def _status(rows: Iterable[Document], total: int) -> str:
    states = [row["status"] for row in rows]
    completed, failed = states.count("completed"), states.count("failed")
    if not states:
        return "pending"
    if not completed and failed:
        return "failed"
    return "completed" if completed == total else "partial"


def _iso(stored: str | None) -> str | None:
    return read_time(stored).isoformat() if stored else None


# ---------------------------------------------------------------- the text form


def formatted(series: Mapping[str, Any], status: str) -> str:
    """Return the series as the text table that accompanies it.

    Examples
    --------
    >>> formatted({}, "pending")
    'No timeseries data.'
    >>> formatted({"2026-03-02": None}, "pending")
    'No completed timeseries data (status: pending).'
    """
    if not series:
        return "No timeseries data."
    first = next((result for result in series.values() if result is not None), None)
    if first is None:
        return f"No completed timeseries data (status: {status})."
    variants = list(first.get("variant_results") or [])
    keys = [str(variant.get("key")) for variant in variants]
    method = str((variants[0].get("method") if variants else None) or "unknown")
    last = {"bayesian": "chance_to_win", "frequentist": "p_value"}.get(method, "effect")
    header = ["Date", "control n", "control mean"]
    for key in keys:
        header += [f"{key} {name}" for name in ("n", "mean", "interval", last, "significant")]
    lines = [
        f"Method: {method}",
        f"Variants: {', '.join(['control (baseline)', *keys])}",
        f"Status: {status}",
        "|".join(header),
    ]
    for day, result in series.items():
        cells = ["—"] if result is None else _cells(result, keys, last)
        lines.append("|".join([day, *cells]))
    return "\n".join(lines)


def _cells(result: Mapping[str, Any], keys: list[str], last: str) -> list[str]:
    arms = {str(arm.get("key")): arm for arm in result.get("variant_results") or []}
    cells = _size(result.get("baseline") or {})
    for key in keys:
        arm = arms.get(key, {})
        bounds = arm.get("credible_interval") or arm.get("confidence_interval")
        interval = "N/A" if not bounds else f"{_figure(bounds[0])}..{_figure(bounds[1])}"
        cells += [*_size(arm), interval, _figure(arm.get(last)), _figure(arm.get("significant"))]
    return cells


def _size(block: Mapping[str, Any]) -> list[str]:
    n, total = block.get("number_of_samples"), block.get("sum")
    return [_figure(n), _figure(total / n if n and total is not None else None)]


def _figure(value: Any) -> str:
    if value is None:
        return "N/A"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return f"{value:.5g}" if isinstance(value, float) else str(value)
