"""Results and exposures of an experiment, computed from the project's events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.schema.metrics.metric import parse_metric
from exp_jupyter.server.clock import stored_time, wire_time
from exp_jupyter.server.refusals import invalid, mismatch
from exp_jupyter.server.services import actions
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.experiments import view as experiment_view
from exp_jupyter.server.services.results import exposure_query
from exp_jupyter.server.store import Document, Work
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    import duckdb

    from exp_jupyter.analysis.definition.experiment import ExperimentSpec
    from exp_jupyter.server.events.event_store import EventStore
    from exp_jupyter.warehouse.sql.event_source import EventSource

KINDS = ("ExperimentQuery", "ExperimentExposureQuery")


@dataclass(frozen=True)
class Plan:
    """A query, with everything about the project that it needs.

    Attributes
    ----------
    query
        The query as it was asked.
    spec
        Who is in the experiment, in which arms, since when.
    as_of
        The project's present moment.
    """

    query: Document
    spec: ExperimentSpec
    as_of: datetime


def spec_of(work: Work, experiment: Document) -> ExperimentSpec:
    """Return what decides an experiment's numbers, besides the metric."""
    from exp_jupyter.analysis.definition.experiment import ExperimentSpec

    settings = work.project["settings"]
    return ExperimentSpec.from_experiment(
        experiment_view.full(work, experiment),
        timezone=work.project["timezone"],
        test_account_filters=settings.get("test_account_filters") or [],
        actions=actions.steps_by_id(work),
        breakdowns_from=settings.get("breakdowns_from") or "first_exposure",
        stats_defaults=settings,
    )


def plan(work: Work, query: Document) -> Plan:
    """Read a query, or refuse with 400."""
    kind = query.get("kind")
    if kind not in KINDS:
        raise mismatch(f"kind must be one of {', '.join(KINDS)}")
    identifier = query.get("experiment_id")
    if isinstance(identifier, bool) or not isinstance(identifier, int | None):
        raise mismatch("experiment_id must be an integer")
    if kind == "ExperimentQuery":
        try:
            parse_metric(query.get("metric"))  # type: ignore[arg-type]
        except InputError as error:
            raise mismatch(error.message) from error
    if not identifier:
        raise invalid("experiment_id is required")
    asked = exposure_query.read(query) if kind == "ExperimentExposureQuery" else None
    experiment = work.experiments.get(identifier)
    if experiment is None or experiment["deleted"]:
        raise invalid(f"Experiment with id {identifier} does not exist")
    experiment = experiments.find(work, identifier)
    if asked is not None:
        return Plan(query, asked.spec(work, experiment), work.now())
    if not experiment["start_date"]:
        raise invalid("Experiment has not been started yet")
    return Plan(query, spec_of(work, experiment), work.now())


def run(
    plan: Plan,
    events: EventStore,
    *,
    lending: Callable[[duckdb.DuckDBPyConnection], None] | None = None,
) -> Document:
    """Compute the answer of a query.

    Parameters
    ----------
    lending
        Is told the connection that computes, so that somebody can interrupt it.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        The engine refuses the metric or its data.
    """
    try:
        with events.cursor() as cursor:
            if lending is not None:
                lending(cursor)
            source = events.source(cursor)
            answer = (
                _result(plan, source)
                if plan.query["kind"] == "ExperimentQuery"
                else _exposures(plan, source)
            )
    except (InputError, StatisticsError) as error:
        raise invalid(error.message) from error
    return {
        **plain(answer),
        "kind": plan.query["kind"],
        "is_cached": False,
        "last_refresh": wire_time(stored_time(plan.as_of)),
        "timezone": plan.spec.timezone,
    }


def _result(plan: Plan, source: EventSource) -> Document:
    from exp_jupyter.analysis.posthog.compute import compute_result

    metric = plan.query["metric"]
    latest = compute_result(source, plan.spec, metric, as_of=plan.as_of)
    return {"metric": metric, "is_precomputed": False, **latest}


def _exposures(plan: Plan, source: EventSource) -> Document:
    from exp_jupyter.analysis.results.exposures import compute_exposures

    return compute_exposures(source, plan.spec, plan.as_of)
