"""Units whose time is not over: how many count before their window or retention period ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from exp_jupyter.schema.metrics.metric import Metric, RetentionMetric
from exp_jupyter.warehouse.daily import daily_sums
from exp_jupyter.warehouse.events.fold import filled
from exp_jupyter.warehouse.events.statements import young_statement

if TYPE_CHECKING:
    from exp_jupyter.warehouse.events.fold import DailySums
    from exp_jupyter.warehouse.request.population import Request
    from exp_jupyter.warehouse.sql.event_source import EventSource
    from exp_jupyter.warehouse.stream.exposed_units import Units


def about_young(
    source: EventSource, request: Request, sums: Sequence[DailySums], units: Units | None
) -> list[str]:
    """Return what to say of metrics that count units whose window is not over yet.

    Parameters
    ----------
    source
        The events.
    request
        What was computed; nothing is said where only matured units count.
    sums
        Its answers.
    units
        The units where a pass has placed them, which spares a statement.
    """
    if request.population.matured_only:
        return []
    said = []
    counted: dict[int, int] = {}
    for metric, found in zip(request.metrics, sums, strict=True):
        every = round(float(found.values[:, :, -1, found.names.index("n")].sum()))
        if isinstance(metric, RetentionMetric):
            young = every - _matured(source, request, metric)
        elif window := metric.window_seconds * 1_000_000:
            if window not in counted:
                counted[window] = _young(source, request, window, units)
            young = counted[window]
        else:
            continue
        if young > 0:
            period = "retention period" if isinstance(metric, RetentionMetric) else "window"
            said.append(
                f"metric {metric.name!r}: the {period} of {young:,} of {every:,} units is not over "
                "yet, and what they have not done so far counts as not done; matured=True leaves "
                "them out"
            )
    return said


def _young(source: EventSource, request: Request, window: int, units: Units | None) -> int:
    if units is None:
        statement = young_statement(source, replace(request, metrics=(), covariates=None), window)
        return int(filled(source.rows(statement.sql, statement.parameters)["n"], 0)[0])
    days = len(request.days.dates)
    here = (units.entry < days) & (units.leave >= days)
    return int(np.count_nonzero(units.first[here] + window > request.clock))


def _matured(source: EventSource, request: Request, metric: Metric) -> int:
    """Return how many units start early enough for their whole period to be over."""
    population = replace(request.population, matured_only=True)
    alone = replace(request, population=population, metrics=(metric,), covariates=None)
    (found,) = daily_sums(source, alone)
    return round(float(found.values[:, :, -1, found.names.index("n")].sum()))
