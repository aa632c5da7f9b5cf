"""The nightly job: each metric of a launched experiment gets a result for each day that is over.

A project that has the job ``on_read`` (the demo) does the same work when a series is read and
days are due; then nothing has to run at night. A project in somebody's folder does so from the
first time it is opened on; any other has the job off unless its settings say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from exp_jupyter.errors import ExpError
from exp_jupyter.server.clock import read_time
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.services.experiments import view as experiment_view
from exp_jupyter.server.services.people.people import change_settings
from exp_jupyter.server.services.results import queries, series
from exp_jupyter.server.services.results.series import DailyResult
from exp_jupyter.server.store import Document, ProjectStore, Work

if TYPE_CHECKING:
    from exp_jupyter.analysis.definition.experiment import ExperimentSpec

ON_READ, OFF = "on_read", "off"


@dataclass(frozen=True)
class _Due:
    """What has to be computed for one metric."""

    experiment_id: int
    spec: ExperimentSpec
    metric: Document
    uuid: str
    fingerprint: str
    days: tuple[date, ...]
    now: datetime


def compute_when_read(store: ProjectStore) -> None:
    """Let a project compute its days when they are read, unless its settings say otherwise."""
    with store.write() as work:
        if "daily_job" not in work.project["settings"]:
            change_settings(work, daily_job=ON_READ)


def catch_up(
    store: ProjectStore, events: EventStore, experiment_id: int, metric_uuid: str, fingerprint: str
) -> int:
    """Compute the days that are due for one metric, when the project does so on reading.

    Nothing happens for a metric or a fingerprint that the experiment does not have: such a series
    is empty.

    Returns
    -------
    int
        How many days were computed and stored.
    """
    with store.read() as work:
        if work.project["settings"].get("daily_job", OFF) != ON_READ:
            return 0
        due = _due(work, experiment_id, metric_uuid, fingerprint)
    return _compute(store, events, due) if due else 0


def run(store: ProjectStore, events: EventStore) -> int:
    """Compute all days that are due in the project.

    Returns
    -------
    int
        How many days were computed and stored.
    """
    with store.read() as work:
        listed = [
            _due(work, experiment["id"], metric["uuid"], metric["fingerprint"])
            for experiment in work.experiments.find("start_date IS NOT NULL AND NOT deleted")
            for metric in experiment_view.all_metrics(work, experiment)
            if metric.get("uuid") and metric.get("fingerprint")
        ]
    return sum(_compute(store, events, due) for due in listed if due)


def _due(work: Work, experiment_id: int, uuid: str, fingerprint: str) -> _Due | None:
    experiment = work.experiments.get(experiment_id)
    if experiment is None or experiment["deleted"] or not experiment["start_date"]:
        return None
    metric = next(
        (
            metric
            for metric in experiment_view.all_metrics(work, experiment)
            if metric.get("uuid") == uuid and metric.get("fingerprint") == fingerprint
        ),
        None,
    )
    if metric is None:
        return None
    zone, now = ZoneInfo(work.project["timezone"]), work.now()
    stored = {
        series.day_of(row["query_to"], zone)
        for row in series.stored_rows(work, experiment_id, uuid, fingerprint)
        if row["status"] != "pending"
    }
    days = tuple(day for day in days_over(experiment, zone, now) if day not in stored)
    if not days:
        return None
    return _Due(
        experiment_id=experiment_id,
        spec=queries.spec_of(work, experiment),
        metric=metric,
        uuid=uuid,
        fingerprint=fingerprint,
        days=days,
        now=now,
    )


def days_over(experiment: Document, zone: ZoneInfo, now: datetime) -> list[date]:
    """Return the project's days of a launched experiment that are over.

    Parameters
    ----------
    experiment
        The stored experiment, with a start date.
    zone
        The project's time zone; a day is over when its midnight there has passed.
    now
        The project's present moment; aware.

    Examples
    --------
    >>> from datetime import UTC
    >>> running = {"start_date": "2026-03-01T09:00:00.000000Z", "end_date": None}
    >>> days_over(running, ZoneInfo("UTC"), datetime(2026, 3, 3, 8, tzinfo=UTC))
    [datetime.date(2026, 3, 1), datetime.date(2026, 3, 2)]
    """
    first = read_time(experiment["start_date"]).astimezone(zone).date()
    last = now.astimezone(zone).date() - timedelta(days=1)
    if experiment["end_date"]:
        last = min(last, read_time(experiment["end_date"]).astimezone(zone).date())
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def daily_results(
    events: EventStore,
    spec: ExperimentSpec,
    metric: Mapping[str, Any],
    days: Sequence[date],
    now: datetime,
) -> list[DailyResult]:
    """Compute a metric's results of these days; days without one have failed, with the reason.

    Parameters
    ----------
    events
        The project's events. They are read outside of any transaction on the project, so that
        others go on writing meanwhile.
    spec
        The launched experiment.
    metric
        The metric's definition.
    days
        Days of the project that are over; see `days_over`.
    now
        The project's present moment; aware.
    """
    from exp_jupyter.analysis.posthog.compute import compute_series

    error, found = "There is no result for this day.", {}
    try:
        with events.cursor() as cursor:
            found = compute_series(events.source(cursor), spec, metric, as_of=now, days=days)
    except ExpError as failure:
        error = failure.message
    zone, results = ZoneInfo(spec.timezone), []
    for day in days:
        midnight = datetime.combine(day + timedelta(days=1), time(), zone)
        start, result = spec.start or midnight, found.get(day)
        results.append(
            DailyResult(start, midnight, "failed", error_message=error)
            if result is None
            else DailyResult(start, midnight, "completed", result=result, completed_at=now)
        )
    return results


def _compute(store: ProjectStore, events: EventStore, due: _Due) -> int:
    results = daily_results(events, due.spec, due.metric, due.days, due.now)
    with store.write() as work:
        return series.store_results(work, due.experiment_id, due.uuid, due.fingerprint, results)
