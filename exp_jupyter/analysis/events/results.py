"""The analysis of an experiment from raw events: every metric by day, and who saw what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from exp_jupyter._reproduce import chained
from exp_jupyter._version import __version__
from exp_jupyter.analysis.report import Compared, Guardrails, Report, report_of_own_data
from exp_jupyter.analysis.results.daily_exposures import DailyExposures
from exp_jupyter.analysis.results.series import Series
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.heterogeneity import SegmentComparison
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.warehouse.sql.execution import Progress


@dataclass(frozen=True)
class EventSegment:
    """One metric in one combination of breakdown values, on the last day.

    Attributes
    ----------
    values
        The values of the breakdown's properties; None where a unit has none.
    series
        A series of that one day.
    """

    values: tuple[str | None, ...]
    series: Series


@dataclass(frozen=True, repr=False, eq=False)
class EventAnalysis(Shown):
    """What an experiment did, from raw events. Read like a list of series, one per metric.

    Attributes
    ----------
    flag
        The feature flag, or what the experiment was called.
    results
        The daily series of every metric.
    exposures
        Who saw which variant, by day.
    segments
        Every metric in every combination of breakdown values, on the last day.
    breakdown
        The properties broken down by.
    control
        The variant the others are compared with.
    method, mode, level
        How the effects were judged.
    start, end, as_of, timezone
        The window: its start, its end if it has one, the moment of the analysis, and where days
        begin.
    warnings
        What to keep in mind when reading the numbers.
    exposure
        What exposes a unit, in words.
    source, engine
        What was read, and by what.
    timestamps
        How the timestamps were read, in words.
    fingerprint
        Of all that decides the numbers but the events.
    correction, adjusted
        How the last day's p-values were corrected for how many there are, and what they are then,
        by metric and arm; empty without a correction.

    Examples
    --------
    See ``exp_jupyter.analyze_events``.
    """

    flag: str
    results: tuple[Series, ...]
    exposures: DailyExposures
    segments: tuple[EventSegment, ...]
    breakdown: tuple[str, ...]
    control: str
    method: str
    mode: str
    level: float
    start: datetime
    end: datetime | None
    as_of: datetime
    timezone: str
    warnings: tuple[str, ...]
    exposure: str
    source: str
    engine: str
    timestamps: str
    fingerprint: str
    version: str = __version__
    correction: str = ""
    adjusted: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    _again: Any = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Series]:
        return iter(self.results)

    def __getitem__(self, which: int | str) -> Series:
        """Return the series of a metric by its index or name."""
        return self.results[which] if isinstance(which, int) else self.series(which)

    def series(self, metric: str | None = None) -> Series:
        """Return a metric's daily series.

        Parameters
        ----------
        metric
            Its name; by default the first.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no such metric.
        """
        from exp_jupyter.warehouse.request.suggestions import meant

        names = [one.metric_name for one in self.results]
        if metric is None:
            return self.results[0]
        if metric not in names:
            raise InputError(
                f"There is no metric {metric!r} here.",
                hint=f"{meant(metric, names)}The metrics are: {', '.join(names)}.",
            )
        return self.results[names.index(metric)]

    def effect(self, metric: str | None = None, arm: str | None = None) -> Effect:
        """Return the latest effect of a metric in an arm.

        Parameters
        ----------
        metric
            Its name; by default the first.
        arm
            The variant; by default the first after the control.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no such metric or arm, or it could not be compared; then the message says why.
        """
        found = self.series(metric)
        arms = [key for key in found.variants if key != found.baseline_key]
        key = arms[0] if arm is None and arms else arm
        if key not in arms:
            raise InputError(
                f"There is no arm {arm!r} to compare.", hint=f"The arms are: {', '.join(arms)}."
            )
        latest = found.latest
        effect = latest.effects.get(key) if latest is not None else None
        if effect is None:
            raise InputError(found.verdicts[key])
        return effect

    @cached_property
    def by_segment(self) -> tuple[SegmentComparison, ...]:
        """Whether the effects differ between segments, one answer per metric and arm."""
        from exp_jupyter.analysis.events.segments import segment_comparisons

        return segment_comparisons(self)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What is known, one sentence per metric and arm."""
        return tuple(
            f"{one.metric_name}: {words}"
            for one in self
            for words in one.corrected_verdicts(self.adjusted.get(one.metric_name, {})).values()
        )

    def report(
        self,
        question: str = "",
        *,
        title: str = "",
        primary: str | Sequence[str] | None = None,
        guardrails: Guardrails = None,
        planned_look: bool = False,
    ) -> Report:
        """Return one page for those who decide; ``save`` writes it to a file.

        Parameters
        ----------
        question
            What was asked, in a sentence or a few.
        title
            What the page is about; by default the flag.
        primary
            The metric or metrics that decide, by name; by default the first that is no guardrail.
        guardrails
            Metrics that must not get worse, by name; as a mapping each with how much worse it may
            get, in percent of the baseline, or None.
        planned_look
            Whether the data is complete and this is the look that was planned beforehand. Without
            it only intervals that may be read at any time, as those of ``sequential``, decide.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no such metric, or a margin is not above 0 and at most 100.

        Examples
        --------
        ::

            report = analysis.report("Do more people buy?", planned_look=True)
            report.save("checkout.html")
        """
        ratio = self.exposures.sample_ratio
        made = report_of_own_data(
            self,
            [
                Compared(
                    one.metric_name,
                    arm,
                    one.latest.effects.get(arm) if one.latest is not None else None,
                    one.goal,
                    self.adjusted.get(one.metric_name, {}).get(arm),
                )
                for one in self.results
                for arm in one.variants
                if arm != self.control
            ],
            title=title or self.flag,
            question=question,
            control=self.control,
            primary=primary,
            guardrails=guardrails,
            split_as_planned=None if ratio is None else not ratio.mismatch,
            any_time=self.method == "sequential",
            planned_look=planned_look,
            series={one.metric_name: one for one in self.results},
        )
        return made.coded(
            chained(
                self.code(),
                "report",
                question=question,
                title=title,
                primary=primary,
                guardrails=guardrails,
                planned_look=planned_look,
                defaults=EventAnalysis.report,
            )
        )

    def refresh(
        self, events: Any, *, as_of: Any = None, progress: Progress | None = None
    ) -> EventAnalysis:
        """Analyse again with newer events; what was added up of closed days is not read again.

        Parameters
        ----------
        events
            All events, the new ones among them, in whatever form they were given first. The last
            four closed days are looked at again for late events; a change of an event's
            properties alone is not noticed.
        as_of
            The moment of the analysis; by default just after the last event.
        progress
            Called with the share done and a sentence.

        Raises
        ------
        exp_jupyter.errors.InputError
            As ``analyze_events``; or a day that was read before has fewer events now.
        """
        newer: EventAnalysis = self._again(events, as_of=as_of, progress=progress)
        return newer.coded(self.code())
