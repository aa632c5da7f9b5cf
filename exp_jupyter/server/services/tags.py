"""Tags of experiments: short labels, in lower case, each once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services.experiments import writes as experiment_writes
from exp_jupyter.server.services.people.people import Actor
from exp_jupyter.server.store import Document, Work

_MOST_CHANGES = 10_000


def normalized(given: Iterable[str] | None) -> list[str]:
    """Return tags as they are kept: trimmed, in lower case, each once, in their order.

    Examples
    --------
    >>> normalized([" Growth", "growth", "Q3"])
    ['growth', 'q3']
    """
    return list(dict.fromkeys(tag.strip().lower() for tag in given or () if tag.strip()))


def of(experiment: Document) -> list[str]:
    """Return an experiment's tags."""
    return list(experiment.get("tags") or ())


def update_many(
    work: Work, actor: Actor, identifiers: list[int], action: str, given: list[str]
) -> dict[str, Any]:
    """Change the tags of several experiments.

    Parameters
    ----------
    action
        ``add``, ``remove`` or ``set``.

    Returns
    -------
    dict
        The answer of ``bulk_update_tags``: what was changed, and which experiments are unknown.
    """
    wanted = normalized(given)
    if not wanted and action != "set":
        raise invalid(f"tags must not be empty for action '{action}'.", attr="tags")
    identifiers = list(dict.fromkeys(identifiers))
    if len(identifiers) * max(len(wanted), 1) > _MOST_CHANGES:
        raise invalid(
            "Too many changes in one request: ids × distinct tags must not exceed "
            f"{_MOST_CHANGES}.",
            attr="tags",
        )
    updated, skipped = [], []
    for identifier in identifiers:
        experiment = work.experiments.get(identifier)
        if experiment is None or experiment["deleted"]:
            skipped.append({"id": identifier, "reason": "Not found or no edit access"})
            continue
        tags = sorted(_changed(of(experiment), action, wanted))
        if tags != of(experiment):
            experiment_writes.changed(work, actor, experiment, {**experiment, "tags": tags})
        updated.append({"id": identifier, "tags": tags})
    return {"updated": updated, "skipped": skipped}


def _changed(present: list[str], action: str, wanted: list[str]) -> set[str]:
    if action == "add":
        return {*present, *wanted}
    return set(present) - set(wanted) if action == "remove" else set(wanted)
