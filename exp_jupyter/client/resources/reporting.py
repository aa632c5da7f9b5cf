"""The report of an experiment: all that is asked of a project for one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import ApiError, InputError

if TYPE_CHECKING:
    from exp_jupyter.analysis.report import Report
    from exp_jupyter.analysis.results.series import Series
    from exp_jupyter.client.resources.experiments import Experiments
    from exp_jupyter.schema.experiments.experiment import Experiment

_MOST_SERIES = 3
"""Primary metrics that are shown by day; a page with more is not read."""


def report_of(
    experiments: Experiments,
    ref: Any,
    metric: str | int | None,
    guardrails: Mapping[str, float | None] | Iterable[str] | None,
    progress: Callable[[int, int], None] | None,
    **how: Any,
) -> Report:
    """Ask for an experiment, its health, results and days, and return the page of them.

    Parameters
    ----------
    experiments
        The project's experiments.
    ref, metric, guardrails, progress
        As ``Experiments.results`` takes them.
    **how
        The method and its options, as ``Experiments.results`` takes them.
    """
    from exp_jupyter.analysis.report import Report, trusted

    experiment = experiments.get(ref)
    results = experiments.results(
        experiment, metric, guardrails=guardrails, progress=progress, **how
    )
    health = experiments.health(experiment)
    return Report(
        experiment.name,
        results,
        trusted(results.decision, health),
        experiment.description or "",
        experiment,
        health,
        tuple(_days(experiments, experiment, [s.metric_name for s in results.primary], how)),
    )


def _days(
    experiments: Experiments, experiment: Experiment, names: list[str], how: Mapping[str, Any]
) -> list[Series]:
    """Return the days of the primary metrics; those that have none yet are left out."""
    found: list[Series] = []
    for entry in experiment.metric_entries:
        if entry.name not in names or len(found) == _MOST_SERIES:
            continue
        try:
            found.append(experiments.timeseries(experiment, entry.uuid or entry.name, **how))
        except (ApiError, InputError):
            continue
    return found
