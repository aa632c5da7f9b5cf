"""Rows from outside, checked one by one before any of them becomes an event."""

# ruff: noqa: TRY004 - a row at fault is a value at fault
from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.server.events.columns import OBJECTS

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
SHOWN = 10
"""Bad rows that a message names; the rest are counted."""


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
        raise rows_refused(bad)
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


def rows_refused(bad: Sequence[tuple[int, str]], total: int | None = None) -> InputError:
    """Return the error of rows that are no events.

    Parameters
    ----------
    bad
        Rows, counted from 1, and why; the first ten are named.
    total
        How many there are, where they are not all in ``bad``.
    """
    count = len(bad) if total is None else total
    named = "; ".join(f"row {number}: {why}" for number, why in bad[:SHOWN])
    named = named[:1].upper() + named[1:]
    more = f"; and {count - SHOWN} more" if count > SHOWN else ""
    subject = "1 row is not an event" if count == 1 else f"{count} rows are not events"
    return InputError(
        f"{subject}; nothing was added. {named}{more}.",
        hint="Correct or drop these rows, then import again.",
    )
