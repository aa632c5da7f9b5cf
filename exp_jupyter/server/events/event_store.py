"""The events of a project folder: immutable Parquet parts, listed in the project's SQLite file.

A part is written under a temporary name, synced, renamed and only then listed, in one SQLite
transaction. Readers go by the list, so a part is there whole or not at all; several kernels can
read while one writes, and nobody locks anybody out. A part is never changed after it is listed.
"""

# ruff: noqa: S608 - names and files are quoted by `quoted` and `literal`; values are parameters
from __future__ import annotations

import contextlib
import json
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from exp_jupyter.errors import StoreError
from exp_jupyter.server.events.atomic_files import digest_of, draft_in, settled
from exp_jupyter.server.events.columns import (
    HOT_PROPERTIES,
    PERSONS,
    completed,
    literal,
    person_number,
    quoted,
)
from exp_jupyter.server.events.kept_files import LISTS, notice_of, tidy
from exp_jupyter.server.events.parts import Part, PartList
from exp_jupyter.server.events.rows import CLEAN_COLUMNS, clean_rows
from exp_jupyter.server.events.warehouse_tables import TableList
from exp_jupyter.server.store import ProjectStore, damaged, full
from exp_jupyter.warehouse.sql.event_source import EventSource, first_line

if TYPE_CHECKING:
    import duckdb

_SMALL, _MANY_SMALL = 50_000, 64  # rows of a small part, and how many wait before they merge
_MERGED = "exp_jupyter_merged_persons"
_NO_ROOM = ("No space left", "File too large", "Disk quota", "ENOSPC")
_ROW_GROUP = 61_440  # a multiple of DuckDB's vector size; small enough to skip by time


class EventStore:
    """The events of one project, and the warehouse tables beside them.

    Safe to use from several threads; several processes may use the same folder at once.

    Parameters
    ----------
    store
        The project; its events lie in the folder ``events`` of its folder.

    Attributes
    ----------
    notices
        What whoever opens the folder should know, one sentence each: files that its database
        does not know.

    Examples
    --------
    >>> import tempfile
    >>> from contextlib import closing
    >>> with tempfile.TemporaryDirectory() as folder, closing(ProjectStore(folder)) as store:
    ...     events = EventStore(store)
    ...     added = events.append([{"event": "purchase", "distinct_id": "ada",
    ...         "timestamp": "2026-03-01T10:00:00Z", "properties": {"revenue": 12.5}}])
    ...     events.names(), events.fetch("SELECT sum(revenue) FROM events")
    (['purchase'], [(12.5,)])
    """

    def __init__(self, store: ProjectStore) -> None:
        self.folder = store.folder / "events"
        self._store, self._durable = store, store.durable
        self._duck: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()
        self._merged = np.empty((0, 2), dtype=np.int64)
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise damaged(store.folder, f"its folder {self.folder.name} cannot be used") from error
        self.listed = PartList(self.folder, store)
        self.tables = TableList(store)
        said = (notice_of(store, name, tidy(store, name)) for name in LISTS)
        self.notices = [sentence for sentence in said if sentence]

    # ---------------------------------------------------------------- writing

    def append(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Add events given as dictionaries; all of them or, on any error, none.

        Parameters
        ----------
        rows
            Each with ``event``, ``distinct_id``, ``timestamp`` (a datetime or ISO 8601; without
            an offset it is UTC) and optionally ``properties`` (an object), ``uuid`` and
            ``person_id`` (an integer).

        Returns
        -------
        int
            How many events were added.

        Raises
        ------
        exp_jupyter.errors.InputError
            Some rows are not events; the message numbers them. Nothing was added.
        """
        cleaned = clean_rows(rows)
        if not cleaned:
            return 0
        with self.cursor() as cursor:
            cursor.execute(
                "CREATE TEMP TABLE incoming AS SELECT unnest(from_json(?, ?), recursive := true)",
                [json.dumps(cleaned, ensure_ascii=False), json.dumps([CLEAN_COLUMNS])],
            )
            return self.append_query(
                cursor,
                "SELECT CAST(uuid AS UUID) AS uuid, event, distinct_id, person_id, "
                "make_timestamp(us) AS timestamp, properties FROM incoming",
            )

    def append_query(
        self, cursor: duckdb.DuckDBPyConnection, query: str, *, ordered: bool = False
    ) -> int:
        """Add the rows of a DuckDB query as one part; all of them or, on any error, none.

        Parameters
        ----------
        cursor
            The connection that can run the query; see `cursor`.
        query
            Gives ``event``, ``distinct_id``, ``timestamp`` (TIMESTAMP, UTC) and ``properties``
            (JSON text), optionally ``uuid`` (UUID), ``person_id`` (BIGINT) and any of
            `HOT_PROPERTIES`; what is missing is derived.
        ordered
            Whether the rows come in time order already; else they are sorted here.

        Returns
        -------
        int
            How many events were added.
        """
        with self._written(cursor, completed(cursor, query), ordered=ordered) as (part, names):
            if part is None:
                return 0
            self.listed.add(part, names)
        if len(self._small()) >= _MANY_SMALL:
            self.merge_small()
        return part.rows

    def merge_small(self) -> int:
        """Merge small parts into one, which every reader sees at once or not yet.

        Called by appending when there are many of them; a query reads few parts faster.

        Returns
        -------
        int
            How many parts were merged.
        """
        small = self._small()
        if len(small) < 2:
            return 0
        files = ", ".join(literal(str(part.file)) for part in small)
        with (
            self.cursor() as cursor,
            self._written(cursor, f"SELECT * FROM read_parquet([{files}])") as (part, _),
        ):
            if part is None:
                return 0
            if self.listed.replace(small, part):
                return len(small)
            part.file.unlink(missing_ok=True)  # another kernel was quicker
            return 0

    def _small(self) -> list[Part]:
        return [part for part in self.listed.parts() if part.rows < _SMALL]

    @contextlib.contextmanager
    def _written(
        self, cursor: duckdb.DuckDBPyConnection, query: str, *, ordered: bool = False
    ) -> Iterator[tuple[Part | None, list[str]]]:
        """Write a part that is not listed yet, and give it with the names of its events."""
        with draft_in(self.folder) as draft:
            cursor.execute(
                f"COPY ({query}{'' if ordered else ' ORDER BY timestamp'}) "
                f"TO {literal(str(draft))} (FORMAT parquet, COMPRESSION zstd, "
                f"COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {_ROW_GROUP})"
            )
            held = cursor.execute(
                "SELECT event, count(*), epoch_us(min(timestamp)), epoch_us(max(timestamp)) "
                f"FROM read_parquet({literal(str(draft))}) GROUP BY event"
            ).fetchall()
            if not held:
                yield None, []
                return
            first, last = min(row[2] for row in held), max(row[3] for row in held)
            file = self.folder / f"{first:016x}-{uuid.uuid4().hex}.parquet"
            count = sum(int(row[1]) for row in held)
            size, digest = draft.stat().st_size, digest_of(draft)
            part = Part(file, count, _moment(first), _moment(last), size, digest)
            before = self._store.commits
            with settled(draft, file, durable=self._durable):
                try:
                    yield part, [str(row[0]) for row in held]
                except StoreError:
                    # Of a listing that may have been written the file must stay: set aside when
                    # the folder is opened next, should it be unlisted after all.
                    if self._store.commits == before:
                        file.unlink(missing_ok=True)
                    raise

    # ---------------------------------------------------------------- reading

    def names(self) -> list[str]:
        """Return the names of the events the project has seen, sorted."""
        return self.listed.names()

    def relation(self, cursor: duckdb.DuckDBPyConnection) -> str:
        """Return SQL text for the events listed now, usable after FROM on this connection.

        Columns: ``uuid`` VARCHAR, ``event`` VARCHAR, ``distinct_id`` VARCHAR, ``person_id``
        BIGINT, ``timestamp`` TIMESTAMP (UTC), ``properties`` VARCHAR (a JSON object) and the
        columns of `HOT_PROPERTIES`. Parts are immutable, so the text keeps meaning these events
        whatever is added later.
        """
        files = [str(part.file) for part in self.listed.parts()]
        hot = ", ".join(quoted(name) for name in HOT_PROPERTIES)
        if not files:
            nothing = ", ".join(
                f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in HOT_PROPERTIES.items()
            )
            return (
                "(SELECT CAST(NULL AS VARCHAR) AS uuid, CAST(NULL AS VARCHAR) AS event, "
                "CAST(NULL AS VARCHAR) AS distinct_id, CAST(NULL AS BIGINT) AS person_id, "
                "CAST(NULL AS TIMESTAMP) AS timestamp, CAST(NULL AS VARCHAR) AS properties, "
                f"{nothing} WHERE false)"
            )
        listed = f"read_parquet([{', '.join(literal(file) for file in files)}])"
        merged = self._merged_persons(cursor)
        if not merged:
            return (
                "(SELECT CAST(uuid AS VARCHAR) AS uuid, event, distinct_id, person_id, "
                f"timestamp, properties, {hot} FROM {listed})"
            )
        return (
            "(SELECT CAST(e.uuid AS VARCHAR) AS uuid, e.event, e.distinct_id, "
            "coalesce(o.person_id, e.person_id) AS person_id, e.timestamp, e.properties, "
            f"{', '.join('e.' + quoted(name) for name in HOT_PROPERTIES)} FROM {listed} AS e "
            f"LEFT JOIN {merged} AS o ON o.old_person_id = e.person_id)"
        )

    def _merged_persons(self, cursor: duckdb.DuckDBPyConnection) -> str:
        """Bring the persons who are somebody else now to a connection; return their table.

        It has the columns ``old_person_id`` and ``person_id``. Empty when nobody was merged.
        """
        count = self.listed.merges()
        if not count:
            return ""
        pairs = self._merged  # replaced as a whole, so it may be read without a lock
        if len(pairs) != count:
            self._merged = pairs = self.listed.merged()
        table = f"{_MERGED}_{len(pairs)}"
        drawn = f"{table}_drawn"
        cursor.register(drawn, {"old": pairs[:, 0].copy(), "now": pairs[:, 1].copy()})
        try:
            cursor.execute(
                f"CREATE TEMP TABLE IF NOT EXISTS {table} AS "
                f"SELECT old AS old_person_id, now AS person_id FROM {drawn}"
            )
        finally:
            cursor.unregister(drawn)
        return table

    def source(self, cursor: duckdb.DuckDBPyConnection) -> EventSource:
        """Return the events listed now as what `exp_jupyter.analysis` computes from.

        A person's properties are what their events' ``$set`` and ``$set_once`` say, in the order
        of time.

        Parameters
        ----------
        cursor
            The connection to read on; see `cursor`.
        """
        from exp_jupyter.server.events.source import ProjectSource

        relation = self.relation(cursor)
        return ProjectSource(
            cursor,
            relation,
            typed={name: name for name in HOT_PROPERTIES if not name.startswith("$set")},
            persons=PERSONS.replace("__EVENTS__", relation),
            tables=self.tables.relations(),
            label="the project's events",
            store=self._store,
        )

    def fetch(self, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a query that knows the events under the name ``events``, and return its rows."""
        with self.cursor() as cursor:
            cursor.execute(f"CREATE TEMP VIEW events AS FROM {self.relation(cursor)}")
            return cursor.execute(query, parameters or []).fetchall()

    def known(self, uuids: Sequence[str], *, since: datetime, until: datetime) -> set[str]:
        """Return which of these events are there already.

        Parameters
        ----------
        uuids
            The events' UUIDs as text.
        since, until
            The times between which they happened, both included.
        """
        parts = self.listed.parts()
        if not any(part.first <= until and part.last >= since for part in parts):
            return set()
        rows = self.fetch(
            "SELECT uuid FROM events WHERE timestamp BETWEEN ? AND ? "
            "AND uuid IN (SELECT unnest(?))",
            [_naive(since), _naive(until), list(uuids)],
        )
        return {str(uuid) for (uuid,) in rows}

    def person_properties(self, distinct_id: str) -> dict[str, Any]:
        """Return what the events of a person have set, in the order of time."""
        found = self.fetch(
            f"SELECT properties FROM {PERSONS.replace('__EVENTS__', 'events')} WHERE person_id = ?",
            [self.listed.person(person_number(distinct_id))],
        )
        return dict(json.loads(found[0][0])) if found else {}

    def sample_properties(
        self, event: str, *, limit: int, since: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        """Return the properties of up to ``limit`` events of a name, the newest first.

        Parameters
        ----------
        event
            The name of the event.
        limit
            How many at most.
        since, until
            The half-open time range; aware, or naive in UTC.
        """
        rows = self.fetch(
            "SELECT properties FROM events WHERE event = ? AND timestamp >= ? AND timestamp < ? "
            "ORDER BY timestamp DESC, uuid LIMIT ?",
            [event, _naive(since), _naive(until), max(limit, 0)],
        )
        return [json.loads(properties) for (properties,) in rows]

    # ---------------------------------------------------------------- connections

    @contextlib.contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a DuckDB connection of the caller's own, with its own temporary tables."""
        with self._lock:
            if self._duck is None:
                self._duck = _engine()
            cursor = self._duck.cursor()
        try:
            # The session's zone is the machine's unless it is said; it decides casts of text.
            cursor.execute("SET TimeZone = 'UTC'")
            yield cursor
        except Exception as error:
            fault = self._fault_of(error)
            if fault is None:
                raise
            raise fault from error
        finally:
            cursor.close()

    def _fault_of(self, error: Exception) -> StoreError | None:
        """Return the error of the folder that an engine's error stands for, if it is one."""
        import duckdb

        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, duckdb.Error):
            cause = cause.__cause__
        if cause is None or isinstance(cause, _of_a_statement()):
            return None
        if isinstance(cause, (duckdb.InternalException, duckdb.FatalException)):
            self.close()  # such an engine answers nothing any more; the next query gets a new one
        if any(word in str(cause) for word in _NO_ROOM):
            return full(self._store.folder, first_line(cause))
        for part in self.listed.parts():
            what = part.damage()
            if what:
                name = f"{self.folder.name}/{part.file.name}"
                return damaged(self._store.folder, f"the file {name} {what}")
        what = self.tables.damage()
        return damaged(self._store.folder, what) if what else None

    def close(self) -> None:
        """Let go of DuckDB; the store may be used again and then opens it anew."""
        with self._lock:
            if self._duck is not None:
                self._duck.close()
                self._duck = None


def _of_a_statement() -> tuple[type[Exception], ...]:
    """Return the engine's errors that a statement causes, whatever the files hold."""
    import duckdb

    return (
        duckdb.BinderException,
        duckdb.CatalogException,
        duckdb.ConversionException,
        duckdb.InterruptException,
        duckdb.ParserException,
        duckdb.SyntaxException,
    )


def _engine() -> duckdb.DuckDBPyConnection:
    import duckdb

    # No extension is ever fetched: all that is used is built in.
    return duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
