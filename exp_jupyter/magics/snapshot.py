"""What a panel shows: the connected project, with the magic lines that fit each part of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from exp_jupyter._version import __version__
from exp_jupyter.errors import ExpError
from exp_jupyter.widgets.reading import metric_word

if TYPE_CHECKING:
    from exp_jupyter.client import Project
    from exp_jupyter.magics.names import ExperimentName
    from exp_jupyter.magics.session import Session
    from exp_jupyter.schema.approval import ChangeRequest
    from exp_jupyter.schema.people import UserBasic
    from exp_jupyter.schema.prompt import Prompt

PROTOCOL = 2
"""Of the messages between kernel and panel. Fields are only ever added; 2 brought all below
``archived`` in an experiment, and flags, templates and the waiting requests themselves."""
METRICS_READ = 20
"""How many experiments' metrics a snapshot reads at most; the rest show without their metrics."""
FLAGS_READ = 50
"""How many flags a snapshot reads at most."""

_READ = (("Results", "%exp_results {id}"), ("Health", "%exp_health {id}"))
_SHIP = "%exp_ship {id} {variant}"
_STEPS: dict[str, tuple[tuple[str, str], ...]] = {
    "draft": (("Launch", "%exp_launch {id}"), ("Duplicate", "%exp_duplicate {id}")),
    "running": (*_READ, ("Pause", "%exp_pause {id}"), ("End", "%exp_end {id}"), ("Ship", _SHIP)),
    "paused": (*_READ, ("Resume", "%exp_resume {id}"), ("End", "%exp_end {id}")),
    "stopped": (*_READ, ("Ship", _SHIP), ("Archive", "%exp_archive {id}")),
    "archived": (("Results", "%exp_results {id}"), ("Unarchive", "%exp_unarchive {id}")),
}
"""What can be done with an experiment, by where it stands. Running a line that writes only asks."""
_STEPS["exposure_frozen"] = _STEPS["running"]


def snapshot(session: Session) -> dict[str, Any]:
    """Return what a panel shows: JSON-ready, without a key, and with every failure in words.

    Parameters
    ----------
    session
        The notebook's state; its names learn what is read here.
    """
    answer: dict[str, Any] = {
        "type": "snapshot",
        "protocol": PROTOCOL,
        "version": __version__,
        "project": None,
        "experiments": [],
        "flags": [],
        "templates": [],
        "requests": [],
        "approvals": 0,
        "error": None,
    }
    project = session.project
    if project is None:
        return answer
    try:
        answer["project"] = _project(project)
        answer["experiments"] = _experiments(session, project)
    except ExpError as error:
        answer["error"] = error.message
    # Each of these is a scope of its own, and approvals a paid feature: without it, an empty part.
    with contextlib.suppress(ExpError):
        answer["flags"] = _flags(session, project)
    with contextlib.suppress(ExpError):
        answer["templates"] = _templates(project)
    with contextlib.suppress(ExpError):
        waiting = project.approvals.list(state="pending").waiting_for_me
        answer["requests"] = [_request(one) for one in waiting]
        answer["approvals"] = len(waiting)
    return answer


def _project(project: Project) -> dict[str, Any]:
    tape = project.replayed_from or project.recorded_to
    return {
        "name": project.name,
        "origin": project.origin,
        "kind": project.kind,
        "person": _person(project.me),
        "tape": "" if tape is None else tape.name,
        "replayed": project.replayed_from is not None,
    }


def _person(me: UserBasic | None) -> str:
    if me is None:
        return ""
    return " ".join(filter(None, (me.first_name, me.last_name))) or me.email or ""


def _experiments(session: Session, project: Project) -> list[dict[str, Any]]:
    names = session.names
    listed = project.experiments.list()
    names.see_experiments(listed)
    archived = project.experiments.list(archived=True)
    names.see_experiments(archived)
    # A recording may not hold every one of them: then they show without their metrics.
    with contextlib.suppress(ExpError):
        for experiment in listed[:METRICS_READ]:
            if names.experiments[experiment.id].metrics is None:
                names.see_experiments([project.experiments.get(experiment.id)])
    return [_entry(names.experiments[one.id]) for one in (*listed, *archived)]


def _entry(known: ExperimentName) -> dict[str, Any]:
    names = [metric.name for metric in known.metrics or ()]
    launched = known.status != "draft"
    return {
        "id": known.id,
        "name": known.name,
        "status": known.status,
        "archived": known.archived,
        "flag_key": known.flag_key,
        "line": f"%exp_show {known.id}",
        "steps": [*_steps(known)],
        "metrics": [
            {
                "name": metric.name,
                "uuid": metric.uuid,
                "line": f"%exp_timeseries {known.id} "
                + metric_word(metric.name, metric.uuid, unique=names.count(metric.name) == 1)
                if launched
                else "",
            }
            for metric in known.metrics or ()
        ],
    }


def _steps(known: ExperimentName) -> Iterable[dict[str, str]]:
    stands = "archived" if known.archived else known.status
    for label, line in _STEPS.get(stands, ()):
        if line is _SHIP:
            for variant in known.variants:
                if (word := _bare(variant)) is not None:
                    shown = line.format(id=known.id, variant=word)
                    yield {"label": f"{label} {variant}", "line": shown}
        else:
            yield {"label": label, "line": line.format(id=known.id)}


def _flags(session: Session, project: Project) -> list[dict[str, Any]]:
    found = project.experiments.eligible_flags(limit=FLAGS_READ)
    session.names.see_flags(flag.key for flag in found)
    return [
        {
            "key": flag.key,
            "active": flag.active,
            "variants": [variant.key for variant in flag.variants],
            "experiments": len(flag.experiment_set),
            "line": _flag_line(flag.key),
        }
        for flag in found
    ]


def _flag_line(key: str) -> str:
    word = _bare(key)
    return f'%exp_create "New experiment" --flag-key {word}' if word else "%exp_flags"


def _templates(project: Project) -> list[dict[str, Any]]:
    found = project.experiments.prompt_templates()
    prompts: list[Prompt] = []
    with contextlib.suppress(ExpError):
        prompts = [*project.prompts.list()]
    return [
        {
            "key": template.key,
            "label": template.label or template.key,
            "description": template.description,
            "line": _template_line(template.key, prompts),
        }
        for template in found
    ]


def _template_line(key: str, prompts: Iterable[Prompt]) -> str:
    """Return the line that compares the two newest versions of the first prompt that has two."""
    for prompt in prompts:
        latest = prompt.latest_version or prompt.version
        if latest >= 2 and (word := _bare(prompt.name)) and _bare(key):
            return f"%exp_from_prompt {word} {latest - 1} {latest} --templates {key}"
    return "%exp_from_prompt --form"


def _request(request: ChangeRequest) -> dict[str, Any]:
    from exp_jupyter.display import page

    return {
        "title": page(request).title,
        "by": _person(request.created_by),
        "line": f"%exp_approvals --approve {request.id}",
    }


def _bare(word: str) -> str | None:
    """Return a key as it can stand in a magic's line, or None: keys come from outside."""
    return word if re.fullmatch(r"\w[\w.-]*", word) else None
