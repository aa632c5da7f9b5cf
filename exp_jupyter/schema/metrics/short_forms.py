"""Metrics of events in a few characters, such as ``purchase:sum(revenue)`` or ``view > buy``."""

from __future__ import annotations

import re
from typing import Any

from exp_jupyter.errors import InputError

FORMS = (
    "purchase:total",
    "purchase:sum(revenue)",
    "purchase:conversion",
    "view > purchase",
    "purchase:sum(revenue) / $pageview",
    "login:retention(1-7 days)",
)
"""One of each kind, for messages."""

_UNIT = r"(second|minute|hour|day|week|month)s?"
_WINDOW = re.compile(rf"\s+within\s+(\d+)\s+{_UNIT}\s*$")
_RETENTION = re.compile(rf"(.+?):retention\(\s*(\d+)\s*-\s*(\d+)\s*{_UNIT}\s*\)$")
_THRESHOLD = re.compile(r"\s*>=\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*$")
_MATH = re.compile(r"(.+):(\w+)(?:\((.*)\))?$", re.DOTALL)
_NAME = re.compile(r"([^=<>:()]+)=(?!=)(.*)$", re.DOTALL)
_GOAL = re.compile(r"\s*:\s*(increase|decrease)\s*$", re.IGNORECASE)
_PLAIN = ("total", "dau", "unique_session")
OF_PROPERTY = ("sum", "avg", "min", "max")


def metric_of(form: str) -> dict[str, Any]:
    """Return the definition a short form stands for, as the API writes it.

    Parameters
    ----------
    form
        ``event``, ``event:total``, ``event:unique_session``, ``event:dau``;
        ``event:sum(property)``, also ``avg``, ``min`` and ``max``; ``event:hogql(expression)``;
        ``event:conversion`` for the share of units that did it; ``event:sum(property) >= 50`` for
        the share of those at or above; ``step > step > step`` for an ordered funnel;
        ``form / form`` for a ratio of two of the first kinds; ``event:retention(1-7 days)`` for
        coming back after the exposure, or ``start > event:retention(1-7 days)`` after a start.
        Any of them may end with ``within 7 days``, its conversion window (an analysis of events
        counts it from a unit's first exposure, its last instant left out), and with ``:decrease``
        where lower is better; ``Name=`` may stand before it. A sign between two forms has blanks
        around it. The forms ``event.property:sum``, ``step>step:funnel`` and ``a/b:ratio`` say the
        same in one word.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is of no known form.

    Examples
    --------
    >>> metric_of("purchase:sum(revenue) within 7 days")["conversion_window"]
    7
    >>> metric_of("view > cart > purchase")["metric_type"]
    'funnel'
    >>> metric_of("Seconds=reply:avg(seconds):decrease")["goal"]
    'decrease'
    """
    text, name = form.strip(), form.strip()
    if (named := _NAME.match(text)) is not None:
        name, text = named[1].strip(), named[2].strip()
    told: dict[str, Any] = {"kind": "ExperimentMetric", "name": name}
    if (goal := _GOAL.search(text)) is not None:
        told["goal"] = goal[1].lower()
        text = text[: goal.start()].strip()
    window: dict[str, Any] = {}
    if (found := _WINDOW.search(text)) is not None:
        window = {"conversion_window": int(found[1]), "conversion_window_unit": found[2]}
        text = text[: found.start()].strip()
    return {**told, **(_in_one_word(text, form) or _kind(text, form)), **window}


def _in_one_word(text: str, form: str) -> dict[str, Any] | None:
    """Return what ``a>b:funnel`` or ``a/b:ratio`` says; None where it is neither."""
    what, colon, kind = (part.strip() for part in text.rpartition(":"))
    if colon and kind == "funnel":
        return {"metric_type": "funnel", "series": [_event(step, form) for step in what.split(">")]}
    if not colon or kind != "ratio":
        return None
    sides = [side.strip() for side in what.split("/")]
    if len(sides) != 2 or not all(sides):
        raise _unknown(form)
    above, below = (_node(f"{side}:sum" if "." in side else side, form) for side in sides)
    return {"metric_type": "ratio", "numerator": above, "denominator": below}


def _kind(text: str, form: str) -> dict[str, Any]:
    if not text:
        raise _unknown(form)
    steps = _split(text, ">")
    retained = _RETENTION.fullmatch(steps[-1])
    if retained is not None and len(steps) <= 2:
        start: dict[str, Any] = {"kind": "ExperimentExposureNode"}
        if len(steps) == 2:
            start = _event(steps[0], form)
        return {
            "metric_type": "retention",
            "start_event": start,
            "completion_event": _event(retained[1], form),
            "retention_window_start": int(retained[2]),
            "retention_window_end": int(retained[3]),
            "retention_window_unit": retained[4],
            "start_handling": "first_seen",
        }
    if len(steps) > 1:
        return {"metric_type": "funnel", "series": [_event(step, form) for step in steps]}
    parts = _split(text, "/")
    if len(parts) == 2:
        above, below = (_node(part, form) for part in parts)
        return {"metric_type": "ratio", "numerator": above, "denominator": below}
    if len(parts) > 2:
        raise _unknown(form)
    if text.endswith(":conversion"):
        step = _event(text.removesuffix(":conversion"), form)
        return {"metric_type": "funnel", "series": [step]}
    least = _THRESHOLD.search(text)
    if least is not None:
        node = _node(text[: least.start()], form)
        return {"metric_type": "mean", "source": node, "threshold": float(least[1])}
    return {"metric_type": "mean", "source": _node(text, form)}


def _split(text: str, sign: str) -> list[str]:
    """Return the parts around a sign that has blanks around it and stands in no parentheses."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and character == sign and text[place - 1 : place + 2] == f" {sign} ":
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def _event(name: str, form: str) -> dict[str, Any]:
    matched = _MATH.fullmatch(name)
    if not name.strip() or (matched is not None and matched[2] in _words()):
        raise InputError(
            f"Metric {form!r} has a step {name!r}, which is no event.",
            hint="A step is an event's name alone; use the API's dictionary for anything else.",
        )
    return {"kind": "EventsNode", "event": name.strip()}


def _words() -> tuple[str, ...]:
    return (*_PLAIN, *OF_PROPERTY, "hogql", "conversion", "retention")


def _node(text: str, form: str) -> dict[str, Any]:
    matched = _MATH.fullmatch(text)
    if matched is None:
        return {"kind": "EventsNode", "event": text}
    name, math, inside = matched[1].strip(), matched[2], matched[3]
    node = {"kind": "EventsNode", "event": name, "math": math}
    if math in _PLAIN and not inside:
        return node
    if math == "count" and not inside:
        return node | {"math": "total"}
    if math in OF_PROPERTY and inside is None and "." in name:
        event, _, read = name.rpartition(".")
        if event and read:
            return node | {"event": event, "math_property": read}
    if math in OF_PROPERTY and inside and inside.strip():
        return node | {"math_property": inside.strip()}
    if math == "hogql" and inside and inside.strip():
        return node | {"math_hogql": inside.strip()}
    if inside is None and math not in _words():
        return {"kind": "EventsNode", "event": text}  # an event's own name may hold a colon
    raise _unknown(form)


def _unknown(form: str) -> InputError:
    return InputError(
        f"Metric {form!r} is of no known form.",
        hint=f"Write it like one of these: {'; '.join(FORMS)}. Or give the API's dictionary.",
    )
