"""Which executor has each metric of a request: decided once, by what the definitions say alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from exp_jupyter.schema.metrics.metric import (
    Breakdown,
    DataWarehouseNode,
    ExposureNode,
    FunnelMetric,
    MeanMetric,
    Metric,
    RatioMetric,
    RetentionMetric,
)
from exp_jupyter.warehouse.events.exposure import exposing_events
from exp_jupyter.warehouse.events.funnel import LONGEST, walks
from exp_jupyter.warehouse.events.matching import events_of
from exp_jupyter.warehouse.events.measures import is_additive
from exp_jupyter.warehouse.events.statements import (
    Statement,
    cells_statement,
    units_statement,
    walk_statement,
    winsorized,
)
from exp_jupyter.warehouse.request.population import Request
from exp_jupyter.warehouse.sql.event_source import EventSource

Executor = Literal["pass", "cells", "units", "walk", "by event"]
"""One pass over slices of the events; a statement of cells that metrics share; one of the units'
values, or of their events to walk; one a day, where a metric's own events give the breakdown."""


@dataclass(frozen=True)
class ExecutionPlan:
    """How the metrics of a request are computed.

    Parameters
    ----------
    request
        What is computed.
    executors
        Each metric's executor, in the request's order.
    """

    request: Request
    executors: tuple[Executor, ...]

    def places(self, executor: Executor) -> list[int]:
        """Return the places of the metrics that an executor has."""
        return [place for place, own in enumerate(self.executors) if own == executor]

    def part(self, *places: int) -> Request:
        """Return the request for some of its metrics."""
        return replace(self.request, metrics=tuple(self.request.metrics[i] for i in places))

    @property
    def shared(self) -> list[list[int]]:
        """The places of the metrics that share a statement of cells: those broken down alike."""
        groups: dict[tuple[Breakdown, ...], list[int]] = {}
        for place in self.places("cells"):
            groups.setdefault(tuple(self.request.metrics[place].breakdowns), []).append(place)
        return list(groups.values())

    def statements(self, source: EventSource) -> Iterator[Statement]:
        """Yield the statements that a source is asked, but those of a pass; none of them is run.

        Raises
        ------
        exp_jupyter.errors.InputError
            A definition asks for something that is not supported.
        """
        for places in self.shared:
            part = self.part(*places)
            yield cells_statement(source, part, part.metrics[0].breakdowns)
        for place, executor in enumerate(self.executors):
            if executor in ("cells", "pass"):
                continue
            part = self.part(place)
            (metric,) = part.metrics
            if executor == "by event":
                executor = of_units(metric, part) or "cells"
            write = {"units": units_statement, "walk": walk_statement}.get(
                executor, cells_statement
            )
            yield write(source, part, metric.breakdowns)


def plan_of(request: Request, *, sliced: bool) -> ExecutionPlan:
    """Return how the metrics of a request are computed.

    Parameters
    ----------
    request
        What to compute.
    sliced
        Whether the source can be read in slices, and one pass is wanted.
    """
    executors = tuple(executor_of(metric, request, sliced=sliced) for metric in request.metrics)
    return ExecutionPlan(request, executors)


def executor_of(metric: Metric, request: Request, *, sliced: bool) -> Executor:
    """Return what computes a metric; see ``plan_of``."""
    if metric.breakdowns and request.breakdowns_from == "metric_event":
        return "by event"
    if sliced and streams(metric, request):
        return "pass"
    return of_units(metric, request) or "cells"


def of_units(metric: Metric, request: Request) -> Literal["units", "walk"] | None:
    """Return how a metric is folded from its units; None where cells are enough."""
    if winsorized(metric):
        return "units"
    if isinstance(metric, FunnelMetric) and walks(metric, request.population):
        return "walk"
    return None


def streams(metric: Metric, request: Request) -> bool:
    """Whether a metric can be had from one pass over the events."""
    population = request.population
    if metric.breakdowns or winsorized(metric):
        return False
    if isinstance(metric, MeanMetric):
        return is_additive(metric.source, population)
    if isinstance(metric, RatioMetric):
        nodes = (metric.numerator, metric.denominator)
        return all(is_additive(node, population) for node in nodes)
    if isinstance(metric, FunnelMetric):
        days = request.days
        return (
            not metric.window_seconds
            and days.stop_us - days.start_us < LONGEST
            and metric.funnel_order_type != "strict"
            and not walks(metric, population)
        )
    return isinstance(metric, RetentionMetric) and _retains(metric, request)


def _retains(metric: RetentionMetric, request: Request) -> bool:
    if metric.window_seconds or metric.start_handling == "last_seen":
        return False
    nodes = (metric.start_event, metric.completion_event)
    if metric.retention_window_unit == "month" or any(
        isinstance(node, DataWarehouseNode) for node in nodes
    ):
        return False
    if metric.retention_window_start > 0:
        return True
    # The start itself is no return; where both can be one event, its id is needed.
    actions = request.population.actions
    back = events_of(metric.completion_event, actions)
    if isinstance(metric.start_event, ExposureNode):
        start = exposing_events(request.population)
    else:
        start = events_of(metric.start_event, actions)
    return start is not None and back is not None and not start & back
