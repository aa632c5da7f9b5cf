"""The shared scan: one pass over the events that serves every metric of a statement.

It yields three common tables. ``base``: the rows any metric or exposure matches, with a column per
match and per value. ``x``: one row per exposed unit with its variant ``v`` (a position in the list
of variants), first exposure ``e0``, entry day ``d0`` and exit day ``dm`` (the day its second
variant appears, else NULL). ``ev``: the exposed units' rows of ``base``. Warehouse tables that
metrics read follow, each like ``ev``.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import SECONDS, Breakdown, DataWarehouseNode, RetentionMetric
from exp_jupyter.warehouse.events.attribution import Attribution, attribution_of
from exp_jupyter.warehouse.events.exposure import Exposure
from exp_jupyter.warehouse.events.joins import JoinedTables
from exp_jupyter.warehouse.events.matching import Matcher, Node
from exp_jupyter.warehouse.request.days import DAY, UNKNOWN, Calendar
from exp_jupyter.warehouse.request.population import Request
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.sql.properties import Parameters, PropertyReader

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")


class Scan:
    """Collects what the metrics need from the events, then writes the common tables.

    Parameters
    ----------
    source
        The events.
    request
        What is computed.
    breakdowns
        Properties to break down by, of the first exposure or of the only metric's own events.
    """

    def __init__(
        self, source: EventSource, request: Request, breakdowns: Sequence[Breakdown] = ()
    ) -> None:
        self.source = source
        self.request = request
        self.parameters = Parameters()
        self.reader = PropertyReader(source, self.parameters)
        self.breakdowns = tuple(breakdowns)
        self.lookback = request.covariates.lookback if request.covariates else 0
        self.horizon = max((_horizon(metric) for metric in request.metrics), default=0)
        low = request.days.start_us - self.lookback - self.horizon
        self.calendar = Calendar(request.days, low, request.days.stop_us + self.horizon)
        self.needs_id = bool(breakdowns)  # so that equal instants have one order
        self.needs_exposure_id = False
        self.numbers_units = False  # else a unit is called by its own id
        self.extra_tables: list[tuple[str, str]] = []
        self._columns: dict[str, str] = {}
        self._matches: dict[str, str] = {}
        self._values: dict[tuple[str, str], str] = {}
        self._matched: set[str] | None = set()
        self.matcher = Matcher(self.reader, request.population.actions)
        self.exposure = Exposure(request, self.matcher)
        self.joined = JoinedTables(self.reader)
        self.attributes = bool(breakdowns) and request.breakdowns_from == "metric_event"
        self.attribution: Attribution | None = None
        if self.attributes:
            (metric,) = request.metrics
            self.attribution = attribution_of(self, metric, "The breakdown")

    # ------------------------------------------------------------ what metrics ask for

    def match(self, node: Node, where: str) -> str:
        """Return the name of the column that says whether a row matches a source node."""
        if isinstance(node, DataWarehouseNode):
            self.needs_id = True  # so that of exposures at one instant one has the key
            return self.joined.match(node, where)
        key = repr((type(node).__name__, self._identity(node)))
        if key not in self._matches:
            names = self.events_of(node)
            if names is None or self._matched is None:
                self._matched = None
            else:
                self._matched |= names
            name = f"m{len(self._matches)}"
            self._matches[key] = name
            self._columns[name] = self.matcher.condition(node, where)
        return self._matches[key]

    def value(self, match: str, sql: str) -> str:
        """Return the name of a column with a value of the rows that match."""
        if (match, sql) not in self._values:
            name = f"c{len(self._values)}"
            self._values[match, sql] = name
            table = self.joined.of(match)
            columns = table.columns if table else self._columns
            # CASE keeps the engine from reading the property of rows that do not match.
            columns[name] = f"CASE WHEN {columns[match]} THEN {sql} END"
        return self._values[match, sql]

    def rows(self, match: str) -> str:
        """Return the common table whose rows a match column speaks of."""
        table = self.joined.of(match)
        return table.name if table else "ev"

    @property
    def exposes(self) -> str:
        """The condition that a row of ``base`` exposes somebody."""
        return "av" if self.exposure.activates else "bv IS NOT NULL"

    def reader_of(self, match: str) -> PropertyReader:
        """Return what reads the rows that a match column speaks of."""
        table = self.joined.of(match)
        return table.reader if table else self.reader

    def events_of(self, node: Node) -> set[str] | None:
        """Return the names of the events a node can match; None for any."""
        return self.matcher.events_of(node)

    @property
    def match_columns(self) -> list[str]:
        """The columns that say which source node a row matches."""
        return list(self._matches.values())

    @property
    def value_columns(self) -> list[str]:
        """The columns with values of matching rows."""
        return list(self._values.values())

    def breakdown_columns(self, alias: str = "x") -> list[str]:
        """Return the breakdown columns of the units."""
        return [f"{alias}.{name}" for name in self._values_of_breakdowns]

    @property
    def _values_of_breakdowns(self) -> list[str]:
        return [f"bd{i}" for i in range(len(self.breakdowns))]

    @property
    def _exposed_breakdowns(self) -> list[str]:
        """The breakdown columns that the first exposure gives."""
        return [] if self.attributes else self._values_of_breakdowns

    def _identity(self, node: Node) -> Any:
        kept = node.model_dump(mode="json")
        return [kept.get("event"), kept.get("id"), kept.get("properties")]

    # ------------------------------------------------------------ the common tables

    def tables(self) -> list[tuple[str, str]]:
        """Return the common tables, name and SQL, in order; call it after all metrics."""
        return [
            ("base", self._base()),
            *self._first_per_variant(),
            *self._first_exposures(),
            *self._units(),
            ("ev", self._events()),
            *((table.name, table.sql(*self._span)) for table in self.joined.rows),
            *self.extra_tables,
        ]

    @property
    def _span(self) -> tuple[datetime, datetime]:
        days = self.request.days
        low = days.start - timedelta(microseconds=self.lookback)
        # One day more than any metric reads, so that every inclusive bound is inside.
        return low, days.stop + timedelta(microseconds=self.horizon + DAY)

    def _base(self) -> str:
        low, high = (self.reader.bound(moment) for moment in self._span)
        columns = [f"{self._unit} AS unit", f"epoch_us({self.reader.timestamp}) AS us"]
        columns.append(f"{self.exposure.variant} AS bv")
        if self.exposure.activates:
            columns.append(f"{self.exposure.activates} AS av")
        if self.needs_id:
            own = self.reader.column(self.source.uuid) if self.source.uuid else None
            columns.append(f"{own or self.source.row_number} AS id")
        columns += [f"{sql} AS {name}" for name, sql in self._columns.items()]
        columns += [f"{sql} AS {name}" for name, sql in self.joined.keys.items()]
        for name, item in zip(self._values_of_breakdowns, self.breakdowns, strict=True):
            columns.append(f"{breakdown_text(item, self.reader)} AS {name}")
        kept = self.exposure.kept
        shown = ["bv IS NOT NULL", *(["av"] if self.exposure.activates else [])]
        matched = " OR ".join([*shown, *self._matches.values()])
        return (
            f"SELECT * FROM (SELECT {', '.join(columns)} "
            f"FROM {self.source.relation} AS e{self.reader.joins(*columns, kept)} "
            f"WHERE {self.reader.timestamp} >= {low} AND {self.reader.timestamp} < {high}{kept}"
            f"{self.matcher.named(self.matcher.names)}) AS r WHERE unit IS NOT NULL AND ({matched})"
        )

    @property
    def _unit(self) -> str:
        index = self.request.population.group_index
        if index is not None:
            return self.reader.group(index)
        return self.reader.column(self.source.person_id)

    # ------------------------------------------------------------ for a pass in slices

    def exposures(self, since: int) -> tuple[str, Mapping[str, Any]]:
        """Return SQL for the first exposures from an instant on.

        One row per ``unit``, in their order, so that sums over units come out the same to the bit;
        ``t0``… are its first exposures by the variants' positions, UNKNOWN for none.
        """
        low = self.reader.bound(_moment(since))
        variant, kept = self.exposure.variant, self.exposure.kept
        named = self.matcher.named(self.matcher.names)
        firsts = ", ".join(
            f"MIN(CASE WHEN bv = {i} THEN us ELSE {UNKNOWN} END) AS t{i}"
            for i in range(len(self.request.population.variants))
        )
        sql = (
            f"SELECT unit, {firsts} FROM (SELECT {self._plain_unit} AS unit, "
            f"epoch_us({self.reader.timestamp}) AS us, {variant} AS bv "
            f"FROM {self.source.relation} AS e{self.reader.joins(variant, kept)} "
            f"WHERE {self.reader.timestamp} >= {low}{kept}{named}) AS r "
            "WHERE unit IS NOT NULL AND bv IS NOT NULL GROUP BY unit ORDER BY unit"
        )
        return sql, self.parameters.values

    def calls(self, prop: str) -> tuple[str, Mapping[str, Any]]:
        """Return SQL for the rows that expose, or would with a variant: ``unit, us, bv, error``.

        ``bv`` is the variant's position, NULL where the row names none; ``error`` is the text of
        the property ``prop``, NULL where there is none or an empty one.
        """
        variant, called, kept = self.exposure.variant, self.exposure.called, self.exposure.kept
        error = f"CASE WHEN {called} THEN NULLIF({self.reader.text(prop)}, '') END"
        named = self.matcher.named(self.matcher.names)
        days = self.request.days
        low, high = self.reader.bound(days.start), self.reader.bound(days.stop)
        sql = (
            f"SELECT unit, us, bv, error FROM (SELECT {self._unit} AS unit, "
            f"epoch_us({self.reader.timestamp}) AS us, {variant} AS bv, {error} AS error "
            f"FROM {self.source.relation} AS e{self.reader.joins(variant, called, error, kept)} "
            f"WHERE {self.reader.timestamp} >= {low} AND {self.reader.timestamp} <= {high}"
            f"{kept}{named}) AS r WHERE unit IS NOT NULL"
        )
        return sql, self.parameters.values

    def activations(self, since: int, units: str) -> tuple[str, Mapping[str, Any]]:
        """Return SQL for the first activations ``us`` from an instant on, by the unit's ``u``.

        ``units`` is the name of a table ``(unit, u, since)``: an activation before a unit's own
        ``since`` is none.
        """
        low = self.reader.bound(_moment(since))
        activates, kept = self.exposure.activates, self.exposure.kept
        named = self.matcher.named(self.matcher.names)
        sql = (
            "SELECT x.u AS u, MIN(r.us) AS us FROM "
            f"(SELECT {self._plain_unit} AS unit, epoch_us({self.reader.timestamp}) AS us, "
            f"{activates} AS av "
            f"FROM {self.source.relation} AS e{self.reader.joins(activates, kept)} "
            f"WHERE {self.reader.timestamp} >= {low}{kept}{named}) AS r "
            f"JOIN {units} AS x ON x.unit = r.unit WHERE r.av AND r.us >= x.since GROUP BY x.u"
        )
        return sql, self.parameters.values

    def events(self, low: int, high: int, units: str | None) -> tuple[str, Mapping[str, Any]]:
        """Return SQL for the events between two instants, the second left out.

        Its columns: ``us``, one for every match and value that was asked for, and the ``unit``;
        or, with ``units`` the name of a table ``(unit, u)``, the position ``u`` of those in it.
        """
        first, last = self.reader.bound(_moment(low)), self.reader.bound(_moment(high))
        unit = self._plain_unit
        columns = [f"epoch_us({self.reader.timestamp}) AS us"]
        columns += [f"{sql} AS {name}" for name, sql in self._columns.items()]
        columns.append("x.u AS u" if units else f"{unit} AS unit")
        join = f" JOIN {units} AS x ON x.unit = {unit}" if units else ""
        # A person who has left is no unit; the events of a group may be those of such a person.
        kept = self.exposure.kept if self.request.population.group_index is not None else ""
        sql = (
            f"SELECT {', '.join(columns)} "
            f"FROM {self.source.relation} AS e{self.reader.joins(*columns, kept)}{join} "
            f"WHERE {self.reader.timestamp} >= {first} AND {self.reader.timestamp} < {last}{kept} "
            f"AND {self._unit} IS NOT NULL{self.matcher.named(self._matched)}"
        )
        return sql, self.parameters.values

    def fingerprints(self, edges: Sequence[int]) -> tuple[str, Mapping[str, Any]]:
        """Return SQL for the number ``n`` of events and a digest ``h`` of them between edges ``d``.

        Two sets of events with the same number and digest are the same but for an accident that
        2⁶⁴ to one speaks against.
        """
        first, last = self.reader.bound(_moment(edges[0])), self.reader.bound(_moment(edges[-1]))
        us = f"epoch_us({self.reader.timestamp})"
        days = " ".join(f"WHEN {us} < {edge} THEN {i}" for i, edge in enumerate(edges[1:]))
        event = self.reader.column(self.source.event)
        sql = (
            f"SELECT CASE {days} END AS d, COUNT(*) AS n, "
            f"BIT_XOR(hash({self._unit}, {event}, {us})) AS h "
            f"FROM {self.source.relation} AS e "
            f"WHERE {self.reader.timestamp} >= {first} AND {self.reader.timestamp} < {last}"
            f"{self.matcher.named(self.matcher.names)} GROUP BY 1"
        )
        return sql, self.parameters.values

    @property
    def whole_units(self) -> bool:
        """Whether the units' ids are whole numbers."""
        kind = self.source.columns.get(self.source.person_id, "")
        return self.request.population.group_index is None and kind in _WHOLE

    @property
    def _plain_unit(self) -> str:
        """The unit as a whole number or as text, which arrays can hold."""
        return f"CAST({self._unit} AS {'BIGINT' if self.whole_units else 'VARCHAR'})"

    def _first_per_variant(self) -> list[tuple[str, str]]:
        """Return the tables of when each unit was first shown each variant, in that order.

        Where units must be active after that, ``act`` is when they were: the first time beside
        each variant, and under the variant NULL, which comes last, by events that show none.
        """
        rank = "SELECT *, ROW_NUMBER() OVER (PARTITION BY unit ORDER BY {}t, v) AS rn FROM fv"
        if not self.exposure.activates:
            first = "SELECT unit, bv AS v, MIN(us) AS t FROM base WHERE bv IS NOT NULL "
            return [("fv", f"{first}GROUP BY unit, bv"), ("rk", rank.format(""))]
        read = ["unit", "us", "bv", "av", *(["id"] if self.needs_id else [])]
        read += [*self._exposed_breakdowns, *self.joined.keys]
        # A window rather than a join: engines that keep no common table would read it again.
        shown = "MIN(CASE WHEN bv IS NOT NULL THEN us END) OVER (PARTITION BY unit) AS shown"
        first = (
            "SELECT unit, bv AS v, MIN(us) AS t, MIN(CASE WHEN av AND us >= shown THEN us END) "
            "AS act FROM sh GROUP BY unit, bv"
        )
        return [
            ("sh", f"SELECT {', '.join(read)}, {shown} FROM base WHERE bv IS NOT NULL OR av"),
            ("fv", first),
            ("rk", rank.format("CASE WHEN v IS NULL THEN 1 ELSE 0 END, ")),
        ]

    def _first_exposures(self) -> list[tuple[str, str]]:
        wanted = [*self._exposed_breakdowns, *self.joined.keys]
        if self.needs_exposure_id:
            wanted.append("id")
        if not wanted:
            return []
        order = "us, id" if self.needs_id else "us"
        ranked = f"ROW_NUMBER() OVER (PARTITION BY unit ORDER BY {order}) AS rn"
        names = ", ".join(wanted)
        active = "sh WHERE av AND us >= shown"
        rows = active if self.exposure.activates else "base WHERE bv IS NOT NULL"
        return [
            ("xr", f"SELECT unit, {names}, {ranked} FROM {rows}"),
            ("xf", f"SELECT unit, {names} FROM xr WHERE rn = 1"),
        ]

    def _units(self) -> list[tuple[str, str]]:
        until = self.calendar.until
        # An engine may run this more than once, so the numbers must not depend on the run.
        number = "ROW_NUMBER() OVER (ORDER BY unit)" if self.numbers_units else "unit"
        first = "MIN(act)" if self.exposure.activates else "MIN(t)"
        units = (
            f"SELECT {number} AS u, unit, MAX(CASE WHEN rn = 1 THEN v END) AS v, "
            f"{first} AS e0, {until(first)} AS d0, "
            f"MIN(CASE WHEN rn = 2 AND v IS NOT NULL THEN {until('t')} END) AS dm "
            f"FROM rk GROUP BY unit HAVING {first} IS NOT NULL"
        )
        more = [f"f.{name} AS {name}" for name in (*self._exposed_breakdowns, *self.joined.keys)]
        if self.needs_exposure_id:
            more.append("f.id AS xid")
        own = [f"y.{name} AS {name}" for name in ("u", "unit", "v", "e0", "d0", "dm")]
        tables, last = [], units
        if more:
            tables.append(("xu", units))
            last = f"SELECT {', '.join([*own, *more])} FROM xu AS y JOIN xf AS f ON f.unit = y.unit"
        if self.attributes:
            tables.append(("xe", last))
            attributed, last = self._attributed()
            tables += attributed
        return [*tables, ("x", last)]

    def _attributed(self) -> tuple[list[tuple[str, str]], str]:
        """Return tables, and the units ``xe`` with the values that metric events give them."""
        names = self._values_of_breakdowns
        if self.attribution is None:
            none = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in names)
            return [], f"SELECT y.*, {none} FROM xe AS y"
        taken = ", ".join(f"f.{name} AS {name}" for name in names)
        joined = f"SELECT y.*, {taken} FROM xe AS y LEFT JOIN ba AS f ON f.unit = y.unit"
        return self.attribution.tables(names, "xe"), joined

    def _events(self) -> str:
        columns = ["us", *(["id"] if self.needs_id else []), *self._columns]
        columns = [f"b.{name} AS {name}" for name in columns]
        # An activation from the first on exposes its unit again, as a flag call does without them.
        exposes = "CASE WHEN b.av AND b.us >= x.e0 THEN x.v END"
        columns.append(f"{exposes if self.exposure.activates else 'b.bv'} AS bv")
        columns += [f"x.{name} AS {name}" for name in ("u", "e0", "d0")]
        return f"SELECT {', '.join(columns)} FROM base AS b JOIN x ON x.unit = b.unit"


_BREAKDOWN_SCOPES = {None: "event", "event": "event", "feature": "event", "person": "person"}


def breakdown_text(item: Breakdown, reader: PropertyReader) -> str:
    """Return SQL for a breakdown's value of a row, NULL where it has none.

    Raises
    ------
    exp_jupyter.errors.InputError
        The breakdown is not of a kind of property that rows have.
    """
    if item.type not in _BREAKDOWN_SCOPES:
        raise InputError(
            f"The breakdown by {item.property!r}: properties of type {item.type!r} are not "
            "supported.",
            hint="Use a property of type event or person.",
        )
    return reader.text(item.property, _BREAKDOWN_SCOPES[item.type])


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def _horizon(metric: Any) -> int:
    seconds = metric.window_seconds
    if isinstance(metric, RetentionMetric):
        seconds += metric.retention_window_end * SECONDS[metric.retention_window_unit] + 86_400
    return int(seconds) * 1_000_000
