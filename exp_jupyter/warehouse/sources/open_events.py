"""Events in whatever people have them in, as the source the compiler reads, for one analysis.

Frames and files are read by a DuckDB of our own, a caller's connection by itself. What had to be
made on the way, a view of a frame for example, is gone when the analysis is over.
"""

# ruff: noqa: S608 - names are quoted; tables are the caller's own SQL
from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.events.fold import filled
from exp_jupyter.warehouse.events.repeated import Duplicates, without_repeated
from exp_jupyter.warehouse.request.number_text import NumberFormat
from exp_jupyter.warehouse.sources.columns import EventColumns, read_columns
from exp_jupyter.warehouse.sources.engines import ConnectedSource, literal
from exp_jupyter.warehouse.sources.open_units import VIEW, kind_of
from exp_jupyter.warehouse.sources.tables import (
    FILES,
    file_reader,
    is_frame,
    named_table,
    no_table,
    register,
    short,
)
from exp_jupyter.warehouse.sql.dialects import rendered
from exp_jupyter.warehouse.sql.event_source import EventSource, first_line, no_json
from exp_jupyter.warehouse.sql.execution import attended, stopping
from exp_jupyter.warehouse.sql.properties import name_sql

_LOOKED_AT = 1000
"""Rows whose properties are looked at before anything is read."""

_OFFSET = r"^\s*\d{4}-\d{2}-\d{2}[T ]\d{2}.*([zZ]|[+-]\d{2}(:?\d{2})?)\s*$"


@dataclass(frozen=True)
class RelationSource(EventSource):
    """Events in a DuckDB relation, which answers on a connection of its own."""

    @cached_property
    def columns(self) -> dict[str, str]:
        """The relation's columns and their DuckDB types."""
        found = self._asked(f"SELECT * FROM {self.relation} AS s LIMIT 0")
        return dict(zip(found.columns, map(str, found.types), strict=True))

    def _asked(self, sql: str) -> Any:
        relation: Any = self.connection
        return relation.query(VIEW, sql)

    @property
    def streams(self) -> bool:
        """Not in slices: each would begin the relation anew."""
        return False

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Run one statement and return its columns as NumPy arrays; see ``EventSource.rows``."""
        import duckdb

        text, _, _ = rendered(sql, parameters, "duckdb", lambda _, value: literal(value, "duckdb"))
        try:
            stop = stopping(self.connection)  # type: ignore[arg-type]
            found = attended(None, lambda: self._asked(text).fetchnumpy(), stop)
        except duckdb.Error as error:
            raise InputError(
                f"The events could not be analysed: {first_line(error)}",
                hint="Check the relation and the columns' names.",
            ) from error
        return dict(found)


@contextmanager
def event_source(
    events: Any,
    *,
    columns: Mapping[str, str] | None = None,
    table: str | None = None,
    dialect: str | None = None,
    persons: Any = None,
    cohorts: Any = None,
    sessions: Any = None,
    tables: Mapping[str, Any] | None = None,
    numbers: NumberFormat | None = None,
    duplicates: Duplicates = "keep",
    text: Collection[str] = (),
) -> Iterator[EventSource]:
    """Open somebody's events for one analysis.

    Parameters
    ----------
    events
        A pandas or polars frame, an Arrow table, a mapping of columns; the path or glob of Parquet
        or CSV files; a DuckDB relation; or a connection (DuckDB, DB-API, SQLAlchemy, Ibis, Spark)
        with ``table``.
    columns
        What a column holds to its name; see ``read_columns``.
    table
        With a connection: the table's name, or a ``SELECT``. It is your own SQL and trusted.
    dialect
        With a connection: its engine, where it cannot be told.
    persons
        Person properties: a table like ``events`` with one row a person, its column ``person_id``
        and a column per property, or a column ``properties`` of JSON. Beside a connection's table
        it is a table's name or a ``SELECT``.
    cohorts
        Who is in which cohort: such a table with the columns ``person_id`` and ``cohort_id``; a
        cohort without members has one row without a ``person_id``.
    sessions
        Properties of sessions: such a table with ``session_id`` and a column per property.
    tables
        Tables that metrics read, by the names they use: each such a table.
    numbers
        How numbers are written in properties that are text.
    duplicates
        Events that are there twice with the same uuid, name, person and time: ``keep`` both, or
        ``drop`` all but one.
    text
        Properties whose columns in a CSV file are names, whatever they look like: variants.

    Yields
    ------
    EventSource
        It reads nothing but what a statement asks for; do not use it after the ``with``.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is nothing that can be read, or the mapping does not fit the table.

    Examples
    --------
    >>> events = {"event": ["signup"], "user": [1], "at": ["2026-03-02T09:00:00+01:00"]}
    >>> with event_source(events, columns={"person_id": "user", "timestamp": "at"}) as source:
    ...     source.rows(f'SELECT epoch_us("at") AS us FROM {source.relation}', {})["us"].tolist()
    [1772438400000000]
    """
    with ExitStack() as stack:
        named = columns if isinstance(columns, Mapping) else {}
        names = [str(named.get(key, key)) for key in text]
        source = replace(
            _opened(stack, events, table, dialect, names), numbers=numbers or NumberFormat()
        )
        mapping = read_columns(columns, source.columns)
        source = _mapped(source, mapping)
        _check_json(source)
        if duplicates == "drop":
            source = without_repeated(stack, source)
        if persons is not None:
            source = replace(source, persons=_persons(stack, source, persons))
        if cohorts is not None:
            source = replace(source, cohorts=_cohorts(stack, source, cohorts))
        if sessions is not None:
            what, needed = "table of sessions", ("session_id",)
            relation, _ = _with_columns(stack, source, sessions, what, needed)
            source = replace(source, sessions=relation)
        if tables:
            named = {
                str(name): relation_beside(stack, source, held, f"table {name!r}")
                for name, held in tables.items()
            }
            source = replace(source, tables=named)
        yield source


# ---------------------------------------------------------------- opening


def _opened(
    stack: ExitStack, events: Any, table: str | None, dialect: str | None, text: Collection[str]
) -> EventSource:
    import duckdb

    if isinstance(events, duckdb.DuckDBPyConnection):
        return EventSource(events, named_table(events, table, "events"), label=short(table))
    if isinstance(events, duckdb.DuckDBPyRelation):
        no_table(table, "a relation")
        return RelationSource(events, VIEW, label="a DuckDB relation")  # type: ignore[arg-type]
    if isinstance(events, (str, Path)):
        no_table(table, "a path")
        connection = stack.enter_context(duckdb.connect())
        reader = file_reader(str(events), text=text, answers=False)
        return EventSource(connection, reader, label=str(events))
    if is_frame(events):
        no_table(table, "a frame")
        connection = stack.enter_context(duckdb.connect())
        return EventSource(connection, VIEW, label=register(connection, VIEW, events, "event"))
    relation = named_table(events, table, "events")
    return ConnectedSource(events, relation, engine=dialect, label=short(table))


def relation_beside(stack: ExitStack, source: EventSource, table: Any, what: str) -> str:
    """Return a second table as SQL that the events' connection can read."""
    in_duckdb = type(source) is EventSource
    if isinstance(table, (str, Path)):
        if in_duckdb and str(table).lower().endswith(FILES):
            return file_reader(str(table), text=("variant", "person_id"), answers=False)
        return named_table(source, str(table), "users")
    if not in_duckdb or not is_frame(table):
        raise InputError(
            f"The {what} is a {type(table).__name__}, which {source.label} cannot be joined with.",
            hint="Put it where the events are and give its name, or give both as frames or files.",
        )
    name = f"exp_jupyter_{secrets.token_hex(6)}"
    register(source.connection, name, table, "unit")
    stack.callback(source.connection.unregister, name)
    return name


def _persons(stack: ExitStack, source: EventSource, persons: Any) -> str:
    relation, own = _with_columns(stack, source, persons, "table of persons", ("person_id",))
    if "properties" in own:
        return f"(SELECT person_id, CAST(properties AS VARCHAR) AS properties FROM {relation} AS t)"
    return f"(SELECT t.person_id, CAST(to_json(t) AS VARCHAR) AS properties FROM {relation} AS t)"


def _cohorts(stack: ExitStack, source: EventSource, cohorts: Any) -> str:
    needed = ("person_id", "cohort_id")
    relation, _ = _with_columns(stack, source, cohorts, "table of cohorts", needed)
    return f"(SELECT person_id, cohort_id FROM {relation} AS t)"


def _with_columns(
    stack: ExitStack, source: EventSource, table: Any, what: str, needed: Sequence[str]
) -> tuple[str, dict[str, str]]:
    relation = relation_beside(stack, source, table, what)
    own = replace(source, relation=relation, label=what).columns
    for name in needed:
        if name not in own:
            raise InputError(
                f"The {what} has no column {name!r}.", hint=f"Its columns are: {', '.join(own)}."
            )
    return relation, own


# ---------------------------------------------------------------- columns as they are needed


def _mapped(source: EventSource, mapping: EventColumns) -> EventSource:
    """Return the source with its columns named, and converted where that is needed."""
    present = source.columns
    changed = {}
    if (moment := _moment(source, mapping.timestamp)) is not None:
        changed[mapping.timestamp] = moment
    held = mapping.properties
    if held and present[held].startswith(("STRUCT", "MAP")):
        changed[held] = f"CAST(to_json({name_sql(held)}) AS VARCHAR)"
    relation = source.relation
    if changed:
        told = ", ".join(f"{sql} AS {name_sql(name)}" for name, sql in changed.items())
        relation = f"(SELECT * REPLACE ({told}) FROM {relation})"
    found = replace(
        source,
        relation=relation,
        event=mapping.event,
        person_id=mapping.person_id,
        timestamp=mapping.timestamp,
        uuid=mapping.uuid,
        distinct_id=mapping.distinct_id,
        properties=mapping.properties,
        groups=mapping.groups,
        typed=mapping.typed,
    )
    types = dict(present)
    types.update(
        {name: "TIMESTAMP" if name == mapping.timestamp else "VARCHAR" for name in changed}
    )
    return knowing(found, types)


def knowing(source: EventSource, types: dict[str, str]) -> EventSource:
    """Return the source with its columns' types known; another look might see other rows."""
    source.__dict__["columns"] = types
    return source


def _moment(source: EventSource, name: str) -> str | None:
    """Return SQL for the timestamps of a column that holds something else; None where it does not.

    Text is ISO 8601; what has no offset is UTC.
    """
    kind, column = source.columns[name], name_sql(name)
    if kind.startswith("TIMESTAMP"):
        return None
    if kind == "DATE":
        return f"CAST({column} AS TIMESTAMP)"
    if kind_of(kind) != "text" or isinstance(source, ConnectedSource):
        raise InputError(
            f"Column {name!r} cannot be the timestamp: it is {kind}.",
            hint=f"Convert it in a SELECT: table='SELECT *, CAST({name} AS TIMESTAMP) AS at FROM …'"
            ", columns={'timestamp': 'at'}.",
        )
    zoned = f"make_timestamp(epoch_us(TRY_CAST({column} AS TIMESTAMP WITH TIME ZONE)))"
    zoned_text = f"REGEXP_MATCHES({column}, '{_OFFSET}')"
    moment = f"(CASE WHEN {zoned_text} THEN {zoned} ELSE TRY_CAST({column} AS TIMESTAMP) END)"
    wrong = source.rows(
        f"SELECT SUM(CASE WHEN {moment} IS NULL THEN 1 ELSE 0 END) AS n, "
        f"MIN(CASE WHEN {moment} IS NULL THEN {column} END) AS first, "
        f"MIN(CASE WHEN {zoned_text} THEN {column} END) AS aware, "
        f"MIN(CASE WHEN NOT {zoned_text} THEN {column} END) AS naive "
        f"FROM {source.relation} AS s WHERE {column} IS NOT NULL",
        {},
    )
    wrong = {name: filled(values, 0) for name, values in wrong.items()}
    if int(wrong["n"][0]):
        raise InputError(
            f"Column {name!r} cannot be the timestamp: {int(wrong['n'][0]):,} rows such as "
            f"{str(wrong['first'][0])!r} are not ISO 8601.",
            hint="Convert it first, for example with pandas.to_datetime.",
        )
    if wrong["aware"][0] and wrong["naive"][0]:
        raise InputError(
            f"Column {name!r} mixes times with and without a time zone: "
            f"{str(wrong['aware'][0])!r} and {str(wrong['naive'][0])!r}.",
            hint="Make them of one kind first, for example with "
            f"pandas.to_datetime(events[{name!r}], utc=True, format='ISO8601'), which reads those "
            "without one as UTC.",
        )
    return moment


def _check_json(source: EventSource) -> None:
    """Refuse a column of properties whose first texts are no JSON objects.

    Those further down are told where a statement fails at them.
    """
    column = source.properties
    if column is None or isinstance(source, ConnectedSource):
        return
    text = f"CAST({name_sql(column)} AS VARCHAR)"
    rows = source.rows(
        f"SELECT t FROM (SELECT {text} AS t FROM {source.relation} AS s "
        f"WHERE {name_sql(column)} IS NOT NULL LIMIT {_LOOKED_AT}) AS r WHERE TRIM(t) <> '' AND "
        "NOT COALESCE(json_valid(t) AND CAST(json_type(CASE WHEN json_valid(t) THEN t END) "
        "AS VARCHAR) IN ('OBJECT', 'NULL'), FALSE)",
        {},
    )
    if len(rows["t"]):
        raise no_json(column, len(rows["t"]), str(rows["t"][0]))
