"""Rows from outside, checked one by one before any of them becomes an event."""

# ruff: noqa: S608, TRY004 - columns are quoted below; a row at fault is a value at fault
from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.server.events.columns import OBJECTS

if TYPE_CHECKING:
    import pandas as pd

    from exp_jupyter.server.events.event_store import EventStore

CLEAN_COLUMNS: Mapping[str, str] = {
    "uuid": "VARCHAR",
    "event": "VARCHAR",
    "distinct_id": "VARCHAR",
    "person_id": "BIGINT",
    "us": "BIGINT",
    "properties": "VARCHAR",
}
"""The columns of a checked row and their types in DuckDB."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 10  # bad rows named in a message; the rest are counted


def clean_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return events ready to be stored: checked, times in microseconds, properties as JSON text.

    Parameters
    ----------
    rows
        As `exp_jupyter.server.events.event_store.EventStore.append` takes them.

    Raises
    ------
    exp_jupyter.errors.InputError
        Some rows are not events; the message says which, counted from 1, and why.

    Examples
    --------
    >>> clean_rows([{"event": "signup", "distinct_id": "ada", "timestamp": "2026-03-01"}])[0]["us"]
    1772323200000000
    >>> clean_rows([{"event": "", "distinct_id": "ada", "timestamp": "soon"}])
    Traceback (most recent call last):
    ...
    exp_jupyter.errors.InputError: 1 row is not an event; nothing was added. Row 1: ...
    """
    cleaned: list[dict[str, Any]] = []
    bad: list[tuple[int, str]] = []
    for number, row in enumerate(rows, start=1):
        try:
            cleaned.append(_clean(row))
        except ValueError as error:
            bad.append((number, str(error)))
    if bad:
        raise _refusal(bad)
    return cleaned


def _clean(row: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise ValueError("it is not an object")
    event, distinct_id = row.get("event"), row.get("distinct_id")
    if not isinstance(event, str) or not event:
        raise ValueError("it has no event name")
    if isinstance(distinct_id, int) and not isinstance(distinct_id, bool):
        distinct_id = str(distinct_id)
    if not isinstance(distinct_id, str) or not distinct_id:
        raise ValueError("it has no distinct_id")
    properties = row.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, Mapping):
        raise ValueError("its properties are not an object")
    for key in OBJECTS:
        if not _is_object(properties.get(key)):
            raise ValueError(f"its {key} is not an object")
    try:
        text = json.dumps(dict(properties), ensure_ascii=False, allow_nan=False, default=str)
    except (TypeError, ValueError) as error:
        raise ValueError(f"its properties are not JSON: {error}") from error
    person = row.get("person_id")
    if person is not None and (isinstance(person, bool) or not isinstance(person, int)):
        raise ValueError("its person_id is not an integer")
    return {
        "uuid": _uuid(row.get("uuid")),
        "event": event,
        "distinct_id": distinct_id,
        "person_id": person,
        "us": _microseconds(row.get("timestamp")),
        "properties": text,
    }


def _is_object(value: Any) -> bool:
    """Whether a property that must be an object is one, is the text of one, or is not there."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else None
        except (ValueError, RecursionError):
            return False
    return value is None or isinstance(value, Mapping)


def _uuid(value: Any) -> str:
    if value is None or value == "":
        return str(uuid.uuid4())
    try:
        return str(uuid.UUID(str(value)))
    except ValueError as error:
        raise ValueError("its uuid is not a UUID") from error


def _microseconds(value: Any) -> int:
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise ValueError(f"its timestamp {value!r} is not ISO 8601") from error
    if not isinstance(moment, datetime):
        raise ValueError("it has no timestamp")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _refusal(bad: Sequence[tuple[int, str]], total: int | None = None) -> InputError:
    count = len(bad) if total is None else total
    named = "; ".join(f"row {number}: {why}" for number, why in bad[:_SHOWN])
    named = named[:1].upper() + named[1:]
    more = f"; and {count - _SHOWN} more" if count > _SHOWN else ""
    subject = "1 row is not an event" if count == 1 else f"{count} rows are not events"
    return InputError(
        f"{subject}; nothing was added. {named}{more}.",
        hint="Correct or drop these rows, then import again.",
    )


def import_events(
    store: EventStore,
    source: pd.DataFrame | str | Path,
    *,
    event: str = "event",
    distinct_id: str = "distinct_id",
    timestamp: str = "timestamp",
    properties: str | Sequence[str] | None = None,
    name: str | None = None,
) -> int:
    """Add the rows of a DataFrame, a CSV or a Parquet file as events; all of them or none.

    Parameters
    ----------
    store
        Where the events go.
    source
        A DataFrame, or the path of a ``.csv`` or ``.parquet`` file.
    event, distinct_id, timestamp
        The columns that hold these. A timestamp without an offset is UTC.
    properties
        A column of JSON objects, or the columns that become properties; by default all columns
        that are not named otherwise.
    name
        One name for all rows, for a table that holds only one kind of event.

    Returns
    -------
    int
        How many events were added.

    Raises
    ------
    exp_jupyter.errors.InputError
        A column is missing, or some rows are not events; the message numbers the rows from 1.
    """
    with store.cursor() as cursor:
        if isinstance(source, (str, Path)):
            table = file_relation(Path(source))
        else:
            cursor.register("given", source)
            table = "given"
        # Row numbers are given in the order of the source, before anything is filtered.
        cursor.execute(
            f"CREATE TEMP TABLE arrived AS SELECT row_number() OVER () AS row_, * FROM {table}"
        )
        columns = [str(row[0]) for row in cursor.execute("DESCRIBE arrived").fetchall()][1:]
        roles = {
            **({} if name is not None else {"event": event}),
            "distinct_id": distinct_id,
            "timestamp": timestamp,
        }
        for role, column in roles.items():
            if column not in columns:
                raise InputError(
                    f"There is no column {column!r} for {role}; there are: {', '.join(columns)}.",
                    hint=f"Name the column, for example {role}={columns[0]!r}.",
                )
        named = _text(name) if name is not None else f"CAST({_column(event)} AS VARCHAR)"
        mapped = (
            f"SELECT row_, {named} AS event, CAST({_column(distinct_id)} AS VARCHAR) AS "
            f"distinct_id, TRY_CAST({_column(timestamp)} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS "
            f"timestamp, {_properties(properties, columns, set(roles.values()))} AS properties "
            "FROM arrived"
        )
        cursor.execute(f"CREATE TEMP TABLE mapped AS {mapped}")
        reason = (
            "CASE WHEN coalesce(event, '') = '' THEN 'it has no event name' "
            "WHEN coalesce(distinct_id, '') = '' THEN 'it has no distinct_id' "
            "WHEN timestamp IS NULL THEN 'its timestamp is missing or not a time' "
            "WHEN coalesce(json_type(properties) <> 'OBJECT', true) "
            f"THEN 'its properties are not an object' {_not_objects()} END"
        )
        wrong = f"FROM (SELECT row_, {reason} AS why FROM mapped) WHERE why IS NOT NULL"
        total = (cursor.execute(f"SELECT count(*) {wrong}").fetchone() or (0,))[0]
        if total:
            rows = cursor.execute(f"SELECT row_, why {wrong} ORDER BY 1 LIMIT {_SHOWN}").fetchall()
            raise _refusal([(int(number), str(why)) for number, why in rows], int(total))
        return store.append_query(
            cursor, "SELECT event, distinct_id, timestamp, properties FROM mapped"
        )


def _not_objects() -> str:
    """Return the branches of a CASE that name a property which must be an object and is none."""
    branches = []
    for key in OBJECTS:
        value = f"json_extract_string(properties, {_text('$.' + _column(key))})"
        branches.append(
            f"WHEN nullif({value}, '') IS NOT NULL "
            f"AND coalesce(TRY(json_type({value})), '') NOT IN ('OBJECT', 'NULL') "
            f"THEN 'its {key} is not an object'"
        )
    return " ".join(branches)


def file_relation(path: Path) -> str:
    """Return SQL text for the rows of a CSV or Parquet file, usable after FROM.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such file, or it is of another kind.
    """
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}.")
    reader = {".csv": "read_csv", ".parquet": "read_parquet"}.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path.name!r} is neither .csv nor .parquet.",
            hint="Read it into a DataFrame and import that.",
        )
    return f"{reader}({_text(str(path))})"


def _properties(
    properties: str | Sequence[str] | None, columns: Sequence[str], taken: set[str]
) -> str:
    if isinstance(properties, str):
        if properties not in columns:
            raise InputError(f"There is no column {properties!r} for properties.")
        column = _column(properties)
        return (
            f"CASE WHEN {column} IS NULL THEN '{{}}' "
            f"WHEN json_valid(CAST({column} AS VARCHAR)) THEN CAST({column} AS VARCHAR) END"
        )
    chosen = [c for c in columns if c not in taken] if properties is None else list(properties)
    for column in chosen:
        if column not in columns:
            raise InputError(f"There is no column {column!r} for properties.")
    if not chosen:
        return "'{}'"
    pairs = ", ".join(f"{_text(column)}, {_column(column)}" for column in chosen)
    # A cell without a value is a property that is not there, as an SDK would send it.
    return f"CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR)"


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
