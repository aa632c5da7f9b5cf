"""Importing a table of events: columns mapped, rows checked, repeated ones told by their ids."""

# ruff: noqa: S608 - columns are quoted
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exp_jupyter.errors import InputError
from exp_jupyter.server.events import export_form
from exp_jupyter.server.events.columns import OBJECTS, literal, person_of, quoted
from exp_jupyter.server.events.incoming import ARRIVED, arrive, number_columns
from exp_jupyter.server.events.rows import SHOWN, rows_refused
from exp_jupyter.warehouse.request.number_text import NumberFormat
from exp_jupyter.warehouse.sources.open_units import kind_of

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from exp_jupyter.server.events.event_store import EventStore

_SAME = (
    "mapped.event = e.event AND mapped.distinct_id = e.distinct_id AND mapped.moment = e.timestamp"
)


class Imported(int):
    """How many events were added; it also knows how many were there before.

    Attributes
    ----------
    already_there
        Rows whose events the project had, or that repeat a row of the same table.

    Examples
    --------
    >>> Imported(2, already_there=3)
    2 events were added; 3 were there already.
    >>> Imported(2, already_there=3) == 2
    True
    """

    already_there: int

    def __new__(cls, added: int, already_there: int = 0) -> Imported:
        """Return the number."""
        made = super().__new__(cls, added)
        made.already_there = already_there
        return made

    def __repr__(self) -> str:
        """Return both numbers in words."""
        was = "was" if self == 1 else "were"
        text = f"{int(self):,} {'event' if self == 1 else 'events'} {was} added"
        if self.already_there:
            were = "was" if self.already_there == 1 else "were"
            text += f"; {self.already_there:,} {were} there already"
        return f"{text}."


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what.

    Parameters
    ----------
    event, distinct_id, timestamp
        The columns of these; of one name for all rows, ``event`` is not looked at.
    uuid
        The column that tells events apart; None for none.
    properties
        A column of objects, or those that become properties; None for what is left.
    name
        One name for all rows.
    """

    event: str = "event"
    distinct_id: str = "distinct_id"
    timestamp: str = "timestamp"
    uuid: str | None = "uuid"
    properties: str | Sequence[str] | None = None
    name: str | None = None

    def of(self, kinds: Mapping[str, str]) -> Columns:
        """Return them for a table, as it is told by its columns; refuse what is not there.

        Raises
        ------
        exp_jupyter.errors.InputError
            A column is missing, or holds what cannot be that.
        """
        timestamp, name = self.timestamp, self.name
        if name is None and self.event == "event" and export_form.is_of_persons([*kinds]):
            name = "$set"
            times = [column for column in export_form.PERSON_TIMES if column in kinds]
            timestamp = times[0] if times and timestamp not in kinds else timestamp
        roles = {
            **({} if name is not None else {"event": self.event}),
            "distinct_id": self.distinct_id,
            "timestamp": timestamp,
        }
        for role, column in roles.items():
            _check_there(role, column, kinds)
            _check_kind(role, column, kinds[column])
        uuid = self.uuid
        if uuid not in kinds:
            if uuid not in (None, "uuid"):
                _check_there("uuid", str(uuid), kinds)
            uuid = None
        else:
            _check_kind("uuid", str(uuid), kinds[str(uuid)])
        return Columns(self.event, self.distinct_id, timestamp, uuid, self.properties, name)

    def taken(self) -> set[str]:
        """Return the columns that are no properties."""
        own = {self.distinct_id, self.timestamp, self.uuid}
        return {column for column in own | ({self.event} if self.name is None else set()) if column}


def import_events(
    store: EventStore,
    source: pd.DataFrame | str | Path,
    *,
    event: str = "event",
    distinct_id: str = "distinct_id",
    timestamp: str = "timestamp",
    uuid: str | None = "uuid",
    properties: str | Sequence[str] | None = None,
    name: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
) -> Imported:
    """Add the rows of a DataFrame, a CSV or a Parquet file as events; all of them or none.

    Parameters
    ----------
    store
        Where the events go.
    source, event, distinct_id, timestamp, uuid, properties, name, decimal, thousands
        As ``exp_jupyter.import_events`` takes them.

    Returns
    -------
    Imported
        How many events were added, and how many were there already.

    Raises
    ------
    exp_jupyter.errors.InputError
        A column is missing or cannot be what it is said to be, or some rows are not events; the
        message names the column and numbers the rows from 1.
    """
    written = NumberFormat.of(decimal, thousands)
    given = Columns(event, distinct_id, timestamp, uuid, properties, name)
    text = [column for column in (event, distinct_id, uuid) if column]
    with store.cursor() as cursor:
        kinds = arrive(cursor, source, "event", text=text)
        columns = given.of(kinds)
        exported = _is_exported(columns, kinds)
        held = _properties(cursor, columns, kinds, written, exported=exported)
        _map(cursor, columns, kinds, held)
        _check_rows(cursor)
        if columns.uuid is None and columns.name != "$set":
            added = store.append_query(cursor, f"SELECT {_STORED} FROM mapped")
            found = Imported(added)
        else:
            found = _added_once(store, cursor)
        if exported and "person_id" in kinds:
            _join_persons(store, cursor, columns)
        return found


_STORED = "uuid, event, distinct_id, moment AS timestamp, properties"


def _is_exported(columns: Columns, kinds: Mapping[str, str]) -> bool:
    if columns.properties is not None:
        return False
    return export_form.is_of_events([*kinds]) or export_form.is_of_persons([*kinds])


def _map(
    cursor: duckdb.DuckDBPyConnection, columns: Columns, kinds: Mapping[str, str], held: str
) -> None:
    """Write the table ``mapped``: the rows as events, of which some may be none."""
    named = literal(columns.name) if columns.name is not None else f"{_as_text(columns.event)}"
    at = quoted(columns.timestamp)
    cursor.execute(
        f"CREATE TEMP TABLE mapped AS SELECT row_, {named} AS event, "
        f"{_as_text(columns.distinct_id)} AS distinct_id, "
        f"{_as_text(columns.timestamp)} AS written, "
        f"TRY_CAST({at} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS moment, {held} AS properties, "
        f"{_identity(columns, kinds, named)} AS uuid, {_infinite(columns, kinds)} AS infinite "
        f"FROM {ARRIVED}"
    )


def _identity(columns: Columns, kinds: Mapping[str, str], named: str) -> str:
    """Return SQL for the UUID of a row; NULL where nothing tells it from others.

    An id that is no UUID identifies an event among those of its name: 17 may be an order and a
    signup.
    """
    if columns.uuid is None:
        if columns.name == "$set" and "person_id" in kinds:
            said = ", ".join(_as_text(name) for name in ("distinct_id", "person_id", "properties"))
            return f"CAST(md5(concat_ws(chr(31), '$set', {said})) AS UUID)"
        return "CAST(NULL AS UUID)"
    own = f"nullif(trim({_as_text(columns.uuid)}), '')"
    made = f"CAST(md5({named} || chr(31) || {own}) AS UUID)"
    return f"coalesce(TRY_CAST({own} AS UUID), {made}, gen_random_uuid())"


def _infinite(columns: Columns, kinds: Mapping[str, str]) -> str:
    """Return SQL for the first column of numbers that is infinite in a row."""
    floats = [n for n, k in kinds.items() if k in ("FLOAT", "DOUBLE") and n not in columns.taken()]
    if not floats or isinstance(columns.properties, str):
        return "NULL"
    branches = " ".join(f"WHEN isinf({quoted(n)}) THEN {literal(n)}" for n in floats)
    return f"CASE {branches} END"


def _check_rows(cursor: duckdb.DuckDBPyConnection) -> None:
    """Raise InputError where some rows are no events."""
    reason = (
        "CASE WHEN coalesce(event, '') = '' THEN 'it has no event name' "
        "WHEN coalesce(distinct_id, '') = '' THEN 'it has no distinct_id' "
        "WHEN moment IS NULL AND coalesce(trim(written), '') = '' THEN 'it has no timestamp' "
        "WHEN moment IS NULL THEN 'its timestamp ''' || written[:40] || ''' is not a time' "
        "WHEN infinite IS NOT NULL THEN 'its ' || infinite || ' is infinite' "
        "WHEN coalesce(json_type(properties) <> 'OBJECT', true) "
        f"THEN 'its properties are not an object' {_not_objects()} END"
    )
    _refuse(cursor, f"SELECT row_, {reason} AS why FROM mapped")


def _refuse(cursor: duckdb.DuckDBPyConnection, checked: str) -> None:
    wrong = f"FROM ({checked}) WHERE why IS NOT NULL"
    ((total,),) = cursor.execute(f"SELECT count(*) {wrong}").fetchall()
    if total:
        rows = cursor.execute(f"SELECT row_, why {wrong} ORDER BY 1 LIMIT {SHOWN}").fetchall()
        raise rows_refused([(int(number), str(why)) for number, why in rows], int(total))


def _not_objects() -> str:
    """Return the branches of a CASE that name a property which must be an object and is none."""
    branches = []
    for key in OBJECTS:
        value = f"json_extract_string(properties, {literal('$.' + quoted(key))})"
        branches.append(
            f"WHEN nullif({value}, '') IS NOT NULL "
            f"AND coalesce(TRY(json_type({value})), '') NOT IN ('OBJECT', 'NULL') "
            f"THEN 'its {key} is not an object'"
        )
    return " ".join(branches)


# ---------------------------------------------------------------- events that are there already


def _added_once(store: EventStore, cursor: duckdb.DuckDBPyConnection) -> Imported:
    """Add the events that the project does not have yet."""
    several = (
        "FROM mapped GROUP BY uuid HAVING count(*) > 1 "
        "AND count(DISTINCT (event, distinct_id, moment)) > 1"
    )
    _refuse(
        cursor,
        "SELECT row_, 'its uuid is that of row ' || first || ', which is another event' AS why "
        "FROM (SELECT row_, uuid, min(row_) OVER (PARTITION BY uuid) AS first FROM mapped "
        f"WHERE uuid IN (SELECT uuid {several})) WHERE row_ > first",
    )
    events = store.relation(cursor)
    cursor.execute(
        "CREATE TEMP TABLE there AS SELECT CAST(uuid AS UUID) AS uuid, event, distinct_id, "
        f"timestamp FROM {events} WHERE CAST(uuid AS UUID) IN (SELECT uuid FROM mapped)"
    )
    _refuse(
        cursor,
        "SELECT row_, 'its uuid is that of another event which the project has' AS why "
        f"FROM mapped JOIN there AS e USING (uuid) WHERE NOT ({_SAME})",
    )
    fresh = (
        f"SELECT DISTINCT ON (uuid) {_STORED} FROM mapped "
        "WHERE uuid NOT IN (SELECT uuid FROM there) ORDER BY uuid, row_"
    )
    ((rows,),) = cursor.execute("SELECT count(*) FROM mapped").fetchall()
    added = store.append_query(cursor, fresh)
    return Imported(added, int(rows) - added)


def _join_persons(store: EventStore, cursor: duckdb.DuckDBPyConnection, columns: Columns) -> None:
    """Let distinct ids of one person be one person, in later imports too."""
    own = quoted(columns.distinct_id)
    pairs = cursor.execute(
        f"SELECT DISTINCT {person_of(f'CAST({own} AS VARCHAR)')}, "
        f"{person_of('CAST(person_id AS VARCHAR)')} FROM {ARRIVED} WHERE person_id IS NOT NULL"
    ).fetchall()
    store.listed.join((int(one), int(other)) for one, other in pairs)


# ---------------------------------------------------------------- properties


def _properties(
    cursor: duckdb.DuckDBPyConnection,
    columns: Columns,
    kinds: Mapping[str, str],
    written: NumberFormat,
    *,
    exported: bool,
) -> str:
    """Return SQL for the JSON object of a row's properties."""
    properties, taken = columns.properties, columns.taken()
    if isinstance(properties, str):
        _check_there("properties", properties, kinds)
        _check_kind("properties", properties, kinds[properties])
        return export_form.object_of(properties, kinds[properties])
    if exported:
        held = export_form.object_of("properties", kinds["properties"])
        if columns.name == "$set":
            return (
                f"CASE WHEN json_type({held}) = 'OBJECT' "
                f"THEN CAST(json_object('$set', CAST({held} AS JSON)) AS VARCHAR) END"
            )
        chosen = [c for c in kinds if c not in taken | export_form.OWN | {"properties"}]
        beside = _object(cursor, chosen, kinds, written)
        whole = f"CAST(json_merge_patch({beside}, {held}) AS VARCHAR)" if chosen else held
        return export_form.with_settings(whole, kinds)
    chosen = [c for c in kinds if c not in taken] if properties is None else list(properties)
    for column in chosen:
        _check_there("properties", column, kinds)
    return _object(cursor, chosen, kinds, written)


def _object(
    cursor: duckdb.DuckDBPyConnection,
    chosen: Sequence[str],
    kinds: Mapping[str, str],
    written: NumberFormat,
) -> str:
    if not chosen:
        return "'{}'"
    read = number_columns(cursor, {name: kinds[name] for name in chosen}, written)
    values = {
        name: f"CASE WHEN isfinite({quoted(name)}) THEN {quoted(name)} END"
        if kinds[name] in ("FLOAT", "DOUBLE")
        else read.get(name, quoted(name))
        for name in chosen
    }
    pairs = ", ".join(f"{literal(name)}, {value}" for name, value in values.items())
    # A cell without a value is a property that is not there, as an SDK would send it.
    return f"CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR)"


# ---------------------------------------------------------------- columns

_USABLE = {
    "event": ("text", "number"),
    "distinct_id": ("text", "number"),
    "timestamp": ("time", "text"),
    "uuid": ("text", "number"),
    "properties": ("text", "other"),
}
_EXPECTED = {
    "event": "text",
    "distinct_id": "text or numbers",
    "timestamp": "dates or times",
    "uuid": "text or numbers",
    "properties": "JSON objects",
}
_HINTS = {
    "timestamp": "Convert it first, for example with pandas.to_datetime(column, unit='s').",
    "properties": "Name a column of JSON objects, or a list of columns.",
}


def _check_there(role: str, column: str, kinds: Mapping[str, str]) -> None:
    if column not in kinds:
        raise InputError(
            f"There is no column {column!r} for {role}; there are: {', '.join(kinds)}.",
            hint=f"Name the column, for example {role}={next(iter(kinds))!r}.",
        )


def _check_kind(role: str, column: str, kind: str) -> None:
    if kind.startswith(("TIME", "INTERVAL")) and not kind.startswith("TIMESTAMP"):
        found = "other"  # a time of day or a duration is no moment
    else:
        found = kind_of(kind)
    if found and found not in _USABLE[role]:
        raise InputError(
            f"Column {column!r} cannot be the {role}: it holds {kind}, expected {_EXPECTED[role]}. "
            "Nothing was added.",
            hint=_HINTS.get(role, "Name another column, or convert it first."),
        )


def _as_text(column: str) -> str:
    return f"CAST({quoted(column)} AS VARCHAR)"
