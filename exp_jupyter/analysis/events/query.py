"""One question to somebody's events: all that decides the answer but the events themselves."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.analysis.definition.correction import uncorrected_words
from exp_jupyter.analysis.definition.experiment import ExperimentSpec
from exp_jupyter.analysis.definition.period import When, ending
from exp_jupyter.analysis.events.checkpoint import State, about_of
from exp_jupyter.analysis.events.checks import (
    about_first_steps,
    about_strays,
    check_measured,
    check_properties,
    check_rendered,
    check_survey,
    chosen_control,
    no_exposure,
    seen_variants,
)
from exp_jupyter.analysis.events.exposure import Exposing
from exp_jupyter.analysis.events.maturity import about_young
from exp_jupyter.analysis.events.results import EventAnalysis, EventSegment
from exp_jupyter.analysis.events.series import (
    corrected_series,
    event_series,
    latest_effects,
    segment_series,
)
from exp_jupyter.analysis.events.values import about_heaviest, about_repeated, check_numbers
from exp_jupyter.analysis.posthog.compute import population_of, window_of
from exp_jupyter.analysis.results.daily_exposures import DailyExposures
from exp_jupyter.analysis.results.verdicts import mismatch_words
from exp_jupyter.engine.posthog.settings import resolve
from exp_jupyter.schema.metrics.fingerprint import fingerprint
from exp_jupyter.schema.metrics.metric import Metric
from exp_jupyter.warehouse.daily import daily_exposures, unit_exposures
from exp_jupyter.warehouse.events.repeated import Duplicates
from exp_jupyter.warehouse.refresh import Kept, key_for, key_of, refresh
from exp_jupyter.warehouse.request.days import EPOCH, microseconds
from exp_jupyter.warehouse.request.number_text import PLAIN, NumberFormat
from exp_jupyter.warehouse.request.population import Covariates, Population, Request
from exp_jupyter.warehouse.sources.assignments import with_assignments
from exp_jupyter.warehouse.sources.engines import ConnectedSource
from exp_jupyter.warehouse.sources.open_events import event_source
from exp_jupyter.warehouse.sql.execution import Progress, watched
from exp_jupyter.warehouse.surveys.survey import Survey, survey

if TYPE_CHECKING:
    from exp_jupyter.warehouse.events.fold import DailySums
    from exp_jupyter.warehouse.sql.event_source import EventSource

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Question:
    """What is asked of events, and how to find it in them.

    Parameters
    ----------
    spec
        The experiment; without variants it has those that are seen, in equal or unknown shares.
    metrics
        What is measured.
    exposing
        What exposes a unit.
    split
        ``equal`` for equal shares of the variants that are seen; else the spec's split counts.
    breakdown
        Properties broken down by.
    method
        A method of the engine, or None for what the experiment says.
    mode
        The project's formulas where ``method`` is None.
    correction
        How the last day's p-values are corrected, or None.
    tuning
        Where a sequential method's tuning is from, in words.
    columns, table, dialect
        Where things are in the events.
    beside
        Tables beside the events, by what ``event_source`` calls them.
    state
        The file with yesterday's state, or None.
    numbers
        How numbers are written in properties that are text.
    duplicates
        What becomes of events that are there twice.
    """

    spec: ExperimentSpec
    metrics: tuple[Metric, ...]
    exposing: Exposing
    split: Literal["equal"] | None
    breakdown: tuple[str, ...]
    method: Any
    mode: Literal["compat", "recommended"]
    columns: Mapping[str, str] | None
    beside: Mapping[str, Any]
    table: str | None
    dialect: str | None
    correction: str | None = None
    state: str | None = None
    numbers: NumberFormat = PLAIN
    duplicates: Duplicates = "keep"
    tuning: str = ""

    def again(
        self, kept: Kept | None, events: Any, as_of: When | None, progress: Progress | None
    ) -> EventAnalysis:
        """Answer with newer events and what was kept, which stays as it was."""
        return self.answered(events, as_of, progress, copy.deepcopy(kept))

    def answered(
        self,
        events: Any,
        as_of: When | None = None,
        progress: Progress | None = None,
        kept: Kept | None = None,
    ) -> EventAnalysis:
        """Answer the question from events.

        Parameters
        ----------
        events
            The events, in any form.
        as_of
            The moment of the analysis; by default just after the last event.
        progress
            Called with the share done and a sentence.
        kept
            Yesterday's state; by default that of the state's file.
        """
        state = State.opened(self.state) if self.state is not None else None
        with watched(progress, "Adding up the events"), ExitStack() as stack:
            source = stack.enter_context(
                event_source(
                    events,
                    columns=self.columns,
                    table=self.table,
                    dialect=self.dialect,
                    numbers=self.numbers,
                    duplicates=self.duplicates,
                    text=[self._population(self.spec).variant_property],
                    **self.beside,
                )
            )
            if self.exposing.assignments is not None:
                source = stack.enter_context(
                    with_assignments(
                        source,
                        self.exposing.assignments,
                        self.exposing.columns,
                        window_of(self.spec, self.spec.start or EPOCH).start,
                    )
                )
            return self._from(source, as_of, state, kept)

    def _from(
        self, source: EventSource, as_of: When | None, state: State | None, kept: Kept | None
    ) -> EventAnalysis:
        held = kept if kept is not None or state is None else state.kept
        found, moment = self._surveyed(source, as_of, held)
        check_properties(source, self.metrics, self._population(self.spec), self.exposing)
        days = window_of(self.spec, moment)
        spec = self._settled(source, days, state)
        population = self._population(spec)
        request = Request(
            population,
            self.metrics,
            days,
            self._covariates(),
            microseconds(moment),
            window_rule=self.mode,
            reading=self._reading,
        )
        check_rendered(source, request)
        noted = self._noted(source, request, held)
        if self.spec.split and held is None:
            noted += about_strays(source, population, days, spec)
        about = about_of(spec, self.metrics, request)
        if state is not None and kept is None:
            held = state.checked(key_for(source, request), about)
        sums, held = refresh(source, request, held, growing=True)
        self._check_exposed(source, request, sums)
        check_measured(self.metrics, sums, population.exposure_event)
        warnings = noted + about_first_steps(self.metrics, population.exposure_event)
        warnings += _about_rows(found, source)
        warnings += about_heaviest(self.metrics, sums, population.variants)
        warnings += about_young(source, request, sums, None if held is None else held.units)
        if state is not None:
            if held is not None:
                state.written(held, about)
            else:
                warnings.append("nothing could be kept in the state: these metrics are read anew")
        exposed = (
            unit_exposures(held.units, request)
            if held is not None
            else daily_exposures(source, request)
        )
        exposures = self._exposures(spec, request, exposed, source)
        return self._told(source, spec, request, sums, moment, exposures, warnings, held)

    # ------------------------------------------------------------ what is there

    @property
    def _reading(self) -> str:
        """How the events are read where that is not as usual."""
        dropped = "without repeated events" if self.duplicates == "drop" else ""
        return "; ".join(part for part in (self.numbers.options, dropped) if part)

    def _noted(self, source: EventSource, request: Request, kept: Kept | None) -> list[str]:
        """Return what to say of the events' own values; with a state, of those of new days."""
        days = request.days
        since = days.start
        if request.covariates is not None:
            since -= timedelta(days=request.covariates.lookback_days)
        if kept is not None:
            since = max(since, EPOCH + timedelta(microseconds=kept.closed))
        actions = request.population.actions
        said = check_numbers(source, self.metrics, actions, since, days.stop)
        if self.duplicates == "keep":
            said += about_repeated(source, since, days.stop + _MICROSECOND)
        return said

    def _population(self, spec: ExperimentSpec) -> Population:
        return replace(population_of(spec), variant_from=self.exposing.variant_from)

    def _covariates(self) -> Covariates | None:
        settings = resolve(self.spec.stats_config, metric_type="mean")
        return Covariates(settings.cuped_lookback_days or 14) if settings.cuped else None

    def _surveyed(
        self, source: EventSource, as_of: When | None, kept: Kept | None
    ) -> tuple[Survey, datetime]:
        """Return what the events hold and the moment of the analysis; with a state, of new days."""
        found = None
        if kept is not None:
            found = survey(source, EPOCH + timedelta(microseconds=kept.closed))
        if found is None or found.last is None:
            found = survey(source)
            start = window_of(self.spec, self.spec.start or EPOCH).start
            check_survey(found, self.metrics, self._population(self.spec), start)
        if as_of is not None:
            return found, ending(as_of, self.spec.timezone, "as_of")
        assert found.last is not None  # noqa: S101 - just checked
        # A mean counts what happened strictly before the moment: the last event too.
        return found, found.last + _MICROSECOND

    def _settled(self, source: EventSource, days: Any, state: State | None) -> ExperimentSpec:
        """Return the experiment with its variants, its control and its split."""
        spec = self.spec
        variants = spec.kept_variants or (state.variants if state is not None else ())
        if not variants:
            population = self._population(spec)
            variants = seen_variants(source, population, days, self.exposing, spec.baseline_key)
        control = chosen_control(spec.baseline_key, variants)
        if not spec.variants:
            ordered = (control, *(key for key in variants if key != control))
            spec = replace(spec, variants=ordered)
        if self.split == "equal":
            spec = replace(spec, split=dict.fromkeys(spec.kept_variants, 1.0))
        return spec

    def _check_exposed(
        self, source: EventSource, request: Request, sums: Sequence[DailySums]
    ) -> None:
        if not any(one.values[..., -1, one.names.index("n")].any() for one in sums):
            raise no_exposure(source, request.population, request.days, self.exposing)

    # ------------------------------------------------------------ the answer

    def _exposures(
        self, spec: ExperimentSpec, request: Request, exposed: Any, source: EventSource
    ) -> DailyExposures:
        counts, multiple = exposed
        keys = spec.kept_variants
        return DailyExposures.from_counts(
            {key: counts[place].tolist() for place, key in enumerate(keys)},
            request.days.dates,
            flag=spec.flag_key,
            split={key: float(spec.split.get(key) or 0.0) for key in keys},
            multiple=multiple.tolist(),
            timezone=spec.timezone,
            source=source.label,
            ended=spec.end is not None and request.days.stop >= spec.end,
        )

    def _told(
        self,
        source: EventSource,
        spec: ExperimentSpec,
        request: Request,
        sums: Sequence[DailySums],
        moment: datetime,
        exposures: DailyExposures,
        warnings: list[str],
        kept: Kept | None,
    ) -> EventAnalysis:
        engine = engine_of(source)
        dates = request.days.dates
        results, segments = [], []
        for metric, found in zip(self.metrics, sums, strict=True):
            told: dict[str, Any] = {
                "method": self.method,
                "mode": self.mode,
                "tuning": self.tuning,
                "as_of": moment,
                "fingerprint": _fingerprint(metric, spec),
                "source": f"{source.label}, {engine.split()[0]}",
            }
            results.append(event_series(metric, found, spec, dates, **told))
            if metric.breakdowns:
                parts = segment_series(metric, found, spec, dates, **told)
                segments += [EventSegment(values, one) for values, one in parts.items()]
        first = results[0]
        adjusted: dict[str, dict[str, float]] = {}
        if self.correction is not None:
            results, adjusted = corrected_series(results, self.correction, self.method)
        elif said := uncorrected_words(len(latest_effects(results)), 1 - first.level):
            warnings = [*warnings, said]
        settled = replace(self, spec=spec, split=None)
        return EventAnalysis(
            flag=spec.flag_key,
            results=tuple(results),
            exposures=exposures,
            segments=tuple(segments),
            breakdown=self.breakdown,
            control=spec.baseline_key,
            method=first.method,
            mode=first.mode,
            level=first.level,
            start=request.days.start,
            end=spec.end,
            as_of=moment,
            timezone=spec.timezone,
            warnings=(*_about_units(exposures, spec, request), *warnings),
            exposure=self.exposing.explained,
            source=source.label,
            engine=engine,
            timestamps=_timestamps(source),
            fingerprint=key_of(request),
            correction=self.correction or "",
            adjusted=adjusted,
            _again=partial(settled.again, kept),
        )


def engine_of(source: EventSource) -> str:
    """Return what reads a source, for the small print."""
    if isinstance(source, ConnectedSource):
        return source.client.engine
    import duckdb

    return f"DuckDB {duckdb.__version__}"


def _timestamps(source: EventSource) -> str:
    zoned = "TIME ZONE" in source.columns[source.timestamp]
    return "timestamps with a time zone" if zoned else "timestamps read as UTC"


def _fingerprint(metric: Metric, spec: ExperimentSpec) -> str:
    return metric.fingerprint or fingerprint(
        metric.model_dump(mode="json", exclude_unset=True),
        spec.start,
        str((spec.stats_config or {}).get("method") or "bayesian"),
        spec.exposure_criteria,
        spec.only_count_matured_users,
        spec.excluded_variants,
    )


def _about_rows(found: Survey, source: EventSource) -> list[str]:
    told = []
    for n, name in (
        (found.without_person, source.person_id),
        (found.without_timestamp, source.timestamp),
    ):
        if n:
            events = "event has" if n == 1 else "events have"
            told.append(f"{n:,} {events} no {name!r} and are left out")
    return told


def _about_units(exposures: DailyExposures, spec: ExperimentSpec, request: Request) -> list[str]:
    from exp_jupyter.engine.checks.sample_ratio import multiple_variant_bias

    told = []
    if exposures.mismatch and exposures.sample_ratio is not None:
        told.append(mismatch_words(exposures.sample_ratio))
    elif exposures.first_mismatch is not None:
        told.append(
            f"the units were not split as planned by {exposures.first_mismatch}; look for the cause"
        )
    if exposures.multiple:
        units = "unit was" if exposures.multiple == 1 else "units were"
        told.append(f"{exposures.multiple:,} {units} seen under several variants and left out")
        share = multiple_variant_bias(
            {**exposures.units, "$multiple": exposures.multiple},
            [float(spec.split.get(key, 0)) for key in spec.kept_variants],
            handling=request.population.criteria.handling,
            ended=spec.end is not None and spec.end <= request.days.stop,
        )
        if share is not None:
            told.append("leaving them out of an uneven split can bias the comparison")
    return told
