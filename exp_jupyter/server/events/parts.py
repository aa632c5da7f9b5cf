"""The list of a project's event parts and merged persons: what is not listed is not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.server.clock import read_time, stored_time
from exp_jupyter.server.events.atomic_files import digest_of
from exp_jupyter.server.events.kept_files import begin_to_age, retire
from exp_jupyter.server.store import ProjectStore, Work


@dataclass(frozen=True)
class Part:
    """One listed part: its file, how many events it holds, and from when to when (aware, UTC).

    Attributes
    ----------
    size
        The file's bytes when it was listed; 0 for not known.
    sha256
        Of these bytes, in hexadecimal; empty for a part that an older version listed.
    """

    file: Path
    rows: int
    first: datetime
    last: datetime
    size: int = 0
    sha256: str = ""

    def damage(self) -> str:
        """Return what is wrong with the file, in words; empty when it is as it was written."""
        if not self.file.is_file():
            return "is missing"
        if self.size and self.file.stat().st_size != self.size:
            return f"has {self.file.stat().st_size} bytes and had {self.size}"
        if self.sha256 and digest_of(self.file) != self.sha256:
            return "holds other bytes than were written"
        return ""


class PartList:
    """The parts that belong to a project.

    Parameters
    ----------
    folder
        The folder that holds the parts.
    store
        The project that lists them.
    """

    def __init__(self, folder: Path, store: ProjectStore) -> None:
        self.folder = folder
        self._store = store

    def parts(self) -> list[Part]:
        """Return the parts that are listed now, in time order."""
        with self._store.read() as work:
            rows = work.connection.execute(
                "SELECT file, rows, first_at, last_at, bytes, coalesce(sha256, '') "
                "FROM event_parts ORDER BY first_at, id"
            ).fetchall()
        return [
            Part(self.folder / str(file), int(count), read_time(first), read_time(last), *rest)
            for file, count, first, last, *rest in rows
        ]

    def add(self, part: Part, names: Iterable[str]) -> None:
        """List a part whose file is in its place: from here on it exists.

        Parameters
        ----------
        part
            The part.
        names
            The names of the events in it; a project remembers every name it has seen.
        """
        with self._store.write() as work:
            now = self._insert(work, part)
            work.connection.executemany(
                "INSERT INTO event_definitions (name, first_seen) VALUES (?, ?) "
                "ON CONFLICT (name) DO NOTHING",
                [(name, now) for name in names],
            )

    def _insert(self, work: Work, part: Part) -> str:
        now = work.stamp()
        work.connection.execute(
            "INSERT INTO event_parts (file, rows, first_at, last_at, bytes, created_at, sha256) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                part.file.name,
                part.rows,
                stored_time(part.first),
                stored_time(part.last),
                part.file.stat().st_size,
                now,
                part.sha256,
            ),
        )
        return now

    def replace(self, gone: Sequence[Part], part: Part) -> bool:
        """List one part in the place of others that hold the same events.

        Returns
        -------
        bool
            False, and nothing is changed, when another kernel has replaced one of them already.
        """
        with self._store.write() as work:
            marks = ", ".join("?" * len(gone))
            files = [old.file.name for old in gone]
            listed = work.connection.execute(
                f"SELECT count(*) FROM event_parts WHERE file IN ({marks})",  # noqa: S608 - "?"
                files,
            ).fetchone()[0]
            if listed != len(files):
                return False
            work.connection.execute(
                f"DELETE FROM event_parts WHERE file IN ({marks})",  # noqa: S608 - "?"
                files,
            )
            self._insert(work, part)
            retire(work, self.folder.name, files)
        begin_to_age(self._store, self.folder.name, files)
        return True

    def names(self) -> list[str]:
        """Return the names of the events the project has seen, sorted."""
        with self._store.read() as work:
            rows = work.connection.execute("SELECT name FROM event_definitions ORDER BY name")
            return [str(name) for (name,) in rows]

    def merge_person(self, old_person_id: int, person_id: int) -> None:
        """Let all events of one person belong to another, past ones included.

        Parameters
        ----------
        old_person_id
            The person who turns out to be somebody else.
        person_id
            The person who remains.
        """
        with self._store.write() as work:
            _merge(work, old_person_id, person_id)

    def join(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Let persons be others, all of them or none; see `merge_person`.

        Parameters
        ----------
        pairs
            The person who turns out to be somebody else, and who remains.
        """
        with self._store.write() as work:
            for old_person_id, person_id in pairs:
                _merge(work, old_person_id, person_id)

    def identify(self, pairs: Iterable[tuple[int, int, bool]]) -> None:
        """Let persons be those that an application says they are.

        Somebody who was identified before stays who they are: two people may use one device.

        Parameters
        ----------
        pairs
            The person who turns out to be somebody else, that somebody, and whether this holds
            even for somebody who was identified before.
        """
        with self._store.write() as work:
            for old_person_id, person_id, forced in pairs:
                known = work.connection.execute(
                    "SELECT 1 FROM identified_persons WHERE person_id = ?", [old_person_id]
                ).fetchone()
                if forced or known is None:
                    _merge(work, old_person_id, person_id)
                work.connection.execute(
                    "INSERT INTO identified_persons VALUES (?) ON CONFLICT DO NOTHING", [person_id]
                )

    def person(self, person_id: int) -> int:
        """Return who a person is now."""
        with self._store.read() as work:
            return _present(work, person_id)

    def merges(self) -> int:
        """Return how many persons were merged so far; no merge leaves the number as it was."""
        with self._store.read() as work:
            row = work.connection.execute("SELECT count(*) FROM person_overrides").fetchone()
        return int(row[0])

    def merged(self) -> NDArray[np.int64]:
        """Return the merged persons as rows of two: who they were, and who they are now."""
        with self._store.read() as work:
            rows = work.connection.execute(
                "SELECT old_person_id, person_id FROM person_overrides ORDER BY 1"
            ).fetchall()
        return np.array(rows, dtype=np.int64).reshape(-1, 2)


def _merge(work: Work, old_person_id: int, person_id: int) -> None:
    gone, remaining = _present(work, old_person_id), _present(work, person_id)
    if gone == remaining:
        return  # they are one person already
    work.connection.execute(
        "UPDATE person_overrides SET person_id = ? WHERE person_id = ?", (remaining, gone)
    )
    work.connection.execute("INSERT INTO person_overrides VALUES (?, ?)", (gone, remaining))


def _present(work: Work, person_id: int) -> int:
    row = work.connection.execute(
        "SELECT person_id FROM person_overrides WHERE old_person_id = ?", [person_id]
    ).fetchone()
    return int(row[0]) if row else person_id
