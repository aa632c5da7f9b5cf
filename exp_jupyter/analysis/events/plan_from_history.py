"""Planning from history: a past period as an A/A test gives real arrival and real variance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter._version import __version__
from exp_jupyter.analysis.definition.period import When, beginning, ending
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown
from exp_jupyter.warehouse.sql.execution import watched

if TYPE_CHECKING:
    from exp_jupyter.analysis.posthog.sums import SumsTable
    from exp_jupyter.engine.planning.arrival import ArrivalCurve
    from exp_jupyter.engine.planning.design import Design
    from exp_jupyter.schema.metrics.metric import Metric
    from exp_jupyter.warehouse.events.repeated import Duplicates
    from exp_jupyter.warehouse.sql.event_source import EventSource
    from exp_jupyter.warehouse.sql.execution import Progress

_FLAG, _ARM, _COLUMN = "exp-history", "history", "exp_history_variant"


@dataclass(frozen=True)
class HistoryDay:
    """What a past period held by the end of one of its days.

    Attributes
    ----------
    day
        1, 2, 3, …
    date
        The day in the project's time zone.
    units
        Unique units so far.
    mean, variance
        The metric per unit so far; None while there are too few units.
    """

    day: int
    date: date
    units: int
    mean: float | None
    variance: float | None


@dataclass(frozen=True, repr=False)
class HistoryPlan(Shown):
    """What an experiment could find, day by day, had it run in a past period.

    Attributes
    ----------
    metric_name, metric_kind
        The metric.
    exposure
        The event that would have put a unit into the experiment.
    days
        What the period held.
    curve
        The minimum detectable effect by day, carried on beyond the period where asked for.
    variants
        Number of arms planned for.
    warnings
        What to keep in mind when reading the numbers.
    source
        Where the numbers come from.
    """

    metric_name: str
    metric_kind: str
    exposure: str
    days: tuple[HistoryDay, ...]
    curve: ArrivalCurve
    variants: int
    warnings: tuple[str, ...] = ()
    source: str = ""
    version: str = __version__

    def days_until(self, mde: float) -> int | None:
        """Return the first day on which an effect of ``mde`` percent is found, or None."""
        scale = 100 if self.curve.difference == "relative" else 1
        return self.curve.days_until(mde / scale)


def plan_from_history(
    events: Any,
    metric: str | Mapping[str, Any] | Metric,
    *,
    exposure: str | Mapping[str, Any],
    start: When,
    end: When,
    timezone: str = "UTC",
    columns: Mapping[str, str] | None = None,
    power: float = 0.8,
    design: Design | None = None,
    max_days: int | None = None,
    persons: Any = None,
    cohorts: Any = None,
    test_account_filters: Sequence[Mapping[str, Any]] = (),
    actions: Mapping[int, Sequence[Mapping[str, Any]]] | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    duplicates: Duplicates = "keep",
    table: str | None = None,
    dialect: str | None = None,
    progress: Progress | None = None,
) -> HistoryPlan:
    """Treat a past period as an A/A test, and say what an experiment in it could have found.

    Every unit that did the exposure event in the period enters on its first; its metric is then
    followed as an experiment's would be. So the curve has the real arrival of new units, which
    slows down as the same people come back, and the real mean and variance at every horizon.

    Parameters
    ----------
    events
        Raw events in whatever form ``exp_jupyter.analyze_events`` takes them, or an
        ``EventSource``.
    metric
        A short form such as ``"purchase:sum(revenue)"``, or the metric's definition.
    exposure
        The event that will expose units, or an ``exposure_config`` as the API writes it.
    start, end
        The first and the last day of the period, or moments.
    timezone
        Where days begin, an IANA name.
    columns, persons, cohorts, table, dialect
        Where things are in the events, as ``exp_jupyter.analyze_events`` takes them.
    power
        Probability to find the effect.
    design
        Alpha, split, alternative and the rest; by default two equal arms, two-sided at 0.05.
    max_days
        Carry the curve on to this day.
    test_account_filters, actions
        The project's settings.
    decimal, thousands, duplicates
        How numbers are written as text, and what becomes of events that are there twice, as
        ``exp_jupyter.analyze_events`` takes them.
    progress
        Called with the share done and a sentence.

    Raises
    ------
    exp_jupyter.errors.InputError
        A column is missing or of the wrong type, an event is unknown, the period is empty, nobody
        did the exposure event, or the metric cannot be computed.

    Examples
    --------
    >>> import pandas as pd
    >>> visits = pd.DataFrame({"user": [place % 700 for place in range(1000)], "event": "visit"})
    >>> minutes = pd.to_timedelta([8 * place for place in range(1000)], "min")
    >>> visits["timestamp"] = pd.Timestamp("2026-03-02") + minutes
    >>> plan = plan_from_history(
    ...     visits,
    ...     "visit:total",
    ...     exposure="visit",
    ...     start="2026-03-02",
    ...     end="2026-03-06",
    ...     columns={"person_id": "user"},
    ... )
    >>> [day.units for day in plan.days]
    [181, 361, 541, 700, 700]
    """
    from exp_jupyter.analysis.events.values import check_duplicates
    from exp_jupyter.warehouse.request.number_text import NumberFormat
    from exp_jupyter.warehouse.sources.open_events import event_source
    from exp_jupyter.warehouse.sql.event_source import EventSource

    period = {"exposure": exposure, "start": start, "end": end, "timezone": timezone}
    chosen: dict[str, Any] = {
        **period,
        "power": power,
        "design": design,
        "max_days": max_days,
        "test_account_filters": test_account_filters,
        "actions": actions,
        "duplicates": duplicates,
    }
    with watched(progress, "Adding up the past"):
        if isinstance(events, EventSource):
            return _planned(events, metric, **chosen)
        with event_source(
            events,
            columns=columns,
            table=table,
            dialect=dialect,
            persons=persons,
            cohorts=cohorts,
            numbers=NumberFormat.of(decimal, thousands),
            duplicates=check_duplicates(duplicates),
        ) as source:
            found = _planned(source, metric, **chosen)
    path = isinstance(events, (str, Path))
    said = [repr(str(events)) if path else "events", repr(metric)]
    more = {**period, "columns": columns, "power": power, "design": design, "max_days": max_days}
    more |= {"decimal": decimal, "thousands": thousands, "duplicates": duplicates}
    more |= {"table": table, "dialect": dialect}
    usual = {"timezone": "UTC", "power": 0.8, "duplicates": "keep"}
    said += [f"{k}={_written(v)}" for k, v in more.items() if v is not None and usual.get(k) != v]
    return found.coded(f"exp_jupyter.plan_from_history({', '.join(said)})")


def _written(value: Any) -> str:
    if isinstance(value, date):
        return repr(value.isoformat())
    return f"exp_jupyter.engine.{value!r}" if hasattr(value, "alpha") else repr(value)


def _planned(
    source: EventSource,
    metric: str | Mapping[str, Any] | Metric,
    *,
    exposure: str | Mapping[str, Any],
    start: When,
    end: When,
    timezone: str,
    power: float,
    design: Design | None,
    max_days: int | None,
    test_account_filters: Sequence[Mapping[str, Any]],
    actions: Mapping[int, Sequence[Mapping[str, Any]]] | None,
    duplicates: Duplicates,
) -> HistoryPlan:
    from exp_jupyter.analysis.events.checks import about_first_steps, check_read, check_survey
    from exp_jupyter.analysis.events.values import about_repeated, check_numbers
    from exp_jupyter.analysis.posthog.sums import SumsTable
    from exp_jupyter.engine.planning.arrival import mde_over_days
    from exp_jupyter.engine.planning.design import FIXED
    from exp_jupyter.schema.metrics.exposure import parse_exposure
    from exp_jupyter.schema.metrics.metric import parse_metric
    from exp_jupyter.schema.metrics.short_forms import metric_of
    from exp_jupyter.warehouse.daily import daily_sums
    from exp_jupyter.warehouse.request.days import Days
    from exp_jupyter.warehouse.request.population import Population, Request
    from exp_jupyter.warehouse.surveys.survey import survey

    parsed = parse_metric(metric_of(metric) if isinstance(metric, str) else metric)
    config = dict(exposure) if isinstance(exposure, Mapping) else {"event": exposure}
    config.setdefault("kind", "ExperimentEventExposureConfig")
    name = str(config.get("event") or f"action {config.get('id')}")
    criteria = parse_exposure({"exposure_config": config})
    if criteria.exposure_config is not None and criteria.exposure_config.event in _FLAG_EVENTS:
        raise InputError(
            f"{name!r} exposes units to a flag that exists; a plan needs the event before it.",
            hint="Name the event at which the new experiment will show its variants.",
        )
    window = _window(start, end, timezone)
    request = Request(
        population=Population(
            flag_key=_FLAG,
            variants=(_ARM,),
            criteria=criteria,
            test_account_filters=tuple(test_account_filters),
            actions=dict(actions or {}),
        ),
        metrics=(_without_breakdowns(parsed),),
        days=Days(*window, timezone),
        window_rule="recommended",  # as the analysis of the planned experiment has it
    )
    dates = request.days.dates
    check_survey(survey(source), request.metrics, request.population, request.days.start)
    check_read(source, parsed)
    noted = check_numbers(
        source, request.metrics, request.population.actions, request.days.start, request.days.stop
    )
    if duplicates == "keep":
        noted += about_repeated(source, request.days.start, request.days.stop)
    (sums,) = daily_sums(_with_one_arm(source), request)
    table = SumsTable.of_events(parsed, sums, (_ARM,), covariate=False) if sums.breakdowns else None
    days = tuple(_day(place, day, table) for place, day in enumerate(dates))
    usable = [day for day in days if day.mean is not None]
    if not usable:
        raise InputError(
            f"Fewer than two units did {name!r} between {dates[0]} and {dates[-1]}.",
            hint="Choose a longer period, or another exposure event.",
        )
    warnings = noted + about_first_steps(request.metrics, request.population.exposure_event)
    if (late := days.index(usable[0])) > 0:
        warnings.append(
            f"the first {late} days of the period have no units; day 1 of the curve is "
            f"{usable[0].date}"
        )
    chosen = FIXED if design is None else design
    shares = parsed.metric_type == "funnel"
    curve = mde_over_days(
        [day.units for day in usable],
        baseline=[float(day.mean or 0.0) for day in usable],
        variance=None if shares else [float(day.variance or 0.0) for day in usable],
        power=power,
        design=chosen,
        max_days=max_days,
    )
    return HistoryPlan(
        metric_name=str(parsed.name or name),
        metric_kind=parsed.metric_type,
        exposure=name,
        days=tuple(replace(day, day=place + 1) for place, day in enumerate(usable)),
        curve=curve,
        variants=int(chosen.variants if chosen.split is None else len(chosen.split)),
        warnings=tuple(warnings),
        source=source.label,
    )


_FLAG_EVENTS = ("$feature_flag_called", "$experiment_exposure")


def _without_breakdowns(metric: Metric) -> Metric:
    """Return the metric over all units together; a plan needs no breakdowns."""
    if not metric.breakdowns:
        return metric
    return metric.model_copy(update={"breakdownFilter": None})


def _window(start: When, end: When, timezone: str) -> tuple[datetime, datetime]:
    first, last = beginning(start, timezone, "start"), ending(end, timezone, "end")
    if last <= first:
        raise InputError(
            f"The period would end at {end}, before its start at {start}.",
            hint="Give the first and the last day.",
        )
    return first, last


def _with_one_arm(source: EventSource) -> EventSource:
    """Return the events with one variant for everybody, as a flag without effect would give."""
    return replace(
        source,
        relation=f"(SELECT *, '{_ARM}' AS {_COLUMN} FROM {source.relation})",  # noqa: S608 - constants
        typed={**source.typed, f"$feature/{_FLAG}": _COLUMN},
    )


def _day(place: int, day: date, table: SumsTable | None) -> HistoryDay:
    n = 0 if table is None else int(table.values["number_of_samples"][0, place])
    mean = table.value(0, place) if table is not None and n >= 2 else None
    if table is None or mean is None or not math.isfinite(mean):
        return HistoryDay(place + 1, day, n, None, None)
    return HistoryDay(place + 1, day, n, mean, float(table.statistic(0, [place]).variance))
