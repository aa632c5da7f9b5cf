"""Actions: named sets of events."""

from __future__ import annotations

from typing import Any

from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import invalid, not_found
from exp_jupyter.server.services.people.people import Actor, basic_view
from exp_jupyter.server.store import Document, Work


def find(work: Work, identifier: int) -> Document:
    """Return an action that is not deleted, or refuse with 404."""
    action = work.actions.get(identifier)
    if action is None or action["deleted"]:
        raise not_found()
    return action


def create(work: Work, actor: Actor, fields: Document) -> Document:
    """Make an action from ``name`` and ``steps``."""
    _check(work, fields, None)
    now = work.stamp()
    return work.actions.add(
        {
            "name": "",
            "description": "",
            "steps": [],
            "tags": [],
            "deleted": False,
            **fields,
            "created_by": actor.id,
            "created_at": now,
            "updated_at": now,
        }
    )


def update(work: Work, identifier: int, fields: Document) -> Document:
    """Change an action."""
    action = find(work, identifier)
    _check(work, fields, identifier)
    return work.actions.save(
        {**action, **fields, "updated_at": work.stamp(after=action["updated_at"])}
    )


def _check(work: Work, fields: Document, identifier: int | None) -> None:
    for step in fields.get("steps", []):
        if not isinstance(step.get("event"), (str, type(None))):
            raise invalid("A step's event must be text or null.", attr="steps")
        if not isinstance(step.get("properties") or [], list):
            raise invalid("A step's properties must be a list.", attr="steps")
    name = fields.get("name")
    if name and work.actions.first("name = ? AND NOT deleted AND id IS NOT ?", [name, identifier]):
        raise invalid("There is already an action with this name.", code="unique", attr="name")


def steps_by_id(work: Work) -> dict[int, list[Document]]:
    """Return the steps of every action, by its number."""
    return {action["id"]: action["steps"] for action in work.actions.find("NOT deleted")}


def view(work: Work, action: Document) -> dict[str, Any]:
    """Return an action as the API shows it."""
    return {
        "id": action["id"],
        "name": action["name"],
        "description": action["description"],
        "tags": action["tags"],
        "steps": action["steps"],
        "deleted": action["deleted"],
        "created_by": basic_view(work.person(action["created_by"])),
        "created_at": wire_time(action["created_at"]),
        "team_id": work.project["id"],
        "user_access_level": "editor",
    }
