"""What a key is good for: who it belongs to, and which scopes it lacks for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exp_jupyter.client.http.concurrency import side_by_side
from exp_jupyter.errors import ApiError, PermissionDeniedError, ValidationFailedError
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi

_PROBES = (
    ("Experiments", "experiment:read", ("experiments",)),
    ("Results and exposures", "query:read", ("query",)),
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
    """``allowed``, ``missing`` (the scope), ``refused`` (to this person, whatever the key) or
    ``not offered`` (by this project)."""


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


def access_of(api: ProjectApi) -> Access:
    """Return what the project's key may read, by asking for one of each thing, side by side.

    Raises
    ------
    exp_jupyter.errors.ExpError
        The key is not known, or the project is out of reach.
    """
    me = api.me
    verdicts = side_by_side(lambda probe: _verdict(api, *probe[2]), _PROBES)
    granted = tuple(
        Granted(what, scope, verdict)
        for (what, scope, _), verdict in zip(_PROBES, verdicts, strict=True)
    )
    return Access(api.name, me.label if me else "", granted)


def _verdict(api: ProjectApi, *parts: str) -> str:
    path = api.path(*parts)
    try:
        if parts == ("query",):
            # A query of nothing: the scope is looked at first, and then it is refused as empty.
            api.transport.read(path, body={"query": {}})
        else:
            api.transport.read(path, {"limit": 1})
    except PermissionDeniedError as refusal:
        return "missing" if "missing required scope" in refusal.detail else "refused"
    except ValidationFailedError:
        return "allowed"
    except ApiError as refusal:
        # 402 is a plan without it, 404 a version without it; all else is no answer to the question.
        if refusal.status not in {402, 404}:
            raise
        return "not offered"
    return "allowed"
