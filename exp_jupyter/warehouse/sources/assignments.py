"""An assignment table beside the events: its rows read as the exposures they are."""

# ruff: noqa: S608 - names are quoted; tables are the caller's own SQL
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sources.engines import ConnectedSource
from exp_jupyter.warehouse.sources.open_events import knowing, relation_beside
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.sql.properties import name_sql

ASSIGNED = "$assigned"
"""The event that a row of an assignment table becomes."""

ASSIGNED_VARIANT = "$assigned_variant"
"""The property that holds the variant of such an event."""

_VARIANT_COLUMN = "exp_assigned_variant"
_ASSIGNMENT = {"person_id": "person_id", "variant": "variant", "timestamp": "timestamp"}


@contextmanager
def with_assignments(
    source: EventSource, table: Any, columns: Mapping[str, str], start: datetime
) -> Iterator[EventSource]:
    """Add the rows of an assignment table to the events, as the exposures they are.

    Parameters
    ----------
    source
        The events.
    table
        A frame, a file, or a table where the events are: one row per unit and variant.
    columns
        Names of the columns ``person_id``, ``variant`` and ``timestamp``, where they differ from
        these words.
    start
        When units without a column ``timestamp`` were assigned.

    Yields
    ------
    EventSource
        With events ``ASSIGNED`` whose property ``ASSIGNED_VARIANT`` is the variant.
    """
    with ExitStack() as stack:
        relation = relation_beside(stack, source, table, "assignment table")
        own = replace(source, relation=relation, label="assignments").columns
        names = _assignment_columns(columns, own)
        yield _united(source, relation, names, own, start)


def _assignment_columns(given: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    wrong = [key for key in given if key not in _ASSIGNMENT]
    if wrong:
        raise InputError(
            f"An assignment table has no {wrong[0]!r}.",
            hint="Name the columns of person_id, variant and timestamp.",
        )
    names = {key: str(given.get(key, usual)) for key, usual in _ASSIGNMENT.items()}
    if "timestamp" not in given and "timestamp" not in present:
        del names["timestamp"]  # everybody was assigned at the start
    for key, name in names.items():
        if name not in present:
            raise InputError(
                f"The assignment table has no column {name!r} for {key!r}.",
                hint=f"Its columns are: {', '.join(present)}.",
            )
    moment = present[names["timestamp"]] if "timestamp" in names else "TIMESTAMP"
    if not moment.startswith(("TIMESTAMP", "DATE")):
        raise InputError(
            f"Column {names['timestamp']!r} of the assignment table is {moment}, not a timestamp.",
            hint="Convert it first, for example with pandas.to_datetime.",
        )
    return names


def _united(
    source: EventSource,
    relation: str,
    names: Mapping[str, str],
    present: Mapping[str, str],
    start: datetime,
) -> EventSource:
    """Return the events and the assignments as one relation of the events' columns."""
    types = {name: source.columns[name] for name in _used(source)}
    own = {name: name_sql(name) for name in types}
    person = name_sql(names["person_id"])
    other = {**dict.fromkeys(types, "NULL"), source.person_id: person}
    other[source.event] = f"'{ASSIGNED}'"
    own[source.timestamp], other[source.timestamp], kind = _instants(source, names, present, start)
    types[source.timestamp] = kind
    if source.uuid:
        own[source.uuid] = f"CAST({name_sql(source.uuid)} AS VARCHAR)"
        other[source.uuid] = f"CONCAT('{ASSIGNED} ', CAST({person} AS VARCHAR))"
        types[source.uuid] = "VARCHAR"
    own[_VARIANT_COLUMN] = "CAST(NULL AS VARCHAR)"
    other[_VARIANT_COLUMN] = f"CAST({name_sql(names['variant'])} AS VARCHAR)"
    first, second = (
        ", ".join(f"{sql} AS {name_sql(name)}" for name, sql in side.items())
        for side in (own, other)
    )
    united = (
        f"(SELECT {first} FROM {source.relation} AS s "
        f"UNION ALL SELECT {second} FROM {relation} AS a)"
    )
    typed = {**source.typed, ASSIGNED_VARIANT: _VARIANT_COLUMN}
    return knowing(
        replace(source, relation=united, typed=typed), {**types, _VARIANT_COLUMN: "VARCHAR"}
    )


def _instants(
    source: EventSource, names: Mapping[str, str], present: Mapping[str, str], start: datetime
) -> tuple[str, str, str]:
    """Return SQL for the timestamps of the events and of the assignments, of one type."""
    own = name_sql(source.timestamp)
    kind = "TIMESTAMP WITH TIME ZONE" if _zoned(source.columns[source.timestamp]) else "TIMESTAMP"
    if "timestamp" not in names:
        moment = start.astimezone(UTC)
        moment = moment if _zoned(kind) else moment.replace(tzinfo=None)
        return own, f"CAST('{moment.isoformat(sep=' ')}' AS {kind})", kind
    other = name_sql(names["timestamp"])
    if _zoned(present[names["timestamp"]]) == _zoned(kind):
        return own, other, kind
    if isinstance(source, ConnectedSource):
        raise InputError(
            f"Column {names['timestamp']!r} of the assignment table and {source.timestamp!r} of "
            "the events differ: one has a time zone.",
            hint="Convert one of them in a SELECT.",
        )
    # A cast between the two would go by the session's own time zone.
    return f"make_timestamp(epoch_us({own}))", f"make_timestamp(epoch_us({other}))", "TIMESTAMP"


def _zoned(kind: str) -> bool:
    return "TIME ZONE" in kind


def _used(source: EventSource) -> list[str]:
    own = (source.event, source.person_id, source.timestamp, source.uuid, source.distinct_id)
    named = [name for name in (*own, source.properties) if name]
    return list(dict.fromkeys([*named, *source.groups.values(), *source.typed.values()]))
