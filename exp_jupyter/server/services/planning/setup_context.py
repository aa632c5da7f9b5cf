"""What somebody who sets up an experiment wants to know of the project before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.exposure import FLAG_CALLED
from exp_jupyter.schema.requests.bodies import SetupContextRequest
from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services.experiments import view as experiment_view
from exp_jupyter.server.services.results import metrics
from exp_jupyter.server.store import Document, Work

if TYPE_CHECKING:
    from datetime import datetime

    from exp_jupyter.server.events.event_store import EventStore
    from exp_jupyter.warehouse.sql.event_source import EventSource

WINDOW_DAYS = 14
_MDE, _METHOD, _LEVEL = 30, "bayesian", 0.95
_SKIPPED: Document = {"status": "skipped", "data": None}


def of_store(work: Work, request: SetupContextRequest) -> dict[str, Document]:
    """Return the sections that the project's own store answers."""
    return {
        "team_defaults": _section(_team_defaults(work)),
        "previous_experiments": _section(
            _previous_experiments(work, request.previous_experiments_limit)
        ),
        "shared_metrics": _section(_shared_metrics(work, request.shared_metrics_limit)),
    }


def of_events(
    events: EventStore, now: datetime, request: SetupContextRequest
) -> dict[str, Document]:
    """Return the sections that are counted from the events of the last days.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        A filter of the request is not supported.
    """
    since = now - timedelta(days=WINDOW_DAYS)
    until = now + timedelta(microseconds=1)
    with events.cursor() as cursor:
        source = events.source(cursor)
        return {
            "sdk_profile": _section(_sdk_profile(source, since, until)),
            "target_surface": _counted(
                request.target_event is not None,
                "target_properties",
                lambda: _target_surface(source, since, until, request),
            ),
            "candidate_metric": _counted(
                request.metric_event is not None,
                "metric_properties",
                lambda: _candidate_metric(source, since, until, request),
            ),
        }


def _section(data: Any) -> Document:
    return {"status": "ok", "data": data}


def _counted(asked: bool, attr: str, count: Callable[[], Document]) -> Document:
    if not asked:
        return _SKIPPED
    try:
        return _section(count())
    except InputError as error:
        raise invalid(error.message, attr=attr) from error


def _team_defaults(work: Work) -> Document:
    settings = work.project["settings"]
    filters = settings.get("test_account_filters") or []
    return {
        "stats_method": settings.get("default_experiment_stats_method"),
        "confidence_level": settings.get("default_experiment_confidence_level"),
        "minimum_detectable_effect": settings.get("default_minimum_detectable_effect"),
        "product_default_minimum_detectable_effect": _MDE,
        "product_default_stats_method": _METHOD,
        "product_default_confidence_level": _LEVEL,
        "only_count_matured_users": bool(settings.get("default_only_count_matured_users")),
        "cuped_enabled": bool(settings.get("cuped_enabled")),
        "sequential_testing_enabled": bool(settings.get("sequential_testing_enabled")),
        "flags_persistence_default": bool(settings.get("flags_persistence_default")),
        "test_account_filter_count": len(filters),
        "new_experiments_filter_test_accounts": True,
        "default_exposure_event": FLAG_CALLED,
    }


def _previous_experiments(work: Work, limit: int) -> Document:
    found = work.experiments.find("deleted = 0", order="created_at DESC, id DESC", limit=limit)
    return {
        "count": work.experiments.count("deleted = 0"),
        "experiments": [_previous(work, experiment) for experiment in found],
    }


def _previous(work: Work, experiment: Document) -> Document:
    flag = experiment_view.flag_of(work, experiment)
    return {
        "id": experiment["id"],
        "name": experiment["name"],
        "feature_flag_key": flag["key"],
        "status": experiment_view.status(experiment, flag),
        "start_date": wire_time(experiment["start_date"]),
        "end_date": wire_time(experiment["end_date"]),
        "conclusion": experiment["conclusion"],
        "stats_method": (experiment["stats_config"] or {}).get("method"),
        "running_time_calculation": experiment["running_time_calculation"],
    }


def _shared_metrics(work: Work, limit: int) -> Document:
    found = work.saved_metrics.find(
        order="json_extract(doc, '$.updated_at') DESC, id DESC", limit=limit
    )
    return {
        "count": work.saved_metrics.count(),
        "metrics": [
            {
                "id": saved["id"],
                "name": saved["name"],
                "metric_type": saved["query"].get("metric_type"),
                "events": sorted(metrics.events_of(work, [saved["query"]])),
                "experiment_count": work.saved_metric_links.count(
                    "saved_metric_id = ?", [saved["id"]]
                ),
            }
            for saved in found
        ],
    }


def _sdk_profile(source: EventSource, since: datetime, until: datetime) -> Document:
    from exp_jupyter.warehouse.surveys.conversion import reach

    calls, persons = reach(source, since, until, FLAG_CALLED)
    return {"window_days": WINDOW_DAYS, "flag_calls": calls, "persons": persons}


def _target_filters(request: SetupContextRequest) -> list[Document]:
    given = list(request.target_properties or ())
    if request.target_url_contains is not None:
        address = {"key": "$current_url", "operator": "icontains", "type": "event"}
        given.append({**address, "value": request.target_url_contains})
    return given


def _target_surface(
    source: EventSource, since: datetime, until: datetime, request: SetupContextRequest
) -> Document:
    from exp_jupyter.warehouse.surveys.conversion import reach

    count, persons = reach(
        source, since, until, str(request.target_event), _target_filters(request)
    )
    return {
        "window_days": WINDOW_DAYS,
        "events": count,
        "persons": persons,
        "persons_per_day": persons / WINDOW_DAYS,
    }


def _candidate_metric(
    source: EventSource, since: datetime, until: datetime, request: SetupContextRequest
) -> Document:
    from exp_jupyter.warehouse.surveys.conversion import conversion

    found = conversion(
        source,
        since,
        until,
        metric=str(request.metric_event),
        metric_filters=request.metric_properties or (),
        target=request.target_event,
        target_filters=_target_filters(request),
    )
    samples = {"number_of_samples": found.reached}
    return {
        "window_days": WINDOW_DAYS,
        "persons_reached": found.reached,
        "persons_converted": found.converted,
        "conversion_rate": found.converted / found.reached if found.reached else None,
        "funnel_baseline_stats": {
            **samples,
            "sum": found.converted,
            "step_counts": [found.converted],
        },
        "mean_count_baseline_stats": {
            **samples,
            "sum": found.total,
            "sum_squares": found.total_squares,
        },
    }
