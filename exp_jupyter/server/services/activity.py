"""The activity log: who changed which field of what, and when."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid5

from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.services.people.people import Actor, basic_view
from exp_jupyter.server.store import Document, Work

EXPERIMENT, FLAG = "Experiment", "FeatureFlag"
"""Scopes of the log; what belongs to experiments is told apart by its kind."""

HOLDOUT, SAVED_METRIC, SAVED_METRIC_LINK = "holdout", "shared_metric", "saved_metric_config"
"""Kinds of things in the scope of experiments; an experiment itself has none."""

CREATED, UPDATED, DELETED, SHIPPED = "created", "updated", "deleted", "variant_shipped"

PAGE = 10
_MOST = 500
_SILENT = frozenset(
    {"id", "created_at", "created_by", "updated_at", "last_modified_by", "version", "flag_id"}
)
_RECOMMENDED = "recommended_"


def note(
    work: Work,
    actor: Actor,
    item_id: int,
    name: str,
    activity: str,
    at: str,
    changes: Iterable[Document] = (),
    *,
    scope: str = EXPERIMENT,
    kind: str | None = None,
) -> None:
    """Write an entry.

    Parameters
    ----------
    item_id, name
        What was changed.
    activity
        ``created``, ``updated``, ``deleted`` or ``variant_shipped``.
    at
        The moment of the write, as the store keeps times.
    changes
        The fields before and after, as `changes_between` makes them.
    scope, kind
        Which sort of thing it is.
    """
    work.activity.add(
        {
            "scope": scope,
            "kind": kind,
            "item_id": item_id,
            "name": name,
            "activity": activity,
            "changes": list(changes),
            "created_by": actor.id,
            "created_at": at,
        }
    )


def note_change(
    work: Work,
    actor: Actor,
    before: Document,
    after: Document,
    *,
    scope: str = EXPERIMENT,
    kind: str | None = None,
    name: str = "",
) -> None:
    """Write what became of a thing, if anything did; soft deletion counts as deletion."""
    changes = changes_between(before, after, scope)
    if not changes:
        return
    gone = bool(after.get("deleted")) and not before.get("deleted")
    note(
        work,
        actor,
        after["id"],
        name or str(after.get("name") or ""),
        DELETED if gone else UPDATED,
        after["updated_at"],
        changes,
        scope=scope,
        kind=kind,
    )


def changes_between(before: Document, after: Document, scope: str = EXPERIMENT) -> list[Document]:
    """Return the fields that differ, each with its values before and after.

    What the running-time calculator recommends follows from other things: a change of that alone
    is none.

    Examples
    --------
    >>> changes_between({"name": "a"}, {"name": "b"})
    [{'type': 'Experiment', 'action': 'changed', 'field': 'name', 'before': 'a', 'after': 'b'}]
    """
    changes = []
    for field in dict.fromkeys([*before, *after]):
        old, new = before.get(field), after.get(field)
        if field in _SILENT or _decided(field, old) == _decided(field, new):
            continue
        action = "created" if old is None else "deleted" if new is None else "changed"
        changes.append(
            {"type": scope, "action": action, "field": field, "before": old, "after": new}
        )
    return changes


def _decided(field: str, value: Any) -> Any:
    """Return the part of a field that somebody decided."""
    if field == "running_time_calculation" and isinstance(value, dict):
        return {k: v for k, v in value.items() if not k.startswith(_RECOMMENDED)}
    if field in ("metrics", "metrics_secondary") and isinstance(value, list):
        return [{k: v for k, v in metric.items() if k != "fingerprint"} for metric in value]
    return value


def of_experiment(
    work: Work, actor: Actor, experiment: Document, *, limit: int, page: int
) -> tuple[list[dict[str, Any]], int]:
    """Return a page of what happened to an experiment and what it stands on, newest first.

    Parameters
    ----------
    limit, page
        Entries on a page, and the page's number from 1.

    Returns
    -------
    tuple
        The entries as the API shows them, and how many there are in all.
    """
    saved = work.connection.execute(
        "SELECT saved_metric_id FROM saved_metric_links WHERE experiment_id = ?", [experiment["id"]]
    )
    parts: list[tuple[str, list[Any]]] = [
        ("scope = ? AND kind IS NULL AND item_id = ?", [EXPERIMENT, experiment["id"]]),
        (
            "scope = ? AND kind = ? AND item_id = ?",
            [EXPERIMENT, SAVED_METRIC_LINK, experiment["id"]],
        ),
        (
            "scope = ? AND kind = ? AND item_id IN (SELECT value FROM json_each(?))",
            [EXPERIMENT, SAVED_METRIC, json.dumps([number for (number,) in saved])],
        ),
        ("scope = ? AND kind = ? AND item_id = ?", [EXPERIMENT, HOLDOUT, experiment["holdout_id"]]),
    ]
    if actor.may("feature_flag:read"):
        parts.append(("scope = ? AND item_id = ?", [FLAG, experiment["flag_id"]]))
    where = " OR ".join(f"({part})" for part, _ in parts)
    values = [value for _, bound in parts for value in bound]
    size = min(max(limit, 1), _MOST)
    offset = (max(page, 1) - 1) * size
    found = work.activity.find(where, values, order="id DESC", limit=size, offset=offset)
    return [view(work, entry) for entry in found], work.activity.count(where, values)


def view(work: Work, entry: Document) -> dict[str, Any]:
    """Return an entry as the API shows it."""
    detail: dict[str, Any] = {
        "id": None,
        "name": entry["name"],
        "short_id": None,
        "trigger": None,
        "type": entry["kind"],
        "changes": entry["changes"],
    }
    return {
        "id": str(uuid5(UUID(work.project["uuid"]), f"activity {entry['id']}")),
        "user": basic_view(work.person(entry["created_by"])),
        "is_system": False,
        "activity": entry["activity"],
        "scope": entry["scope"],
        "item_id": str(entry["item_id"]),
        "detail": detail,
        "created_at": wire_time(entry["created_at"]),
    }
