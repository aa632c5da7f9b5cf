"""A look at a project's folder that changes nothing: every page, every row, every file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from exp_jupyter.errors import StoreError
from exp_jupyter.server.events.atomic_files import SET_ASIDE, digest_of, unlisted
from exp_jupyter.server.events.kept_files import LISTS
from exp_jupyter.server.recovery.findings import Finding, Report
from exp_jupyter.server.recovery.parquet_file import read_whole
from exp_jupyter.server.store import DATABASE
from exp_jupyter.server.store.migrations import VERSION
from exp_jupyter.server.store.project_store import APPLICATION_ID

if TYPE_CHECKING:
    import duckdb

_SHOWN = 5  # findings of one kind about rows


def inspect(folder: str | Path) -> Report:
    """Return what is wrong with a project's folder.

    Parameters
    ----------
    folder
        The project's folder.

    Returns
    -------
    Report
        Its findings; none for a folder in order.

    Raises
    ------
    exp_jupyter.errors.StoreError
        There is no such folder, it is no project's, or a newer version made it.

    Examples
    --------
    >>> import tempfile
    >>> from exp_jupyter.server.store import ProjectStore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ProjectStore(folder).close()
    ...     inspect(folder).is_whole
    True
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise StoreError(
            f"There is no folder {str(folder)!r}.", hint="Name the folder of a project."
        )
    beside = [
        file
        for name in LISTS
        for file in (*_parquet(place / name), *_parquet(place / name / SET_ASIDE))
    ]
    database = place / DATABASE
    if not database.exists() and not beside:
        raise StoreError(
            f"There is no project in {str(folder)!r}.",
            hint="Name the folder that holds project.sqlite3.",
        )
    fault = "" if database.exists() else "is missing"
    if not fault and not database.is_file():
        fault = "is no file"
    if fault:
        return Report((Finding("database", f"The database {DATABASE} {fault}."), *_strays(place)))
    try:
        with reading(database) as connection:
            return _inspected(place, connection, bool(beside))
    except sqlite3.DatabaseError as error:
        text = f"The database {DATABASE} cannot be read: {error}."
        return Report((Finding("database", text), *_strays(place)))


@contextlib.contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a database without changing it."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = ON")
        yield connection
    finally:
        connection.close()


def _inspected(place: Path, connection: sqlite3.Connection, beside: bool) -> Report:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise StoreError(
            f"The project in {str(place)!r} has store version {version}; this exp_jupyter knows "
            f"up to {VERSION}.",
            hint="Upgrade exp_jupyter to look at it.",
        )
    if version == 0:
        if not beside:
            raise StoreError(
                f"There is no project in {str(place)!r} yet: its database is empty.",
                hint="connect() makes one there.",
            )
        text = f"The database {DATABASE} is empty, beside files that it should list."
        return Report((Finding("database", text), *_strays(place)))
    if int(connection.execute("PRAGMA application_id").fetchone()[0]) != APPLICATION_ID:
        raise StoreError(
            f"The file {str(place / DATABASE)!r} is a database of something else.",
            hint="Name a project's folder.",
        )
    findings = [*_database(connection), *_listed_parts(place, connection, version)]
    tables = _files(connection, "warehouse_tables", "name, file") if version >= 5 else []
    findings += _listed_tables(place, tables)
    known = {
        "events": {file for (file,) in _files(connection, "event_parts", "file")},
        "tables": {file for _, file in tables},
    }
    if version >= 6:
        for (file,) in _files(connection, "retired_files", "file"):
            folder, _, name = file.partition("/")
            known.setdefault(folder, set()).add(name)
    findings += _strays(place, known)
    events = connection.execute("SELECT coalesce(sum(rows), 0) FROM event_parts").fetchone()[0]
    experiments = connection.execute("SELECT count(*) FROM experiments").fetchone()[0]
    summary = f"The project has {experiments:,} experiments and {int(events):,} events."
    return Report(tuple(findings), summary)


def _files(connection: sqlite3.Connection, table: str, columns: str) -> list[tuple[str, ...]]:
    rows = connection.execute(f"SELECT {columns} FROM {table}")  # noqa: S608 - constants
    return [tuple(map(str, row)) for row in rows]


def _database(connection: sqlite3.Connection) -> Iterator[Finding]:
    said = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_SHOWN})")]
    if said != ["ok"]:
        yield Finding("database", f"The database has broken pages: {said[0].splitlines()[-1]}.")
    if connection.execute("SELECT count(*) FROM project").fetchone()[0] != 1:
        yield Finding("project", "The row that says which project it is, is missing.")
    counts: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchall():
        counts[str(table), str(parent)] = counts.get((str(table), str(parent)), 0) + 1
    for (table, parent), count in counts.items():
        rows = "1 row" if count == 1 else f"{count} rows"
        text = f"{rows} of {table} belong to rows of {parent} that are missing."
        yield Finding("rows", text, table)


def _listed_parts(place: Path, connection: sqlite3.Connection, version: int) -> Iterator[Finding]:
    digest = "coalesce(sha256, '')" if version >= 6 else "''"
    rows = connection.execute(
        f"SELECT file, rows, bytes, {digest} FROM event_parts ORDER BY first_at, id"  # noqa: S608
    ).fetchall()
    with engine() as connected:
        for name, count, size, known in rows:
            file = place / "events" / str(name)
            fault = _file_fault(file, int(size), str(known))
            if not fault:
                content = read_whole(connected, file, events=True)
                fault = content.fault or _count_fault(content.rows, int(count))
            if fault:
                text = f"events/{name} with {int(count):,} events {fault}."
                yield Finding("part", text, str(name))


def _file_fault(file: Path, size: int, digest: str) -> str:
    try:
        if not file.is_file():
            return "is missing"
        if file.stat().st_size != size:
            return f"has {file.stat().st_size:,} bytes and had {size:,}"
        if digest and digest_of(file) != digest:
            return "holds other bytes than were written"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


def _count_fault(rows: int, listed: int) -> str:
    return "" if rows == listed else f"holds {rows:,} rows"


def _listed_tables(place: Path, tables: list[tuple[str, ...]]) -> Iterator[Finding]:
    with engine() as connected:
        for name, file in tables:
            path = place / "tables" / file
            missing = not path.is_file()
            fault = "is missing" if missing else read_whole(connected, path, events=False).fault
            if fault:
                text = f"The file of the warehouse table {name!r}, tables/{file}: {fault}."
                yield Finding("table", text, name)


def _strays(place: Path, known: dict[str, set[str]] | None = None) -> list[Finding]:
    """Return the findings about files that no database lists."""
    findings = []
    for name in LISTS:
        folder = place / name
        if not folder.is_dir():
            continue
        for file in unlisted(folder, (known or {}).get(name, set())):
            text = f"{name}/{file.name} is not listed by the database."
            findings.append(Finding("unlisted", text, f"{name}/{file.name}"))
        for file in _parquet(folder / SET_ASIDE):
            text = f"{name}/{SET_ASIDE}/{file.name} was set aside: the database does not list it."
            findings.append(Finding("set_aside", text, f"{name}/{SET_ASIDE}/{file.name}"))
        drafts = [*folder.glob(".draft-*")]
        if drafts:
            text = f"{len(drafts)} unfinished in {name}; a day later they are removed."
            findings.append(Finding("draft", text, name, harmless=True))
    return findings


def _parquet(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.parquet"))


@contextlib.contextmanager
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend a DuckDB of its own, without a network."""
    import duckdb

    connection = duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    try:
        yield connection
    finally:
        connection.close()
