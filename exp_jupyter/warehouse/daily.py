"""Metrics over days from one source: the statements run, their rows folded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.schema.metrics.metric import FunnelMetric, MeanMetric, RatioMetric
from exp_jupyter.warehouse.breakdowns.limit import joined_days, limited
from exp_jupyter.warehouse.events.fold import (
    Clamp,
    DailySums,
    filled,
    fold_cells,
    fold_units,
)
from exp_jupyter.warehouse.events.funnel_walk import fold_walks
from exp_jupyter.warehouse.events.statements import (
    cells_statement,
    exposed_statement,
    exposures_statement,
    needs_units,
    units_statement,
    walk_statement,
    winsorized,
)
from exp_jupyter.warehouse.request.population import Request
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.sql.memory import bounded_rows
from exp_jupyter.warehouse.stream.exposed_units import Units
from exp_jupyter.warehouse.stream.one_pass import Stream, streams
from exp_jupyter.warehouse.stream.unit_arrays import Clock, Ints


def daily_sums(
    source: EventSource,
    request: Request,
    *,
    one_pass: bool = True,
    wanted: Iterable[int] | None = None,
) -> list[DailySums]:
    """Return every metric's cumulative sums per variant and day.

    Metrics that one number per unit serves share one pass over the events. Of the others those
    with the same breakdowns share one statement and one scan; winsorized ones and funnels that
    must be walked have one of their own.

    Parameters
    ----------
    source
        The events.
    request
        What to compute.
    one_pass
        False to have every metric from a statement; the numbers are the same.
    wanted
        The places of the days that are asked for, all by default. Only breakdowns by metric
        events ask less for it: a unit's values can change from day to day, so each day is a
        statement of its own, and other days stay empty.

    Returns
    -------
    list of DailySums
        One per metric, in the request's order.

    Raises
    ------
    exp_jupyter.errors.InputError
        A definition asks for something that is not supported, or the events cannot be read.
    """
    results: dict[int, DailySums] = {}
    shared: dict[Any, list[int]] = {}
    passed: list[int] = []
    for position, metric in enumerate(request.metrics):
        if metric.breakdowns and request.breakdowns_from == "metric_event":
            days = range(len(request.days.dates)) if wanted is None else wanted
            results[position] = _attributed(source, replace(request, metrics=(metric,)), days)
        elif one_pass and streams(source, request, metric):
            passed.append(position)
        elif needs_units(source, replace(request, metrics=(metric,)), metric):
            results[position] = _from_units(source, replace(request, metrics=(metric,)))
        else:
            shared.setdefault(metric.breakdowns, []).append(position)
    if passed:
        part = replace(request, metrics=tuple(request.metrics[i] for i in passed))
        results |= zip(passed, Stream(source, part).run(), strict=True)
    for members in shared.values():
        part = replace(request, metrics=tuple(request.metrics[i] for i in members))
        results |= zip(members, _from_cells(source, part), strict=True)
    return [results[i] for i in range(len(request.metrics))]


def daily_exposures(source: EventSource, request: Request) -> tuple[Any, Any]:
    """Return the units per variant and day, cumulative, and those with several variants.

    Parameters
    ----------
    source
        The events.
    request
        The population and the days; its metrics do not matter.

    Returns
    -------
    counts : ndarray of int, shape (variants, days)
        Units whose variant it is, from the day of their first exposure on.
    multiple : ndarray of int, shape (days,)
        Units seen under several variants, from the day of their first exposure on; zero with the
        handling ``first_seen``, under which their first variant keeps them.

    Notes
    -----
    The day is the local calendar day: an exposure at midnight belongs to the day that begins. What
    is known at the window's stop decides where a unit counts, on every day, so no line ever falls.
    The points of a metric, which are analyses of their own, are another matter: there a unit is in
    its variant until its second one appears.
    """
    statement = exposures_statement(source, replace(request, metrics=(), covariates=None))
    rows = source.rows(statement.sql, statement.parameters)
    v, day, several, n = (
        filled(rows[name], 0).astype(np.int64) for name in ("v", "day", "several", "n")
    )
    return _counted(request, v, day, several > 0, n)


def unit_exposures(units: Units, request: Request) -> tuple[Any, Any]:
    """Return what ``daily_exposures`` does from units that a pass has placed; no statement."""
    stop = request.days.stop_us
    seen = np.flatnonzero(units.first <= stop)
    first = units.first[seen]
    day = Clock(request.days, request.days.start_us, stop + 1).day(first)
    several = units.second[seen] <= stop
    return _counted(request, units.variant[seen], day, several, np.ones(seen.size, np.int64))


def _counted(
    request: Request, v: Ints, day: Ints, several: NDArray[np.bool_], n: Ints
) -> tuple[Any, Any]:
    days = len(request.days.dates)
    counts = np.zeros((len(request.population.variants), days), dtype=np.int64)
    multiple = np.zeros(days, dtype=np.int64)
    if request.population.criteria.handling == "first_seen":
        several = np.zeros_like(several)
    one = ~several
    np.add.at(counts, (v[one], day[one]), n[one])
    np.add.at(multiple, day[several], n[several])
    return np.cumsum(counts, axis=1), np.cumsum(multiple)


def exposed_units(source: EventSource, request: Request) -> Any:
    """Return the ids of the units that are exposed by the window's stop, whatever their variants.

    Parameters
    ----------
    source
        The events.
    request
        The population and the days; its metrics do not matter.

    Returns
    -------
    ndarray, shape (units,)
        The ids as the source has them, in no order.
    """
    statement = exposed_statement(source, replace(request, metrics=(), covariates=None))
    return np.ma.getdata(source.rows(statement.sql, statement.parameters)["u"])


def _attributed(source: EventSource, request: Request, days: Iterable[int]) -> DailySums:
    """Return a metric's sums by values of its own events, for every day that is asked for."""
    (metric,) = request.metrics
    window = request.days
    limit = metric.breakdownFilter.limit if metric.breakdownFilter else 0
    parts: dict[int, DailySums] = {}
    for day in dict.fromkeys(days):
        stop = window.end_of(window.dates[day])
        # The wall clock stays what it is: units mature by it, whichever day is looked at.
        part = replace(request, days=replace(window, stop=stop), now=request.clock)
        if needs_units(source, replace(part, breakdowns_from="first_exposure"), metric):
            sums = _from_units(source, part)
        else:
            (sums,) = _from_cells(source, part)
        parts[day] = limited(sums, day, limit)
    return joined_days(parts, len(window.dates))


def _from_cells(source: EventSource, request: Request) -> list[DailySums]:
    breakdowns = request.metrics[0].breakdowns
    statement = cells_statement(source, request, breakdowns)
    rows = bounded_rows(source, statement.sql, statement.parameters)
    return [
        fold_cells(
            rows,
            position,
            variants=len(request.population.variants),
            days=len(request.days.dates),
            breakdowns=len(breakdowns),
            steps=len(metric.series) if isinstance(metric, FunnelMetric) else 0,
            exclude=request.population.criteria.handling == "exclude",
        )
        for position, metric in enumerate(request.metrics)
    ]


def _from_units(source: EventSource, request: Request) -> DailySums:
    (metric,) = request.metrics
    common: dict[str, Any] = {
        "variants": len(request.population.variants),
        "breakdowns": len(metric.breakdowns),
        "exclude": request.population.criteria.handling == "exclude",
    }
    if not winsorized(metric):
        assert isinstance(metric, FunnelMetric)  # noqa: S101 - what else needs its units
        statement = walk_statement(source, request, metric.breakdowns)
        rows = bounded_rows(source, statement.sql, statement.parameters)
        first = bool(metric.window_seconds) and request.window_rule == "recommended"
        return fold_walks(rows, metric, request.days, at_entry=first, **common)
    clamps = [Clamp(), Clamp()]
    if isinstance(metric, RatioMetric):
        clamps = [
            Clamp.of(metric.numerator_outlier_handling),
            Clamp.of(metric.denominator_outlier_handling),
        ]
    elif isinstance(metric, MeanMetric):
        clamps[0] = Clamp.of(metric)
    statement = units_statement(source, request, metric.breakdowns)
    rows = bounded_rows(source, statement.sql, statement.parameters)
    return fold_units(rows, days=len(request.days.dates), clamps=clamps, **common)
