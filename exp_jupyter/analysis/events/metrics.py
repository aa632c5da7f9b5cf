"""Metrics of events as a caller gives them, and what they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from exp_jupyter.analysis.units.metrics import levels_of
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import (
    ActionsNode,
    EventsNode,
    FunnelMetric,
    MeanMetric,
    Metric,
    RatioMetric,
    RetentionMetric,
    parse_metric,
)
from exp_jupyter.schema.metrics.short_forms import FORMS, OF_PROPERTY, metric_of
from exp_jupyter.warehouse.events.sessions import by_session

Goal = Literal["increase", "decrease"]


def read_event_metrics(
    metrics: Any,
    *,
    goal: Goal | Mapping[str, Goal] = "increase",
    breakdown: Sequence[str] = (),
    winsorize: Any = None,
) -> tuple[Metric, ...]:
    """Read metrics of events and give each its name, its goal, the breakdown and its bounds.

    Parameters
    ----------
    metrics
        A mapping from names to short forms or definitions as the API writes them; one of these, or
        a sequence.
    goal
        Which direction is good, for all or by name.
    breakdown
        Properties of the first exposure to break every metric down by.
    winsorize
        Levels that means and ratios are clamped to, for all or by name.

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
    levels = _levels(names, winsorize)
    found = []
    for name, definition in zip(names, definitions, strict=True):
        if name in goals:
            definition["goal"] = goals[name]
        if levels.get(name) is not None:
            definition.update(
                _bounded(definition, levels[name], named=isinstance(winsorize, Mapping))
            )
        if breakdown:
            parts = [{"property": item, "type": "event"} for item in breakdown]
            definition["breakdownFilter"] = {"breakdowns": parts}
        found.append(parse_metric(definition))
    return tuple(found)


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


def _levels(names: Sequence[str], winsorize: Any) -> dict[str, Any]:
    if not isinstance(winsorize, Mapping):
        return dict.fromkeys(names, winsorize)
    for name in winsorize:
        if name not in names:
            raise InputError(
                f"The winsorize of {name!r} belongs to no metric.",
                hint=f"The metrics are: {', '.join(names)}.",
            )
    return dict(winsorize)


def _bounded(definition: Mapping[str, Any], given: Any, *, named: bool) -> dict[str, Any]:
    """Return what a definition says of its bounds; nothing for a metric that takes none."""
    low, high = levels_of(given)
    bounds = {"lower_bound_percentile": low, "upper_bound_percentile": high}
    bounds = {side: level for side, level in bounds.items() if level is not None}
    kind = definition.get("metric_type")
    if kind == "mean" and definition.get("threshold") is None:
        return bounds
    if kind == "ratio":
        return {"numerator_outlier_handling": bounds, "denominator_outlier_handling": bounds}
    if named:
        raise InputError(
            f"Metric {definition.get('name')!r} is no mean or ratio, so it takes no winsorize.",
            hint="Give the level to means and ratios by name.",
        )
    return {}


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
        if not isinstance(node, (EventsNode, ActionsNode)):
            continue
        if by_session(node) or node.math == "unique_session":
            found.append("$session_id")
        elif node.math in OF_PROPERTY and node.math_property:
            found.append(node.math_property)
        found += [item.key for item in node.filters if item.type == "event"]
    found += [item.property for item in metric.breakdowns if item.type == "event"]
    return list(dict.fromkeys(found))
