"""A metric's cumulative sums as the daily series a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.analysis.definition.correction import corrected
from exp_jupyter.analysis.definition.experiment import ExperimentSpec
from exp_jupyter.analysis.posthog.compute import result_of, wire_row
from exp_jupyter.analysis.posthog.sums import CUBES
from exp_jupyter.analysis.results.series import Series
from exp_jupyter.engine.posthog.assembly import validation_failures
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
    days = range(len(dates))
    if method is None:
        settings = resolve(spec.stats_config, metric_type=metric.metric_type)
        found = [result_of(metric, sums, day, spec, settings, mode) for day in days]
    else:
        whole = together(sums)
        found = [_bare_result(metric, whole, day, spec) for day in days]
    wire = {
        "metric_uuid": metric.uuid,
        "status": "completed",
        "timeseries": {day.isoformat(): one for day, one in zip(dates, found, strict=True)},
        "computed_at": as_of.isoformat(),
    }
    definition = {**metric.model_dump(mode="json"), "fingerprint": fingerprint}
    shares = [
        {"key": key, "rollout_percentage": spec.split.get(key) or 0} for key in spec.kept_variants
    ]
    stated = sum(1 for share in shares if share["rollout_percentage"]) > 1
    experiment = {
        "name": spec.flag_key,
        "stats_config": spec.stats_config or {},
        "parameters": {"feature_flag_variants": shares if stated else []},
    }
    found_series = Series.from_wire(
        wire, experiment=experiment, metric=definition, method=method, source=source
    )
    return replace(found_series, tuning=tuning)


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


def _bare_result(metric: Metric, sums: DailySums, day: int, spec: ExperimentSpec) -> dict[str, Any]:
    """Return one day's sums and why they are not compared, without a comparison."""
    covered = resolve(spec.stats_config, metric_type=metric.metric_type).cuped
    rows = {}
    for place, key in enumerate(spec.kept_variants):
        own = sums.of(0, place, day)
        rows[key] = wire_row(metric, key, own, covariate=covered)
        if isinstance(metric, MeanMetric):
            rows[key][CUBES] = own["sss"]
    told: dict[str, Mapping[str, Any]] = {
        key: row
        | {
            "validation_failures": validation_failures(
                metric.metric_type, row, baseline=key == spec.baseline_key
            )
        }
        for key, row in rows.items()
    }
    return {
        "baseline": told[spec.baseline_key],
        "variant_results": [row for key, row in told.items() if key != spec.baseline_key],
    }
