"""What a key is good for: who it belongs to, and which scopes it lacks for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exp_jupyter.errors import ApiError, PermissionDeniedError
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.client.project import Project

_PROBES = (
    ("Experiments", "experiment:read", ("experiments",)),
    ("Flags to build experiments on", "feature_flag:read", ("feature_flags",)),
    ("Approvals", "approvals:read", ("change_requests",)),
    ("Shared metrics", "experiment_saved_metric:read", ("experiment_saved_metrics",)),
    ("Holdouts", "experiment_holdout:read", ("experiment_holdouts",)),
    ("Prompts", "llm_prompt:read", ("llm_prompts",)),
)


@dataclass(frozen=True)
class Granted:
    """One thing a key may or may not read; ``scope`` is what it takes."""

    what: str
    scope: str
    verdict: str
    """``allowed``, ``missing`` (the scope) or ``not offered`` (by this project)."""


@dataclass(frozen=True, repr=False)
class Access(Shown):
    """What a key may read in a project. Writing is not tried: that would write.

    Attributes
    ----------
    project, person
        Their names; ``person`` is empty when the key may not read it.
    granted
        One entry for each thing looked at.
    """

    project: str
    person: str
    granted: tuple[Granted, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The scopes the key lacks."""
        return tuple(one.scope for one in self.granted if one.verdict == "missing")


def access_of(project: Project) -> Access:
    """Return what the project's key may read, by asking for one of each thing.

    Raises
    ------
    exp_jupyter.errors.ExpError
        The key is not known, or the project is out of reach.
    """
    me = project.me
    granted = tuple(
        Granted(what, scope, _verdict(project, project.path(*parts)))
        for what, scope, parts in _PROBES
    )
    return Access(project.name, me.label if me else "", granted)


def _verdict(project: Project, path: str) -> str:
    try:
        project.transport.read(path, {"limit": 1})
    except PermissionDeniedError:
        return "missing"
    except ApiError as refusal:
        # 402 is a plan without it, 404 a version without it; all else is no answer to the question.
        if refusal.status not in {402, 404}:
            raise
        return "not offered"
    return "allowed"
