"""Metrics of events in a few characters, such as ``purchase:sum(revenue)`` or ``view > buy``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metric import (
    ActionsNode,
    EventsNode,
    FunnelMetric,
    MeanMetric,
    Metric,
    RatioMetric,
    RetentionMetric,
    parse_metric,
)

Goal = Literal["increase", "decrease"]

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
_PLAIN = ("total", "dau", "unique_session")
_OF_PROPERTY = ("sum", "avg", "min", "max")


def read_event_metrics(
    metrics: Any,
    *,
    goal: Goal | Mapping[str, Goal] = "increase",
    breakdown: Sequence[str] = (),
) -> tuple[Metric, ...]:
    """Read metrics of events and give each its name, its goal and the breakdown.

    Parameters
    ----------
    metrics
        A mapping from names to short forms or definitions as the API writes them; one of these, or
        a sequence.
    goal
        Which direction is good, for all or by name.
    breakdown
        Properties of the first exposure to break every metric down by.

    Raises
    ------
    exp_jupyter.errors.InputError
        A form or a definition cannot be read; the message names the metric.

    Examples
    --------
    >>> found = read_event_metrics({"Revenue": "purchase:sum(revenue)", "Paid": "cart > purchase"})
    >>> [(metric.name, metric.metric_type) for metric in found]
    [('Revenue', 'mean'), ('Paid', 'funnel')]
    """
    named = [(name, given) for name, given in _listed(metrics)]
    if not named:
        raise InputError(
            "There is no metric to analyse.",
            hint=f"Name at least one: metrics={{'Revenue': {FORMS[1]!r}}}.",
        )
    definitions = [_definition(name, given) for name, given in named]
    names = [str(definition["name"]) for definition in definitions]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"Metric {name!r} is given {names.count(name)} times.",
                hint="Give every metric a name of its own: metrics={'name': …}.",
            )
    goals = _goals(names, goal)
    found = []
    for name, definition in zip(names, definitions, strict=True):
        if name in goals:
            definition["goal"] = goals[name]
        if breakdown:
            parts = [{"property": item, "type": "event"} for item in breakdown]
            definition["breakdownFilter"] = {"breakdowns": parts}
        found.append(parse_metric(definition))
    return tuple(found)


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
        Any of them may end with ``within 7 days``, its conversion window. A sign between two forms
        has blanks around it.

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
    """
    text = form.strip()
    window: dict[str, Any] = {}
    if (found := _WINDOW.search(text)) is not None:
        window = {"conversion_window": int(found[1]), "conversion_window_unit": found[2]}
        text = text[: found.start()].strip()
    return {"kind": "ExperimentMetric", "name": form.strip(), **_kind(text, form), **window}


def _kind(text: str, form: str) -> dict[str, Any]:
    if not text:
        raise _unknown(form)
    steps = [part.strip() for part in re.split(r"\s>\s", text)]
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
    parts = [part.strip() for part in re.split(r"\s/\s", text)]
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


def _event(name: str, form: str) -> dict[str, Any]:
    matched = _MATH.fullmatch(name)
    if not name.strip() or (matched is not None and matched[2] in _words()):
        raise InputError(
            f"Metric {form!r} has a step {name!r}, which is no event.",
            hint="A step is an event's name alone; use the API's dictionary for anything else.",
        )
    return {"kind": "EventsNode", "event": name.strip()}


def _words() -> tuple[str, ...]:
    return (*_PLAIN, *_OF_PROPERTY, "hogql", "conversion", "retention")


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
    if math in _OF_PROPERTY and inside and inside.strip():
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


def _definition(name: str, given: Any) -> dict[str, Any]:
    if isinstance(given, str) and given.strip():
        found = metric_of(given)
    elif hasattr(given, "model_dump"):
        found = given.model_dump(mode="json", exclude_unset=True)
    elif isinstance(given, Mapping):
        found = {"kind": "ExperimentMetric", **given}
    else:
        raise InputError(
            f"Metric {name or given!r} is {given!r}; expected a short form or a definition.",
            hint=f"For example {FORMS[1]!r}.",
        )
    label = name or found.get("name") or found.get("uuid") or str(found.get("metric_type"))
    return {**found, "name": str(label)}


def _listed(metrics: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(metrics, str) or hasattr(metrics, "model_dump"):
        return [("", metrics)]
    if isinstance(metrics, Mapping):
        return [("", metrics)] if "metric_type" in metrics else list(metrics.items())
    if not isinstance(metrics, Iterable):
        raise InputError(
            f"metrics is {metrics!r}; expected names and short forms.",
            hint=f"For example metrics={{'Revenue': {FORMS[1]!r}}}.",
        )
    return [("", form) for form in metrics]


def _goals(names: Sequence[str], goal: Any) -> dict[str, Any]:
    given = dict(goal) if isinstance(goal, Mapping) else {}
    for name, direction in [*given.items(), ("", "increase" if given else goal)]:
        if direction not in ("increase", "decrease"):
            raise InputError(f"goal is {direction!r}; expected increase or decrease.")
        if name and name not in names:
            raise InputError(
                f"The goal of {name!r} belongs to no metric.",
                hint=f"The metrics are: {', '.join(names)}.",
            )
    if isinstance(goal, Mapping):
        return given
    # A definition's own goal stands unless the call asks for another.
    return {} if goal == "increase" else dict.fromkeys(names, goal)


def nodes_of(metric: Metric) -> list[Any]:
    """Return the sources of a metric, one for every event, action or table it reads."""
    if isinstance(metric, MeanMetric):
        return [metric.source]
    if isinstance(metric, FunnelMetric):
        return list(metric.series)
    if isinstance(metric, RatioMetric):
        return [metric.numerator, metric.denominator]
    assert isinstance(metric, RetentionMetric)  # noqa: S101 - there are no other kinds
    return [metric.start_event, metric.completion_event]


def events_of(
    metric: Metric, actions: Mapping[int, Sequence[Mapping[str, Any]]]
) -> list[list[str]]:
    """Return, for every source of a metric that names events, the names of which one must be there.

    Examples
    --------
    >>> (paid,) = read_event_metrics("cart > purchase")
    >>> events_of(paid, {})
    [['cart'], ['purchase']]
    """
    found = []
    for node in nodes_of(metric):
        if isinstance(node, EventsNode) and node.event:
            found.append([node.event])
        if isinstance(node, ActionsNode):
            steps = [str(step.get("event") or "") for step in actions.get(node.id, ())]
            if steps and all(steps):
                found.append(steps)
    return found


def properties_of(metric: Metric) -> list[str]:
    """Return the event properties a metric's numbers and filters read, breakdowns included."""
    found: list[str] = []
    for node in nodes_of(metric):
        if getattr(node, "kind", "") == "ExperimentDataWarehouseNode":
            continue
        math, name = getattr(node, "math", None), getattr(node, "math_property", None)
        if math in _OF_PROPERTY and name and not getattr(node, "math_property_type", None):
            found.append(str(name))
        if math == "unique_session":
            found.append("$session_id")
        filters = getattr(node, "properties", None) or ()
        found += [item.key for item in filters if item.type == "event"]
    found += [item.property for item in metric.breakdowns if item.type == "event"]
    return list(dict.fromkeys(found))
