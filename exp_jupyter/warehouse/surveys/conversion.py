"""How many people did one thing and then another: the numbers that plan an experiment."""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exp_jupyter.warehouse.sql.conditions import all_of
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.sql.properties import Parameters, PropertyReader

Filters = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Conversion:
    """What people did after they were reached.

    Attributes
    ----------
    reached
        Persons who did the first thing.
    converted
        Those who did the second at that moment or later.
    total, total_squares
        How often they did, summed over persons, and its squares.
    """

    reached: int
    converted: int
    total: int
    total_squares: int


def conversion(
    source: EventSource,
    since: datetime,
    until: datetime,
    *,
    metric: str,
    metric_filters: Filters = (),
    target: str | None = None,
    target_filters: Filters = (),
) -> Conversion:
    """Count who did something after something else, in a half-open time range.

    Parameters
    ----------
    source
        The events.
    since, until
        The range; aware.
    metric, metric_filters
        The event to count, and what must hold of it.
    target, target_filters
        The event that reaches a person; by default any event does.

    Raises
    ------
    exp_jupyter.errors.InputError
        A filter is not supported.
    """
    parameters = Parameters()
    reader = PropertyReader(source, parameters)
    name, moment = reader.column(source.event), reader.column(source.timestamp)
    person = reader.column(source.person_id)
    inside = f"{moment} >= {reader.bound(since)} AND {moment} < {reader.bound(until)}"
    at_target = all_of(target_filters, reader, "The target event")
    at_metric = all_of(metric_filters, reader, "The metric event")
    if target is not None:
        at_target = f"{name} = {parameters.bind(target)} AND {at_target}"
    at_metric = f"{name} = {parameters.bind(metric)} AND {at_metric}"
    rows = source.rows(
        "WITH seen AS ("
        f"SELECT {person} AS u, {moment} AS t, {at_target} AS reached, {at_metric} AS done "
        f"FROM {source.relation} AS e{reader.joins(at_target, at_metric)} "
        f"WHERE {inside} AND {person} IS NOT NULL), "
        "entered AS (SELECT u, MIN(t) AS first FROM seen WHERE reached GROUP BY u), "
        "counted AS (SELECT entered.u, COUNT(seen.u) AS n FROM entered LEFT JOIN seen "
        "ON seen.u = entered.u AND seen.done AND seen.t >= entered.first GROUP BY entered.u) "
        "SELECT COUNT(*) AS reached, COUNT(*) FILTER (WHERE n > 0) AS converted, "
        "CAST(COALESCE(SUM(n), 0) AS BIGINT) AS total, "
        "CAST(COALESCE(SUM(n * n), 0) AS BIGINT) AS squares FROM counted",
        parameters.values,
    )
    return Conversion(*(int(rows[key][0]) for key in ("reached", "converted", "total", "squares")))


def reach(
    source: EventSource, since: datetime, until: datetime, event: str, filters: Filters = ()
) -> tuple[int, int]:
    """Return how many events of a name there are in a range, and of how many persons."""
    parameters = Parameters()
    reader = PropertyReader(source, parameters)
    moment, person = reader.column(source.timestamp), reader.column(source.person_id)
    test = all_of(filters, reader, "The target event")
    rows = source.rows(
        f"SELECT COUNT(*) AS n, COUNT(DISTINCT {person}) AS persons "
        f"FROM {source.relation} AS e{reader.joins(test)} "
        f"WHERE {moment} >= {reader.bound(since)} AND {moment} < {reader.bound(until)} "
        f"AND {reader.column(source.event)} = {parameters.bind(event)} AND {test}",
        parameters.values,
    )
    return int(rows["n"][0]), int(rows["persons"][0])
