"""Metric definitions to statements: one returns cells for all days, sharing one scan.

A cell is a named sum keyed by metric, variant, day, exit day and breakdown. It holds the *change*
of that sum on that day over units of that variant which leave on that exit day; cumulated over
days it is the sum itself.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import (
    Breakdown,
    FunnelMetric,
    MeanMetric,
    Metric,
    RatioMetric,
    RetentionMetric,
)
from exp_jupyter.warehouse.events.funnel import last_step_before, matches, ordered, walked, walks
from exp_jupyter.warehouse.events.measures import Measure, measure
from exp_jupyter.warehouse.events.retention import retention
from exp_jupyter.warehouse.events.scan import Scan
from exp_jupyter.warehouse.events.sessions import by_session
from exp_jupyter.warehouse.request.population import Request
from exp_jupyter.warehouse.sql.event_source import EventSource

SUMS = ("n", "s", "ss", "sss", "b", "bb", "ab", "x", "xx", "xy")
"""A cell's sums: units, Σy, Σy², Σy³, Σb, Σb², Σyb, Σx, Σx², Σxy (b a denominator, x a covariate).

With the cubes a skewed metric is tested as it is where the arms differ in size.
"""


# Columns of joins are always named: engines differ in what they call one that is not.
_UNIT = "x.u AS u, x.v AS v, x.d0 AS d0, x.dm AS dm"
_NULL = "CAST(NULL AS DOUBLE)"


@dataclass(frozen=True)
class Statement:
    """SQL with the values to bind.

    Parameters
    ----------
    sql
        The statement in DuckDB's dialect, ``$name`` where a value goes.
    parameters
        The values.
    """

    sql: str
    parameters: Mapping[str, Any]

    def rendered(self, dialect: str) -> str:
        """Return the statement in another dialect's words.

        Parameters
        ----------
        dialect
            A dialect of SQLGlot, for example ``clickhouse``.
        """
        import sqlglot

        return sqlglot.parse_one(self.sql, read="duckdb").sql(dialect=dialect)


def label(metric: Metric) -> str:
    """Return what to call a metric in a message."""
    return f"Metric {metric.name or metric.uuid or 'without a name'!r}"


def winsorized(metric: Metric) -> bool:
    """Whether a metric's values are clamped to bounds of their pooled distribution."""
    if isinstance(metric, MeanMetric):
        return metric.active
    if isinstance(metric, RatioMetric):
        handling = (metric.numerator_outlier_handling, metric.denominator_outlier_handling)
        return any(bounds is not None and bounds.active for bounds in handling)
    return False


def takes_covariate(metric: Metric) -> bool:
    """Whether a metric is adjusted by a covariate.

    Means without a threshold and not of sessions are, and ordered funnels whose steps are all
    events.
    """
    if isinstance(metric, MeanMetric):
        return metric.threshold is None and not by_session(metric.source)
    if not isinstance(metric, FunnelMetric) or metric.table_steps:
        return False
    return metric.funnel_order_type != "unordered"


def needs_units(source: EventSource, request: Request, metric: Metric) -> bool:
    """Whether a metric is folded from its units rather than from cells."""
    if winsorized(metric):
        return True
    return isinstance(metric, FunnelMetric) and walks(Scan(source, request), metric)


def cells_statement(
    source: EventSource, request: Request, breakdowns: Sequence[Breakdown] = ()
) -> Statement:
    """Return the statement with the cells of every metric of the request.

    Its columns: ``metric`` (position in the request), ``v`` (position of the variant), ``day`` and
    ``exit_day`` (positions of days), ``bd0``…, the ``SUMS`` with a leading ``o_`` and
    the step counts ``o_k1``….
    """
    scan = Scan(source, request, breakdowns)
    steps = max((len(m.series) for m in request.metrics if isinstance(m, FunnelMetric)), default=0)
    writer = _CellWriter(scan, steps)
    for position, metric in enumerate(request.metrics):
        writer.add(position, metric)
    return written(scan, [*scan.tables(), *writer.tables], " UNION ALL ".join(writer.selects))


def units_statement(
    source: EventSource, request: Request, breakdowns: Sequence[Breakdown] = ()
) -> Statement:
    """Return the statement with one row per unit and change of the request's only metric.

    Its columns: ``u``, ``v``, ``d0``, ``dm``, ``bd0``…, ``day`` (NULL for a unit without a
    change), ``a``, ``b`` (values from that day on) and ``xv`` (the covariate), by unit and day.
    """
    (metric,) = request.metrics
    scan = Scan(source, request, breakdowns)
    scan.numbers_units = True
    where = label(metric)
    covariate = request.covariates is not None and takes_covariate(metric)
    window = metric.window_seconds * 1_000_000
    tables: list[tuple[str, str]] = []
    held = "0e0"
    join = ""
    if isinstance(metric, RatioMetric):
        tables, changes = _pair(scan, metric, "r0", where)
    else:
        assert isinstance(metric, MeanMetric)  # noqa: S101 - only values can be clamped
        part = measure(scan, metric.source, window, "r0", where, covariate=covariate)
        tables, changes = part.tables, f"(SELECT u, day, y AS a, 0e0 AS b FROM {part.name})"
        if part.covariate:
            held, join = "COALESCE(q.xv, 0)", f" LEFT JOIN {part.covariate} AS q ON q.u = x.u"
    more = "".join(f", {column} AS bd{i}" for i, column in enumerate(scan.breakdown_columns()))
    unit, kind = _UNIT, "LEFT JOIN"
    if isinstance(metric, MeanMetric) and by_session(metric.source):
        # A unit is there from its first session on, and one without any never is.
        unit, kind = _UNIT.replace("x.d0 AS d0", "n.day AS d0"), "JOIN"
        join = f" JOIN {_since('r0')} AS n ON n.u = x.u"
    final = (
        f"SELECT {unit}{more}, c.day AS day, c.a AS a, c.b AS b, {held} AS xv FROM x "
        f"{kind} {changes} AS c ON c.u = x.u{join} WHERE {matured(scan, window)} "
        "ORDER BY x.u, c.day"
    )
    return written(scan, [*scan.tables(), *tables], final)


def walk_statement(
    source: EventSource, request: Request, breakdowns: Sequence[Breakdown] = ()
) -> Statement:
    """Return the statement with the events of the request's only metric, a funnel, to walk.

    Its columns: ``u``, ``v``, ``d0``, ``dm``, ``e0``, ``bd0``…, ``us``, ``id``, ``steps`` (bit k
    for step k, bit 0 for the exposure; NULL for a unit without rows) and ``xv``, by unit and time.
    """
    (metric,) = request.metrics
    assert isinstance(metric, FunnelMetric)  # noqa: S101 - the caller has looked
    scan = Scan(source, request, breakdowns)
    scan.needs_id = scan.numbers_units = True
    where = label(metric)
    steps = matches(scan, metric, where)
    window = metric.window_seconds * 1_000_000
    tables = [("walked", walked(scan, metric, steps))]
    held, join = "0e0", ""
    if request.covariates is not None and takes_covariate(metric):
        tables.append(last_step_before(scan, steps[-1], "walked"))
        held, join = "COALESCE(q.xv, 0)", " LEFT JOIN walked_x AS q ON q.u = x.u"
    more = "".join(f", {column} AS bd{i}" for i, column in enumerate(scan.breakdown_columns()))
    final = (
        f"SELECT {_UNIT}{more}, w.us AS us, w.eid AS id, w.steps AS steps, "
        f"{held} AS xv FROM x LEFT JOIN walked AS w ON w.u = x.u AND w.steps > 0{join} "
        f"WHERE {matured(scan, window)} ORDER BY x.u, w.us, w.eid"
    )
    return written(scan, [*scan.tables(), *tables], final)


def exposures_statement(source: EventSource, request: Request) -> Statement:
    """Return the statement with the units ``n`` per variant and local day of the first exposure.

    Its column ``several`` is 1 for the units that were seen under more than one variant, else 0.
    """
    scan = Scan(source, request)
    units = (
        f"SELECT v, {scan.calendar.before('e0')} AS day, "
        "CASE WHEN dm IS NULL THEN 0 ELSE 1 END AS several FROM x"
    )
    final = f"SELECT v, day, several, COUNT(*) AS n FROM ({units}) AS y GROUP BY v, day, several"
    return written(scan, [table for table in scan.tables() if table[0] != "ev"], final)


def exposed_statement(source: EventSource, request: Request) -> Statement:
    """Return the statement with every exposed unit's own id ``u``, in no order."""
    scan = Scan(source, request)
    tables = [table for table in scan.tables() if table[0] != "ev"]
    return written(scan, tables, "SELECT u FROM x")


def young_statement(source: EventSource, request: Request, window: int) -> Statement:
    """Return the statement with the number ``n`` of units whose window is not over yet.

    Parameters
    ----------
    source
        The events.
    request
        The population and the days; its metrics do not matter.
    window
        The window in microseconds.
    """
    scan = Scan(source, request)
    tables = [table for table in scan.tables() if table[0] != "ev"]
    final = f"SELECT COUNT(*) AS n FROM x WHERE x.e0 + {window} > {request.clock}"
    if request.population.criteria.handling == "exclude":
        final += " AND x.dm IS NULL"
    return written(scan, tables, final)


def matured(scan: Scan, window: int) -> str:
    """Return the condition that a unit ``x`` counts: its window is over where that matters."""
    if not scan.request.population.matured_only or not window:
        return "TRUE"
    return f"x.e0 + {window} <= {scan.request.clock}"


def written(scan: Scan, tables: Sequence[tuple[str, str]], final: str) -> Statement:
    """Return a statement of common tables and a final SELECT, with the scan's values to bind."""
    common = ", ".join(f"{name} AS MATERIALIZED ({sql})" for name, sql in tables)
    return Statement(f"WITH {common} {final}", scan.parameters.values)


def _since(table: str) -> str:
    """Return a subquery with the day of every unit's first change."""
    return f"(SELECT u, MIN(day) AS day FROM {table} GROUP BY u)"


def _pair(
    scan: Scan, metric: RatioMetric, name: str, where: str
) -> tuple[list[tuple[str, str]], str]:
    """Return the tables of both parts, the last with the changes ``(u, day, a, b)``."""
    window = metric.window_seconds * 1_000_000
    if by_session(metric.numerator) or by_session(metric.denominator):
        raise InputError(
            f"{where}: a session property is no part of a ratio.",
            hint="Measure it with a mean metric, or send it as a property of an event.",
        )
    above = measure(scan, metric.numerator, window, f"{name}_n", where, covariate=False)
    below = measure(scan, metric.denominator, window, f"{name}_m", where, covariate=False)
    # Since its last change a part has one value; counting the changes names these stretches.
    counted = (
        "COUNT({0}) OVER (PARTITION BY u ORDER BY day "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS n{0}"
    )
    carried = "COALESCE(MAX({0}) OVER (PARTITION BY u, n{0}), 0) AS {0}"
    tables = [
        *above.tables,
        *below.tables,
        (
            f"{name}_j",
            (
                "SELECT u, day, MAX(a) AS a, MAX(b) AS b FROM "
                f"(SELECT u, day, y AS a, {_NULL} AS b FROM {above.name} UNION ALL "
                f"SELECT u, day, {_NULL} AS a, y AS b FROM {below.name}) AS z GROUP BY u, day"
            ),
        ),
        (
            f"{name}_c",
            f"SELECT u, day, a, b, {counted.format('a')}, {counted.format('b')} FROM {name}_j",
        ),
        (name, f"SELECT u, day, {carried.format('a')}, {carried.format('b')} FROM {name}_c"),
    ]
    return tables, name


class _CellWriter:
    """Writes the SELECTs whose union is the cells."""

    def __init__(self, scan: Scan, steps: int) -> None:
        self.scan = scan
        self.names = (*SUMS, *(f"k{i}" for i in range(1, steps + 1)))
        self.tables: list[tuple[str, str]] = []
        self.selects: list[str] = []

    def add(self, position: int, metric: Metric) -> None:
        name, where = f"t{position}", label(metric)
        covariate = self.scan.request.covariates is not None and takes_covariate(metric)
        window = metric.window_seconds * 1_000_000
        if isinstance(metric, RetentionMetric):
            self._retention(position, metric, name, where)
            return
        counts = matured(self.scan, window)
        if isinstance(metric, MeanMetric):
            part = measure(self.scan, metric.source, window, name, where, covariate=covariate)
            self._mean(position, metric, part, counts)
            held = part.covariate
        elif isinstance(metric, FunnelMetric):
            funnel = ordered(self.scan, metric, name, where, covariate=covariate)
            self.tables += funnel.tables
            last = f"CASE WHEN f.step = {len(metric.series)} THEN 1 ELSE 0 END"
            arrived = {
                f"k{k}": f"CASE WHEN f.step = {k} THEN 1 ELSE 0 END"
                for k in range(1, len(metric.series) + 1)
            }
            cross = f"{last} * COALESCE(q.xv, 0)" if covariate else "0"
            self._select(
                position,
                f"{funnel.name} AS f JOIN x ON x.u = f.u{self._with(funnel.covariate)}",
                "f.day",
                {"s": last, "ss": last, "sss": last, "xy": cross, **arrived},
                counts,
            )
            held = funnel.covariate
        else:
            self._ratio(position, metric, name, where, counts)
            held = ""
        entered = {"n": "1"}
        if held:
            entered |= {"x": "COALESCE(q.xv, 0)", "xx": "COALESCE(q.xv * q.xv, 0)"}
        if isinstance(metric, MeanMetric) and by_session(metric.source):
            self._select(
                position, f"{_since(name)} AS c JOIN x ON x.u = c.u", "c.day", entered, counts
            )
        else:
            self._select(position, f"x{self._with(held)}", "x.d0", entered, counts)

    def _mean(self, position: int, metric: MeanMetric, part: Measure, counts: str) -> None:
        self.tables += part.tables
        y = "y"
        if metric.threshold is not None:
            bound = self.scan.parameters.bind(float(metric.threshold))
            y = f"CASE WHEN y >= {bound} THEN 1e0 ELSE 0e0 END"
        changes = _changes(part.name, {"y": y})
        self._select(
            position,
            f"{changes} AS c JOIN x ON x.u = c.u{self._with(part.covariate)}",
            "c.day",
            {
                "s": "c.y - c.py",
                "ss": "c.y * c.y - c.py * c.py",
                "sss": "c.y * c.y * c.y - c.py * c.py * c.py",
                "xy": "(c.y - c.py) * COALESCE(q.xv, 0)" if part.covariate else "0",
            },
            counts,
        )

    def _ratio(
        self, position: int, metric: RatioMetric, name: str, where: str, counts: str
    ) -> None:
        tables, pair = _pair(self.scan, metric, name, where)
        self.tables += tables
        self._select(
            position,
            f"{_changes(pair, {'a': 'a', 'b': 'b'})} AS c JOIN x ON x.u = c.u",
            "c.day",
            {
                "s": "c.a - c.pa",
                "ss": "c.a * c.a - c.pa * c.pa",
                "sss": "c.a * c.a * c.a - c.pa * c.pa * c.pa",
                "b": "c.b - c.pb",
                "bb": "c.b * c.b - c.pb * c.pb",
                "ab": "c.a * c.b - c.pa * c.pb",
            },
            counts,
        )

    def _retention(self, position: int, metric: RetentionMetric, name: str, where: str) -> None:
        part = retention(self.scan, metric, name, where)
        self.tables += part.tables
        units, back = "c.i - c.pi", "c.y - c.py"
        self._select(
            position,
            f"{_changes(part.name, {'i': 'i', 'y': 'y'})} AS c JOIN x ON x.u = c.u",
            "c.day",
            {"n": units, "s": back, "ss": back, "sss": back, "b": units, "bb": units, "ab": back},
            "TRUE",
        )

    def _with(self, covariate: str) -> str:
        return f" LEFT JOIN {covariate} AS q ON q.u = x.u" if covariate else ""

    def _select(
        self, position: int, tables: str, day: str, sums: Mapping[str, str], condition: str
    ) -> None:
        keys = ["x.v", day, "x.dm", *self.scan.breakdown_columns()]
        columns = [f"{position} AS metric", "x.v AS v", f"{day} AS day", "x.dm AS exit_day"]
        columns += [f"{name} AS bd{i}" for i, name in enumerate(self.scan.breakdown_columns())]
        columns += [
            f"CAST(SUM({sums[name]}) AS DOUBLE) AS o_{name}"
            if name in sums
            else f"CAST(0 AS DOUBLE) AS o_{name}"
            for name in self.names
        ]
        self.selects.append(
            f"SELECT {', '.join(columns)} FROM {tables} WHERE {condition} "
            f"GROUP BY {', '.join(keys)}"
        )


def _changes(table: str, columns: Mapping[str, str]) -> str:
    """Return a subquery with every value and, with a leading ``p``, the one it replaces."""
    now = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    old = ", ".join(
        f"COALESCE(LAG({name}) OVER (PARTITION BY u ORDER BY day), 0) AS p{name}"
        for name in columns
    )
    return f"(SELECT *, {old} FROM (SELECT u, day, {now} FROM {table}) AS w)"
