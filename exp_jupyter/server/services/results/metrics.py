"""The metrics of an experiment: checked, named by uuid, and given their fingerprints."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.fingerprint import fingerprint
from exp_jupyter.schema.metrics.metric import LEGACY_KINDS, METRIC, METRIC_TYPES, SECONDS
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.store import Document, Work

FIELDS = ("metrics", "metrics_secondary")
TYPES = METRIC_TYPES
_MOST_ERRORS = 15
_SOURCES = ("source", "numerator", "denominator", "start_event", "completion_event")
_VALUES = {"mean": ("source",), "ratio": ("numerator", "denominator")}
"""The nodes of a metric that have a value to compute."""

_LEGACY_INLINE = "is no longer supported for new experiments"
_LEGACY_SAVED = "is no longer supported"
_NO_UNIT = (
    "conversion_window is set but conversion_window_unit is missing. A window without a unit is "
    "ignored, so the metric counts events until the experiment ends. Set conversion_window_unit to "
    f"one of {', '.join(map(repr, SECONDS))}, or remove conversion_window."
)


def checked(given: Any, attr: str, *, stored: Iterable[Document] = ()) -> list[Document]:
    """Return the metrics of a request, or refuse with the position of the first bad one.

    Parameters
    ----------
    given
        What the request has in this field; null means none.
    attr
        ``metrics`` or ``metrics_secondary``.
    stored
        The metrics that the experiment has: what one of them does without may stay missing.
    """
    if given is None:
        return []
    if not isinstance(given, list):
        raise invalid("Metrics must be a list", attr=attr)
    old = list(stored)
    for index, metric in enumerate(given):
        reason = _reason_against(metric, _LEGACY_INLINE) or _reason_against_window(metric, old)
        if reason:
            raise invalid(f"Invalid metric at index {index}: {reason}", attr=attr)
    return copy.deepcopy(given)


def check_query(query: Document, *, stored: Document | None = None) -> None:
    """Refuse the definition of a saved metric that is no metric.

    Parameters
    ----------
    stored
        The definition that this one replaces.
    """
    if not query:
        raise invalid("Query is required to create a saved metric", attr="query")
    unchanged = stored is not None and without_action_names(query) == without_action_names(stored)
    reason = "" if unchanged else _reason_against(query, _LEGACY_SAVED)
    reason = reason or _reason_against_window(query, [stored] if stored else [])
    if reason:
        raise invalid(f"Invalid metric: {reason}", attr="query")


def _reason_against(metric: Any, legacy: str) -> str:
    if not isinstance(metric, dict):
        return "must be a dict"
    kind, metric_type = metric.get("kind"), metric.get("metric_type")
    if isinstance(kind, str) and kind in LEGACY_KINDS:
        return f"legacy metric kind '{kind}' {legacy}. Use 'ExperimentMetric' instead."
    if kind != "ExperimentMetric":
        return "metric kind must be 'ExperimentMetric'"
    if metric_type is None:
        return "ExperimentMetric requires a metric_type"
    if not isinstance(metric_type, str) or metric_type not in TYPES:
        return "ExperimentMetric metric_type must be 'mean', 'funnel', 'ratio', or 'retention'"
    reason = _reason_of_rules(metric)
    if reason:
        return reason
    try:
        METRIC.validate_python(metric)
    except ValidationError as error:
        return listed_errors(error)
    return _reason_against_expressions(metric)


def _reason_of_rules(metric: Document) -> str:
    """Return what speaks against a metric that has the right shape; empty when nothing does."""
    kind, start = metric["metric_type"], metric.get("start_event")
    if kind == "funnel" and metric.get("series") in (None, []):
        return (
            "funnel metrics require at least one step. The experiment exposure event is added as "
            "the initial step automatically."
        )
    threshold, source = metric.get("threshold"), metric.get("source")
    if kind == "mean" and isinstance(threshold, (int, float)) and isinstance(source, dict):
        if source.get("math") not in (None, "total", "sum"):
            return "a threshold is only supported for sum or count (total) math types."
        if threshold <= 0:
            return "threshold must be a positive number."
        if any(metric.get(f"{side}_bound_percentile") is not None for side in ("lower", "upper")):
            return "a threshold cannot be combined with outlier handling (winsorization)."
    exposed = isinstance(start, dict) and start.get("kind") == "ExperimentExposureNode"
    if kind == "retention" and exposed:
        window = ("conversion_window", "conversion_window_unit")
        if any(metric.get(name) is not None for name in window):
            return (
                "a conversion window cannot be combined with an experiment exposure start. "
                "Retention already anchors on each user's first exposure."
            )
        if metric.get("start_handling") == "last_seen":
            return (
                "start_handling 'last_seen' cannot be combined with an experiment exposure start. "
                "Retention always anchors on each user's first exposure."
            )
    return ""


def _reason_against_expressions(metric: Document) -> str:
    for name in _VALUES.get(metric["metric_type"], ()):
        node = metric[name]
        text = node.get("math_hogql")
        if node.get("math") != "hogql" or not text:
            continue
        from exp_jupyter.warehouse.sql.hogql import has_nested_aggregates

        try:
            nested = has_nested_aggregates(text)
        except InputError as error:
            return (
                "Couldn't read the SQL expression for this metric. Check its syntax: "
                f"{error.message}"
            )
        if nested:
            return (
                "This SQL expression can't be used as a metric. It aggregates an aggregate. "
                "Aggregate event values instead, for example sum(properties.revenue) / count()."
            )
    return ""


def _reason_against_window(metric: Document, stored: list[Document]) -> str:
    """Return what speaks against a window without a unit that no stored metric has already."""
    if not _lacks_unit(metric):
        return ""
    for place, old in enumerate(stored):
        same = all(old.get(name) == metric.get(name) for name in ("uuid", "conversion_window"))
        if _lacks_unit(old) and same:
            del stored[place]  # one stored metric excuses one
            return ""
    return _NO_UNIT


def _lacks_unit(metric: Document) -> bool:
    return metric.get("conversion_window") is not None and not metric.get("conversion_window_unit")


def listed_errors(error: ValidationError) -> str:
    """Return what a validation found, without the values that were sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    listed: list[dict[str, Any]] = [
        {"loc": item["loc"], "type": item["type"], "msg": item["msg"]}
        for item in found[:_MOST_ERRORS]
    ]
    if len(found) > _MOST_ERRORS:
        listed.append({"truncated": f"...{len(found) - _MOST_ERRORS} more"})
    return f"{listed}."


def without_action_names(value: Any) -> Any:
    """Return a definition without the names of its actions, which are shown as they are today."""
    if isinstance(value, list):
        return [without_action_names(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = value.get("kind") == "ActionsNode"
    return {
        key: without_action_names(item)
        for key, item in value.items()
        if not (named and key == "name")
    }


def sources(metric: Document) -> Iterator[Document]:
    """Yield the nodes that a metric reads: events and actions."""
    for node in (*(metric.get(name) for name in _SOURCES), *(metric.get("series") or [])):
        if isinstance(node, dict):
            yield node


def check_known(
    work: Work,
    metrics: Iterable[Document],
    *,
    allow_unknown_events: bool,
    stored: Iterable[Document] = (),
) -> None:
    """Refuse metrics on actions that do not exist, or on events that were never seen.

    Parameters
    ----------
    allow_unknown_events
        Whether the person confirmed events the project has not seen.
    stored
        Metrics that are there already: their actions are not checked again.
    """
    nodes = [node for metric in metrics for node in sources(metric)]
    missing = sorted(
        number
        for number in _actions(nodes) - _actions(n for metric in stored for n in sources(metric))
        if (action := work.actions.get(number)) is None or action["deleted"]
    )
    if missing:
        raise invalid(
            f"Action(s) with ID {', '.join(map(str, missing))} not found or deleted. "
            "Each ActionsNode must reference an existing action belonging to this project."
        )
    if allow_unknown_events:
        return
    names = {str(node["event"]) for node in nodes if str(node.get("event") or "").strip()}
    unknown = sorted(name for name in names if not _seen(work, name))
    if unknown:
        listed = ", ".join(f"'{name}'" for name in unknown)
        raise invalid(
            f"Event(s) {listed} not found. No events with these names have been ingested by this "
            "project. Check the spelling; only after somebody has confirmed that the events will "
            "come, send the request again with allow_unknown_events=true."
        )


def _actions(nodes: Iterable[Document]) -> set[int]:
    return {node["id"] for node in nodes if node.get("kind") == "ActionsNode"}


def _seen(work: Work, name: str) -> bool:
    row = work.connection.execute("SELECT 1 FROM event_definitions WHERE name = ?", [name])
    return row.fetchone() is not None


def see_events(work: Work, names: Iterable[str]) -> None:
    """Note that the project has seen events of these names."""
    now = work.stamp()
    work.connection.executemany(
        "INSERT INTO event_definitions (name, first_seen) VALUES (?, ?) "
        "ON CONFLICT (name) DO NOTHING",
        [(name, now) for name in names],
    )


def with_uuids(work: Work, *lists: list[Document]) -> None:
    """Give every metric that lacks one a uuid, and a new one to every repetition."""
    taken: set[str] = set()
    for metric in (metric for metrics in lists for metric in metrics):
        if not metric.get("uuid") or metric["uuid"] in taken:
            metric["uuid"] = work.new_uuid()
        taken.add(metric["uuid"])


def fingerprint_of(experiment: Document, metric: Document) -> str:
    """Return the fingerprint of a metric as part of an experiment."""
    return fingerprint(
        metric,
        experiment["start_date"],
        (experiment["stats_config"] or {}).get("method"),
        experiment["exposure_criteria"],
        experiment["only_count_matured_users"],
        experiment["excluded_variants"],
    )


def fingerprinted(experiment: Document) -> Document:
    """Return the experiment with the fingerprints its metrics have now."""
    return {
        **experiment,
        **{
            field: [
                {**metric, "fingerprint": fingerprint_of(experiment, metric)}
                if metric.get("kind") == "ExperimentMetric"
                else metric
                for metric in experiment[field]
            ]
            for field in FIELDS
        },
    }


def is_legacy(experiment: Document) -> bool:
    """Tell whether an experiment has a metric of the old engine."""
    return any(
        metric.get("kind") in LEGACY_KINDS for field in FIELDS for metric in experiment[field]
    )


def events_of(work: Work, listed: Iterable[Document]) -> set[str]:
    """Return the events that metrics read, those behind actions included."""
    names: set[str] = set()
    for metric in listed:
        for node in sources(metric):
            if node.get("event"):
                names.add(str(node["event"]))
            elif node.get("kind") == "ActionsNode":
                action = work.actions.get(node["id"]) or {}
                names |= {step["event"] for step in action.get("steps", []) if step.get("event")}
    return names


def with_action_names(work: Work, value: Any) -> Any:
    """Return a definition, or a list of them, with the names that its actions have today."""
    if isinstance(value, list):
        return [with_action_names(work, item) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {key: with_action_names(work, item) for key, item in value.items()}
    if value.get("kind") == "ActionsNode" and isinstance(value.get("id"), int):
        action = work.actions.get(value["id"])
        if action:
            shown["name"] = action["name"]
    return shown
