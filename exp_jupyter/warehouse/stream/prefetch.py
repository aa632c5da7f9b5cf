"""How a pass reads from DuckDB: the next slice early, and units joined where need be."""

# ruff: noqa: S608 - the names are this module's own
from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np

from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.stream.exposed_units import Units
from exp_jupyter.warehouse.stream.unit_arrays import Ints

T = TypeVar("T")


class Rows:
    """Rows of a result, by columns, of which parts are taken.

    Parameters
    ----------
    columns
        NumPy's arrays by name, or an Arrow table; without NULLs, all numbers.
    """

    def __init__(self, columns: Any) -> None:
        self.columns = columns
        arrays = isinstance(columns, Mapping)
        self.size = len(next(iter(columns.values()))) if arrays else columns.num_rows
        self._arrays = arrays

    def part(self, first: int, last: int) -> dict[str, Any]:
        """Return the columns of the rows from one position to before another."""
        if self._arrays:
            return {name: column[first:last] for name, column in self.columns.items()}
        part = self.columns.slice(first, last - first)
        return {name: part.column(name).to_numpy() for name in part.column_names}


def read(source: EventSource, sql: str, parameters: Mapping[str, Any], *, many: bool) -> Rows:
    """Return the rows of a statement; ``many`` are read by way of Arrow where it is installed."""
    if many and _arrow():
        return Rows(source.arrow_table(sql, parameters))
    columns = source.rows(sql, parameters)
    return Rows({name: np.ma.getdata(column) for name, column in columns.items()})


def _arrow() -> bool:
    try:
        return find_spec("pyarrow") is not None
    except ValueError:  # somebody has taken it out of the running process
        return False


def engine_settings(source: EventSource) -> tuple[int, bool]:
    """Return how many threads a source's engine has, and whether it keeps the order of rows."""
    if not source.streams:
        return 1, False
    ((threads, ordered),) = source.connection.execute(
        "SELECT current_setting('threads'), current_setting('preserve_insertion_order')"
    ).fetchall()
    return max(1, int(threads)), bool(ordered)


class Ahead:
    """Reads on a thread of its own what is needed next; leaving it stops the engine."""

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="exp_jupyter slices")
        self.running: Future[Any] | None = None

    def __enter__(self) -> Ahead:
        return self

    def start(self, read: Callable[..., T], *given: Any) -> Callable[[], T]:
        """Begin to read; the result waits for it."""
        self.running = self.pool.submit(copy_context().run, read, *given)
        return self.running.result

    def __exit__(self, *_: object) -> None:
        while self.running is not None and not self.running.done():
            self.source.connection.interrupt()
            wait([self.running], timeout=0.05)
        self.pool.shutdown()


class Joined:
    """Units as a table of the engine's, for as long as it is joined; no table without any."""

    def __init__(
        self, source: EventSource, units: Units, wanted: Ints | None, since: Ints | None = None
    ) -> None:
        self.source = source
        self.units = units
        self.wanted = wanted
        self.since = since
        self.name = f"exp_jupyter_units_{secrets.token_hex(6)}"

    def __enter__(self) -> str | None:
        if self.wanted is None:
            return None
        names = self.units.names[self.wanted]
        drawn = {
            "unit": names.astype(object) if names.dtype.kind == "U" else names,
            "u": self.wanted.astype(np.int32),
        }
        if self.since is not None:
            drawn["since"] = self.since[self.wanted]
        connection = self.source.connection
        connection.register(f"{self.name}_drawn", drawn)
        try:
            connection.execute(f"CREATE TEMP TABLE {self.name} AS SELECT * FROM {self.name}_drawn")
        finally:
            connection.unregister(f"{self.name}_drawn")
        return self.name

    def __exit__(self, *_: object) -> None:
        if self.wanted is not None:
            self.source.connection.execute(f"DROP TABLE IF EXISTS temp.{self.name}")
