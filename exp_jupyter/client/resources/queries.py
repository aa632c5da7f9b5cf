"""Questions the project may take a while to answer: asked once, then polled until complete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.api import parse
from exp_jupyter.errors import ConnectionFailedError
from exp_jupyter.schema.experiments.experiment import Experiment
from exp_jupyter.schema.experiments.series import ExperimentResult, Exposures

if TYPE_CHECKING:
    from exp_jupyter.client.api import ProjectApi

_POLLS = 60
_LONGEST_PAUSE = 5.0


def ask(api: ProjectApi, query: dict[str, Any]) -> Any:
    """Send a query and return its answer, waiting for it if the project needs time.

    Raises
    ------
    exp_jupyter.errors.ConnectionFailedError
        The project was still working when the patience ended.
    """
    body = api.transport.read(api.path("query"), body={"query": query, "refresh": "blocking"})
    pace = api.transport.pace
    for attempt in range(_POLLS):
        status = body.get("query_status") if isinstance(body, dict) else None
        if not isinstance(status, dict) or status.get("complete", True):
            break
        pace.sleep(min(pace.pause(attempt), _LONGEST_PAUSE))
        body = api.transport.read(api.path("query", str(status.get("id", ""))))
    else:
        raise ConnectionFailedError(
            "The project is still computing.", hint="Ask again in a few minutes."
        )
    if isinstance(body, dict) and isinstance(status, dict) and "results" in status:
        return status["results"]
    return body


def exposures(api: ProjectApi, experiment: Experiment) -> Exposures:
    """Return who saw which variant of ``experiment``."""
    told = experiment.to_dict()
    query = {
        "kind": "ExperimentExposureQuery",
        "experiment_id": experiment.id,
        "experiment_name": experiment.name,
        "feature_flag": told.get("feature_flag"),
        "start_date": told.get("start_date"),
        "end_date": told.get("end_date"),
        "exposure_criteria": told.get("exposure_criteria"),
        "holdout": told.get("holdout"),
    }
    return parse(Exposures, ask(api, query), api.path("query"))


def result(
    api: ProjectApi, experiment: Experiment, name: str, definition: dict[str, Any]
) -> ExperimentResult:
    """Return the analysis of one metric as it is now."""
    query = {
        "kind": "ExperimentQuery",
        "experiment_id": experiment.id,
        "metric": definition,
        "name": name,
    }
    return parse(ExperimentResult, ask(api, query), api.path("query"))


def targets(experiment: Experiment) -> tuple[list[str], list[int]]:
    """Return the events and the actions that an experiment's metrics count."""
    events: dict[str, None] = {}
    actions: dict[int, None] = {}
    for entry in experiment.metric_entries:
        for node in _nodes(entry.definition):
            if node.get("kind") == "EventsNode" and node.get("event"):
                events[str(node["event"])] = None
            elif node.get("kind") == "ActionsNode" and isinstance(node.get("id"), int):
                actions[node["id"]] = None
    return [*events], [*actions]


def _nodes(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("source", "numerator", "denominator", "start_event", "completion_event"):
        if isinstance(definition.get(name), dict):
            yield definition[name]
    series = definition.get("series")
    for step in series if isinstance(series, list) else ():
        if isinstance(step, dict):
            yield step
