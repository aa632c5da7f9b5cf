"""The daily series of one metric: each day the cumulative analysis from the start to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter._version import __version__
from exp_jupyter.analysis.definition.experiment import as_mapping, instant, planned_split
from exp_jupyter.analysis.definition.methods import InferenceOptions, method_of_experiment
from exp_jupyter.analysis.definition.unit import metric_unit
from exp_jupyter.analysis.posthog.series_reader import read_results
from exp_jupyter.analysis.posthog.sums import Kind, SumsTable
from exp_jupyter.analysis.results.verdicts import verdict_words
from exp_jupyter.errors import InputError
from exp_jupyter.schema.experiments.baseline import baseline_variant
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.engine.comparison.methods import Method
    from exp_jupyter.engine.posthog.settings import Settings


@dataclass(frozen=True)
class VariantDay:
    """One variant's cumulative sums at the end of a day.

    Parameters
    ----------
    key
        The variant.
    n
        Units exposed so far.
    sums
        The sums by the names the API gives them (``sum``, ``sum_squares``, ``denominator_sum``…).
    value
        The mean, share or ratio the sums amount to; None when it is undefined.
    failures
        Why the variant is not compared, in the API's words; empty when it is.
    """

    key: str
    n: int
    sums: Mapping[str, Any]
    value: float | None
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeriesDay:
    """One day of a series; without a result ``baseline`` is None and ``error`` may say why."""

    date: date
    baseline: VariantDay | None
    arms: dict[str, VariantDay] = field(default_factory=dict)
    effects: dict[str, Effect | None] = field(default_factory=dict)
    error: str | None = None

    @property
    def exposures(self) -> int:
        """Units exposed so far over all variants."""
        arms = sum(arm.n for arm in self.arms.values())
        return arms + (self.baseline.n if self.baseline else 0)


@dataclass(frozen=True)
class SeriesAbout:
    """What a series is of, beside its numbers.

    Parameters
    ----------
    experiment_id, experiment_name, metric_name, metric_uuid, goal, fingerprint, status
        As in ``Series``.
    variants
        Every arm, the baseline first, where no day has a result that names them.
    as_of, planned_sample_size, source, split, unit, ended, growing
        As in ``Series``.
    """

    experiment_id: int
    experiment_name: str
    metric_name: str
    metric_uuid: str
    goal: Literal["increase", "decrease"]
    fingerprint: str
    status: str
    variants: tuple[str, ...]
    as_of: datetime | None
    planned_sample_size: int | None = None
    source: str = ""
    split: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    ended: bool = False
    growing: bool = True


@dataclass(frozen=True, repr=False)
class Series(Shown):
    """The daily series of one metric of one experiment.

    Parameters
    ----------
    experiment_id, experiment_name
        The experiment.
    metric_name, metric_uuid, metric_kind
        The metric; its kind is mean, funnel, ratio or retention.
    goal
        ``increase`` or ``decrease``: which direction is good.
    fingerprint
        What the stored results are kept under.
    method, mode, level
        The inference behind the effects; ``mode`` is ``compat`` (the project's own formulas) or
        ``recommended``.
    status
        ``pending``, ``partial``, ``completed`` or ``failed``.
    baseline_key, variants
        The arm compared with, and every arm, the baseline first.
    days
        One entry per day, oldest first.
    as_of
        When the newest result was computed.
    planned_sample_size
        Units the plan asks for in all, or None.
    source
        Where the numbers come from, in words.
    split
        Planned share of each variant; empty where it is not known, or where the metric's units are
        not all of those exposed, so that their numbers say nothing about the split.
    tuning
        Where a sequential method's tuning is from, in words; empty where the call said it.
    version
        The package's version.
    unit
        What the metric is counted in: ``share``, ``s`` or a currency; empty where it is not known.
    ended
        Whether the experiment is over, so that no more data comes.
    growing
        Whether newcomers are still exposed: not when it is paused, frozen or over.
    """

    experiment_id: int
    experiment_name: str
    metric_name: str
    metric_uuid: str
    metric_kind: Kind
    goal: Literal["increase", "decrease"]
    fingerprint: str
    method: str
    mode: Literal["compat", "recommended"]
    level: float
    status: str
    baseline_key: str
    variants: tuple[str, ...]
    days: tuple[SeriesDay, ...]
    as_of: datetime | None
    planned_sample_size: int | None = None
    source: str = ""
    split: Mapping[str, float] = field(default_factory=dict)
    tuning: str = ""
    version: str = __version__
    unit: str = ""
    ended: bool = False
    growing: bool = True
    _current_fingerprint: str = ""
    _whole: Series | None = field(default=None, compare=False)

    @property
    def current_fingerprint(self) -> str:
        """Of the definition in force, where this is the series of an earlier one; else empty."""
        return self._current_fingerprint

    @property
    def whole(self) -> Series:
        """The series with every day, where :meth:`between` has left some out."""
        return self if self._whole is None else self._whole

    def between(self, since: date | str | None = None, until: date | str | None = None) -> Series:
        """Return the days of a period; each still holds all data from the experiment's start.

        Parameters
        ----------
        since, until
            First and last day, both included, as dates or as 2026-03-20; None leaves that side
            open.

        Raises
        ------
        exp_jupyter.errors.InputError
            One is not a day, they are the wrong way round, or there is no day between them.

        Examples
        --------
        >>> from exp_jupyter import connect
        >>> series = connect("demo").experiments.timeseries(4)
        >>> len(series.days), len(series.between("2026-03-20", "2026-03-25").days)
        (23, 6)
        """
        first, last = _day_of(since, "since"), _day_of(until, "until")
        if first is not None and last is not None and first > last:
            raise InputError(
                f"since is {first} and until is {last}, which is before it.",
                hint="Give the earlier day as since.",
            )
        days = tuple(
            day
            for day in self.days
            if (first is None or day.date >= first) and (last is None or day.date <= last)
        )
        if len(days) == len(self.days):
            return self
        if not days:
            raise InputError(
                f"{self.metric_name} has no day {_period_words(first, last)}.",
                hint=f"Its days are {self.days[0].date} to {self.days[-1].date}.",
            )
        return replace(self, days=days, _whole=self.whole).coded(self.code())

    @property
    def latest(self) -> SeriesDay | None:
        """The last day that has a result."""
        return next((day for day in reversed(self.days) if day.baseline is not None), None)

    @property
    def sample_ratio(self) -> SampleRatioMismatch | None:
        """Whether the latest day's units are split as planned; None where that cannot be told."""
        from exp_jupyter.engine.checks.sample_ratio import sample_ratio_mismatch

        day = self.latest
        if day is None or day.baseline is None or not self.split:
            return None
        counts = {arm.key: arm.n for arm in (day.baseline, *day.arms.values())}
        found = sample_ratio_mismatch(counts, self.split)
        return None if found.p_value is None else found

    @property
    def crossings(self) -> dict[str, date | None]:
        """Per arm, the first day since which its interval has excluded 0 without interruption."""
        return {key: self._crossing(key) for key in self.variants if key != self.baseline_key}

    @property
    def crossed(self) -> date | None:
        """The earliest of the crossings, or None."""
        return min((day for day in self.crossings.values() if day), default=None)

    def _crossing(self, key: str) -> date | None:
        since = None
        last = self.days[-1].date if self.days else date.max
        for day in reversed(self.whole.days):
            if day.date > last:
                continue
            effect = day.effects.get(key)
            if effect is None:  # a day without a result says nothing either way
                continue
            if not effect.excludes_null:
                break
            since = day.date
        return since

    @property
    def verdicts(self) -> dict[str, str]:
        """Per arm, what is known on the latest day, in one sentence."""
        return self.corrected_verdicts({})

    def corrected_verdicts(self, adjusted: Mapping[str, float]) -> dict[str, str]:
        """Return the verdicts where several comparisons were corrected for.

        Parameters
        ----------
        adjusted
            The latest day's corrected p-values, by arm; an arm without one is judged alone.
        """
        latest = self.latest
        return {
            key: verdict_words(
                key,
                self.baseline_key,
                latest.effects.get(key) if latest else None,
                goal=self.goal,
                failures=_why(latest, key),
                adjusted=adjusted.get(key),
                unit=self.unit,
                ended=self.ended,
            )
            for key in self.variants
            if key != self.baseline_key
        }

    @property
    def verdict(self) -> str:
        """What is known on the latest day, in words."""
        return " ".join(self.verdicts.values()) or "There is no arm to compare."

    @classmethod
    def from_sums(
        cls,
        table: SumsTable,
        about: SeriesAbout,
        inference: Method | Settings,
        tuning: str = "",
    ) -> Series:
        """Return the series of a metric's sums.

        Parameters
        ----------
        table
            The sums by variant and day.
        about
            The experiment and the metric.
        inference
            A method of the engine, which computes every arm's days in one pass; or the experiment's
            settings, which keep the effects that the project states with its sums.
        tuning
            Where a sequential method's tuning is from, in words.
        """
        from exp_jupyter.engine.posthog.settings import Settings

        arms = [place for place in range(len(table.variants)) if place != table.baseline]
        if isinstance(inference, Settings):
            effects = {place: table.stated_effects(place, inference) for place in arms}
            bayesian = inference.method == "bayesian"
            sequential = inference.sequential and not bayesian
            method: str = "sequential" if sequential else inference.method
            level = inference.ci_level if bayesian else 1 - inference.alpha
            mode: Literal["compat", "recommended"] = "compat"
        else:
            effects = {place: table.effects(place, inference) for place in arms}
            method, mode, level = inference.name, inference.mode, inference.level
        days = [_day(table, day, arms, effects) for day in range(len(table.dates))]
        newest = next((day for day in reversed(days) if day.baseline is not None), None)
        keys = about.variants
        if newest is not None and newest.baseline is not None:
            keys = (newest.baseline.key, *newest.arms)
        told = {item.name: getattr(about, item.name) for item in fields(about)}
        return cls(
            **told | {"variants": keys},
            metric_kind=table.kind,
            method=method,
            mode=mode,
            level=level,
            baseline_key=keys[0],
            days=tuple(days),
            tuning=tuning,
        )

    @classmethod
    def from_wire(
        cls,
        results: Any,
        *,
        experiment: Any,
        metric: Any,
        method: Any = None,
        mode: Literal["compat", "recommended"] = "compat",
        interval: str | None = None,
        tuning_n: float | None = None,
        alpha: float | None = None,
        source: str | None = None,
    ) -> Series:
        """Read the stored daily results of a metric.

        Parameters
        ----------
        results
            The answer of ``timeseries_results``, typed or as a dictionary.
        experiment, metric
            The experiment and the metric's definition, typed or as dictionaries.
        method
            None keeps what the project computed. ``frequentist``, ``sequential`` or
            ``bayesian`` computes every day again from its sums, in one pass; so does a method of
            ``exp_jupyter.engine``, which brings its own level and mode.
        mode
            The formulas of a recomputation by name.
        interval, tuning_n
            Of a recomputation by name, as ``exp_jupyter.compare`` takes them. In recommended mode
            a sequential method is by default narrowest at the size of the experiment's saved plan.
        alpha
            The false-positive rate of a recomputation; by default the experiment's own.
        source
            Where the numbers come from, in words.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no such method, or an option is not the method's.
        """
        body = as_mapping(results)
        return cls.from_results(
            _by_day(body.get("timeseries")),
            experiment=experiment,
            metric=metric,
            inference=InferenceOptions(
                method, alpha, mode=mode, interval=interval, tuning_n=tuning_n
            ),
            errors=_by_day(body.get("errors")),
            experiment_id=int(body.get("experiment_id") or 0),
            metric_uuid=str(body.get("metric_uuid") or ""),
            status=str(body.get("status") or "completed"),
            as_of=instant(body.get("computed_at")),
            source=source,
        )

    @classmethod
    def from_results(
        cls,
        results: Mapping[date, Any],
        *,
        experiment: Any,
        metric: Any,
        inference: InferenceOptions,
        errors: Mapping[date, str] | None = None,
        experiment_id: int = 0,
        metric_uuid: str = "",
        status: str = "completed",
        as_of: datetime | None = None,
        source: str | None = None,
    ) -> Series:
        """Return the series of results that a project computed.

        Parameters
        ----------
        results
            By day the result as the API writes it; None where there is none.
        experiment, metric
            The experiment and the metric's definition, typed or as dictionaries.
        inference
            What the call says of the method; without one the project's own numbers stay.
        errors
            By day why it has no result.
        experiment_id, metric_uuid
            By default those of the experiment and of the definition.
        status, as_of, source
            Kept in the series.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no such method, or an option is not the method's.
        """
        from exp_jupyter.engine.posthog.settings import resolve

        told, definition = as_mapping(experiment), as_mapping(metric)
        settings = resolve(told.get("stats_config"))
        method, tuning = method_of_experiment(inference, settings, told)
        calculation = told.get("running_time_calculation") or {}
        planned = calculation.get("recommended_sample_size")
        stored = "daily results stored by the project"
        if method is not None:
            stored = "recomputed from the daily sums stored by the project"
        about = SeriesAbout(
            experiment_id=experiment_id or int(told.get("id") or 0),
            experiment_name=str(told.get("name") or ""),
            metric_name=str(definition.get("name") or definition.get("uuid") or "metric"),
            metric_uuid=metric_uuid or str(definition.get("uuid") or ""),
            goal="decrease" if definition.get("goal") == "decrease" else "increase",
            fingerprint=str(definition.get("fingerprint") or ""),
            status=status,
            variants=_declared(told),
            as_of=as_of,
            planned_sample_size=int(planned) if planned else None,
            source=source or stored,
            split=planned_split(told) if counts_everybody(definition) else {},
            unit=metric_unit(definition),
            ended=bool(told.get("end_date")),
            growing=str(told.get("status") or "running") == "running",
        )
        table = read_results(results, definition["metric_type"], errors)
        return cls.from_sums(table, about, settings if method is None else method, tuning)


def counts_everybody(metric: Any) -> bool:
    """Return whether a metric's units are all of those exposed, whatever they did."""
    if _part(metric, "metric_type") == "retention":  # those who started
        return False
    # Of a session's property only those with a session count.
    nodes = [_part(metric, part) for part in ("source", "numerator", "denominator")]
    return not any(
        _part(node, "math_property") == "$session_duration"
        or _part(node, "math_property_type") == "session_properties"
        for node in nodes
        if node
    )


def _part(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _day_of(given: date | str | None, name: str) -> date | None:
    if given is None or (isinstance(given, date) and not isinstance(given, datetime)):
        return given
    if isinstance(given, datetime):
        return given.date()
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        raise InputError(
            f"{name} is {given!r}, which is not a day.", hint="Write it as 2026-03-20."
        ) from None


def _period_words(first: date | None, last: date | None) -> str:
    if first is None:
        return f"until {last}"
    return f"since {first}" if last is None else f"from {first} to {last}"


def _by_day(told: Mapping[Any, Any] | None) -> dict[date, Any]:
    return {date.fromisoformat(str(day)[:10]): value for day, value in (told or {}).items()}


def _declared(experiment: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the variants an experiment states, the baseline first."""
    declared = (experiment.get("parameters") or {}).get("feature_flag_variants") or []
    keys = [str(variant["key"]) for variant in declared]
    baseline = baseline_variant(experiment.get("stats_config"), keys)
    return (baseline, *(key for key in keys if key != baseline))


def _day(
    table: SumsTable, day: int, arms: Sequence[int], effects: Mapping[int, Mapping[int, Effect]]
) -> SeriesDay:
    if not table.variants or not table.known(table.baseline)[day]:
        return SeriesDay(table.dates[day], None, error=table.errors.get(day))
    found = {place: _variant_day(table, place, day) for place in arms if table.known(place)[day]}
    return SeriesDay(
        date=table.dates[day],
        baseline=_variant_day(table, table.baseline, day),
        arms={arm.key: arm for arm in found.values()},
        effects={arm.key: effects[place].get(day) for place, arm in found.items()},
        error=table.errors.get(day),
    )


def _variant_day(table: SumsTable, place: int, day: int) -> VariantDay:
    row = table.row(place, day)
    failures = row.get("validation_failures") or ()
    if not table.stated:
        failures = row["validation_failures"] = table.failures(place, day)
    n = int(row.get("number_of_samples") or 0)
    return VariantDay(str(row["key"]), n, row, table.value(place, day), tuple(failures))


def _why(day: SeriesDay | None, key: str) -> tuple[str, ...]:
    if day is None or day.baseline is None:
        return ()
    arm = day.arms.get(key)
    return (*day.baseline.failures, *(arm.failures if arm else ()))
