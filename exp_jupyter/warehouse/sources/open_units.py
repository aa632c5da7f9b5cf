"""Where unit-level tables come from: frames, Parquet, DuckDB, and connections to other engines."""

# ruff: noqa: S608 - names are quoted, and nothing else is written into a statement
from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Number
from pathlib import Path
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.number_text import NumberFormat
from exp_jupyter.warehouse.sources.engines import SAMPLE, Table, client_of
from exp_jupyter.warehouse.sources.tables import (
    file_reader,
    is_frame,
    named_table,
    no_table,
    register,
    relation_of,
    short,
)
from exp_jupyter.warehouse.sql.execution import attended, run, stopping

Kind = str
"""``number``, ``boolean``, ``text``, ``time``, ``other``, or ``""`` when nobody knows."""

VIEW = "exp_source"
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_WHOLE_UNSIGNED = tuple(f"U{name}" for name in _NUMBERS[:5])
_TIMES = ("DATE", "TIME", "INTERVAL")


@dataclass(frozen=True)
class UnitSource:
    """A table with one row a unit, in the engine that holds it.

    Parameters
    ----------
    relation
        SQL that may stand after ``FROM``.
    columns
        Column names and their kinds, see ``Kind``.
    dialect
        The SQLGlot dialect of the engine: a name, or what the engine's own client calls it.
    read
        Runs one statement and returns its rows.
    label, engine
        What to call the data and the engine in a result's small print.
    floats
        The columns that may hold NaN, which counts as missing.
    numbers
        How numbers are written in columns of text; None where those are not read as numbers.
    """

    relation: str
    columns: Mapping[str, Kind]
    dialect: Any
    read: Callable[[str], list[tuple[Any, ...]]] = field(repr=False)
    label: str
    engine: str
    floats: frozenset[str] = frozenset()
    numbers: NumberFormat | None = None

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement written in DuckDB's dialect and return its rows.

        Raises
        ------
        exp_jupyter.errors.InputError
            The engine refuses the statement or the data.
        """
        return self.read(self.rendered(sql))

    def rendered(self, sql: str) -> str:
        """Return a statement in the engine's own dialect."""
        if self.dialect == "duckdb":
            return sql
        import sqlglot

        return str(sqlglot.transpile(sql, read="duckdb", write=self.dialect)[0])


def quoted(name: str) -> str:
    """Return a column's name as SQL writes it.

    Examples
    --------
    >>> quoted("net revenue")
    '"net revenue"'
    """
    return '"' + name.replace('"', '""') + '"'


def unit_source(
    source: Any,
    *,
    table: str | None = None,
    dialect: str | None = None,
    text: Collection[str] = (),
    numbers: NumberFormat | None = None,
) -> UnitSource:
    """Return the table behind whatever somebody has.

    Parameters
    ----------
    source
        A pandas or polars frame, an Arrow table, a mapping of columns; the path or glob of Parquet
        or CSV files; a DuckDB relation; or a connection: DuckDB, DB-API, SQLAlchemy, Ibis, Spark.
    table
        With a connection: the table's name, or a ``SELECT``. It is your own SQL and trusted.
    dialect
        With a connection: the SQLGlot dialect of its engine, where it cannot be told.
    text
        Columns of a CSV file that are names, not numbers: variants, breakdowns, units.
    numbers
        How numbers are written as text; by default as DuckDB writes them.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is nothing that can be read, or the table is missing.

    Examples
    --------
    >>> unit_source({"variant": ["control", "test"], "revenue": [1.5, 2.0]}).columns
    {'variant': 'text', 'revenue': 'number'}
    """
    import duckdb

    written = numbers or NumberFormat()
    if isinstance(source, duckdb.DuckDBPyConnection):
        found = _in_duckdb(source, named_table(source, table, "units"), label=short(table))
    elif isinstance(source, duckdb.DuckDBPyRelation):
        no_table(table, "a relation")
        found = _of_relation(source)
    elif isinstance(source, (str, Path)):
        no_table(table, "a path")
        found = _of_files(str(source), text)
    elif is_frame(source):
        no_table(table, "a frame")
        found = _of_frame(source)
    else:
        return _of_connection(source, table, dialect)
    return replace(found, numbers=written)


def _of_frame(frame: Any) -> UnitSource:
    import duckdb

    connection = duckdb.connect()
    return _in_duckdb(connection, VIEW, label=register(connection, VIEW, frame, "unit"))


def _of_files(path: str, text: Collection[str]) -> UnitSource:
    import duckdb

    return _in_duckdb(duckdb.connect(), file_reader(path, text=text), label=path)


def _in_duckdb(connection: Any, relation: str, *, label: str) -> UnitSource:
    def read(sql: str) -> list[tuple[Any, ...]]:
        return _duckdb_rows(lambda: run(connection, sql, {}, lambda found: found.fetchall()))

    described = read(f"DESCRIBE SELECT * FROM {relation} LIMIT 0")
    return _duckdb_source(relation, [row[:2] for row in described], read, label)


def _of_relation(relation: Any) -> UnitSource:
    def read(sql: str) -> list[tuple[Any, ...]]:
        return _duckdb_rows(
            lambda: attended(
                None, lambda: relation.query(VIEW, sql).fetchall(), stopping(relation)
            ),
        )

    described = list(zip(relation.columns, relation.types, strict=True))
    return _duckdb_source(VIEW, described, read, "a DuckDB relation")


def _of_connection(connection: Any, table: str | None, dialect: str | None) -> UnitSource:
    try:
        client = client_of(connection)
    except InputError as error:
        raise InputError(
            f"A {type(connection).__name__} is nothing that can be analysed.",
            hint="Give a DataFrame, an Arrow table, a Parquet path, or a connection and table='…'.",
        ) from error
    engine = client.name or client.engine
    if not table:
        raise InputError(
            f"{engine} holds many tables; none was named.",
            hint="Say which: table='units', or a SELECT.",
        )
    relation = relation_of(table)
    if relation.startswith("("):
        relation += " AS exp_source"

    def answer(sql: str) -> Table:
        hint = "Check the table and its columns; dialect= names the engine's SQL."
        return client.table(sql, None, [], hint)

    def read(sql: str) -> list[tuple[Any, ...]]:
        return list(zip(*answer(sql)[1], strict=True))

    own = client.engine if client.dialect is None else client.dialect
    source = UnitSource(
        relation=relation,
        columns={},
        dialect=dialect or own,
        read=read,
        label=short(table),
        engine=engine,
    )
    names, columns = answer(source.rendered(f"SELECT * FROM {relation} LIMIT {SAMPLE}"))
    kinds = {name: _kind(column) for name, column in zip(names, columns, strict=True)}
    return replace(source, columns=kinds)


def _kind(values: Sequence[Any]) -> Kind:
    found = {_kind_of_value(value) for value in values if value is not None}
    if len(found) == 1:
        return found.pop()
    return "number" if found == {"number", "boolean"} else "other" if found else ""


def _kind_of_value(value: Any) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (Number, decimal.Decimal)):
        return "number"
    if isinstance(value, str):
        return "text"
    times = (dt.date, dt.time, dt.timedelta)
    return "time" if isinstance(value, times) else "other"


def _duckdb_source(
    relation: str,
    described: list[Any],
    read: Callable[[str], list[tuple[Any, ...]]],
    label: str,
) -> UnitSource:
    import duckdb

    types = {str(name): str(kind) for name, kind in described}
    return UnitSource(
        relation=relation,
        columns={name: kind_of(kind) for name, kind in types.items()},
        dialect="duckdb",
        read=read,
        label=label,
        engine=f"DuckDB {duckdb.__version__}",
        floats=frozenset(name for name, kind in types.items() if kind in ("FLOAT", "DOUBLE")),
    )


def _duckdb_rows(work: Callable[[], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    import duckdb

    try:
        return work()
    except duckdb.Error as error:
        raise InputError(
            f"The data cannot be analysed: {str(error).strip()}",
            hint="Check the table and its columns.",
        ) from error


def kind_of(name: str) -> Kind:
    """Return the kind of a column from DuckDB's name of its type."""
    # Lists and structs of numbers are neither numbers nor text.
    if name.endswith("]") or name.startswith(("STRUCT", "MAP", "UNION")):
        return "other"
    if name.startswith(_NUMBERS) or name.startswith(_WHOLE_UNSIGNED):
        return "number"
    if name.startswith(_TIMES):
        return "time"
    if name.startswith(("VARCHAR", "ENUM", "UUID")):
        return "text"
    return "boolean" if name == "BOOLEAN" else "" if name in ("NULL", '"NULL"') else "other"
