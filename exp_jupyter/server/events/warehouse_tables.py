"""The warehouse tables of a project folder: Parquet files, listed by name in the project's SQLite.

An import replaces the whole table. Its file is written under a temporary name, synced, renamed and
only then listed, in one SQLite transaction: readers see the table before or after it.
"""

# ruff: noqa: S608 - names and files are quoted by `quoted` and `literal`
from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from exp_jupyter.errors import InputError
from exp_jupyter.server.events.atomic_files import draft_in, settled
from exp_jupyter.server.events.columns import literal, quoted
from exp_jupyter.server.events.incoming import ARRIVED, arrive, number_columns
from exp_jupyter.server.events.kept_files import begin_to_age, retire
from exp_jupyter.server.store import ProjectStore
from exp_jupyter.warehouse.request.number_text import NumberFormat
from exp_jupyter.warehouse.sources.tables import first_line

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from exp_jupyter.server.events.event_store import EventStore

MOST_CHARACTERS = 200
"""Of a table's name."""

TABLE_KEY = "exp_jupyter.table"
"""The entry in a file's metadata that holds the table's name, for a database that was lost."""


class TableList:
    """The tables that belong to a project.

    Parameters
    ----------
    store
        The project; the files lie in the folder ``tables`` of its folder.
    """

    def __init__(self, store: ProjectStore) -> None:
        self.folder = store.folder / "tables"
        self._store = store

    def relations(self) -> dict[str, str]:
        """Return the tables listed now, name to SQL text usable after FROM.

        Files never change, so the text keeps meaning these rows whatever is imported later.
        """
        return {
            name: f"read_parquet({literal(str(self.folder / file))})"
            for name, file in self._files().items()
        }

    def damage(self) -> str:
        """Return which table's file is not as it was written, in words; empty for none."""
        with self._store.read() as work:
            rows = work.connection.execute(
                "SELECT name, file, bytes FROM warehouse_tables ORDER BY name"
            ).fetchall()
        for name, file, size in rows:
            path = self.folder / str(file)
            if not path.is_file():
                return f"the file of the table {name!r} is missing"
            if path.stat().st_size != size:
                return f"the file of the table {name!r} was cut or changed"
        return ""

    def put(self, cursor: duckdb.DuckDBPyConnection, name: str, query: str) -> int:
        """Write the rows of a DuckDB query as a table, in the place of one of that name.

        Returns
        -------
        int
            How many rows it has.
        """
        self.folder.mkdir(exist_ok=True)
        file = self.folder / f"{uuid.uuid4().hex}.parquet"
        with draft_in(self.folder) as draft:
            cursor.execute(
                f"COPY ({query}) TO {literal(str(draft))} (FORMAT parquet, COMPRESSION zstd, "
                f"KV_METADATA {{ {quoted(TABLE_KEY)}: {literal(name)} }})"
            )
            read = f"SELECT count(*) FROM read_parquet({literal(str(draft))})"
            rows = int((cursor.execute(read).fetchone() or (0,))[0])
            with settled(draft, file, durable=self._store.durable):
                self.list(name, file, rows)
        return rows

    def list(self, name: str, file: Path, rows: int) -> None:
        """List a file that is in its place as a table, in the place of one of that name."""
        with self._store.write() as work:
            old = [
                str(row[0])
                for row in work.connection.execute(
                    "SELECT file FROM warehouse_tables WHERE name = ?", [name]
                )
            ]
            work.connection.execute(
                "INSERT OR REPLACE INTO warehouse_tables (name, file, rows, bytes, created_at) "
                "VALUES (?, ?, ?, ?, ?)",
                [name, file.name, rows, file.stat().st_size, work.stamp()],
            )
            retire(work, self.folder.name, old)
        begin_to_age(self._store, self.folder.name, old)

    def _files(self) -> dict[str, str]:
        with self._store.read() as work:
            rows = work.connection.execute("SELECT name, file FROM warehouse_tables ORDER BY name")
            return {str(name): str(file) for name, file in rows.fetchall()}


def import_table(
    store: EventStore,
    name: str,
    source: pd.DataFrame | str | Path,
    *,
    decimal: str | None = None,
    thousands: str | None = None,
) -> int:
    """Put the rows of a DataFrame, a CSV or a Parquet file into a project as a warehouse table.

    Parameters
    ----------
    store
        The project's events, beside which the tables lie.
    name, source, decimal, thousands
        As ``exp_jupyter.import_table`` takes them.

    Returns
    -------
    int
        How many rows the table has.

    Raises
    ------
    exp_jupyter.errors.InputError
        The name is not usable, or the rows cannot be read or kept.
    """
    import duckdb

    if not isinstance(name, str) or not name.strip() or len(name) > MOST_CHARACTERS:
        raise InputError(
            f"A table needs a name of at most {MOST_CHARACTERS} characters.",
            hint="Name it as metrics do in table_name, for example 'orders'.",
        )
    written = NumberFormat.of(decimal, thousands)
    with store.cursor() as cursor:
        kinds = arrive(cursor, source, "record")
        read = number_columns(cursor, kinds, written)
        columns = ", ".join(_stored(column, kind, read) for column, kind in kinds.items())
        try:
            query = f"SELECT {columns} FROM {ARRIVED} ORDER BY row_"
            return store.tables.put(cursor, name, query)
        except (duckdb.BinderException, duckdb.ConversionException) as error:
            raise InputError(
                f"The table {name!r} cannot be kept: {first_line(error)}",
                hint="Convert the column to numbers, text or times, or leave it out.",
            ) from error


def _stored(column: str, kind: str, read: Mapping[str, str]) -> str:
    if column in read:
        return f"{read[column]} AS {quoted(column)}"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"{quoted(column)} AT TIME ZONE 'UTC' AS {quoted(column)}"
    return quoted(column)
