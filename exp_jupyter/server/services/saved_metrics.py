"""Saved metrics: definitions that several experiments share."""

from __future__ import annotations

from typing import Any

from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import invalid, not_found
from exp_jupyter.server.services import metrics
from exp_jupyter.server.services.people import Actor, basic_view
from exp_jupyter.server.store import Document, Work


def find(work: Work, identifier: int) -> Document:
    """Return a saved metric, or refuse with 404."""
    saved = work.saved_metrics.get(identifier)
    if saved is None:
        raise not_found()
    return saved


def create(work: Work, actor: Actor, fields: Document) -> Document:
    """Save a metric from ``name`` and its definition ``query``."""
    now = work.stamp()
    saved = {"description": None, "tags": [], **fields}
    _check(work, saved, None)
    return work.saved_metrics.add(
        {
            **saved,
            "query": _with_uuid(work, fields["query"], None),
            "created_by": actor.id,
            "created_at": now,
            "updated_at": now,
        }
    )


def update(work: Work, identifier: int, fields: Document) -> Document:
    """Change a saved metric; the experiments that use it see the change."""
    saved = find(work, identifier)
    changed = {**saved, **fields, "updated_at": work.stamp()}
    _check(work, changed, identifier)
    changed["query"] = _with_uuid(work, changed["query"], saved["query"]["uuid"])
    return work.saved_metrics.save(changed)


def delete(work: Work, identifier: int) -> None:
    """Remove a saved metric, from the experiments that use it too."""
    work.saved_metrics.delete(find(work, identifier)["id"])


def _check(work: Work, saved: Document, identifier: int | None) -> None:
    metrics.check_query(saved["query"])
    if work.saved_metrics.first("name = ? AND id IS NOT ?", [saved["name"], identifier]):
        raise invalid("A shared metric with this name already exists.", attr="name")


def _with_uuid(work: Work, query: Document, uuid: str | None) -> Document:
    return {**query, "uuid": query.get("uuid") or uuid or work.new_uuid()}


def view(work: Work, saved: Document) -> dict[str, Any]:
    """Return a saved metric as the API shows it."""
    return {
        "id": saved["id"],
        "name": saved["name"],
        "description": saved["description"],
        "query": saved["query"],
        "created_by": basic_view(work.person(saved["created_by"])),
        "created_at": wire_time(saved["created_at"]),
        "updated_at": wire_time(saved["updated_at"]),
        "tags": saved["tags"],
        "user_access_level": "editor",
    }
