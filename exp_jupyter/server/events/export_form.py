"""PostHog's own export: its events and its persons, told by the columns they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from exp_jupyter.server.events.columns import quoted

SETTINGS = {"person_properties": "$set", "set": "$set", "set_once": "$set_once"}
"""Columns of objects beside the properties, and the property each is; a later one stands above."""

OWN = frozenset(
    {
        *SETTINGS,
        "_inserted_at",
        "bq_ingested_timestamp",
        "created_at",
        "elements",
        "elements_chain",
        "ip",
        "person_created_at",
        "person_distinct_id_version",
        "person_id",
        "person_mode",
        "person_version",
        "project_id",
        "site_url",
        "team_id",
        "uuid",
    }
)
"""Columns of an export that are no properties of the events."""

PERSON_TIMES = ("_inserted_at", "created_at")
"""When a person of an export was as it says, the better column first."""


def is_of_events(columns: Collection[str]) -> bool:
    """Whether these are an export's events.

    >>> is_of_events(["uuid", "event", "properties", "distinct_id", "team_id", "timestamp"])
    True
    >>> is_of_events(["event", "distinct_id", "timestamp", "properties"])
    False
    """
    own = {"elements_chain", "person_id", "person_properties", "set", "team_id"}
    return {"event", "distinct_id", "timestamp", "properties"} <= set(columns) and bool(
        own & set(columns)
    )


def is_of_persons(columns: Collection[str]) -> bool:
    """Whether these are an export's persons: who each distinct id is, and what they are like.

    >>> is_of_persons(["team_id", "distinct_id", "person_id", "properties", "created_at"])
    True
    """
    return {"distinct_id", "person_id", "properties"} <= set(columns) and not (
        {"event", "timestamp"} & set(columns)
    )


def object_of(column: str, kind: str) -> str:
    """Return SQL for the JSON object that a column holds; NULL for none, or for something else."""
    name = quoted(column)
    if kind.startswith(("STRUCT", "MAP")):
        return f"CAST(json_merge_patch('{{}}', to_json({name})) AS VARCHAR)"
    text = f"CAST({name} AS VARCHAR)"
    return (
        f"CASE WHEN nullif(trim({text}), '') IS NULL THEN '{{}}' "
        f"WHEN json_valid({text}) THEN {text} END"
    )


def with_settings(properties: str, kinds: Mapping[str, str]) -> str:
    """Return SQL for the properties with what the columns beside them set of the person.

    What the properties say of the person themselves stands above.
    """
    pairs = []
    for setting in ("$set", "$set_once"):
        parts = [
            f"coalesce({object_of(column, kinds[column])}, '{{}}')"
            for column, name in SETTINGS.items()
            if name == setting and column in kinds
        ]
        if parts:
            said = f"CAST(json_merge_patch('{{}}', {', '.join(parts)}) AS VARCHAR)"
            pairs.append(f"'{setting}', CAST(nullif({said}, '{{}}') AS JSON)")
    if not pairs:
        return properties
    beside = f"json_merge_patch('{{}}', json_object({', '.join(pairs)}))"
    return f"CAST(json_merge_patch({beside}, {properties}) AS VARCHAR)"
