"""Breakdowns by a metric's own events: which of a unit's events gives its values.

A mean takes the unit's first event in its window, a ratio the first of its numerator, a retention
the first start, a funnel the step that its attribution names. Events before the first exposure
give nothing. A unit without such an event has no values; it stays, under the null label.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import (
    DataWarehouseNode,
    ExposureNode,
    FunnelMetric,
    MeanMetric,
    Metric,
    RatioMetric,
    RetentionMetric,
)
from exp_jupyter.warehouse.events.matching import Node
from exp_jupyter.warehouse.events.sessions import by_session

if TYPE_CHECKING:
    from exp_jupyter.warehouse.events.scan import Scan


@dataclass(frozen=True)
class Attribution:
    """Where a unit's breakdown values come from.

    Attributes
    ----------
    match
        The column that says whether a row is of the source.
    start
        The instant before which no row counts, in microseconds.
    bounds
        The condition that a row can give the values: on its ``us``, the first ``us`` of its
        session ``begun`` (its own where sessions do not matter) and the unit's ``e0``.
    latest
        Whether the last such row gives them, rather than the first.
    session
        SQL for the row's session where a session counts as a whole, or empty.
    """

    match: str
    start: int
    bounds: str
    latest: bool = False
    session: str = ""

    def tables(self, columns: list[str], units: str) -> list[tuple[str, str]]:
        """Return the tables whose last one, ``ba``, has the values ``columns`` by ``unit``."""
        listed = ", ".join(columns)
        begun = "b.us"
        if self.session:
            begun = f"MIN(b.us) OVER (PARTITION BY b.unit, b.{self.session})"
        taken = ", ".join(f"b.{name} AS {name}" for name in ("unit", "us", "id", *columns))
        present = f" AND b.{self.session} IS NOT NULL" if self.session else ""
        rows = (
            f"SELECT {taken}, y.e0 AS e0, {begun} AS begun FROM base AS b "
            f"JOIN {units} AS y ON y.unit = b.unit WHERE b.{self.match} "
            f"AND b.us >= {self.start}{present}"
        )
        order = "us DESC, id DESC" if self.latest else "begun, us, id"
        ranked = (
            f"SELECT unit, {listed}, ROW_NUMBER() OVER (PARTITION BY unit ORDER BY {order}) AS rn "
            f"FROM bs WHERE {self.bounds}"
        )
        return [
            ("bs", rows),
            ("br", ranked),
            ("ba", f"SELECT unit, {listed} FROM br WHERE rn = 1"),
        ]


def attribution_of(scan: Scan, metric: Metric, where: str) -> Attribution | None:
    """Return where a metric's breakdown values come from; None where no event can give them.

    Raises
    ------
    exp_jupyter.errors.InputError
        The events are rows of a warehouse table, or the attribution names no step.
    """
    if isinstance(metric, FunnelMetric) and metric.table_steps:
        raise InputError(
            f"{where}: breakdowns on data-warehouse funnel steps are not yet supported for "
            "experiment funnels.",
            hint="Break down by the first exposure, or leave the breakdown out.",
        )
    node = _node(metric)
    if node is None:
        return None
    if isinstance(node, DataWarehouseNode):
        raise InputError(
            f"{where}: rows of a warehouse table give no breakdown by metric events.",
            hint="Break down by the first exposure, or leave the breakdown out.",
        )
    window, session = metric.window_seconds * 1_000_000, ""
    start, stop = scan.request.days.start_us, scan.request.days.stop_us
    match = scan.match(node, where)
    if isinstance(metric, FunnelMetric):
        bounds = f"us >= e0 AND us <= {stop + window}"
        if window and scan.request.window_rule == "recommended":
            bounds = f"us >= e0 AND us < e0 + {window}"
        return Attribution(match, start, bounds, metric.breakdownAttributionType == "last_touch")
    if isinstance(metric, RetentionMetric):
        sign = "<" if scan.request.window_rule == "recommended" else "<="
        within = f" AND us {sign} e0 + {window}" if window else ""
        return Attribution(match, start, f"us >= e0 AND us < {stop + window}{within}")
    if by_session(node):
        session = scan.value(match, f"NULLIF({scan.reader.text('$session_id')}, '')")
    end = f"e0 + {window}" if window else str(stop)
    return Attribution(match, start, f"begun >= e0 AND begun < {end}", session=session)


def _node(metric: Metric) -> Node | None:
    if isinstance(metric, MeanMetric):
        return metric.source
    if isinstance(metric, RatioMetric):
        return metric.numerator
    if isinstance(metric, RetentionMetric):
        start = metric.start_event
        return None if isinstance(start, ExposureNode) else start
    steps = metric.series
    if metric.breakdownAttributionType == "last_touch":
        return steps[-1]
    if metric.breakdownAttributionType != "step":
        return steps[0]
    place = metric.breakdownAttributionValue
    if place is None or not 0 <= place < len(steps):
        raise InputError(
            f"breakdownAttributionValue must be in [0, {len(steps) - 1}] for step attribution, "
            f"got {place}"
        )
    return steps[place]
