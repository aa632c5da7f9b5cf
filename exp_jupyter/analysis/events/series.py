"""A metric's cumulative sums as the daily series a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.analysis.definition.correction import corrected
from exp_jupyter.analysis.definition.experiment import ExperimentSpec, instant
from exp_jupyter.analysis.posthog.compute import result_of
from exp_jupyter.analysis.posthog.series_reader import read_results
from exp_jupyter.analysis.posthog.sums import SumsTable
from exp_jupyter.analysis.results.series import Series, SeriesAbout, counts_everybody
from exp_jupyter.engine.posthog.settings import resolve
from exp_jupyter.schema.metrics.metric import MeanMetric, Metric

if TYPE_CHECKING:
    from exp_jupyter.warehouse.events.fold import DailySums


def event_series(
    metric: Metric,
    sums: DailySums,
    spec: ExperimentSpec,
    dates: Sequence[date],
    *,
    method: Any,
    mode: Literal["compat", "recommended"],
    as_of: datetime,
    fingerprint: str,
    source: str,
    tuning: str = "",
) -> Series:
    """Return a metric's daily series from its sums.

    Parameters
    ----------
    metric, sums
        The metric and what was added up for it.
    spec
        The experiment.
    dates
        The days of the sums.
    method
        A method of the engine; None takes what the experiment says, in the project's own formulas.
    mode
        The formulas of the project where ``method`` is None.
    as_of, fingerprint, source, tuning
        Kept in the series.
    """
    stated = sum(1 for key in spec.kept_variants if spec.split.get(key)) > 1
    everybody = stated and counts_everybody(metric)
    about = SeriesAbout(
        experiment_id=0,
        experiment_name=spec.flag_key,
        metric_name=metric.name or metric.uuid or "metric",
        metric_uuid=metric.uuid or "",
        goal="decrease" if metric.goal == "decrease" else "increase",
        fingerprint=fingerprint,
        status="completed",
        variants=spec.kept_variants,
        as_of=instant(as_of),
        source=source,
        split={key: float(spec.split.get(key) or 0) for key in spec.kept_variants}
        if everybody
        else {},
    )
    settings = resolve(spec.stats_config, metric_type=metric.metric_type)
    if method is None:
        results = {
            day: result_of(metric, sums, place, spec, settings, mode)
            for place, day in enumerate(dates)
        }
        table = read_results(results, metric.metric_type)
        return Series.from_sums(table, about, settings, tuning)
    table = SumsTable.of_events(
        metric,
        together(sums),
        spec.kept_variants,
        baseline=spec.baseline_key,
        dates=dates,
        covariate=settings.cuped,
        cubes=isinstance(metric, MeanMetric),
    )
    return Series.from_sums(table, about, method, tuning)


def segment_series(
    metric: Metric, sums: DailySums, spec: ExperimentSpec, dates: Sequence[date], **told: Any
) -> dict[tuple[str | None, ...], Series]:
    """Return the last day of every combination of breakdown values, each as a series of its own.

    Takes what ``event_series`` does.
    """
    plain = metric.model_copy(update={"breakdownFilter": None})
    found = {}
    for place, values in enumerate(sums.breakdowns):
        own = replace(sums, breakdowns=[()], values=sums.values[place : place + 1, :, -1:])
        found[values] = event_series(plain, own, spec, dates[-1:], **told)
    return found


def corrected_effects(found: Sequence[Series], correction: str) -> dict[str, dict[str, float]]:
    """Return the last day's corrected p-values, by metric and arm."""
    p_values = {
        (one.metric_name, key): float(effect.p_value)
        for one in found
        for key, effect in (one.latest.effects if one.latest is not None else {}).items()
        if effect is not None and effect.p_value is not None
    }
    several: dict[str, dict[str, float]] = {}
    for (name, key), p in corrected(p_values, correction, 1 - found[0].level).items():
        several.setdefault(name, {})[key] = p
    return several


def together(sums: DailySums) -> DailySums:
    """Return the sums over all breakdown values."""
    if sums.breakdowns == [()]:
        return sums
    return replace(sums, breakdowns=[()], values=sums.values.sum(axis=0, keepdims=True))
