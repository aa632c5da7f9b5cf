"""Putting a folder right: nothing is deleted; what cannot stay where it is, is set aside."""

# ruff: noqa: S608 - tables are the package's own; files are quoted by `literal`
from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exp_jupyter.server.events.atomic_files import SET_ASIDE, digest_of, set_aside
from exp_jupyter.server.events.columns import literal
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.events.parts import Part
from exp_jupyter.server.recovery.findings import Report
from exp_jupyter.server.recovery.inspection import engine, inspect
from exp_jupyter.server.recovery.parquet_file import read_whole, table_name
from exp_jupyter.server.recovery.salvage import copy_rows, move_database
from exp_jupyter.server.store import DATABASE, ProjectStore, Table, store_error

DAMAGED, KNOWN, UNNAMED = ".damaged", ".known", ".unnamed"
"""What is added to the names of files that cannot be read, of those that hold nothing new, and of
warehouse tables without a place."""


def repair(folder: str | Path) -> Report:
    """Put right what is wrong with a project's folder, as far as that can be done.

    A database that is missing or empty is started anew, one with broken pages is copied row by
    row, and files of events that it does not list are taken in: each event once, by its UUID.
    Whatever cannot be used is set aside in ``lost+found``; nothing is deleted.

    Parameters
    ----------
    folder
        The project's folder. No other program should have it open.

    Returns
    -------
    Report
        What was done, and what is still wrong.

    Raises
    ------
    exp_jupyter.errors.StoreError
        There is no project in the folder, or it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ProjectStore(folder).close()
    ...     repair(folder).done
    ()
    """
    place = Path(folder).expanduser()
    try:
        return _repaired(place)
    except sqlite3.Error as error:
        raise store_error(error, place, "repaired") from error


def _repaired(place: Path) -> Report:
    report = inspect(place)
    done: list[str] = []
    if report.about("database"):
        done += _new_database(place)
    done += _missing_rows(place)
    with closing(ProjectStore(place)) as store:
        for finding in report.about("table"):
            done.append(_unlist_table(store, finding.name))
        for finding in report.about("part"):
            done.append(_unlist_part(store, finding.name))
        with closing(EventStore(store)) as events:
            done += _take_in(store, events)
            done += _take_in_tables(events)
    after = inspect(place)
    return Report(after.findings, after.summary, tuple(done))


def _new_database(place: Path) -> Iterator[str]:
    database = place / DATABASE
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    if not database.exists() or _is_empty(database):
        with closing(ProjectStore(place, anew=True)):
            yield (
                "A new database was started. Experiments, flags, people and keys of the lost one "
                "are not in it; a copy of it may still bring them back."
            )
        return
    moved = move_database(place, stamp)
    with closing(ProjectStore(place, anew=True)) as store:
        rows = copy_rows(moved, store)
    yield (
        f"{rows:,} rows were copied from the damaged database to a new one; the damaged one lies "
        f"in {moved.parent.relative_to(place)}."
    )


def _is_empty(database: Path) -> bool:
    try:
        with closing(sqlite3.connect(database)) as connection:
            return not connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError:
        return False


def _missing_rows(place: Path) -> list[str]:
    """Bring back the project's own row; save and remove rows whose others are missing."""
    done = []
    with closing(sqlite3.connect(place / DATABASE, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT count(*) FROM project").fetchone()[0] == 0:
            Table(connection, "project").add(
                {
                    "id": 1,
                    "uuid": str(uuid.uuid4()),
                    "settings": {},
                    "name": place.resolve().name,
                    "timezone": "UTC",
                }
            )
            done.append(
                "The project got a new row of its own: check its time zone and its settings; the "
                "token that applications send events with is another one now."
            )
        removed = _remove_dangling(connection)
        if removed:
            file = place / SET_ASIDE / f"rows-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(removed, indent=1, ensure_ascii=False), encoding="utf-8")
            for table, rows in removed.items():
                done.append(
                    f"{len(rows)} of {table} were taken out, since what they belong to is "
                    f"missing; they are kept in {SET_ASIDE}/{file.name}."
                )
        connection.execute("COMMIT")
    return done


def _remove_dangling(connection: sqlite3.Connection) -> dict[str, list[Any]]:
    """Remove rows whose others are missing, and those that belong to them, and return them all."""
    removed: dict[str, list[Any]] = {}
    while dangling := connection.execute("PRAGMA foreign_key_check").fetchall():
        for table in {str(row[0]) for row in dangling}:
            for rule in connection.execute(f"PRAGMA foreign_key_list({table})").fetchall():
                parent, column, key = str(rule[2]), str(rule[3]), str(rule[4] or "id")
                lost = (
                    f"FROM {table} WHERE {column} IS NOT NULL "
                    f"AND {column} NOT IN (SELECT {key} FROM {parent})"
                )
                cursor = connection.execute(f"SELECT * {lost}")
                names = [described[0] for described in cursor.description]
                rows = [dict(zip(names, row, strict=True)) for row in cursor]
                if rows:
                    removed.setdefault(table, []).extend(rows)
                    connection.execute(f"DELETE {lost}")
    return removed


def _unlist_part(store: ProjectStore, name: str) -> str:
    with store.write() as work:
        work.connection.execute("DELETE FROM event_parts WHERE file = ?", [name])
    file = store.folder / "events" / name
    if not file.is_file():
        return f"events/{name} is no longer listed: its file is not there."
    aside = _renamed(set_aside(file), DAMAGED)
    return f"events/{name} is no longer listed; it lies in events/{SET_ASIDE}/{aside.name}."


def _unlist_table(store: ProjectStore, name: str) -> str:
    with store.write() as work:
        row = work.connection.execute(
            "SELECT file FROM warehouse_tables WHERE name = ?", [name]
        ).fetchone()
        work.connection.execute("DELETE FROM warehouse_tables WHERE name = ?", [name])
    file = store.folder / "tables" / str(row[0] if row else "")
    if file.is_file():
        _renamed(set_aside(file), DAMAGED)
    return f"The warehouse table {name!r} is no longer listed: import it again."


def _take_in(store: ProjectStore, events: EventStore) -> Iterator[str]:
    """List the files of events that were set aside, each event of them once."""
    folder = events.folder / SET_ASIDE
    for file in sorted(folder.glob("[!.]*.parquet")):
        with engine() as connection:
            content = read_whole(connection, file, events=True)
        if content.fault:
            aside = _renamed(file, DAMAGED)
            yield f"{file.name} cannot be used ({content.fault}); it is {aside.name} now."
            continue
        added = _add_new(store, events, file, content.rows)
        if added < content.rows:
            aside = _renamed(file, KNOWN)
            there = content.rows - added
            yield (
                f"{added:,} of the {content.rows:,} events of {file.name} were taken in; "
                f"{there:,} were there already. It is {aside.name} now."
            )
        else:
            yield f"{added:,} events of {file.name} were taken in."


def _take_in_tables(events: EventStore) -> Iterator[str]:
    """List the warehouse tables that were set aside again, the newest of a name."""
    place = events.tables.folder / SET_ASIDE
    files = place.glob("[!.]*.parquet")
    for file in sorted(files, key=lambda one: one.stat().st_mtime, reverse=True):
        with engine() as connection:
            content = read_whole(connection, file, events=False)
            name = "" if content.fault else table_name(connection, file)
        if content.fault:
            aside = _renamed(file, DAMAGED)
            yield f"{file.name} cannot be used ({content.fault}); it is {aside.name} now."
        elif name and name not in events.tables.relations():
            back = file.rename(events.tables.folder / file.name)
            events.tables.list(name, back, content.rows)
            yield f"The warehouse table {name!r} with {content.rows:,} rows was taken in."
        else:
            aside = _renamed(file, UNNAMED)
            yield (
                f"{file.name} holds a warehouse table that the project does not miss, or one "
                f"whose name is not known; it is {aside.name} now. To have it, import it."
            )


def _add_new(store: ProjectStore, events: EventStore, file: Path, rows: int) -> int:
    """Add the events of a file that the project does not have, and return how many they were."""
    read = f"read_parquet({literal(str(file))})"
    with events.cursor() as cursor:
        cursor.execute(f"CREATE TEMP VIEW events AS FROM {events.relation(cursor)}")
        fresh = (
            f"SELECT * FROM {read} AS s WHERE NOT EXISTS "
            "(FROM events AS e WHERE e.uuid = CAST(s.uuid AS VARCHAR))"
        )
        count = int((cursor.execute(f"SELECT count(*) FROM ({fresh})").fetchone() or (0,))[0])
        if count < rows:
            return events.append_query(cursor, fresh) if count else 0
        told = cursor.execute(
            f"SELECT event, min(timestamp), max(timestamp) FROM {read} GROUP BY event"
        ).fetchall()
    if not told:
        return 0
    back = events.folder / file.name
    size, digest = file.stat().st_size, digest_of(file)
    first, last = (
        moment.replace(tzinfo=UTC)
        for moment in (min(row[1] for row in told), max(row[2] for row in told))
    )
    before = store.commits
    file.rename(back)
    try:
        events.listed.add(
            Part(back, rows, first, last, size, digest), [str(row[0]) for row in told]
        )
    except BaseException:
        if store.commits == before:  # else it may be listed, and has to be where the list says
            back.rename(file)
        raise
    return rows


def _renamed(file: Path, ending: str) -> Path:
    return file.rename(file.with_name(file.name + ending))
