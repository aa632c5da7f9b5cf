"""The metrics of an experiment: checked, named by uuid, and given their fingerprints."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from exp_jupyter.schema.fingerprint import fingerprint
from exp_jupyter.schema.metric import METRIC
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.store import Document, Work

LEGACY_KINDS = ("ExperimentTrendsQuery", "ExperimentFunnelsQuery")
FIELDS = ("metrics", "metrics_secondary")
_MOST_ERRORS = 15
_SOURCES = ("source", "numerator", "denominator", "start_event", "completion_event")


def checked(given: Any, attr: str) -> list[Document]:
    """Return the metrics of a request, or refuse with the position of the first bad one.

    Parameters
    ----------
    given
        What the request has in this field; null means none.
    attr
        ``metrics`` or ``metrics_secondary``.
    """
    if given is None:
        return []
    if not isinstance(given, list):
        raise invalid("Metrics must be a list", attr=attr)
    for index, metric in enumerate(given):
        reason = _reason_against(metric)
        if reason:
            raise invalid(f"Invalid metric at index {index}: {reason}", attr=attr)
    return copy.deepcopy(given)


def check_query(query: Document) -> None:
    """Refuse the definition of a saved metric that is no metric."""
    reason = _reason_against(query)
    if reason:
        raise invalid(f"Invalid metric: {reason}", attr="query")


def _reason_against(metric: Any) -> str:
    if not isinstance(metric, dict):
        return "metric must be a dictionary"
    kind = metric.get("kind")
    if kind in LEGACY_KINDS:
        return f"legacy metric kind '{kind}' is not supported; use 'ExperimentMetric'"
    if kind != "ExperimentMetric":
        return "metric kind must be 'ExperimentMetric'"
    if metric.get("metric_type") == "funnel" and not metric.get("series"):
        return "funnel metrics require at least one step in their series"
    try:
        METRIC.validate_python(metric)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return str(
            [
                {"loc": item["loc"], "type": item["type"], "msg": item["msg"]}
                for item in found[:_MOST_ERRORS]
            ]
        )
    return ""


def sources(metric: Document) -> Iterator[Document]:
    """Yield the nodes that a metric reads: events and actions."""
    for node in (*(metric.get(name) for name in _SOURCES), *(metric.get("series") or [])):
        if isinstance(node, dict):
            yield node


def check_known(work: Work, metrics: Iterable[Document], *, allow_unknown_events: bool) -> None:
    """Refuse metrics on actions that do not exist, or on events that were never seen.

    Parameters
    ----------
    allow_unknown_events
        Whether the person confirmed events the project has not seen.
    """
    nodes = [node for metric in metrics for node in sources(metric)]
    actions = {node["id"] for node in nodes if node.get("kind") == "ActionsNode"}
    missing = [
        str(number)
        for number in actions
        if (action := work.actions.get(number)) is None or action["deleted"]
    ]
    if missing:
        listed = ", ".join(sorted(missing))
        raise invalid(
            f"Action(s) with ID {listed} not found or deleted. Use actions of this project."
        )
    if allow_unknown_events:
        return
    names = {str(node["event"]) for node in nodes if node.get("event")}
    unknown = sorted(name for name in names if not _seen(work, name))
    if unknown:
        listed = ", ".join(f"'{name}'" for name in unknown)
        raise invalid(
            f"Event(s) {listed} not found. This project has never seen them. Check the spelling, "
            "or set allow_unknown_events to true."
        )


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


def events_of(work: Work, experiment: Document) -> set[str]:
    """Return the events that an experiment's metrics read, those behind actions included."""
    names: set[str] = set()
    for field in FIELDS:
        for metric in experiment[field]:
            for node in sources(metric):
                if node.get("event"):
                    names.add(str(node["event"]))
                elif node.get("kind") == "ActionsNode":
                    action = work.actions.get(node["id"]) or {}
                    names |= {
                        step["event"] for step in action.get("steps", []) if step.get("event")
                    }
    return names
