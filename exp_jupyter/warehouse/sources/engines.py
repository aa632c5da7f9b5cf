"""Events where they live: other engines behind their own clients, none of which is imported here.

A client is told by what it can do. Whatever it is, values are handed to it beside the statement,
in the way its driver binds them.
"""

# ruff: noqa: S608 - the relation is the caller's own SQL; values are bound
from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sql.dialects import rendered
from exp_jupyter.warehouse.sql.event_source import EventSource, first_line
from exp_jupyter.warehouse.sql.execution import attended

Table = tuple[list[str], list[Sequence[Any]]]
"""The names of a result's columns, and its columns."""

SAMPLE = 200
"""Rows from which the columns' types are told."""

_DIALECTS = {
    "psycopg": "postgres",
    "psycopg2": "postgres",
    "pg8000": "postgres",
    "postgresql": "postgres",
    "sqlite3": "sqlite",
    "pymysql": "mysql",
    "MySQLdb": "mysql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "snowflake": "snowflake",
    "trino": "trino",
    "databricks": "databricks",
    "clickhouse": "clickhouse",
    "clickhouse_driver": "clickhouse",
    "clickhouse_connect": "clickhouse",
    "google": "bigquery",
    "oracledb": "oracle",
    "pymssql": "tsql",
    "mssql": "tsql",
    "awsathena": "athena",
    "duckdb": "duckdb",
    "_duckdb": "duckdb",
}
"""The dialects of drivers' packages, and of what SQLAlchemy and Ibis call an engine."""

_LOOKS = 100_000
"""Steps of SQLite's machine between two looks for Ctrl-C."""

_ENDED_BY_AN_ERROR = 3
"""A transaction's state in libpq's numbers, which its drivers use."""


@dataclass(frozen=True)
class EngineClient:
    """What runs statements in another engine, binds their values and stops them.

    Parameters
    ----------
    engine
        The engine's name, as in ``dialects.ENGINES`` where it is one of these; empty where it
        cannot be told.
    place
        How the driver writes the place of a value.
    run
        Runs a statement with its values (by name, and in their order).
    stop
        Stops the running statement inside the engine, from another thread; None where the driver
        cannot, or where the statement must run in the thread that asks.
    name
        What to call the engine in small print; by default ``engine``.
    dialect
        Its SQLGlot dialect; by default ``engine``.
    """

    engine: str
    place: Callable[[str, Any], str]
    run: Callable[[str, Mapping[str, Any] | None, list[str]], Table] = field(repr=False)
    stop: Callable[[], None] | None = field(default=None, repr=False)
    name: str = ""
    dialect: Any = None

    def table(
        self, sql: str, values: Mapping[str, Any] | None, order: list[str], hint: str
    ) -> Table:
        """Run one statement in the engine's own words; whoever waits can stop it.

        Parameters
        ----------
        sql
            The statement.
        values, order
            The values by name, and their names in the order in which they occur; None for none.
        hint
            What to do where the engine refuses it.

        Raises
        ------
        exp_jupyter.errors.InputError
            The engine refuses the statement.
        """
        try:
            if self.stop is None:
                return self.run(sql, values, order)
            return attended(None, lambda: self.run(sql, values, order), self.stop)
        except Exception as error:  # every driver has errors of its own
            raise InputError(
                f"{self.name or self.engine} refuses the statement: {first_line(error)}", hint=hint
            ) from error


@dataclass(frozen=True)
class ConnectedSource(EventSource):
    """Events in a relation that another engine's client can read.

    Parameters
    ----------
    connection
        A DB-API connection (for example psycopg's), a SQLAlchemy connection or engine, an Ibis
        connection, a Spark session, a DataFusion context or a chDB session.
    relation
        SQL that may stand after ``FROM`` in that engine. It is trusted.
    engine
        One of ``exp_jupyter.warehouse.sql.dialects.ENGINES``, where it cannot be told.

    Notes
    -----
    The other parameters are ``EventSource``'s. The columns' types are told from the first rows.
    Timestamps are read as UTC: a session with another time zone must not convert them. Ibis does
    not bind values; there SQLGlot writes them as the dialect's literals.
    """

    engine: str | None = None

    @cached_property
    def client(self) -> EngineClient:
        """The client behind the connection."""
        client = client_of(self.connection, self.engine)
        if not client.engine:
            raise InputError(
                f"Which engine is behind a connection of {client.name}?",
                hint="Name it: engine='postgres'.",
            )
        return replace(client, name=client.engine)

    @cached_property
    def columns(self) -> dict[str, str]:
        """The relation's columns and their types in DuckDB's words, as far as they can be told."""
        names, columns = self._table(f"SELECT * FROM {self.relation} AS s LIMIT {SAMPLE}", {})
        return {
            name: _kind(column, name == self.timestamp)
            for name, column in zip(names, columns, strict=True)
        }

    @property
    def streams(self) -> bool:
        """Not in slices: the engine that holds the data answers in one statement."""
        return False

    @property
    def reads_lists(self) -> bool:
        """No: every engine says that in words of its own."""
        return False

    @property
    def quotes_json(self) -> bool:
        """Not where a property comes as text whatever it is."""
        return False

    @property
    def row_number(self) -> str:
        """Refused: an engine that reads the rows twice may number them differently."""
        raise InputError(
            f"On {self.client.engine} this metric needs a column that identifies an event.",
            hint="Name it: columns={'uuid': '…'}.",
        )

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Run one statement and return its columns as NumPy arrays; see ``EventSource.rows``."""
        names, columns = self._table(sql, parameters)
        return {name: _array(column) for name, column in zip(names, columns, strict=True)}

    def _table(self, sql: str, parameters: Mapping[str, Any]) -> Table:
        client = self.client
        text, values, order = rendered(sql, parameters, client.engine, client.place)
        return client.table(text, values, order, "Check the relation and the columns' names.")


def client_of(connection: Any, engine: str | None = None) -> EngineClient:
    """Return what a connection can do.

    Parameters
    ----------
    connection
        Told by what it can do: ``raw_sql`` (Ibis), ``exec_driver_sql`` or ``connect`` with a
        ``dialect`` (SQLAlchemy), ``sql`` (Spark and its like), ``cursor`` (DB-API).
    engine
        The engine's name, where it cannot be told.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is no connection.
    """
    package = type(connection).__module__.split(".")[0]
    if hasattr(connection, "raw_sql"):
        return _ibis(connection, engine)
    if hasattr(connection, "exec_driver_sql") or hasattr(connection, "begin_nested"):
        return _alchemy(connection, engine)
    if hasattr(connection, "dialect") and hasattr(connection, "connect"):
        return _alchemy(connection, engine)
    if package == "datafusion":
        return EngineClient("datafusion", lambda name, _: f"${name}", _datafusion(connection))
    if package in ("chdb", "_chdb") and hasattr(connection, "query"):
        return EngineClient("clickhouse", _typed_place, _chdb(connection))
    if hasattr(connection, "sql") and not hasattr(connection, "cursor"):
        name = {"pyspark": "spark"}.get(package, package)
        return EngineClient(name, lambda name, _: f":{name}", _spark(connection))
    if hasattr(connection, "cursor"):
        known = engine or _DIALECTS.get(package, "")
        place, bound = _style(getattr(sys.modules.get(package), "paramstyle", "format"))
        run, stop = _dbapi(connection, bound), _stop_of(connection)
        return EngineClient(known, place, run, stop, known or package)
    raise InputError(
        f"A {type(connection).__name__} is no connection that can be read from.",
        hint="Give a DB-API, SQLAlchemy, Ibis, Spark, DataFusion or chDB connection.",
    )


# ---------------------------------------------------------------- clients


def _style(style: str) -> tuple[Callable[[str, Any], str], Callable[..., list[Any]]]:
    """Return how a DB-API parameter style writes a place, and the argument with the values.

    There is no argument where nobody gave values: without it a driver takes a % as it stands.
    """
    named: dict[str, Callable[[str, Any], str]] = {
        "pyformat": lambda name, _: f"%({name})s",
        "named": lambda name, _: f":{name}",
    }
    sign = {"qmark": "?", "format": "%s"}.get(style)

    def place(*_: Any) -> str:
        if sign is None:  # which matters only where there is a value
            raise InputError(
                f"Drivers with the parameter style {style!r} are not supported.",
                hint="Use a driver with pyformat, named, format or qmark.",
            )
        return sign

    def bound(values: Mapping[str, Any] | None, order: list[str]) -> list[Any]:
        if values is None:
            return []
        return [dict(values) if style in named else tuple(values[name] for name in order)]

    return named.get(style, place), bound


def _dbapi(connection: Any, bound: Callable[..., Any]) -> Callable[..., Table]:
    def run(sql: str, values: Mapping[str, Any] | None, order: list[str]) -> Table:
        with _running(connection, connection), closing(connection.cursor()) as cursor:
            cursor.execute(sql, *bound(values, order))
            names = [str(column[0]) for column in cursor.description]
            return names, _turned(cursor.fetchall(), len(names))

    return run


def _alchemy(connection: Any, engine: str | None) -> EngineClient:
    name = str(connection.dialect.name)
    known = engine or _DIALECTS.get(name, name)
    place, bound = _style(connection.dialect.paramstyle)
    running: list[Any] = []  # the driver's connection

    def run(sql: str, values: Mapping[str, Any] | None, order: list[str]) -> Table:
        given = bound(values, order)
        own = not hasattr(connection, "exec_driver_sql")
        with connection.connect() if own else nullcontext(connection) as opened:
            driver = getattr(getattr(opened, "connection", None), "driver_connection", None)
            running[:] = [driver]
            with _running(driver, opened):
                result = opened.exec_driver_sql(sql, *given)
                names = [str(column) for column in result.keys()]  # noqa: SIM118 - a method
                return names, _turned(result.fetchall(), len(names))

    def stop() -> None:
        for halt in filter(None, map(_stop_of, running)):
            halt()

    # SQLite's connections belong to the thread that made them.
    return EngineClient(known, place, run, None if known == "sqlite" else stop, name)


def _ibis(connection: Any, engine: str | None) -> EngineClient:
    driver = getattr(connection, "con", None)
    name = str(getattr(connection, "name", ""))
    known = engine or _DIALECTS.get(name, name)

    def run(sql: str, _: Mapping[str, Any] | None, __: list[str]) -> Table:
        with _running(driver, driver):
            cursor = connection.raw_sql(sql)
            if hasattr(cursor, "fetchall") and hasattr(cursor, "description"):
                names = [str(column[0]) for column in cursor.description]
                rows = cursor.fetchall()
                if cursor is not driver and not _of(cursor, "duckdb"):
                    cursor.close()  # with DuckDB it is the connection itself
                return names, _turned(rows, len(names))
            found = connection.sql(sql).to_pyarrow()
            return list(found.column_names), [column.to_pylist() for column in found.columns]

    def place(_: str, value: Any) -> str:
        return literal(value, known)

    dialect = getattr(connection, "dialect", known)
    return EngineClient(known, place, run, _stop_of(driver), name, dialect)


def _of(driver: Any, package: str) -> bool:
    return type(driver).__module__.split(".")[0].strip("_") == package


def _stop_of(driver: Any) -> Callable[[], None] | None:
    """Return how a driver's connection stops its statement: psycopg's words, or DuckDB's."""
    if _of(driver, "sqlite3"):
        return None  # it answers only in the thread that made it, and stops itself: `_running`
    words = ("cancel_safe", "cancel", "interrupt")
    return next((getattr(driver, word) for word in words if hasattr(driver, word)), None)


@contextmanager
def _running(driver: Any, owner: Any) -> Iterator[None]:
    """Let a statement be stopped, and end a transaction that its error has ended.

    Until then PostgreSQL takes no other statement. SQLite hears of Ctrl-C where it calls Python.
    """
    looks = _of(driver, "sqlite3")
    if looks:
        driver.set_progress_handler(lambda: 0, _LOOKS)
    try:
        yield
    except Exception as error:
        state = getattr(getattr(driver, "info", None), "transaction_status", None)
        if state == _ENDED_BY_AN_ERROR:
            with suppress(Exception):  # a block of the caller's own ends it instead
                owner.rollback()
        if looks and str(error) == "interrupted":
            raise KeyboardInterrupt from error
        raise
    finally:
        if looks:
            driver.set_progress_handler(None, 0)


def _spark(session: Any) -> Callable[..., Table]:
    def run(sql: str, values: Mapping[str, Any] | None, _: list[str]) -> Table:
        found = session.sql(sql, **({} if values is None else {"args": dict(values)}))
        return list(found.columns), _turned(found.collect(), len(found.columns))

    return run


def _datafusion(context: Any) -> Callable[..., Table]:
    def run(sql: str, values: Mapping[str, Any] | None, _: list[str]) -> Table:
        found = context.sql(sql, param_values=dict(values or {})).to_pydict()
        return list(found), list(found.values())

    return run


def _chdb(session: Any) -> Callable[..., Table]:
    def run(sql: str, values: Mapping[str, Any] | None, _: list[str]) -> Table:
        given = {name: _escaped(value) for name, value in (values or {}).items()}
        found = json.loads(str(session.query(sql, "JSONCompact", params=given)))
        names = [column["name"] for column in found["meta"]]
        columns = _turned(found["data"], len(names))
        for i, column in enumerate(found["meta"]):
            if "Int" in column["type"]:
                columns[i] = [None if value is None else int(value) for value in columns[i]]
            elif "DateTime" in column["type"]:
                columns[i] = [datetime.fromisoformat(v).replace(tzinfo=UTC) for v in columns[i]]
        return names, columns

    return run


def _escaped(value: Any) -> Any:
    """Return a value as ClickHouse reads it back: text in its tab-separated form."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    return value


def _typed_place(name: str, value: Any) -> str:
    if isinstance(value, datetime):
        return f"{{{name}:DateTime64(6, 'UTC')}}"
    kind = "Int64" if isinstance(value, int) else "Float64"
    return f"{{{name}:{'String' if isinstance(value, str) else kind}}}"


def literal(value: Any, engine: str) -> str:
    """Return a value as an engine's SQL writes it, for clients that bind none."""
    from sqlglot import exp

    if isinstance(value, datetime):
        text = exp.Literal.string(value.replace(tzinfo=None).isoformat(sep=" "))
        return exp.cast(text, "timestamp").sql(dialect=engine)
    return exp.convert(value).sql(dialect=engine)


# ---------------------------------------------------------------- results


def _turned(rows: Sequence[Any], width: int) -> list[Sequence[Any]]:
    return [[row[i] for row in rows] for i in range(width)]


def _array(column: Sequence[Any]) -> Any:
    mask = [value is None for value in column]
    kinds = {type(value) for value in column if value is not None}
    if kinds <= {int, bool}:
        data = np.array([value or 0 for value in column], dtype=np.int64)
    elif kinds <= {int, float, Decimal, bool}:
        data = np.array([float(value or 0) for value in column], dtype=np.float64)
    else:
        data = np.array([None if value is None else str(value) for value in column], dtype=object)
    return np.ma.MaskedArray(data, mask) if any(mask) else data


def _kind(column: Sequence[Any], is_time: bool) -> str:
    kinds = {type(value) for value in column if value is not None}
    if is_time and not kinds:
        return "TIMESTAMP"  # an empty relation tells nothing
    if kinds and all(issubclass(kind, date) for kind in kinds):
        zoned = any(getattr(value, "tzinfo", None) for value in column)
        return "TIMESTAMP WITH TIME ZONE" if zoned else "TIMESTAMP"
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds and kinds <= {int}:
        return "BIGINT"
    if kinds and kinds <= {int, float, Decimal}:
        return "DOUBLE"
    return "VARCHAR"
