"""One number per unit and day: what a unit's events of a source amount to by the end of a day.

Each measure yields a table of changes ``(u, day, y)``: one row for every day on which the unit's
value changes, with its value from that day on. A unit without a row has the value 0.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import DataWarehouseNode
from exp_jupyter.warehouse.events.matching import Node
from exp_jupyter.warehouse.events.scan import Scan
from exp_jupyter.warehouse.events.sessions import by_session, session_rows
from exp_jupyter.warehouse.sql.hogql import expression, split
from exp_jupyter.warehouse.sql.properties import PropertyReader

_AGGREGATES = ("sum", "avg", "min", "max")
_DISTINCT = ("unique_session", "dau", "unique_group")
_NO_UUID = "00000000-0000-0000-0000-000000000000"
_RUNNING = "OVER (PARTITION BY u ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
_SO_FAR = "OVER (PARTITION BY u ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"


@dataclass(frozen=True)
class Measure:
    """The tables of one measure.

    Parameters
    ----------
    tables
        Name and SQL, in order; the last but the covariate's is ``name``.
    name
        The table of changes ``(u, day, y)``.
    covariate
        The table ``(u, xv)`` of the covariate, or empty.
    """

    tables: list[tuple[str, str]]
    name: str
    covariate: str = ""


def measure(
    scan: Scan, node: Node, window: int, name: str, where: str, *, covariate: bool
) -> Measure:
    """Compile one source node of a mean or ratio metric.

    Parameters
    ----------
    scan
        The shared scan.
    node
        The source node with its ``math``.
    window
        The conversion window in microseconds, 0 for none. With a window a unit's whole value
        belongs to its entry day; without one it grows day by day.
    name
        The name of the table of changes.
    where
        What to call the metric in a refusal.
    covariate
        Whether the same aggregation over the lookback is wanted too.
    """
    match = scan.match(node, where)
    if by_session(node):
        return _of_sessions(scan, node, match, window, name, where)
    if window:
        rows = f"{match} AND us >= e0 AND us < e0 + {window}"
        day = "d0"
    else:
        rows = f"{match} AND us >= e0 AND us < {scan.request.days.stop_us}"
        day = scan.calendar.before("us")
    past = f"{match} AND us >= e0 - {scan.lookback} AND us < e0" if covariate else ""
    shape = _Shape(name, scan.rows(match), rows, day, past)
    return _builder(scan, node, match, where)(shape)


def additive(scan: Scan, node: Node, where: str) -> tuple[str, str | None, str] | None:
    """Return a node's match, value and how values make up the unit's, where one number does.

    The value is a column's name, or None for ones; values make up the unit's by ``sum``, ``avg``,
    ``min`` or ``max``. None for expressions and for distinct keys, which one number does not hold,
    and for what is read of tables and sessions, which are no events.
    """
    math = node.math or "total"
    if math == "hogql" or isinstance(node, DataWarehouseNode) or by_session(node):
        return None
    match = scan.match(node, where)
    if math in _AGGREGATES and node.math_property:
        return match, scan.value(match, _number(scan, node, where)), math
    if math == "dau" and scan.request.population.group_index is None:
        person = f"NULLIF(NULLIF({_key(scan, node, math)}, ''), '{_NO_UUID}')"
        held = f"CASE WHEN {person} IS NULL THEN 0e0 ELSE 1e0 END"
        return match, scan.value(match, held), "max"
    if _key(scan, node, math) is not None:
        return None
    return match, None, math if math in _AGGREGATES and math != "sum" else "sum"


@dataclass(frozen=True)
class _Shape:
    name: str
    table: str
    rows: str
    day: str
    past: str

    def before(self, aggregate: str) -> list[tuple[str, str]]:
        """Return the covariate's table for an aggregate over the lookback."""
        if not self.past:
            return []
        sql = f"SELECT u, {aggregate} AS xv FROM {self.table} WHERE {self.past} GROUP BY u"
        return [(f"{self.name}_x", sql)]

    def finished(self, tables: list[tuple[str, str]], aggregate: str) -> Measure:
        return Measure(
            [*tables, *self.before(aggregate)], self.name, f"{self.name}_x" if self.past else ""
        )


def _builder(scan: Scan, node: Node, match: str, where: str) -> Callable[[_Shape], Measure]:
    math = node.math or "total"
    if math == "hogql":
        return _expression(scan, node, match, where)
    if isinstance(node, DataWarehouseNode):
        return _of_table(scan, node, match, where)
    if math in _AGGREGATES and node.math_property:
        value = scan.value(match, _number(scan, node, where))
        if math == "sum":
            return lambda shape: _added(shape, value)
        return lambda shape: _extreme_or_average(shape, math, value)
    key = _key(scan, node, math)
    if key is None:
        # Without a property sum counts; avg, min and max of ones are 1 once there is an event.
        if math in ("avg", "min", "max"):
            return lambda shape: _extreme_or_average(shape, math, "1e0")
        return lambda shape: _added(shape, "1e0")
    held = scan.value(match, f"NULLIF(NULLIF({key}, ''), '{_NO_UUID}')")
    return lambda shape: _distinct(shape, held)


def _of_sessions(scan: Scan, node: Node, match: str, window: int, name: str, where: str) -> Measure:
    begun = f"{name}_v"
    tables = session_rows(scan, node, match, begun, where)
    if window:
        rows, day = f"us >= e0 AND us < e0 + {window}", "d0"
    else:
        rows = f"us >= e0 AND us < {scan.request.days.stop_us}"
        day = scan.calendar.before("us")
    shape = _Shape(name, begun, rows, day, "")
    if node.math in ("avg", "min", "max"):
        made = _extreme_or_average(shape, str(node.math), "v")
    else:
        made = _added(shape, "v")
    return Measure([*tables, *made.tables], name)


def _of_table(
    scan: Scan, node: DataWarehouseNode, match: str, where: str
) -> Callable[[_Shape], Measure]:
    """Return the builder for a table's rows: each has the value of an expression, or else 1."""
    math, text, reader = node.math or "total", node.math_property, scan.reader_of(match)
    if math in _DISTINCT:
        found = _read(text, reader, where, number=False) if text else "'1'"
        held = scan.value(match, f"NULLIF(NULLIF({found}, ''), '{_NO_UUID}')")
        return lambda shape: _distinct(shape, held)
    value = "1e0"
    if text:
        number = _read(text, reader, where, number=True)
        value = scan.value(match, f"COALESCE(CASE WHEN {_finite(number)} THEN {number} END, 0)")
    if math in ("avg", "min", "max"):
        return lambda shape: _extreme_or_average(shape, math, value)
    return lambda shape: _added(shape, value)


def _read(text: str, reader: PropertyReader, where: str, *, number: bool) -> str:
    if text in reader.source.columns:  # a column's own name need not be a word of HogQL's
        return reader.number(text) if number else reader.text(text)
    return expression(text, reader, where, number=number)


def _finite(number: str) -> str:
    # Engines differ in how they ask for it; to all of them NaN is not at most the largest number.
    return f"ABS({number}) <= 1.7976931348623157e308"


def _number(scan: Scan, node: Node, where: str) -> str:
    key, kind = str(node.math_property), node.math_property_type
    if kind not in (None, "", "event_properties", "person_properties"):
        raise InputError(
            f"{where}: a math property of type {kind!r} is not supported.",
            hint="Use event_properties, person_properties or session_properties.",
        )
    number = scan.reader.number(key, "person" if kind == "person_properties" else "event")
    return f"COALESCE(CASE WHEN {_finite(number)} THEN {number} END, 0)"


def _key(scan: Scan, node: Node, math: str) -> str | None:
    if math == "unique_session":
        return scan.reader.text("$session_id")
    if math == "dau":
        return f"CAST({scan.reader.column(scan.source.person_id)} AS VARCHAR)"
    if math == "unique_group" and node.math_group_type_index is not None:
        return scan.reader.group(node.math_group_type_index)
    return "'1'" if math == "unique_group" else None


def _added(shape: _Shape, value: str) -> Measure:
    daily = f"{shape.name}_d"
    return shape.finished(
        [
            (
                daily,
                (
                    f"SELECT u, {shape.day} AS day, SUM({value}) AS d FROM {shape.table} "
                    f"WHERE {shape.rows} GROUP BY 1, 2"
                ),
            ),
            (shape.name, f"SELECT u, day, SUM(d) {_RUNNING} AS y FROM {daily}"),
        ],
        f"SUM({value})",
    )


def _extreme_or_average(shape: _Shape, math: str, value: str) -> Measure:
    daily = f"{shape.name}_d"
    if math == "avg":
        parts, running = (
            f"SUM({value}) AS d, COUNT(*) AS c",
            f"SUM(d) {_RUNNING} / SUM(c) {_RUNNING}",
        )
    else:
        parts, running = f"{math.upper()}({value}) AS d", f"{math.upper()}(d) {_RUNNING}"
    return shape.finished(
        [
            (
                daily,
                (
                    f"SELECT u, {shape.day} AS day, {parts} FROM {shape.table} "
                    f"WHERE {shape.rows} GROUP BY 1, 2"
                ),
            ),
            (shape.name, f"SELECT u, day, {running} AS y FROM {daily}"),
        ],
        f"{math.upper()}({value})",
    )


def _distinct(shape: _Shape, held: str) -> Measure:
    first, daily = f"{shape.name}_f", f"{shape.name}_d"
    return shape.finished(
        [
            (
                first,
                (
                    f"SELECT u, {held} AS k, MIN({shape.day}) AS day FROM {shape.table} "
                    f"WHERE {shape.rows} AND {held} IS NOT NULL GROUP BY u, {held}"
                ),
            ),
            (daily, f"SELECT u, day, CAST(COUNT(*) AS DOUBLE) AS d FROM {first} GROUP BY 1, 2"),
            (shape.name, f"SELECT u, day, SUM(d) {_RUNNING} AS y FROM {daily}"),
        ],
        f"CAST(COUNT(DISTINCT {held}) AS DOUBLE)",
    )


def _expression(scan: Scan, node: Node, match: str, where: str) -> Callable[[_Shape], Measure]:
    if not node.math_hogql:
        raise InputError(f"{where}: math 'hogql' needs an expression in math_hogql.")
    parts = split(node.math_hogql, scan.reader_of(match), where, f"h_{match}")
    calls = []
    for aggregate in parts.aggregates:
        call = aggregate.call
        for name, sql in aggregate.columns.items():
            call = call.replace(name, scan.value(match, sql))
        calls.append(call)

    def outer(table_less: list[str]) -> str:
        # The names are replaced from the last on, so that _1 never eats into _10.
        sql = parts.outer
        for i in reversed(range(len(table_less))):
            sql = sql.replace(f"h_{match}_{i}", f"({table_less[i]})")
        value = f"CAST({sql} AS DOUBLE)"
        return f"COALESCE(CASE WHEN {_finite(value)} THEN {value} END, 0)"

    def build(shape: _Shape) -> Measure:
        dated = f"{shape.name}_e"
        running = outer([f"{call} {_SO_FAR}" for call in calls])
        return shape.finished(
            [
                (dated, f"SELECT *, {shape.day} AS day FROM {shape.table} WHERE {shape.rows}"),
                (shape.name, f"SELECT DISTINCT u, day, {running} AS y FROM {dated}"),
            ],
            outer(calls),
        )

    return build
