"""What a panel shows: the connected project, with the magic lines that fit each part of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from exp_jupyter._version import __version__
from exp_jupyter.display.content import numbers
from exp_jupyter.errors import ExpError
from exp_jupyter.magic_line import NO_LINE, id_word, magic_line, metric_word, word
from exp_jupyter.magics.readings import can_be_read
from exp_jupyter.sanitize import sanitize
from exp_jupyter.schema.metrics.prompt_metrics import TEMPLATE_KEYS

if TYPE_CHECKING:
    from exp_jupyter.client import Project
    from exp_jupyter.magics.names import ExperimentName
    from exp_jupyter.magics.readings import Readings
    from exp_jupyter.magics.session import Session
    from exp_jupyter.schema.approvals.approval import ChangeRequest
    from exp_jupyter.schema.metrics.prompt import Prompt
    from exp_jupyter.schema.people import UserBasic

PROTOCOL = 3
"""Of the messages between kernel and panel. Fields are only ever added; 2 brought all below
``archived`` in an experiment, and flags, templates and the waiting requests themselves; 3 the line
that connects the project again, an experiment's dates, and what it says at a glance."""
METRICS_READ = 20
"""How many experiments' metrics a snapshot reads at most; the rest show without their metrics."""
FLAGS_READ = 50
"""How many flags a snapshot reads at most."""

_READ = (("Results", "%exp_results"), ("Health", "%exp_health"))
_SHIP = "%exp_ship"
_STEPS: dict[str, tuple[tuple[str, str], ...]] = {
    "draft": (("Launch", "%exp_launch"), ("Duplicate", "%exp_duplicate")),
    "running": (*_READ, ("Pause", "%exp_pause"), ("End", "%exp_end"), ("Ship", _SHIP)),
    "paused": (*_READ, ("Resume", "%exp_resume"), ("End", "%exp_end")),
    "stopped": (*_READ, ("Ship", _SHIP), ("Archive", "%exp_archive")),
    "archived": (("Results", "%exp_results"), ("Unarchive", "%exp_unarchive")),
}
"""What can be done with an experiment, by where it stands. Running a line that writes only asks."""
_STEPS["exposure_frozen"] = _STEPS["running"]


def snapshot(session: Session, readings: Readings | None = None) -> dict[str, Any]:
    """Return what a panel shows: JSON-ready, without a key, and with every failure in words.

    Parameters
    ----------
    session
        The notebook's state; its names learn what is read here.
    readings
        What experiments said at a glance so far; by default nothing is known and nothing can be
        asked.
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
        answer["project"] = {**_project(project), "line": session.connect_line}
        answer["experiments"] = [
            {**_entry(one), **_glance(one, readings)} for one in _experiments(session, project)
        ]
    except ExpError as error:
        answer["error"] = error.message
    # Each of these is a scope of its own, and approvals a paid feature: without it, an empty part.
    with contextlib.suppress(ExpError):
        answer["flags"] = _flags(session, project)
    with contextlib.suppress(ExpError):
        answer["templates"] = _templates(project)
    with contextlib.suppress(ExpError):
        waiting = project.approvals.list(state="pending").waiting_for_me
        session.names.see_requests(waiting)
        answer["requests"] = [_request(one) for one in waiting]
        answer["approvals"] = len(waiting)
    return answer


def _project(project: Project) -> dict[str, Any]:
    tape = project.replayed_from or project.recorded_to
    return {
        "name": sanitize(project.name),
        "origin": sanitize(project.origin),
        "kind": project.kind,
        "person": _person(project.me),
        "tape": "" if tape is None else sanitize(tape.name),
        "replayed": project.replayed_from is not None,
    }


def _person(me: UserBasic | None) -> str:
    if me is None:
        return ""
    return sanitize(" ".join(filter(None, (me.first_name, me.last_name))) or me.email or "")


def _experiments(session: Session, project: Project) -> list[ExperimentName]:
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
    return [names.experiments[one.id] for one in (*listed, *archived)]


def _glance(known: ExperimentName, readings: Readings | None) -> dict[str, Any]:
    return {
        "when": _when(known),
        "readable": readings is not None and can_be_read(known),
        "reading": None if readings is None else readings.known(known),
    }


def _when(known: ExperimentName) -> str:
    if known.started is None:
        return ""
    if known.ended is None:
        return f"since {numbers.day(known.started)}"
    return f"{numbers.day(known.started)} to {numbers.day(known.ended, year=True)}"


def _entry(known: ExperimentName) -> dict[str, Any]:
    number, metrics = id_word(known.id), known.metrics or ()
    return {
        "id": known.id,
        "name": sanitize(known.name),
        "status": sanitize(known.status),
        "archived": known.archived,
        "flag_key": sanitize(known.flag_key),
        "tags": [sanitize(tag) for tag in known.tags],
        "line": magic_line("%exp_show", number),
        "steps": [*_steps(known)],
        "metrics": [
            {
                "name": sanitize(metric.name),
                "uuid": sanitize(metric.uuid),
                "line": magic_line("%exp_timeseries", number, metric_word(metric, metrics))
                if known.status != "draft"
                else NO_LINE,
            }
            for metric in metrics
        ],
    }


def _steps(known: ExperimentName) -> Iterable[dict[str, str]]:
    stands = "archived" if known.archived else known.status
    number = id_word(known.id)
    for label, magic in _STEPS.get(stands, ()):
        if magic is _SHIP:
            for variant in known.variants:
                if line := magic_line(magic, number, word(variant)):
                    yield {"label": f"{label} {sanitize(variant)}", "line": line}
        else:
            yield {"label": label, "line": magic_line(magic, number)}


def _flags(session: Session, project: Project) -> list[dict[str, Any]]:
    found = project.experiments.eligible_flags(limit=FLAGS_READ)
    session.names.see_flags(flag.key for flag in found)
    return [
        {
            "key": sanitize(flag.key),
            "active": flag.active,
            "variants": [sanitize(variant.key) for variant in flag.variants],
            "experiments": len(flag.experiment_set),
            "line": _flag_line(flag.key),
        }
        for flag in found
    ]


def _flag_line(key: str) -> str:
    return magic_line('%exp_create "New experiment" --flag-key', word(key)) or "%exp_flags"


def _templates(project: Project) -> list[dict[str, Any]]:
    found = project.experiments.prompt_templates()
    prompts: list[Prompt] = []
    with contextlib.suppress(ExpError):
        prompts = [*project.prompts.list()]
    return [
        {
            "key": sanitize(template.key),
            "label": sanitize(template.label or template.key),
            "description": sanitize(template.description),
            "line": _template_line(template.key, prompts),
        }
        for template in found
    ]


def _template_line(key: str, prompts: Iterable[Prompt]) -> str:
    """Return the line that compares the two newest versions of the first prompt that has two."""
    for prompt in prompts:
        latest = prompt.latest_version or prompt.version
        versions = (str(latest - 1), str(latest))
        words = (word(prompt.name), *versions, "--templates", key if key in TEMPLATE_KEYS else None)
        if latest >= 2 and (line := magic_line("%exp_from_prompt", *words)):
            return line
    return "%exp_from_prompt --form"


def _request(request: ChangeRequest) -> dict[str, Any]:
    from exp_jupyter.display import page

    return {
        "title": page(request).title,
        "by": _person(request.created_by),
        "line": magic_line("%exp_approvals --approve", id_word(request.id)),
    }
