"""How an experiment is stored: every write counts its version up and is noted in the log."""

from __future__ import annotations

from exp_jupyter.server.services import activity
from exp_jupyter.server.services.people.people import Actor
from exp_jupyter.server.store import Document, Work


def version_of(experiment: Document) -> int:
    """Return how often an experiment was changed."""
    return int(experiment.get("version") or 0)


def made(work: Work, actor: Actor, experiment: Document) -> Document:
    """Store the last part of an experiment that is being made, and note that it was made."""
    stored = work.experiments.save(experiment)
    activity.note(work, actor, stored["id"], stored["name"], activity.CREATED, stored["created_at"])
    return stored


def changed(work: Work, actor: Actor, before: Document, after: Document) -> Document:
    """Store a changed experiment.

    Parameters
    ----------
    before
        The experiment as it is stored.
    after
        The experiment as it is to be.
    """
    stamp = work.stamp(after=before["updated_at"])
    stored = {**after, "version": version_of(before) + 1, "updated_at": stamp}
    activity.note_change(work, actor, before, stored)
    return work.experiments.save(stored)
