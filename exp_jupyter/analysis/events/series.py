"""A metric's cumulative sums as the daily series a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.analysis.definition.correction import CorrectedTest, corrected
from exp_jupyter.analysis.definition.experiment import ExperimentSpec, instant
from exp_jupyter.analysis.posthog.compute import result_of
from exp_jupyter.analysis.posthog.series_reader import read_results
from exp_jupyter.analysis.posthog.sums import SumsTable
from exp_jupyter.analysis.results.series import Series, SeriesAbout, counts_everybody
from exp_jupyter.analysis.results.statistics import arm_statistic
from exp_jupyter.engine.posthog.settings import resolve
from exp_jupyter.schema.metrics.metric import MeanMetric, Metric

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect
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
        ended=spec.end is not None and as_of >= spec.end,
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


def corrected_series(
    found: Sequence[Series], correction: str, method: Any
) -> tuple[list[Series], dict[str, dict[str, float]]]:
    """Return the series with the last day's intervals and decisions corrected, and its p-values.

    Parameters
    ----------
    found
        One per metric.
    correction
        As ``exp_jupyter.analysis.definition.correction.corrected`` takes it.
    method
        The method that judged; None for effects that are only stated, whose intervals stay.
    """
    tests = corrected(latest_effects(found), correction, 1 - found[0].level)
    several: dict[str, dict[str, float]] = {}
    for (name, key), test in tests.items():
        several.setdefault(name, {})[key] = test.p_value
    if method is None:
        return list(found), several
    return [_corrected_day(one, tests, method) for one in found], several


def latest_effects(found: Sequence[Series]) -> dict[tuple[str, str], Effect]:
    """Return the last day's effects that have a p-value, by metric and arm."""
    return {
        (one.metric_name, key): effect
        for one in found
        for key, effect in (one.latest.effects if one.latest is not None else {}).items()
        if effect is not None and effect.p_value is not None
    }


def _corrected_day(
    one: Series, tests: Mapping[tuple[str, str], CorrectedTest], method: Any
) -> Series:
    from exp_jupyter.engine.comparison.compare import compare
    from exp_jupyter.engine.multiple.simultaneous import at_level

    last = one.latest
    if last is None or last.baseline is None:
        return one
    control = arm_statistic(one.metric_kind, last.baseline.sums)
    effects = dict(last.effects)
    for key, effect in last.effects.items():
        test = tests.get((one.metric_name, key))
        if test is None or effect is None:
            continue
        treatment = arm_statistic(one.metric_kind, last.arms[key].sums)
        wide = compare(control, treatment, at_level(method, test.alpha))
        effects[key] = replace(effect, interval=wide.interval, significant=test.significant)
    days = tuple(replace(day, effects=effects) if day is last else day for day in one.days)
    return replace(one, days=days)


def together(sums: DailySums) -> DailySums:
    """Return the sums over all breakdown values."""
    if sums.breakdowns == [()]:
        return sums
    return replace(sums, breakdowns=[()], values=sums.values.sum(axis=0, keepdims=True))
