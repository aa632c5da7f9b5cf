"""Where events come from: one relation, and what its columns are called."""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.number_text import PLAIN, NumberFormat
from exp_jupyter.warehouse.sql.execution import attended, run

if TYPE_CHECKING:
    import duckdb

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_UNSIGNED = tuple(f"U{name}" for name in _NUMBERS[:5])


@dataclass(frozen=True)
class EventSource:
    """Events in a relation that a DuckDB connection can read.

    Parameters
    ----------
    connection
        The connection every statement runs on. Its caller keeps it to one thread at a time; a
        ``cursor()`` of a shared connection is fine.
    relation
        SQL that may stand after ``FROM``: a table's name, ``read_parquet([...])`` or a
        subquery in parentheses. It is trusted; whoever builds it quotes what it contains.
    event, person_id, timestamp
        Column names. The timestamp is ``TIMESTAMP`` in UTC (or ``TIMESTAMP WITH TIME ZONE``);
        ``person_id`` is a number or text and already the current person of the event.
    uuid
        The column that identifies an event, or None when there is none; then the rows are told
        apart by their position.
    distinct_id
        Column name, read only by expressions that mention it.
    properties
        The column with the event's properties as JSON text (or ``JSON``), or None.
    typed
        Properties that have a column of their own, property name to column name. Text columns
        hold the property as text (``true`` and ``false`` for booleans), NULL where it is
        missing; number and boolean columns hold its value. They spare the parsing of JSON.
    persons
        SQL that may stand after ``FROM`` with the columns ``person_id`` and ``properties``
        (JSON text), one row per person in its present state; None when there are no person
        properties.
    cohorts
        SQL that may stand after ``FROM`` with the columns ``person_id`` and ``cohort_id`` (a
        whole number), one row per member; a cohort without members has one row whose
        ``person_id`` is NULL. None when there are no cohorts.
    groups
        Columns with the group keys, group type index to column name; a group type without a
        column is read from the property ``$group_<index>``.
    sessions
        SQL that may stand after ``FROM`` with the column ``session_id`` and one for every session
        property that metrics read, called like it, with or without the ``$``. None to derive
        ``$session_duration``, ``$pageview_count``, ``$screen_count`` and ``$autocapture_count``
        from the events that have the property ``$session_id``.
    tables
        Warehouse tables for metrics that read them, name to SQL that may stand after ``FROM``.
    label
        What to call the source in a result's small print.
    numbers
        How numbers are written in properties that are text.

    Examples
    --------
    >>> import duckdb
    >>> connection = duckdb.connect()
    >>> _ = connection.execute(
    ...     "CREATE TABLE events (event TEXT, person_id TEXT, timestamp TIMESTAMP, "
    ...     "uuid TEXT, distinct_id TEXT, properties TEXT)"
    ... )
    >>> source = EventSource(connection, "events")
    >>> source.check().columns["timestamp"]
    'TIMESTAMP'
    """

    connection: duckdb.DuckDBPyConnection = field(repr=False)
    relation: str
    event: str = "event"
    person_id: str = "person_id"
    timestamp: str = "timestamp"
    uuid: str | None = "uuid"
    distinct_id: str | None = "distinct_id"
    properties: str | None = "properties"
    typed: Mapping[str, str] = field(default_factory=dict)
    persons: str | None = None
    cohorts: str | None = None
    groups: Mapping[int, str] = field(default_factory=dict)
    sessions: str | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    label: str = "events"
    numbers: NumberFormat = PLAIN
    _known: set[int] = field(default_factory=set, init=False, repr=False, compare=False)

    @cached_property
    def columns(self) -> dict[str, str]:
        """The relation's columns and their DuckDB types."""
        import duckdb

        try:
            rows = self.connection.execute(f"DESCRIBE SELECT * FROM {self.relation}").fetchall()
        except duckdb.Error as error:
            raise InputError(
                f"The events cannot be read: {first_line(error)}",
                hint="Give a table, a file reader or a subquery that this connection can read.",
            ) from error
        return {str(row[0]): str(row[1]) for row in rows}

    def check(self) -> EventSource:
        """Return the source if its columns are there and of a usable type.

        Raises
        ------
        exp_jupyter.errors.InputError
            A column is missing or has the wrong type; the message names it.
        """
        needed = [self.event, self.person_id, self.timestamp]
        needed += [name for name in (self.uuid, self.properties) if name]
        needed += [*self.typed.values(), *self.groups.values()]
        for name in needed:
            if name not in self.columns:
                raise InputError(
                    f"The events have no column {name!r}.",
                    hint=f"They have: {', '.join(self.columns)}. Map the names in EventSource.",
                )
        if not self.columns[self.timestamp].startswith("TIMESTAMP"):
            raise InputError(
                f"Column {self.timestamp!r} is {self.columns[self.timestamp]}, not a TIMESTAMP.",
                hint="Cast it in the relation, for example with a subquery.",
            )
        return self

    @property
    def streams(self) -> bool:
        """Whether the connection can be read in slices: DuckDB's, in this process."""
        return True

    @property
    def reads_lists(self) -> bool:
        """Whether conditions may look into lists, in DuckDB's words."""
        return True

    @property
    def quotes_json(self) -> bool:
        """Whether a JSON property that is text can be told from a number: by its quotes."""
        return True

    @property
    def row_number(self) -> str:
        """SQL that tells rows apart where no column does."""
        return "ROW_NUMBER() OVER ()"

    def known_cohorts(self, wanted: int) -> set[int]:
        """Return the cohorts there are; looked up again when ``wanted`` was not among them."""
        if self.cohorts is not None and wanted not in self._known:
            sql = f"SELECT DISTINCT c.cohort_id AS cohort_id FROM {self.cohorts} AS c "
            sql += "WHERE c.cohort_id IS NOT NULL"
            try:
                found = self.rows(sql, {})
            except InputError as error:
                raise InputError(
                    f"The cohorts cannot be read: {error.message}",
                    hint="Give a relation with the columns person_id and cohort_id.",
                ) from error
            self._known.update(int(cohort) for cohort in found["cohort_id"])
        return self._known

    @cached_property
    def session_columns(self) -> dict[str, str]:
        """The columns of the relation of sessions and their DuckDB types; empty without one."""
        if self.sessions is None:
            return {}
        return replace(self, relation=self.sessions, label="sessions").columns

    def is_number(self, column: str) -> bool:
        """Whether a column of the relation holds numbers."""
        return self.columns.get(column, "").startswith((*_NUMBERS, *_UNSIGNED))

    def is_boolean(self, column: str) -> bool:
        """Whether a column of the relation holds booleans."""
        return self.columns.get(column) == "BOOLEAN"

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Run one statement and return its columns as NumPy arrays; Ctrl-C stops it in the engine.

        Parameters
        ----------
        sql
            The statement, with ``$name`` where a parameter goes.
        parameters
            The values to bind.

        Raises
        ------
        exp_jupyter.errors.InputError
            The engine refuses the statement or the data.
        """
        columns: dict[str, Any] = self._answered(
            lambda: run(self.connection, sql, parameters, lambda found: found.fetchnumpy())
        )
        return columns

    def arrow_table(self, sql: str, parameters: Mapping[str, Any]) -> Any:
        """Run one statement as ``rows`` does, and return its Arrow table; it takes pyarrow.

        DuckDB fills Arrow's columns on all its threads, NumPy's arrays on one.
        """

        def work() -> Any:
            return self.connection.sql(sql, params=dict(parameters)).to_arrow_table()

        return self._answered(lambda: attended(self.connection, work))

    def _answered(self, ask: Callable[[], Any]) -> Any:
        import duckdb

        try:
            return ask()
        except (duckdb.Error, UnicodeDecodeError) as error:
            # An engine cuts a message in the middle of a character, which Python cannot read.
            if (broken := self._broken_json(error)) is not None:
                raise broken from error
            raise InputError(
                f"The events could not be analysed: {first_line(error)}",
                hint="Check the source's columns with EventSource.check().",
            ) from error

    def _broken_json(self, error: Exception) -> InputError | None:
        """Return what is wrong with the column of properties, where that is what failed."""
        if "JSON" not in str(error) or self.properties is None:
            return None
        column = quoted(self.properties)
        n, example = self.connection.execute(
            f"SELECT COUNT(*), MIN(CAST({column} AS VARCHAR)) FROM {self.relation} AS s "
            f"WHERE NOT json_valid(CAST({column} AS VARCHAR))"
        ).fetchone() or (0, None)
        return no_json(self.properties, int(n), str(example)) if n else None


def no_json(column: str, n: int, example: str) -> InputError:
    """Return the error of a column of properties with text that is no JSON object."""
    hint = "Write each as JSON: json.dumps of the record, or give the records themselves."
    if example.startswith("{'"):
        hint = "It is a Python dictionary's text: convert it with ast.literal_eval, then give that."
    elif example.startswith('"'):
        hint = "It is JSON inside JSON: read it once with json.loads, then give that."
    return InputError(
        f"Column {column!r} cannot be the properties: {n:,} rows such as {example[:60]!r} are no "
        "JSON objects.",
        hint=hint,
    )


def quoted(name: str) -> str:
    """Return a column's name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def first_line(error: Exception) -> str:
    """Return what an engine says is wrong, without the statement it repeats."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
