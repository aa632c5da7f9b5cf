"""A bound on what a statement holds in memory: beyond it, DuckDB writes to its temporary files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    import duckdb

    from exp_jupyter.warehouse.sql.event_source import EventSource

LIMIT = 3 << 30
"""Bytes that a statement may hold."""

_UNITS = {name: 1 << 10 * power for power, name in enumerate(("bytes", "KiB", "MiB", "GiB", "TiB"))}


def bounded_rows(source: EventSource, sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Run a statement as ``source.rows`` does, within ``LIMIT`` where DuckDB can.

    Parameters
    ----------
    source
        The events; what another engine holds is its own matter.
    sql, parameters
        The statement and the values to bind.

    Raises
    ------
    exp_jupyter.errors.InputError
        The engine refuses the statement or the data.
    """
    import duckdb

    if not source.streams:
        return source.rows(sql, parameters)
    try:
        with bounded(source.connection, LIMIT):
            return source.rows(sql, parameters)
    except InputError as error:
        if not isinstance(error.__cause__, duckdb.OutOfMemoryException):
            raise
    # Not all can be written to files; what the engine was allowed before is then still allowed.
    return source.rows(sql, parameters)


@contextmanager
def bounded(connection: duckdb.DuckDBPyConnection, limit: int) -> Iterator[None]:
    """Lower an engine's limit of memory for a while, if it has files to write to instead.

    A limit that is lower already stays, so that of several statements at once only the first one
    sets it and puts it back.

    Examples
    --------
    >>> import duckdb
    >>> connection = duckdb.connect()
    >>> asked = "SELECT current_setting('memory_limit')"
    >>> before = connection.execute(asked).fetchall()
    >>> with bounded(connection, 1 << 29):
    ...     connection.execute(asked).fetchall()
    [('512.0 MiB',)]
    >>> connection.execute(asked).fetchall() == before
    True
    """
    import duckdb

    ((before, folder),) = connection.execute(
        "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    ).fetchall()
    if not folder or not limit < _bytes(str(before)) < float("inf"):
        yield
        return
    try:
        connection.execute(f"SET memory_limit = '{limit}B'")
    except duckdb.Error:  # what is there takes more already
        yield
        return
    try:
        yield
    finally:
        # DuckDB says a limit cut to a tenth: a little more than that is said alike, and does not
        # become less from one statement to the next.
        connection.execute(f"SET memory_limit = '{round(_bytes(str(before)) * 1.0001)}B'")


def _bytes(text: str) -> float:
    """Return the bytes of a limit as DuckDB writes it; no limit where it cannot be read."""
    found = re.fullmatch(r"([0-9.]+) (\w+)", text)
    return float(found[1]) * _UNITS[found[2]] if found and found[2] in _UNITS else float("inf")
