"""The daily series of one metric: each day the cumulative analysis from the start to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter._version import __version__
from exp_jupyter.analysis.definition.experiment import as_mapping, instant, planned_split
from exp_jupyter.analysis.definition.methods import MethodOptions, project_method
from exp_jupyter.analysis.posthog.sums import (
    Kind,
    recomputed,
    stated,
    statistic,
    value,
)
from exp_jupyter.analysis.results.verdicts import verdict_words
from exp_jupyter.schema.experiments.baseline import baseline_variant
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch
    from exp_jupyter.engine.comparison.effect import Effect


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

    @classmethod
    def from_wire(cls, row: Mapping[str, Any], kind: Kind) -> VariantDay:
        """Read a variant's stats block."""
        return cls(
            key=str(row["key"]),
            n=int(row.get("number_of_samples") or 0),
            sums=dict(row),
            value=value(kind, row),
            failures=tuple(row.get("validation_failures") or ()),
        )

    def statistic(self, kind: Kind) -> Any:
        """Return the engine's statistic of the sums."""
        return statistic(kind, [self.sums])


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
        for day in reversed(self.days):
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
            )
            for key in self.variants
            if key != self.baseline_key
        }

    @property
    def verdict(self) -> str:
        """What is known on the latest day, in words."""
        return " ".join(self.verdicts.values()) or "There is no arm to compare."

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
        source
            Where the numbers come from, in words.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no such method, or an option is not the method's.
        """
        from exp_jupyter.engine.posthog.settings import resolve

        body, told, definition = as_mapping(results), as_mapping(experiment), as_mapping(metric)
        kind: Kind = definition["metric_type"]
        settings = resolve(told.get("stats_config"))
        options = MethodOptions(interval, tuning_n)
        options.check(method)
        computed, tuning = None, ""
        if method is not None:
            computed, tuning = project_method(method, settings, mode, options, told)
        days = _days(body, kind)
        keys = _variants(told, days)
        own: str = settings.method
        if own == "frequentist" and settings.sequential:
            own = "sequential"
        level = settings.ci_level if own == "bayesian" else 1 - settings.alpha
        if computed is None:
            days = [_with_stated(day, kind, settings) for day in days]
        else:
            days = _with_recomputed(days, kind, computed)
        calculation = told.get("running_time_calculation") or {}
        planned = calculation.get("recommended_sample_size")
        return cls(
            experiment_id=int(body.get("experiment_id") or told.get("id") or 0),
            experiment_name=str(told.get("name") or ""),
            metric_name=str(definition.get("name") or definition.get("uuid") or "metric"),
            metric_uuid=str(body.get("metric_uuid") or definition.get("uuid") or ""),
            metric_kind=kind,
            goal="decrease" if definition.get("goal") == "decrease" else "increase",
            fingerprint=str(definition.get("fingerprint") or ""),
            method=own if computed is None else computed.name,
            mode="compat" if computed is None else computed.mode,
            level=level if computed is None else computed.level,
            status=str(body.get("status") or "completed"),
            baseline_key=keys[0],
            variants=keys,
            days=tuple(days),
            as_of=instant(body.get("computed_at")),
            planned_sample_size=int(planned) if planned else None,
            source=source
            or (
                "daily results stored by the project"
                if method is None
                else "recomputed from the daily sums stored by the project"
            ),
            split=planned_split(told) if _counts_everybody(definition) else {},
            tuning=tuning,
        )


def _counts_everybody(metric: Mapping[str, Any]) -> bool:
    """Whether a metric's units are all of those exposed, whatever they did."""
    if metric["metric_type"] == "retention":  # those who started
        return False
    # Of a session's property only those with a session count.
    nodes = [metric.get(part) or {} for part in ("source", "numerator", "denominator")]
    return not any(
        node.get("math_property") == "$session_duration"
        or node.get("math_property_type") == "session_properties"
        for node in map(as_mapping, nodes)
    )


def _days(body: Mapping[str, Any], kind: Kind) -> list[SeriesDay]:
    errors = body.get("errors") or {}
    days = []
    for day, result in sorted((body.get("timeseries") or {}).items()):
        read = None if result is None else as_mapping(result)
        baseline = (read or {}).get("baseline")
        days.append(
            SeriesDay(
                date=date.fromisoformat(str(day)[:10]),
                baseline=VariantDay.from_wire(as_mapping(baseline), kind) if baseline else None,
                arms={
                    str(as_mapping(row)["key"]): VariantDay.from_wire(as_mapping(row), kind)
                    for row in (read or {}).get("variant_results") or ()
                }
                if baseline
                else {},
                error=errors.get(day),
            )
        )
    return days


def _variants(experiment: Mapping[str, Any], days: list[SeriesDay]) -> tuple[str, ...]:
    for day in reversed(days):
        if day.baseline is not None:
            return (day.baseline.key, *day.arms)
    declared = (experiment.get("parameters") or {}).get("feature_flag_variants") or []
    keys = [str(variant["key"]) for variant in declared]
    baseline = baseline_variant(experiment.get("stats_config"), keys)
    return (baseline, *(key for key in keys if key != baseline))


def _with_stated(day: SeriesDay, kind: Kind, settings: Any) -> SeriesDay:
    if day.baseline is None:
        return day
    baseline = day.baseline.sums
    effects = {key: stated(kind, baseline, arm.sums, settings) for key, arm in day.arms.items()}
    return replace(day, effects=effects)


def _with_recomputed(days: list[SeriesDay], kind: Kind, method: Any) -> list[SeriesDay]:
    effects: list[dict[str, Effect | None]] = [{} for _ in days]
    keys = {key: None for day in days for key in day.arms}
    for key in keys:
        places = [i for i, day in enumerate(days) if day.baseline and key in day.arms]
        baseline = [day.baseline.sums for day in (days[i] for i in places) if day.baseline]
        arm = [days[i].arms[key].sums for i in places]
        for place, effect in zip(places, recomputed(kind, baseline, arm, method), strict=True):
            effects[place][key] = effect
    return [replace(day, effects=effects[i]) for i, day in enumerate(days)]


def _why(day: SeriesDay | None, key: str) -> tuple[str, ...]:
    if day is None or day.baseline is None:
        return ()
    arm = day.arms.get(key)
    return (*day.baseline.failures, *(arm.failures if arm else ()))
