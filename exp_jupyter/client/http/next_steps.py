"""What to do about an error that a project answered: never nothing, and by name where it can be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exp_jupyter.client.http.credentials import ENVIRONMENT_NAME

if TYPE_CHECKING:
    from exp_jupyter.schema.failure import ErrorBody

_SCOPE = re.compile(r"missing required scope '([^']+)'")
_PROJECT = re.compile(r"requested project: ID (\d+)")
_LEVEL = re.compile(r"do not have (\w+) access")
_MISSING = re.compile(r"^(\w+)(?: query parameter)? is required", re.IGNORECASE)

_ALIKE = {
    401: f"Check the key in {ENVIRONMENT_NAME}: it must be a personal API key (phx_…), "
    "not a project key (phc_…), and not revoked.",
    402: "Ask the organization's owner about the plan.",
    405: "This version of the project does not offer it.",
    409: "Someone changed it meanwhile: read it again, then repeat.",
    507: "Put the project's folder or its disk right, then repeat; nothing was written.",
    512: "Ask for less: fewer days, or one metric.",
}
_OF_A_FIELD = {
    "required": "Give {}.",
    "null": "Give {}.",
    "blank": "Give {}.",
    "unique": "Choose another {}.",
    "does_not_exist": "Name a {} that exists.",
}
_OF_A_SENTENCE = (
    ("limit or offset", "Give whole numbers: a limit of at most 100, and an offset from 0."),
    ("order field", "Order by a field that the call names, with - before it for descending."),
    ("legacy metrics", "Create a new experiment with metrics of the present kind."),
    ("is not archived", "Nothing is to be done: it is not in the archive."),
    ("already archived", "Nothing is to be done: it is in the archive."),
    ("not been started", "Launch the experiment first."),
    ("not been launched", "Launch the experiment first."),
    ("hasn't started", "Launch the experiment first."),
    ("not have a start date", "Launch the experiment first."),
    ("must be ended", "End the experiment first."),
    ("feature flag", "Look at its flag with project.flags.get, and set it right first."),
    ("reason is required", "Give reason=, in a few words."),
    ("parse error", "Check the values; if they are right, update exp_jupyter."),
)


def next_step(status: int, body: ErrorBody, words: str, wait: float | None) -> str:
    """Return what to do next, in one sentence.

    Parameters
    ----------
    status
        The HTTP status.
    body
        What the project said.
    words
        The same in its own words.
    wait
        Seconds after which it may be asked again, if it said so.
    """
    if status == 429:
        return f"Try again in {wait:.0f} s." if wait is not None else "Try again in a minute."
    if status == 403:
        return _of_a_refusal(words)
    if status == 400:
        return _of_a_request(body, words)
    if status == 404:
        if "Project not found" in words:
            return "Check the project's number; %exp_connect takes it as --project."
        if "team not found" in words.lower():
            return "Check the other project's number: it has to belong to the same organization."
        if "Recalculation" in words:
            return "Ask for one first, with project.experiments.recalculate_metrics."
        return "Check the id; %exp_list shows the experiments there are."
    later = "Try again later."
    return _ALIKE.get(status, later if status >= 500 else "Check the project's address.")


def _of_a_refusal(words: str) -> str:
    if scope := _SCOPE.search(words):
        return f"Give the key the scope {scope.group(1)} in the project's settings, or use another."
    if project := _PROJECT.search(words):
        return f"Give the key access to project {project.group(1)}, or connect to another project."
    if "access to the project" in words:
        return "Ask a project administrator to add you, or connect to another project."
    if level := _LEVEL.search(words):
        return f"Ask a project administrator for {level.group(1)} access."
    if "personal api key access" in words.lower():
        return "This action is only open in the project's own web pages."
    if "approval policy" in words:
        return "Ask who owns the approval policy."
    if "change request" in words.lower():
        return "Look at the request with %exp_approvals: it says who may decide."
    return "Ask a project administrator."


def _of_a_request(body: ErrorBody, words: str) -> str:
    if body.error_code == "policy_conflict":
        names = [
            str(policy.get("action_key") or policy.get("name") or policy.get("id") or "")
            for policy in body.conflicting_policies or []
        ]
        held = f" ({', '.join(filter(None, names))})" if any(names) else ""
        return f"{body.guidance or 'Make each gated change in a write of its own.'}{held}"
    if body.attr:
        path = body.attr.replace("__", ".")
        known = _OF_A_FIELD.get(body.error_code or "")
        return known.format(path) if known else f"Correct {path} and repeat."
    if missing := _MISSING.match(words):
        return f"Give {missing.group(1)}."
    told = words.casefold()
    found = (step for said, step in _OF_A_SENTENCE if said in told)
    return next(found, "Change what the message names and repeat; nothing was written.")
