"""A metric's results computed from events: one analysis, or one for every day of the experiment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from exp_jupyter.analysis.definition.experiment import ExperimentSpec
from exp_jupyter.analysis.posthog.sums import SumsTable
from exp_jupyter.engine.posthog.assembly import assemble
from exp_jupyter.engine.posthog.settings import Settings, resolve
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.exposure import parse_exposure
from exp_jupyter.schema.metrics.metric import (
    NULL_LABEL,
    OTHER_LABEL,
    Metric,
    parse_metric,
)
from exp_jupyter.warehouse.breakdowns.value_split import (
    check_value_split,
    daily_value_split,
    splits_value,
)
from exp_jupyter.warehouse.daily import daily_sums
from exp_jupyter.warehouse.request.days import Days, microseconds
from exp_jupyter.warehouse.request.population import Covariates, Population, Request
from exp_jupyter.warehouse.sql.execution import Progress, watched

if TYPE_CHECKING:
    from exp_jupyter.warehouse.events.fold import DailySums
    from exp_jupyter.warehouse.sql.event_source import EventSource

Mode = Literal["compat", "recommended"]


def compute_series(
    source: EventSource,
    spec: ExperimentSpec,
    metric: Mapping[str, Any] | Metric,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    as_of: datetime,
    days: Iterable[date] | None = None,
    mode: Mode = "compat",
    now: datetime | None = None,
    progress: Progress | None = None,
) -> dict[date, dict[str, Any]]:
    """Compute a metric's result of every day: each the cumulative analysis up to that day's end.

    Parameters
    ----------
    source
        The events.
    spec
        The experiment.
    metric
        The metric's definition.
    settings
        Resolved settings, or a ``stats_config``; by default the experiment's own.
    as_of
        The moment of the analysis, with its time zone; days after it do not exist yet.
    days
        The days to return; by default every day from the start to the end or ``as_of``, in the
        project's time zone.
    mode
        ``compat`` for the project's own formulas and its conversion windows, or ``recommended``,
        where a window W is every metric's events t with e ≤ t < e + W, e the first exposure.
    now
        The wall clock for matured units; by default ``as_of``.
    progress
        Called with the share done and a sentence; an error it raises stops the work, as Ctrl-C
        does, and the engine with it.

    Returns
    -------
    dict of date to dict
        For every day a result as the API writes it (``baseline``, ``variant_results`` and, for a
        metric with breakdowns, ``breakdown_results``).

    Raises
    ------
    exp_jupyter.errors.InputError
        The experiment has not started, the metric asks for something that is not supported, or
        the events cannot be read.
    """
    (series,) = compute_all(
        source,
        spec,
        [metric],
        settings,
        as_of=as_of,
        days=days,
        mode=mode,
        now=now,
        progress=progress,
    )
    return series


def compute_all(
    source: EventSource,
    spec: ExperimentSpec,
    metrics: Sequence[Mapping[str, Any] | Metric],
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    as_of: datetime,
    days: Iterable[date] | None = None,
    mode: Mode = "compat",
    now: datetime | None = None,
    progress: Progress | None = None,
) -> list[dict[date, dict[str, Any]]]:
    """Compute the daily results of several metrics, which share one scan where they can.

    Takes and raises what ``compute_series`` does; returns one series per metric.
    """
    parsed = tuple(parse_metric(metric) for metric in metrics)
    for metric in parsed:
        check_value_split(metric)
    window = window_of(spec, as_of)
    resolved = [_settings(settings, spec, metric) for metric in parsed]
    covariates = next((_covariates(item) for item in resolved if item.cuped), None)
    # Whether a window is over is asked of the clock, also where the experiment has ended before.
    clock = microseconds(_aware(as_of if now is None else now))
    population = population_of(spec)
    request = Request(
        population, parsed, window, covariates, clock, spec.breakdowns_from, window_rule=mode
    )
    dates = list(window.dates) if days is None else sorted(set(days))
    place = {day: i for i, day in enumerate(window.dates)}
    wanted = {day: place[day] for day in dates if day in place}
    with watched(progress, f"Adding up {len(window.dates)} days of {source.label}"):
        found = daily_sums(source, request, wanted=wanted.values())
        split = [
            daily_value_split(source, replace(request, metrics=(metric,)), wanted.values())
            if splits_value(metric) and wanted
            else None
            for metric in parsed
        ]
    return [
        {
            day: result_of(metric, sums, i, spec, own, mode, split=buckets)
            for day, i in wanted.items()
        }
        for metric, sums, own, buckets in zip(parsed, found, resolved, split, strict=True)
    ]


def compute_result(
    source: EventSource,
    spec: ExperimentSpec,
    metric: Mapping[str, Any] | Metric,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    as_of: datetime,
    mode: Mode = "compat",
    now: datetime | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compute a metric's result at one moment, as the API writes it.

    Takes and raises what ``compute_series`` does.
    """
    last = window_of(spec, as_of).dates[-1]
    series = compute_series(
        source,
        spec,
        metric,
        settings,
        as_of=as_of,
        days=[last],
        mode=mode,
        now=now,
        progress=progress,
    )
    return series[last]


def window_of(spec: ExperimentSpec, as_of: datetime) -> Days:
    """Return the analysis window at a moment.

    Raises
    ------
    exp_jupyter.errors.InputError
        The experiment has no start, or starts after the moment.
    """
    if spec.start is None:
        raise InputError(
            "The experiment has not started: there is nothing to analyse.",
            hint="Launch it first.",
        )
    start, moment = _aware(spec.start), _aware(as_of)
    stop = moment if spec.end is None else min(moment, _aware(spec.end))
    if stop < start:
        raise InputError(
            f"The analysis would end at {stop:%Y-%m-%d %H:%M} UTC, before the experiment's start "
            f"at {start:%Y-%m-%d %H:%M} UTC.",
            hint="Choose a later moment.",
        )
    return Days(start, stop, spec.timezone)


def population_of(spec: ExperimentSpec) -> Population:
    """Return who counts in an experiment."""
    return Population(
        flag_key=spec.flag_key,
        variants=spec.kept_variants,
        criteria=parse_exposure(spec.exposure_criteria),
        test_account_filters=spec.test_account_filters,
        group_index=spec.group_index,
        actions=spec.actions,
        matured_only=spec.only_count_matured_users,
    )


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _settings(
    given: Settings | Mapping[str, Any] | None, spec: ExperimentSpec, metric: Metric
) -> Settings:
    if isinstance(given, Settings):
        return given
    config = spec.stats_config if given is None else given
    return resolve(config, spec.stats_defaults, metric_type=metric.metric_type)


def _covariates(settings: Settings) -> Covariates:
    return Covariates(settings.cuped_lookback_days or 14)


def result_of(
    metric: Metric,
    sums: DailySums,
    day: int,
    spec: ExperimentSpec,
    settings: Settings,
    mode: Mode,
    *,
    split: DailySums | None = None,
) -> dict[str, Any]:
    """Return a metric's result of one day, by its place in the window, as the API writes it.

    ``split`` has the sums by buckets of the metric's value, where it is split.
    """
    keys = spec.kept_variants

    def assembled(found: Sequence[dict[str, Any]], own: Settings) -> dict[str, Any]:
        return assemble(
            metric.metric_type,
            found,
            own,
            baseline_key=spec.baseline_key,
            variants_order=list(keys),
            mode=mode,
        )

    if split is not None:
        result = assembled(_rows(metric, sums, day, keys, settings), settings)
        plain = replace(settings, cuped=False)
        rows = _broken_down(metric, split, day, keys, plain)
        buckets = assembled(rows, plain)["breakdown_results"] if rows else []
        return result | {"breakdown_results": buckets}
    if not metric.breakdowns:
        return assembled(_rows(metric, sums, day, keys, settings), settings)
    rows = _broken_down(metric, sums, day, keys, settings)
    if rows:
        return assembled(rows, settings)
    nothing = replace(sums, values=np.zeros_like(sums.values, shape=(1, *sums.values.shape[1:])))
    return assembled(_rows(metric, nothing, day, keys, settings), settings) | {
        "breakdown_results": []
    }


def _rows(
    metric: Metric,
    sums: DailySums,
    day: int,
    keys: Sequence[str],
    settings: Settings,
    breakdown: int = 0,
) -> list[dict[str, Any]]:
    table = SumsTable.of_events(metric, sums, keys, covariate=settings.cuped, breakdown=breakdown)
    return [table.row(place, day) for place in range(len(keys))]


def _broken_down(
    metric: Metric, sums: DailySums, day: int, keys: Sequence[str], settings: Settings
) -> list[dict[str, Any]]:
    """Return the rows of the breakdown values that some unit has by that day, in the API's order.

    That is the order of their texts; the value that stands for the others comes last.
    """
    units = sums.values[:, :, day, sums.names.index("n")].sum(axis=1)
    groups = [
        ([NULL_LABEL if value is None else value for value in values], group)
        for group, values in enumerate(sums.breakdowns)
        if units[group]
    ]
    groups.sort(key=lambda item: (item[0] == [OTHER_LABEL] * len(item[0]), item[0]))
    return [
        row | {"breakdown": values}
        for values, group in groups
        for row in _rows(metric, sums, day, keys, settings, group)
    ]
