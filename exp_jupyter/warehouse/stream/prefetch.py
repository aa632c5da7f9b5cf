"""How a pass reads from DuckDB: the next slice early, and units joined where need be."""

# ruff: noqa: S608 - the names are this module's own
from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, TypeVar

import numpy as np

from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.stream.exposed_units import Units
from exp_jupyter.warehouse.stream.unit_arrays import Ints

T = TypeVar("T")


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
