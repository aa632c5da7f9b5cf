"""A project's folder: opened or made; its metadata in one SQLite file, a write one transaction."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exp_jupyter.errors import StoreError
from exp_jupyter.server.clock import Clock, SystemClock
from exp_jupyter.server.identity import Identity, RandomIdentity
from exp_jupyter.server.store.failures import damaged, may_be_written, store_error
from exp_jupyter.server.store.migrations import MIGRATIONS, VERSION
from exp_jupyter.server.store.table import Table
from exp_jupyter.server.store.work import Work

DATABASE = "project.sqlite3"
FILE_FOLDERS = ("events", "tables")  # whose files the database lists
APPLICATION_ID = 0x45585031  # "EXP1": tells a project's file from any other SQLite file
BUSY_SECONDS = 30.0


class ProjectStore:
    """A project in a folder; made when the folder is new or empty.

    Several processes may have the same folder open: readers never wait, writers take turns.

    Parameters
    ----------
    folder
        The project's folder. Its parent must exist.
    name
        The name of a new project; by default the folder's.
    timezone
        The time zone of a new project, an IANA name.
    project_id
        The number of a new project.
    clock
        The project's clock; the machine's by default.
    identity
        Where UUIDs come from; chance by default.
    durable
        False leaves it to the operating system when bytes reach the disk: for throw-away
        projects, where a power cut may cost the last writes.
    anew
        Start a new database beside files of events that an earlier one listed, which is refused
        otherwise: for repairs.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The folder is no project and not empty, was made by a newer version, or cannot be read.
    exp_jupyter.errors.StoreDamagedError
        The database is damaged, or empty beside files of events.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        name: str | None = None,
        timezone: str = "UTC",
        project_id: int = 1,
        clock: Clock | None = None,
        identity: Identity | None = None,
        durable: bool = True,
        anew: bool = False,
    ) -> None:
        self.folder = Path(folder).expanduser()
        self.clock: Clock = clock or SystemClock()
        self.identity: Identity = identity or RandomIdentity()
        self._durable = durable
        self._anew = anew
        self._own = threading.local()
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._prepare_folder()
        try:
            self._migrate({"name": name or self.folder.name, "timezone": timezone}, project_id)
        except sqlite3.Error as error:
            self.close()
            raise store_error(error, self.folder, "opened") from error
        except StoreError:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"ProjectStore({str(self.folder)!r})"

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self.folder / DATABASE

    @property
    def durable(self) -> bool:
        """Whether what is written is on the disk before it is called written."""
        return self._durable

    def _prepare_folder(self) -> None:
        try:
            self.folder.mkdir(exist_ok=True)
            strange = not self.path.exists() and any(
                not entry.name.startswith(".") for entry in self.folder.iterdir()
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StoreError(
                f"The folder {str(self.folder)!r} cannot be used: {reason}.",
                hint="Name a folder whose parent exists and that you may write to.",
            ) from error
        if strange and self._files_beside() and not self._anew:
            raise damaged(self.folder, f"its database {DATABASE} is missing")
        if strange and not self._anew:
            raise StoreError(
                f"The folder {str(self.folder)!r} has files in it but no project.",
                hint="Name a project's folder, or a new or empty one to start a project in.",
            )

    def _files_beside(self) -> bool:
        """Whether there are files that only a project's database lists."""
        return any(any((self.folder / name).glob("[!.]*.parquet")) for name in FILE_FOLDERS)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.create_function(
                "holds_text",
                2,
                lambda text, part: part in (text or "").casefold(),
                deterministic=True,
            )
        except sqlite3.Error:  # a file that is no database is found out only here
            connection.close()
            raise
        return connection

    def _migrate(self, project: dict[str, Any], project_id: int) -> None:
        connection = self._connect()
        try:
            version = self._version(connection)
            if version == VERSION:
                self._require_project(connection)
                return
            # Read twice: another process may have made the project and its first files meanwhile.
            if version == 0 and self._files_beside() and not self._version(connection):
                if not self._anew:
                    raise damaged(
                        self.folder, f"its database {DATABASE} is empty, beside files of events"
                    )
            elif version:
                self._require_project(connection)
            if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
                raise StoreError(
                    f"The folder {str(self.folder)!r} lies on a file system without shared memory.",
                    hint="Keep projects on a local disk.",
                )
            connection.execute("BEGIN EXCLUSIVE")
            # Another process may have done the work while this one waited for its turn.
            version = self._version(connection)
            for step in MIGRATIONS[version:]:
                for statement in _statements(step):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            if version == 0:
                Table(connection, "project").add(
                    {"id": project_id, "uuid": self.identity.new(), "settings": {}, **project}
                )
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._return(connection)

    def _require_project(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM project").fetchone()[0] == 0:
            raise damaged(self.folder, "the row that says which project it is, is missing")

    def _version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        kind = int(connection.execute("PRAGMA application_id").fetchone()[0])
        if version > VERSION:
            raise StoreError(
                f"The project in {str(self.folder)!r} has store version {version}; "
                f"this exp_jupyter reads up to {VERSION}.",
                hint="Upgrade exp_jupyter to open it.",
            )
        if version and kind != APPLICATION_ID:
            raise StoreError(
                f"The file {str(self.path)!r} is a database of something else.",
                hint="Name a project's folder, or a new one to start a project in.",
            )
        return version

    def _borrow(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError("The project is closed.", hint="Connect to it again.")
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _return(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def _transaction(self, begin: str, *, writing: bool) -> Iterator[Work]:
        connection = self._borrow()
        try:
            connection.execute(f"PRAGMA query_only = {'OFF' if writing else 'ON'}")
            connection.execute(begin)
            yield Work(connection, self.clock, self.identity)
            try:
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._own.commits = self.commits + (writing and may_be_written(error))
                raise
            self._own.commits = self.commits + writing
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._return(connection)

    @property
    def commits(self) -> int:
        """How many transactions of this thread were written so far, or may have been."""
        return int(getattr(self._own, "commits", 0))

    def damage(self) -> str:
        """Return what is wrong with the database, in words; empty when nothing is found."""
        try:
            with self._transaction("BEGIN", writing=False) as work:
                return damage_in(work.connection)
        except sqlite3.Error as error:
            return f"its database cannot be read ({error})"

    @contextmanager
    def read(self) -> Iterator[Work]:
        """Give one unchanging view of the project; nothing can be written in it.

        Raises
        ------
        exp_jupyter.errors.StoreError
            The database cannot be read.
        """
        try:
            with self._transaction("BEGIN", writing=False) as work:
                yield work
        except sqlite3.DatabaseError as error:
            raise store_error(error, self.folder, "read") from error

    @contextmanager
    def write(self) -> Iterator[Work]:
        """Give a transaction that is written whole at its end, or not at all when it raises.

        Raises
        ------
        exp_jupyter.errors.StoreError
            Another process kept the project busy for too long, the disk refuses or is full, or
            the database is damaged.
        """
        try:
            with self._transaction("BEGIN IMMEDIATE", writing=True) as work:
                yield work
        except sqlite3.IntegrityError:
            raise  # a rule of the tables, which the caller has broken
        except sqlite3.DatabaseError as error:
            raise store_error(error, self.folder, "written") from error

    def close(self) -> None:
        """Close every idle connection; those at work close when they are done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def damage_in(connection: sqlite3.Connection) -> str:
    """Return the first thing that is wrong with a project's database; empty for none.

    Looks for rows that are missing and for broken pages, as far as a quick look finds them.
    """
    if connection.execute("SELECT count(*) FROM project").fetchone()[0] != 1:
        return "the row that says which project it is, is missing"
    dangling = connection.execute("PRAGMA foreign_key_check").fetchone()
    if dangling:
        return f"a row of {dangling[2]} is missing that a row of {dangling[0]} belongs to"
    said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if said == "ok" else f"its database has broken pages ({said})"


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; ``executescript`` would commit between them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
