"""The columns of an event part, and the SQL that derives those which arriving rows lack."""

# ruff: noqa: S608 - names and files are quoted by `quoted` and `literal`; values are parameters
from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

HOT_PROPERTIES: Mapping[str, str] = {
    "$feature_flag": "VARCHAR",
    "$feature_flag_response": "VARCHAR",
    "$session_id": "VARCHAR",
    "revenue": "DOUBLE",
    "$ai_prompt_name": "VARCHAR",
    "$ai_total_cost_usd": "DOUBLE",
    "$ai_latency": "DOUBLE",
    "$set": "VARCHAR",
    "$set_once": "VARCHAR",
}
"""Properties that also have a typed column of their own name: reading one costs no JSON parsing."""

PERSONS = """(
    SELECT person_id, CAST(json_merge_patch(
        coalesce(list_reduce(list(once ORDER BY timestamp DESC) FILTER (WHERE once IS NOT NULL),
            lambda newer, older: CAST(json_merge_patch(newer, older) AS VARCHAR)), '{}'),
        coalesce(list_reduce(list(now ORDER BY timestamp) FILTER (WHERE now IS NOT NULL),
            lambda older, newer: CAST(json_merge_patch(older, newer) AS VARCHAR)), '{}')
    ) AS VARCHAR) AS properties
    FROM (
        SELECT person_id, timestamp,
            CASE WHEN TRY(json_type("$set")) = 'OBJECT' THEN "$set" END AS now,
            CASE WHEN TRY(json_type("$set_once")) = 'OBJECT' THEN "$set_once" END AS once
        FROM __EVENTS__ WHERE "$set" IS NOT NULL OR "$set_once" IS NOT NULL
    ) WHERE now IS NOT NULL OR once IS NOT NULL GROUP BY person_id
)"""
"""SQL text for the persons that events have set properties of; ``__EVENTS__`` stands for them.

What an event says that is no object sets nothing: one such event must not cost the others.
"""

OBJECTS = ("$set", "$set_once", "$groups", "$group_set")
"""Properties of an event that are objects, or nothing."""


def quoted(name: str) -> str:
    """Return ``name`` as a SQL identifier.

    >>> quoted('$feature/a"b')
    '"$feature/a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return ``text`` as a SQL string.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def person_of(distinct_id: str) -> str:
    """Return the SQL expression for the person of an unmerged distinct id.

    The person is a stable 60-bit hash, so that kernels writing at once need no shared counter.

    >>> person_of("distinct_id")
    "CAST('0x' || substr(md5(distinct_id), 1, 15) AS BIGINT)"
    """
    return f"CAST('0x' || substr(md5({distinct_id}), 1, 15) AS BIGINT)"


def person_number(distinct_id: str) -> int:
    """Return the person of an unmerged distinct id, as `person_of` computes it.

    >>> person_number("ada")
    632988121313079995
    """
    text = distinct_id.encode("utf-8", "surrogatepass")
    return int(hashlib.md5(text, usedforsecurity=False).hexdigest()[:15], 16)


def completed(cursor: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return the query with every column of a part."""
    described = cursor.execute(f"DESCRIBE ({query})").fetchall()
    given = {str(row[0]) for row in described}
    columns = [
        "coalesce(uuid, gen_random_uuid()) AS uuid"
        if "uuid" in given
        else "gen_random_uuid() AS uuid",
        "event",
        "distinct_id",
        f"coalesce(person_id, {person_of('distinct_id')}) AS person_id"
        if "person_id" in given
        else f"{person_of('distinct_id')} AS person_id",
        "timestamp",
        "coalesce(properties, '{}') AS properties",
    ]
    for name, kind in HOT_PROPERTIES.items():
        path = literal('$."' + name + '"')
        columns.append(
            quoted(name)
            if name in given
            else f"TRY_CAST(json_extract_string(properties, {path}) AS {kind}) AS {quoted(name)}"
        )
    return f"SELECT {', '.join(columns)} FROM ({query})"
