"""Prompts and their versions."""

from __future__ import annotations

from typing import Any

from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import invalid, not_found, odd
from exp_jupyter.server.services.people.people import Actor, basic_view
from exp_jupyter.server.store import Document, Work


def latest(work: Work, name: str) -> Document | None:
    """Return the newest version of a prompt that is not archived, or None."""
    found = work.prompts.find("name = ? AND NOT deleted", [name], order="version DESC", limit=1)
    return next(found, None)


def find(work: Work, name: str, version: int | None = None) -> Document:
    """Return a version of a prompt (the newest by default), or refuse with 404."""
    found = (
        latest(work, name)
        if version is None
        else work.prompts.first("name = ? AND version = ? AND NOT deleted", [name, version])
    )
    if found is None:
        raise not_found()
    return found


def create(work: Work, actor: Actor, name: str, prompt: Any) -> Document:
    """Make a prompt; its first version is 1."""
    if latest(work, name):
        raise invalid("A prompt with this name already exists.", code="unique", attr="name")
    return _add(work, actor, name, prompt, 1)


def publish(work: Work, actor: Actor, name: str, prompt: Any, base_version: int) -> Document:
    """Make the next version of a prompt.

    Parameters
    ----------
    base_version
        The version the text was written on; refused with 409 when it is not the newest.
    """
    newest = find(work, name)
    if newest["version"] != base_version:
        raise odd(
            409,
            detail="The prompt was changed since you read it. Read it again.",
            current_version=newest["version"],
        )
    return _add(work, actor, name, prompt, newest["version"] + 1)


def _add(work: Work, actor: Actor, name: str, prompt: Any, version: int) -> Document:
    now = work.stamp()
    return work.prompts.add(
        {
            "id": work.new_uuid(),
            "name": name,
            "prompt": prompt,
            "version": version,
            "deleted": False,
            "created_by": actor.id,
            "created_at": now,
            "updated_at": now,
        }
    )


def archive(work: Work, name: str) -> None:
    """Put every version of a prompt away."""
    find(work, name)
    now = work.stamp()
    for prompt in work.prompts.find("name = ? AND NOT deleted", [name]):
        work.prompts.save({**prompt, "deleted": True, "updated_at": now})


def missing_versions(work: Work, name: str, versions: list[int]) -> list[int]:
    """Return those of the versions that the prompt does not have."""
    return [
        version
        for version in versions
        if not work.prompts.count("name = ? AND version = ? AND NOT deleted", [name, version])
    ]


def view(work: Work, prompt: Document) -> dict[str, Any]:
    """Return a version of a prompt as the API shows it."""
    newest = latest(work, prompt["name"]) or prompt
    return {
        "id": prompt["id"],
        "name": prompt["name"],
        "prompt": prompt["prompt"],
        "version": prompt["version"],
        "latest_version": newest["version"],
        "is_latest": newest["version"] == prompt["version"],
        "version_count": work.prompts.count("name = ? AND NOT deleted", [prompt["name"]]),
        "deleted": prompt["deleted"],
        "created_by": basic_view(work.person(prompt["created_by"])),
        "created_at": wire_time(prompt["created_at"]),
        "updated_at": wire_time(prompt["updated_at"]),
    }
