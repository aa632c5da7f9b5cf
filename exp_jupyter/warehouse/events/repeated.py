"""Events that are there twice: deliveries that were repeated, told by what identifies an event.

Two rows are one event when their uuid, name, person and time are the same. A uuid that other events
have too is no reason to drop one of them: then the column does not identify events.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np

from exp_jupyter.warehouse.events.fold import filled
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.sql.properties import Parameters, PropertyReader, name_sql

Duplicates = Literal["keep", "drop"]
"""What becomes of a repeated event: it counts again, or it is dropped."""


@dataclass(frozen=True)
class Repeated:
    """How many events are there more than once.

    Attributes
    ----------
    extra
        Rows beyond the first with the same uuid, name, person and time.
    reused
        Rows whose uuid another event has too.
    example
        One of the uuids.
    """

    extra: int
    reused: int
    example: str


def repeated(source: EventSource, since: datetime, until: datetime) -> Repeated | None:
    """Return how many events between two instants are repeated; None where no uuid tells.

    Parameters
    ----------
    source
        The events.
    since, until
        The instants, the second left out.
    """
    if source.uuid is None:
        return None
    parameters = Parameters()
    reader = PropertyReader(source, parameters)
    uuid, event, person = (
        reader.column(name) for name in (source.uuid, source.event, source.person_id)
    )
    first, last = reader.bound(since), reader.bound(until)
    rows = (
        f"FROM {source.relation} AS e WHERE {reader.timestamp} >= {first} "
        f"AND {reader.timestamp} < {last} AND {uuid} IS NOT NULL"
    )
    counted = source.rows(
        f"SELECT COUNT({uuid}) AS n, COUNT(DISTINCT {uuid}) AS d {rows}", parameters.values
    )
    more = int(filled(counted["n"], 0)[0]) - int(filled(counted["d"], 0)[0])
    if not more:
        return Repeated(0, 0, "")
    found = source.rows(
        f"SELECT SUM(k - 1) AS extra, MIN(CAST(u AS VARCHAR)) AS example FROM (SELECT {uuid} AS u, "
        f"{event} AS n, {person} AS p, {reader.timestamp} AS t, COUNT(*) AS k {rows} "
        "GROUP BY 1, 2, 3, 4 HAVING COUNT(*) > 1) AS r",
        parameters.values,
    )
    extra = int(filled(found["extra"], 0)[0] or 0)
    example = found["example"][0]
    return Repeated(extra, more - extra, "" if np.ma.is_masked(example) else str(example))


def without_repeated(stack: ExitStack, source: EventSource) -> EventSource:
    """Return the events with one row of each that is repeated.

    Where the events are in DuckDB the repeated ones are looked up once, so that reading in slices
    stays as fast as it is.
    """
    if source.uuid is None:
        return source
    uuid = name_sql(source.uuid)
    keys = ", ".join(
        name_sql(name) for name in (source.uuid, source.event, source.person_id, source.timestamp)
    )
    if type(source) is not EventSource:
        ranked = f"ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {uuid}) AS exp_copy"
        relation = (
            f"(SELECT * FROM (SELECT *, {ranked} FROM {source.relation} AS s) AS r "
            f"WHERE exp_copy = 1 OR {uuid} IS NULL)"
        )
        return _like(source, relation)
    connection, name = source.connection, f"exp_jupyter_{secrets.token_hex(6)}"
    ids, kept = f"{name}_ids", f"{name}_kept"
    for table in (ids, kept):
        stack.callback(connection.execute, f"DROP TABLE IF EXISTS {table}")
    source.rows(
        f"CREATE TEMP TABLE {ids} AS SELECT {uuid} AS id FROM {source.relation} AS s "
        f"WHERE {uuid} IS NOT NULL GROUP BY {uuid} HAVING COUNT(*) > 1",
        {},
    )
    source.rows(
        f"CREATE TEMP TABLE {kept} AS SELECT DISTINCT ON ({keys}) * FROM {source.relation} AS s "
        f"WHERE {uuid} IN (SELECT id FROM {ids})",
        {},
    )
    relation = (
        f"(SELECT * FROM {source.relation} AS s WHERE {uuid} IS NULL "
        f"OR {uuid} NOT IN (SELECT id FROM {ids}) UNION ALL SELECT * FROM {kept})"
    )
    return _like(source, relation)


def _like(source: EventSource, relation: str) -> EventSource:
    found = replace(source, relation=relation)
    found.__dict__["columns"] = source.columns
    return found
