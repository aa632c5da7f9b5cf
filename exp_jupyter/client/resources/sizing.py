"""What a running experiment has shown so far, as the starting point of its next plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.schema.experiments.experiment import Experiment, MetricEntry
from exp_jupyter.schema.experiments.series import ExperimentResult, TimeseriesResults

_SUMMED = frozenset({"sum", "avg", "min", "max", "hogql"})
_RATE_DAYS = 7


@dataclass(frozen=True)
class Observed:
    """The newest result of one metric, ready for the planner.

    Attributes
    ----------
    kind
        The planner's word for the metric.
    stats
        The baseline's sums, as the API's ``baseline_stats``.
    variants
        How many variants take part, the baseline included.
    rate
        New units per day over the last week of results; None with a single day.
    day
        The day the sums stand for.
    """

    kind: str
    stats: dict[str, Any]
    variants: int
    rate: float | None
    day: str


def observed(experiment: Experiment, metric: MetricEntry, series: TimeseriesResults) -> Observed:
    """Return what ``metric`` has shown so far.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no result yet.
    """
    days = sorted(
        (day, result) for day, result in series.timeseries.items() if result and result.baseline
    )
    if not days:
        raise InputError(
            f'"{metric.name}" of "{experiment.name}" has no daily result yet.',
            hint="Give the baseline yourself, or wait for the first day's result.",
        )
    day, newest = days[-1]
    baseline = newest.baseline
    if baseline is None:  # days holds only results with a baseline
        raise AssertionError
    stats = baseline.to_dict()
    kept = {
        name: stats[name]
        for name in (
            "number_of_samples",
            "sum",
            "sum_squares",
            "denominator_sum",
            "denominator_sum_squares",
            "numerator_denominator_sum_product",
            "step_counts",
        )
        if stats.get(name) is not None
    }
    excluded = set(experiment.excluded_variants or ())
    arms = [key for key in experiment.variants if key not in excluded]
    return Observed(
        kind=planning_kind(metric),
        stats=kept,
        variants=len(arms) or 1 + len(newest.variant_results or ()),
        rate=_rate(days),
        day=day,
    )


def planning_kind(metric: MetricEntry) -> str:
    """Return the planner's word for a metric: the API has its own for sizing.

    Examples
    --------
    >>> from exp_jupyter.schema import Experiment
    >>> metric = {"metric_type": "mean", "source": {"event": "paid", "math": "sum"}}
    >>> planning_kind(Experiment(id=1, name="a", metrics=[metric]).metric_entries[0])
    'mean_sum_or_avg'
    """
    if metric.kind != "mean":
        return metric.kind
    source = metric.definition.get("source")
    math = source.get("math") if isinstance(source, dict) else None
    return "mean_sum_or_avg" if math in _SUMMED else "mean_count"


def _units(result: ExperimentResult) -> int:
    arms = [result.baseline, *(result.variant_results or ())]
    return sum(arm.number_of_samples for arm in arms if arm is not None)


def _rate(days: list[tuple[str, ExperimentResult]]) -> float | None:
    recent = days[-_RATE_DAYS - 1 :]
    (first, early), (last, late) = recent[0], recent[-1]
    span = (date.fromisoformat(last) - date.fromisoformat(first)).days
    gained = _units(late) - _units(early)
    return gained / span if span > 0 and gained > 0 else None
