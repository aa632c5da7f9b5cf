"""Holdouts: a share of people kept out of experiments."""

from __future__ import annotations

import copy
from typing import Any

from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import invalid, not_found
from exp_jupyter.server.services import activity
from exp_jupyter.server.services.experiments import writes as experiment_writes
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.people.people import Actor, basic_view
from exp_jupyter.server.store import Document, Work


def find(work: Work, identifier: int) -> Document:
    """Return a holdout, or refuse with 404."""
    holdout = work.holdouts.get(identifier)
    if holdout is None:
        raise not_found()
    return holdout


def create(work: Work, actor: Actor, fields: Document) -> Document:
    """Make a holdout from ``name``, ``filters`` and an optional ``description``."""
    if "filters" not in fields:
        raise invalid("Filters are required to create an holdout group")
    now = work.stamp()
    groups = _checked(fields["filters"])
    holdout = work.holdouts.add(
        {
            "description": None,
            **fields,
            "filters": groups,
            "created_by": actor.id,
            "created_at": now,
            "updated_at": now,
        }
    )
    made = work.holdouts.save({**holdout, "filters": _named(groups, holdout["id"])})
    _note(work, actor, made, activity.CREATED, now)
    return made


def update(work: Work, actor: Actor, identifier: int, fields: Document) -> Document:
    """Change a holdout, and with it the flags of its experiments."""
    holdout = find(work, identifier)
    changed = {**holdout, **fields, "updated_at": work.stamp(after=holdout["updated_at"])}
    if "filters" in fields:
        changed["filters"] = _named(_checked(fields["filters"]), identifier)
    work.holdouts.save(changed)
    activity.note_change(work, actor, holdout, changed, kind=activity.HOLDOUT)
    _rewrite_flags(work, actor, identifier, flag_part(changed))
    return changed


def delete(work: Work, actor: Actor, identifier: int) -> None:
    """Remove a holdout; its experiments go on without it."""
    holdout = find(work, identifier)
    _rewrite_flags(work, actor, identifier, None)
    for experiment in work.experiments.find("holdout_id = ?", [identifier]):
        experiment_writes.changed(work, actor, experiment, {**experiment, "holdout_id": None})
    work.holdouts.delete(identifier)
    _note(work, actor, holdout, activity.DELETED, work.stamp())


def _note(work: Work, actor: Actor, holdout: Document, what: str, at: str) -> None:
    activity.note(work, actor, holdout["id"], holdout["name"], what, at, kind=activity.HOLDOUT)


def flag_part(holdout: Document | None) -> Document | None:
    """Return what a flag's filters say about a holdout."""
    if holdout is None:
        return None
    share = holdout["filters"][0]["rollout_percentage"]
    return {"id": holdout["id"], "exclusion_percentage": share}


def _rewrite_flags(work: Work, actor: Actor, identifier: int, part: Document | None) -> None:
    for experiment in work.experiments.find("holdout_id = ? AND NOT deleted", [identifier]):
        flag = work.flags.get(experiment["flag_id"])
        if flag and not flag["deleted"]:
            filters = {**copy.deepcopy(flag["filters"]), "holdout": part}
            flags.update(work, actor, flag, {"filters": filters}, method="PATCH", gated=False)


def _checked(groups: list[Any]) -> list[Document]:
    if not groups:
        raise invalid("Filters must not be empty.", attr="filters")
    for group in groups:
        if not isinstance(group, dict) or group.get("rollout_percentage") is None:
            raise invalid("Rollout percentage must be present.", attr="filters")
        share = group["rollout_percentage"]
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 100:
            raise invalid("Rollout percentage must be between 0 and 100.", attr="filters")
    return groups


def _named(groups: list[Document], identifier: int) -> list[Document]:
    return [{**group, "variant": f"holdout-{identifier}"} for group in groups]


def view(work: Work, holdout: Document) -> dict[str, Any]:
    """Return a holdout as the API shows it."""
    return {
        "id": holdout["id"],
        "name": holdout["name"],
        "description": holdout["description"],
        "filters": holdout["filters"],
        "created_by": basic_view(work.person(holdout["created_by"])),
        "created_at": wire_time(holdout["created_at"]),
        "updated_at": wire_time(holdout["updated_at"]),
        "user_access_level": "editor",
    }
