"""A database with broken pages: every row that can still be read is copied to a new one."""

# ruff: noqa: S608 - tables and columns are those of the package's own migrations
from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exp_jupyter.server.store import DATABASE, ProjectStore

Row = tuple[Any, ...]


def move_database(folder: Path, stamp: str) -> Path:
    """Move a folder's database out of the way, and return where it lies now."""
    place = folder / "lost+found" / f"database-{stamp}"
    place.mkdir(parents=True)
    for suffix in ("-shm", "-wal", ""):
        file = folder / f"{DATABASE}{suffix}"
        if file.exists():
            file.rename(place / file.name)
    return place / DATABASE


def copy_rows(old: Path, store: ProjectStore) -> int:
    """Copy what can be read of a damaged database into a new one.

    Parameters
    ----------
    old
        The damaged database.
    store
        A new project; what it holds is replaced.

    Returns
    -------
    int
        How many rows were copied.
    """
    copied = 0
    new = sqlite3.connect(store.path, isolation_level=None)
    source = sqlite3.connect(old, isolation_level=None)
    try:
        new.execute("BEGIN IMMEDIATE")
        names = [
            str(row[0])
            for row in new.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        for table in names:
            columns = [str(row[1]) for row in new.execute(f"PRAGMA table_info({table})")]
            rows = list(_readable(source, table, columns))
            if table == "project" and rows:
                new.execute("DELETE FROM project")
            marks = ", ".join("?" * len(columns))
            for row in rows:
                with contextlib.suppress(sqlite3.Error):  # half of a row is none
                    copied += new.execute(
                        f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})",
                        row,
                    ).rowcount
        new.execute("COMMIT")
    finally:
        source.close()
        new.close()
    return copied


def _readable(source: sqlite3.Connection, table: str, columns: list[str]) -> Iterator[Row]:
    """Yield the rows of a table that can be read: from its beginning, then from its end."""
    try:
        there = {str(row[1]) for row in source.execute(f"PRAGMA table_info({table})")}
    except sqlite3.Error:
        return
    chosen = ", ".join(name if name in there else f"NULL AS {name}" for name in columns)
    seen: set[Row] = set()
    for order in ("", " ORDER BY rowid DESC"):
        cursor = None
        try:
            cursor = source.execute(f"SELECT {chosen} FROM {table} NOT INDEXED{order}")
            for row in cursor:
                if row not in seen:
                    seen.add(row)
                    yield row
        except sqlite3.Error:
            continue  # the rest of it, from the other end
        finally:
            if cursor is not None:
                cursor.close()
        return
