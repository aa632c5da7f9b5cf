"""Saved metrics: definitions that several experiments share."""

from __future__ import annotations

from typing import Any

from exp_jupyter.schema.metrics.metric import LEGACY_KINDS
from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import invalid, not_found
from exp_jupyter.server.services import activity
from exp_jupyter.server.services.people.people import Actor, basic_view
from exp_jupyter.server.services.results import metrics
from exp_jupyter.server.store import Document, Work


def find(work: Work, identifier: int) -> Document:
    """Return a saved metric, or refuse with 404."""
    saved = work.saved_metrics.get(identifier)
    if saved is None:
        raise not_found()
    return saved


def create(work: Work, actor: Actor, fields: Document) -> Document:
    """Save a metric from ``name`` and its definition ``query``, which gets a uuid of its own."""
    metrics.check_query(fields["query"])
    metrics.check_known(work, [fields["query"]], allow_unknown_events=True)
    _check_name(work, fields["name"], None)
    now = work.stamp()
    made = work.saved_metrics.add(
        {
            "description": None,
            "tags": [],
            **fields,
            "query": {**fields["query"], "uuid": work.new_uuid()},
            "created_by": actor.id,
            "created_at": now,
            "updated_at": now,
        }
    )
    _note(work, actor, made, activity.CREATED, now)
    return made


def update(work: Work, actor: Actor, identifier: int, fields: Document) -> Document:
    """Change a saved metric; the experiments that use it see the change."""
    saved = find(work, identifier)
    if saved["query"].get("kind") in LEGACY_KINDS:
        raise invalid(
            "This saved metric uses a legacy query format and cannot be updated. Please create a "
            "new saved metric with the ExperimentMetric format instead."
        )
    changed = {**saved, **fields, "updated_at": work.stamp(after=saved["updated_at"])}
    if "query" in fields:
        changed["query"] = _new_query(work, saved["query"], fields["query"])
    if "name" in fields:
        _check_name(work, fields["name"], identifier)
    activity.note_change(work, actor, saved, changed, kind=activity.SAVED_METRIC)
    return work.saved_metrics.save(changed)


def _new_query(work: Work, stored: Document, query: Document) -> Document:
    if not query:
        raise invalid("Query is required to create a saved metric", attr="query")
    uuid = stored["uuid"]
    if query.get("uuid") and query["uuid"] != uuid:
        raise invalid("Saved metric UUID cannot be changed")
    wanted = {**query, "uuid": uuid}
    metrics.check_query(wanted, stored=stored)
    metrics.check_known(work, [wanted], allow_unknown_events=True, stored=[stored])
    return wanted


def delete(work: Work, actor: Actor, identifier: int) -> None:
    """Remove a saved metric, from the experiments that use it too."""
    saved = find(work, identifier)
    work.saved_metrics.delete(saved["id"])
    _note(work, actor, saved, activity.DELETED, work.stamp())


def _note(work: Work, actor: Actor, saved: Document, what: str, at: str) -> None:
    activity.note(work, actor, saved["id"], saved["name"], what, at, kind=activity.SAVED_METRIC)


def _check_name(work: Work, name: str, identifier: int | None) -> None:
    if work.saved_metrics.first("name = ? AND id IS NOT ?", [name, identifier]):
        raise invalid("A shared metric with this name already exists.", attr="name")


def view(work: Work, saved: Document) -> dict[str, Any]:
    """Return a saved metric as the API shows it."""
    return {
        "id": saved["id"],
        "name": saved["name"],
        "description": saved["description"],
        "query": metrics.with_action_names(work, saved["query"]),
        "created_by": basic_view(work.person(saved["created_by"])),
        "created_at": wire_time(saved["created_at"]),
        "updated_at": wire_time(saved["updated_at"]),
        "tags": saved["tags"],
        "user_access_level": "editor",
    }
