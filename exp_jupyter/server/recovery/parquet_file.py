"""One Parquet file read to its end: what it holds, or why it cannot be read."""

# ruff: noqa: S608 - files are quoted by `literal`
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exp_jupyter.server.events.columns import HOT_PROPERTIES, literal
from exp_jupyter.server.events.warehouse_tables import TABLE_KEY
from exp_jupyter.warehouse.sql.event_source import first_line

if TYPE_CHECKING:
    import duckdb

_NEEDED = {"uuid", "event", "distinct_id", "person_id", "timestamp", "properties", *HOT_PROPERTIES}


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes
    ----------
    rows
        How many rows were read.
    fault
        Why it cannot be used; empty for a good file.
    """

    rows: int = 0
    fault: str = ""


def read_whole(connection: duckdb.DuckDBPyConnection, file: Path, *, events: bool) -> Content:
    """Read every value of a file.

    Parameters
    ----------
    connection
        Where it is read.
    file
        The file.
    events
        Whether it must have the columns of a part of events.
    """
    import duckdb

    read = f"read_parquet({literal(str(file))})"
    try:
        columns = {str(row[0]) for row in connection.execute(f"DESCRIBE FROM {read}").fetchall()}
        missing = sorted(_NEEDED - columns) if events else []
        if missing:
            return Content(fault=f"it has no column {missing[0]!r}")
        # A hash of a row reads all of its values.
        rows, _ = connection.execute(
            f"SELECT count(*), max(hash(t)) FROM {read} AS t"
        ).fetchone() or (0, None)
    except (duckdb.Error, UnicodeDecodeError, OSError) as error:
        return Content(fault=first_line(error)[:200])
    return Content(int(rows))


def table_name(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    """Return the name of the warehouse table in a file; empty when the file does not say it."""
    row = connection.execute(
        f"SELECT decode(value) FROM parquet_kv_metadata({literal(str(file))}) "
        f"WHERE decode(key) = {literal(TABLE_KEY)}"
    ).fetchone()
    return str(row[0]) if row else ""
