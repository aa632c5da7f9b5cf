"""Tables behind other people's connections: DB-API, SQLAlchemy, Ibis and Spark, none imported."""

# ruff: noqa: S608 - the table is the caller's own SQL; nothing else is written into a statement
from __future__ import annotations

import datetime as dt
import decimal
import numbers
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sources.open_units import Kind, UnitSource
from exp_jupyter.warehouse.sources.tables import relation_of

Answer = tuple[list[str], list[tuple[Any, ...]]]
"""The names of a result's columns, and its rows."""

SAMPLE = 200
"""Rows from which the kinds of columns are told."""

_DRIVERS = {
    "sqlite3": "sqlite",
    "psycopg": "postgres",
    "psycopg2": "postgres",
    "pg8000": "postgres",
    "pymysql": "mysql",
    "MySQLdb": "mysql",
    "mysql": "mysql",
    "snowflake": "snowflake",
    "trino": "trino",
    "databricks": "databricks",
    "clickhouse_driver": "clickhouse",
    "clickhouse_connect": "clickhouse",
    "chdb": "clickhouse",
    "google": "bigquery",
    "oracledb": "oracle",
    "pymssql": "tsql",
    "duckdb": "duckdb",
}
_ALCHEMY = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql", "awsathena": "athena"}


def of_connection(connection: Any, table: str | None, dialect: str | None) -> UnitSource:
    """Return the table ``table`` of a connection.

    Parameters
    ----------
    connection
        Told by what it can do: ``raw_sql`` (Ibis), ``exec_driver_sql`` or ``connect`` with a
        ``dialect`` (SQLAlchemy), ``sql`` (Spark and its like), ``cursor`` (DB-API).
    table
        A table's name, or a ``SELECT``.
    dialect
        The SQLGlot dialect, where it cannot be told from the connection.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is no connection, or its engine refuses to read the table.
    """
    ask, told, engine = _asker(connection)
    if not table:
        raise InputError(
            f"{engine} holds many tables; none was named.",
            hint="Say which: table='units', or a SELECT.",
        )
    relation = relation_of(table)
    if relation.startswith("("):
        relation += " AS exp_source"

    def answer(sql: str) -> Answer:
        try:
            return ask(sql)
        except Exception as error:  # every driver has errors of its own
            raise InputError(
                f"{engine} refuses the statement: {_first_line(error)}",
                hint="Check the table and its columns; dialect= names the engine's SQL.",
            ) from error

    chosen = dialect or told
    statement = f"SELECT * FROM {relation} LIMIT {SAMPLE}"
    source = UnitSource(
        relation=relation,
        columns={},
        dialect=chosen,
        read=lambda sql: answer(sql)[1],
        label=" ".join(table.split())[:60],
        engine=engine,
    )
    names, sample = answer(source.rendered(statement))
    kinds = {name: _kind([row[place] for row in sample]) for place, name in enumerate(names)}
    return UnitSource(relation, kinds, chosen, source.read, source.label, engine)


def _asker(connection: Any) -> tuple[Callable[[str], Answer], Any, str]:
    """Return how to ask a connection, its SQLGlot dialect, and what to call it."""
    package = type(connection).__module__.split(".")[0]
    if hasattr(connection, "raw_sql") and hasattr(connection, "sql"):
        name = str(getattr(connection, "name", package))
        return lambda sql: _of_ibis(connection, sql), getattr(connection, "dialect", name), name
    if hasattr(connection, "exec_driver_sql"):
        name = str(connection.dialect.name)
        return lambda sql: _of_alchemy(connection, sql), _ALCHEMY.get(name, name), name
    if hasattr(connection, "connect") and hasattr(connection, "dialect"):
        name = str(connection.dialect.name)

        def through_engine(sql: str) -> Answer:
            with connection.connect() as opened:
                return _of_alchemy(opened, sql)

        return through_engine, _ALCHEMY.get(name, name), name
    if hasattr(connection, "sql") and not hasattr(connection, "cursor"):
        name = {"pyspark": "spark"}.get(package, package)
        return lambda sql: _of_spark(connection, sql), name, name
    if hasattr(connection, "cursor"):
        known = _DRIVERS.get(package)
        return lambda sql: _of_dbapi(connection, sql), known or "", known or package
    raise InputError(
        f"A {type(connection).__name__} is nothing that can be analysed.",
        hint="Give a DataFrame, an Arrow table, a Parquet path, or a connection and table='…'.",
    )


def _of_alchemy(opened: Any, sql: str) -> Answer:
    result = opened.exec_driver_sql(sql)
    names = [str(name) for name in result.keys()]  # noqa: SIM118 - a method of the result
    return names, [tuple(row) for row in result.fetchall()]


def _of_ibis(connection: Any, sql: str) -> Answer:
    # The statement is in the backend's own dialect already.
    cursor = connection.raw_sql(sql)
    if hasattr(cursor, "fetchall") and hasattr(cursor, "description"):
        try:
            return [str(column[0]) for column in cursor.description], cursor.fetchall()
        finally:
            if type(cursor).__module__.split(".")[0] not in ("duckdb", "_duckdb"):
                cursor.close()  # with DuckDB it is the connection itself
    found = connection.sql(sql).to_pyarrow()
    columns = [column.to_pylist() for column in found.columns]
    return list(found.column_names), list(zip(*columns, strict=True))


def _of_spark(connection: Any, sql: str) -> Answer:
    found = connection.sql(sql)
    return list(found.columns), [tuple(row) for row in found.collect()]


def _of_dbapi(connection: Any, sql: str) -> Answer:
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        names = [str(column[0]) for column in cursor.description]
        return names, [tuple(row) for row in cursor.fetchall()]


def _kind(values: Sequence[Any]) -> Kind:
    found = {_kind_of(value) for value in values if value is not None}
    if len(found) == 1:
        return found.pop()
    return "number" if found == {"number", "boolean"} else "other" if found else ""


def _kind_of(value: Any) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (numbers.Number, decimal.Decimal)):
        return "number"
    if isinstance(value, str):
        return "text"
    times = (dt.date, dt.time, dt.timedelta)
    return "time" if isinstance(value, times) else "other"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
