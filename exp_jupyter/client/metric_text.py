"""A metric in one line of text, as a person types it: what is counted, then how."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from exp_jupyter.client.lookup import suggestion
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metric import parse_metric

_OF_A_PROPERTY = ("sum", "avg", "min", "max")
FORMS = ("count", *_OF_A_PROPERTY, "funnel", "ratio")
"""What can follow the colon. Retention has windows: give it as the API writes it."""

_GOALS = ("increase", "decrease")
_HINT = (
    "For example: purchase:count, purchase.revenue:sum, "
    "Conversion=checkout_started>purchase:funnel, purchase.revenue/purchase:ratio."
)


def metric_of(text: str) -> dict[str, Any]:
    """Return the metric that a line of text describes, as the API writes it.

    Parameters
    ----------
    text
        ``event:count``, ``event.property:sum`` (or ``avg``, ``min``, ``max``),
        ``event>event:funnel`` with one event or more, or ``a/b:ratio`` where each side is an event
        to count or a property to sum. ``Name=`` may stand before it, and ``:decrease`` after it
        where lower is better.

    Raises
    ------
    exp_jupyter.errors.InputError
        The text is no such line.

    Examples
    --------
    >>> metric_of("Conversion=checkout_started>purchase:funnel")["name"]
    'Conversion'
    >>> metric_of("reply.seconds:avg:decrease")["source"]["math_property"]
    'seconds'
    """
    name, sign, rest = text.strip().partition("=")
    if not sign:
        name, rest = "", text.strip()
    what, *words = (part.strip() for part in rest.split(":"))
    if not what or not 1 <= len(words) <= 2:
        raise InputError(f"{text!r} is no metric.", hint=_HINT)
    form, goal = words[0].lower(), words[1].lower() if len(words) == 2 else ""
    if form not in FORMS:
        raise InputError(
            f"{text!r}: {words[0]!r} is none of {', '.join(FORMS)}.",
            hint=suggestion(form, FORMS) or _HINT,
        )
    if goal and goal not in _GOALS:
        raise InputError(f"{text!r}: {words[1]!r} is neither increase nor decrease.", hint=_HINT)
    metric: dict[str, Any] = {"kind": "ExperimentMetric", **_measure(text, form, what)}
    if name.strip():
        metric["name"] = name.strip()
    if goal:
        metric["goal"] = goal
    parse_metric(metric)
    return metric


def metrics_of(given: Any) -> Any:
    """Return a list of metrics in which every line of text has become a metric."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"metrics are {given!r}.", hint="Give a list of metrics.")
    return [metric_of(one) if isinstance(one, str) else one for one in given]


def _measure(text: str, form: str, what: str) -> dict[str, Any]:
    if form == "funnel":
        return {"metric_type": "funnel", "series": [_counted(text, e) for e in what.split(">")]}
    if form == "ratio":
        sides = what.split("/")
        if len(sides) != 2:
            raise InputError(f"{text!r}: a ratio has two sides.", hint=_HINT)
        over, under = (
            _summed(text, one, "sum") if "." in one else _counted(text, one) for one in sides
        )
        return {"metric_type": "ratio", "numerator": over, "denominator": under}
    source = _counted(text, what) if form == "count" else _summed(text, what, form)
    return {"metric_type": "mean", "source": source}


def _counted(text: str, event: str) -> dict[str, Any]:
    if not event.strip() or re.search(r"[>/]", event):
        raise InputError(f"{text!r} names no event where one belongs.", hint=_HINT)
    return {"kind": "EventsNode", "event": event.strip()}


def _summed(text: str, what: str, math: str) -> dict[str, Any]:
    event, dot, name = what.strip().rpartition(".")
    if not dot or not name.strip():
        raise InputError(f"{text!r} names no property: write event.property:{math}.", hint=_HINT)
    return {**_counted(text, event), "math": math, "math_property": name.strip()}
