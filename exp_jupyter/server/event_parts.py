"""The list of an event store's parts and of merged persons, kept in the project's SQLite file."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exp_jupyter.errors import StoreError

EVENT_TABLES = """
CREATE TABLE IF NOT EXISTS event_parts (
    id INTEGER PRIMARY KEY,
    file TEXT NOT NULL UNIQUE,
    row_count INTEGER NOT NULL,
    byte_count INTEGER NOT NULL,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    event_counts TEXT NOT NULL,
    added_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS person_overrides (
    old_person_id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL
) STRICT;
"""
"""What the events need in the project's SQLite file; safe to run again."""

_ORPHAN_AGE_SECONDS = 24 * 3600.0
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - DuckDB's TIMESTAMP is UTC without saying so


@dataclass(frozen=True)
class Part:
    """One listed part: its file and what it holds, so that a reader can pass it by."""

    file: Path
    rows: int
    first: datetime
    last: datetime
    event_counts: Mapping[str, int]


class PartList:
    """The parts that belong to a project: what is not listed here is not there.

    Parameters
    ----------
    folder
        The folder that holds the parts.
    catalogue
        The project's SQLite file.
    """

    def __init__(self, folder: Path, catalogue: Path) -> None:
        self.folder = folder
        self._catalogue = catalogue
        with self._catalogued() as listed:
            listed.executescript(EVENT_TABLES)
        self._sweep()

    def parts(self) -> list[Part]:
        """Return the parts that are listed now, in time order."""
        with self._catalogued() as listed:
            rows = listed.execute(
                "SELECT file, row_count, first_us, last_us, event_counts FROM event_parts "
                "ORDER BY first_us, id"
            ).fetchall()
        return [
            Part(
                self.folder / str(file),
                int(count),
                _EPOCH + timedelta(microseconds=first),
                _EPOCH + timedelta(microseconds=last),
                json.loads(counts),
            )
            for file, count, first, last, counts in rows
        ]

    def add(self, part: Path, counts: dict[str, int], first: int, last: int) -> None:
        """List a part that is in its place: from here on it exists.

        Parameters
        ----------
        part
            Its file, in the folder of the parts.
        counts
            How many events of each name it holds.
        first, last
            The earliest and the latest time, in microseconds since 1970, UTC.
        """
        with self._catalogued() as listed:
            listed.execute(
                "INSERT INTO event_parts (file, row_count, byte_count, first_us, last_us, "
                "event_counts, added_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    part.name,
                    sum(counts.values()),
                    part.stat().st_size,
                    first,
                    last,
                    json.dumps(counts, sort_keys=True),
                    datetime.now(UTC).isoformat(),
                ),
            )

    def overrides(self) -> list[tuple[int, int]]:
        """Return the merged persons, each with the person they are now."""
        with self._catalogued() as listed:
            rows = listed.execute(
                "SELECT old_person_id, person_id FROM person_overrides ORDER BY 1"
            ).fetchall()
        return [(int(old), int(new)) for old, new in rows]

    def merge_person(self, old_person_id: int, person_id: int) -> None:
        """Let all events of one person belong to another, past ones included.

        Parameters
        ----------
        old_person_id
            The person who turns out to be somebody else.
        person_id
            The person who remains.
        """
        with self._catalogued() as listed:
            listed.execute("BEGIN IMMEDIATE")  # it reads before it writes
            now = dict(listed.execute("SELECT old_person_id, person_id FROM person_overrides"))
            gone, remaining = (now.get(who, who) for who in (old_person_id, person_id))
            if gone == remaining:
                return  # they are one person already
            listed.execute(
                "UPDATE person_overrides SET person_id = ? WHERE person_id = ?", (remaining, gone)
            )
            listed.execute("INSERT INTO person_overrides VALUES (?, ?)", (gone, remaining))

    @contextlib.contextmanager
    def _catalogued(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._catalogue, timeout=30.0)
        except sqlite3.Error as error:
            raise StoreError(
                f"The project's list of events cannot be opened: {error}.",
                hint="Check that the folder exists and can be written.",
            ) from error
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def _sweep(self) -> None:
        """Remove files that a crash left behind before they were listed."""
        listed = {part.file.name for part in self.parts()}
        for file in self.folder.glob("*.parquet"):
            # Another kernel may be between rename and listing; what is a day old is nobody's.
            with contextlib.suppress(OSError):
                old = time.time() - file.stat().st_mtime > _ORPHAN_AGE_SECONDS
                if old and file.name not in listed:
                    file.unlink()
