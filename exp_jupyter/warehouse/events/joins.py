"""Rows of warehouse tables, joined to the exposed units by the key of their first exposure.

A unit's key is the value of the metric's ``events_join_key`` on its first exposure. A row belongs
to every unit whose key is the row's own, both as text; a key that is NULL belongs to nobody.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import DataWarehouseNode
from exp_jupyter.warehouse.sql.conditions import all_of
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.sql.hogql_functions import Term, scope_of
from exp_jupyter.warehouse.sql.properties import Parameters, PropertyReader


def as_key(sql: str, kind: str) -> str:
    """Return a join key as text; whole numbers are written alike whatever type holds them.

    Parameters
    ----------
    sql
        The key.
    kind
        Its DuckDB type.

    Examples
    --------
    >>> as_key("e.customer", "BIGINT")
    'CAST(e.customer AS VARCHAR)'
    """
    text = f"CAST({sql} AS VARCHAR)"
    if not kind.startswith(("FLOAT", "DOUBLE", "DECIMAL")):
        return text
    # A column of whole numbers with gaps is often one of floats: 12.0 is the key 12.
    whole = f"{sql} = FLOOR({sql}) AND ABS({sql}) < 1e15"
    return f"(CASE WHEN {whole} THEN CAST(CAST({sql} AS BIGINT) AS VARCHAR) ELSE {text} END)"


class TableReader(PropertyReader):
    """SQL that reads a table's columns, each by its own name.

    Parameters
    ----------
    source
        The table, as ``table_of`` returns it.
    parameters
        Where values are bound.
    """

    scopes: ClassVar[Mapping[str, str]] = {"event": "event", "data_warehouse": "event"}

    def column(self, name: str) -> str:
        """Return a column of the table.

        Raises
        ------
        exp_jupyter.errors.InputError
            The table has no such column.
        """
        if name not in self.source.columns:
            raise InputError(
                f"The table {self.source.label!r} has no column {name!r}.",
                hint=f"It has: {', '.join(self.source.columns)}.",
            )
        return super().column(name)

    @property
    def timestamp(self) -> str:
        """The column with a row's instant."""
        column = self.column(self.source.timestamp)
        is_date = self.source.columns[self.source.timestamp] == "DATE"
        return f"CAST({column} AS TIMESTAMP)" if is_date else column

    def text(self, key: str, scope: str = "event") -> str:  # noqa: ARG002 - a row has one scope
        """Return a column as text."""
        return f"CAST({self.column(key)} AS VARCHAR)"

    def number(self, key: str, scope: str = "event") -> str:  # noqa: ARG002 - as above
        """Return a column as a number, NULL where it is none."""
        column = self.column(key)
        if self.source.is_boolean(key):  # which not every engine casts to a number
            return f"(CASE WHEN {column} THEN 1e0 WHEN NOT {column} THEN 0e0 END)"
        if self.source.is_number(key):
            return f"CAST({column} AS DOUBLE)"
        return self.source.numbers.sql(self.text(key))

    def is_number(self, key: str, scope: str = "event") -> bool:  # noqa: ARG002 - as above
        """Whether a column holds numbers."""
        return self.source.is_number(key)

    def named(self, path: Sequence[str]) -> Term | None:
        """Return what a name of an expression stands for: a column, with or without the table."""
        *before, name = path
        if before and before != self.source.label.split("."):
            return None
        column = self.column(name)
        if self.source.is_boolean(name):
            return Term(f"COALESCE({column}, FALSE)", "bool")
        return Term("", "property", name)


def table_of(source: EventSource, node: DataWarehouseNode, where: str) -> EventSource:
    """Return the table of a node: its rows in the place of events, its key in that of persons.

    Raises
    ------
    exp_jupyter.errors.InputError
        The source has no such table, it cannot be read, or a column is missing or no time.
    """
    name = node.table_name
    if name not in source.tables:
        there = f"It has: {', '.join(source.tables)}." if source.tables else "It has none."
        raise InputError(
            f"{where}: the source has no table {name!r}.",
            hint=f"{there} Give tables={{{name!r}: …}}, or import the table.",
        )
    table = replace(
        source,
        relation=source.tables[name],
        timestamp=node.timestamp_field,
        person_id=node.data_warehouse_join_key,
        uuid=None,
        distinct_id=None,
        properties=None,
        typed={},
        persons=None,
        cohorts=None,
        groups={},
        label=name,
    )
    try:
        columns = table.columns
    except InputError as error:
        raise InputError(
            f"{where}: the table {name!r} cannot be read. {error.message}", hint=error.hint
        ) from error
    for role, column in (
        ("timestamp_field", node.timestamp_field),
        ("data_warehouse_join_key", node.data_warehouse_join_key),
    ):
        if column not in columns:
            raise InputError(
                f"{where}: the table {name!r} has no column {column!r} ({role}).",
                hint=f"It has: {', '.join(columns)}.",
            )
    kind = columns[node.timestamp_field]
    if not kind.startswith(("TIMESTAMP", "DATE")):
        raise InputError(
            f"{where}: the column {node.timestamp_field!r} of the table {name!r} is {kind}, "
            "not a TIMESTAMP.",
            hint="Cast it in the table's relation, or name another timestamp_field.",
        )
    return table


class TableRows:
    """What metrics ask of one table, written as a common table of the exposed units' rows.

    Its columns: ``u``, ``e0`` and ``d0`` of the unit, ``us``, ``id`` and one for every match and
    value. Rows that are alike in all of these have their ids in any order, which no metric sees.

    Parameters
    ----------
    table
        What ``table_of`` returned.
    name
        What to call the common table.
    key
        The column of the units with their key.
    parameters
        Where values are bound.
    """

    def __init__(self, table: EventSource, name: str, key: str, parameters: Parameters) -> None:
        self.table = table
        self.name = name
        self.key = key
        self.reader = TableReader(table, parameters)
        self.columns: dict[str, str] = {}
        self.matches: list[str] = []

    def sql(self, low: datetime, high: datetime) -> str:
        """Return SQL for the rows from an instant to before another."""
        reader, key = self.reader, self.table.person_id
        own = as_key(reader.column(key), self.table.columns[key])
        columns = [f"{own} AS k", f"epoch_us({reader.timestamp}) AS us"]
        columns += [f"{sql} AS {name}" for name, sql in self.columns.items()]
        rows = (
            f"SELECT {', '.join(columns)} FROM {self.table.relation} AS e "
            f"WHERE {reader.timestamp} >= {reader.bound(low)} "
            f"AND {reader.timestamp} < {reader.bound(high)}"
        )
        alike = ", ".join(["k", "us", *self.columns])
        numbered = (
            f"SELECT *, ROW_NUMBER() OVER (ORDER BY {alike}) AS id FROM ({rows}) AS q "
            f"WHERE k IS NOT NULL AND ({' OR '.join(self.matches)})"
        )
        taken = [f"x.{name} AS {name}" for name in ("u", "e0", "d0")]
        taken += [f"r.{name} AS {name}" for name in ("us", "id", *self.columns)]
        return f"SELECT {', '.join(taken)} FROM ({numbered}) AS r JOIN x ON x.{self.key} = r.k"


class JoinedTables:
    """The tables that a scan's metrics read.

    Parameters
    ----------
    reader
        Reads the events; its source names the tables.

    Attributes
    ----------
    keys
        The columns of first exposures that hold the units' keys, name to SQL over an event.
    rows
        What is asked of each table.
    """

    def __init__(self, reader: PropertyReader) -> None:
        self.reader = reader
        self.keys: dict[str, str] = {}
        self.rows: list[TableRows] = []
        self._rows: dict[tuple[str, ...], TableRows] = {}
        self._matches: dict[str, str] = {}
        self._fields: dict[str, str] = {}
        self._of: dict[str, TableRows] = {}

    def match(self, node: DataWarehouseNode, where: str) -> str:
        """Return the name of the column that says whether a row passes a node's filters."""
        key = self.key(node.events_join_key, where)
        place = (node.table_name, node.timestamp_field, node.data_warehouse_join_key, key)
        if place not in self._rows:
            table, name = table_of(self.reader.source, node, where), f"w{len(self.rows)}"
            self._rows[place] = TableRows(table, name, key, self.reader.parameters)
            self.rows.append(self._rows[place])
        rows = self._rows[place]
        condition = f"({all_of(node.filters, rows.reader, where)})"
        asked = f"{rows.name} {condition}"
        if asked not in self._matches:
            name = f"w{len(self._matches)}m"
            self._matches[asked] = name
            self._of[name] = rows
            rows.columns[name] = condition
            rows.matches.append(name)
        return self._matches[asked]

    def of(self, match: str) -> TableRows | None:
        """Return the rows that a match column speaks of; None when these are events."""
        return self._of.get(match)

    def key(self, field: str, where: str) -> str:
        """Return the column of first exposures that holds a field of theirs, as text."""
        if field not in self._fields:
            term = self.reader.named(field.split("."))
            if term is None:
                raise InputError(
                    f"{where}: {field!r} (events_join_key) is no field of an event.",
                    hint="Use properties.<name>, person.properties.<name>, distinct_id or "
                    "person_id.",
                )
            sql = term.sql or self.reader.text(term.key, scope_of(term))
            typed = self.reader.source.typed.get(term.key) if term.kind == "property" else None
            if typed is not None:
                sql = as_key(self.reader.column(typed), self.reader.source.columns.get(typed, ""))
            self._fields[field] = f"j{len(self._fields)}"
            self.keys[self._fields[field]] = sql
        return self._fields[field]
