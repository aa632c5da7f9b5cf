"""The analysis of a unit-level table: every metric, every arm, and what is known about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from exp_jupyter._reproduce import chained
from exp_jupyter._version import __version__
from exp_jupyter.analysis.report import Compared, Guardrails, Report, report_of_own_data
from exp_jupyter.analysis.results.verdicts import verdict_words
from exp_jupyter.analysis.units.metrics import UnitMetric
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.heterogeneity import SegmentComparison
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.engine.planning.clusters import ClusterVariation


@dataclass(frozen=True)
class ArmResult:
    """One arm of one metric.

    Attributes
    ----------
    key
        The variant.
    n
        Units with a value.
    value
        Their mean, share, ratio or quantile; None without units.
    standard_deviation
        Per unit; None for ratios and quantiles.
    missing
        Units of the arm without a value.
    effect
        Against the control; None for the control, and where ``refusal`` says why.
    refusal
        Why there is no effect, in a sentence; empty where there is one.
    adjusted_p_value
        Corrected for the number of comparisons, if that was asked for; the effect's interval and
        decision are then those of the corrected test.
    statistic
        The engine's statistic of the arm; None without units.
    at_level
        The same comparison at another alpha, where it is adjusted or of clusters; else None.
    """

    key: str
    n: int
    value: float | None
    standard_deviation: float | None = None
    missing: int = 0
    effect: Effect | None = None
    refusal: str = ""
    adjusted_p_value: float | None = None
    statistic: Any = field(default=None, repr=False, compare=False)
    at_level: Callable[[float], Effect] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class PairResult:
    """Two arms, none of them the control, against each other.

    Attributes
    ----------
    baseline, key
        The arm compared with, and the arm compared.
    effect, refusal, adjusted_p_value, at_level
        As of an arm.
    """

    baseline: str
    key: str
    effect: Effect | None = None
    refusal: str = ""
    adjusted_p_value: float | None = None
    at_level: Callable[[float], Effect] | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The pair in words."""
        return f"{self.key} against {self.baseline}"


@dataclass(frozen=True)
class MetricResult:
    """One metric over all units, or over those of one segment.

    Attributes
    ----------
    metric
        Its definition.
    arms
        The control, then the others.
    segment
        The values of the breakdown columns; empty for all units.
    pairs
        The other arms against each other, where that was asked for.
    adjusted_for, adjusted_by
        The covariates and strata of a regression or of post-stratification, and which of them it
        was, in words; empty without.
    clusters
        How alike the units of a randomised cluster are; None without clusters.
    """

    metric: UnitMetric
    arms: tuple[ArmResult, ...]
    segment: tuple[str | None, ...] = ()
    pairs: tuple[PairResult, ...] = ()
    adjusted_for: tuple[str, ...] = ()
    adjusted_by: str = ""
    clusters: ClusterVariation | None = None

    @property
    def compared(self) -> tuple[tuple[ArmResult | PairResult, str], ...]:
        """Every comparison and the arm it is made against: the control's, then the pairs."""
        control = self.arms[0].key
        return (
            *((arm, control) for arm in self.arms[1:]),
            *((pair, pair.baseline) for pair in self.pairs),
        )


@dataclass(frozen=True, repr=False, eq=False)
class Analysis(Shown):
    """What an experiment did, from a table with one row a unit.

    Attributes
    ----------
    results
        One per metric, over all units.
    segments
        One per metric and combination of breakdown values.
    units
        Units per variant, the control first.
    control
        The variant the others are compared with.
    sample_ratio
        The check against the stated split; None when no split was stated.
    variant, unit, breakdown
        The columns' names.
    method, mode, level, difference
        How the effects were judged.
    correction
        How p-values were corrected for the number of comparisons; empty when they were not.
    warnings
        What to keep in mind when reading the numbers.
    source, engine, statement
        What was read, where it was summed, and the statement that summed it.
    cluster, clusters
        The columns that name what was randomised, and how many each variant has; empty where
        that is the unit.
    """

    results: tuple[MetricResult, ...]
    segments: tuple[MetricResult, ...]
    units: dict[str, int]
    control: str
    sample_ratio: SampleRatioMismatch | None
    variant: str
    unit: str | None
    breakdown: tuple[str, ...]
    method: str
    mode: str
    level: float
    difference: str
    correction: str
    warnings: tuple[str, ...]
    source: str
    engine: str
    statement: str
    cluster: tuple[str, ...] = ()
    clusters: Mapping[str, int] = field(default_factory=dict)
    version: str = __version__

    def effect(self, metric: str | None = None, arm: str | None = None) -> Effect:
        """Return one comparison's effect.

        Parameters
        ----------
        metric
            Its name or short form, or its column; by default the first metric.
        arm
            The variant; by default the first after the control.

        Raises
        ------
        exp_jupyter.errors.InputError
            There is no such metric or arm, or it could not be compared; then the message says why.
        """
        found = self.results[0]
        if metric is not None:
            named = [
                r
                for r in self.results
                if metric in (r.metric.label, str(r.metric), r.metric.column)
            ]
            if not named:
                raise InputError(
                    f"There is no metric {metric!r} here.",
                    hint=f"The metrics are: {', '.join(r.metric.label for r in self.results)}.",
                )
            found = named[0]
        others = [row for row in found.arms[1:] if arm in (None, row.key)]
        if not others:
            raise InputError(
                f"There is no arm {arm!r} to compare.",
                hint=f"The arms are: {', '.join(row.key for row in found.arms[1:])}.",
            )
        if others[0].effect is None:
            raise InputError(f"{found.metric.label}, {others[0].key}: {others[0].refusal}")
        return others[0].effect

    @cached_property
    def by_segment(self) -> tuple[SegmentComparison, ...]:
        """Whether the effects differ between segments, one answer per metric and arm."""
        from exp_jupyter.analysis.units.segments import segment_comparisons

        return segment_comparisons(self)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What is known, one sentence per metric and arm, and per pair of arms."""
        return tuple(
            f"{result.metric.label}: {self._verdict(result, row, baseline)}"
            for result in self.results
            for row, baseline in result.compared
        )

    def _verdict(self, result: MetricResult, row: ArmResult | PairResult, baseline: str) -> str:
        return verdict_words(
            row.key,
            baseline,
            row.effect,
            goal=result.metric.goal,
            failures=[row.refusal.rstrip(".")] if row.refusal else [],
            adjusted=row.adjusted_p_value,
        )

    def report(
        self,
        question: str = "",
        *,
        title: str = "Experiment",
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
            What the page is about.
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

            analysis = analyze(units, metrics="paid:proportion", split="equal")
            report = analysis.report("Do more people buy?", planned_look=True)
            report.save("checkout.html")
        """
        ratio = self.sample_ratio
        made = report_of_own_data(
            self,
            [
                Compared(
                    result.metric.label,
                    arm.key,
                    arm.effect,
                    result.metric.goal,
                    arm.adjusted_p_value,
                )
                for result in self.results
                for arm in result.arms[1:]
            ],
            title=title,
            question=question,
            control=self.control,
            primary=primary,
            guardrails=guardrails,
            split_as_planned=None if ratio is None else not ratio.mismatch,
            any_time=self.method == "sequential",
            planned_look=planned_look,
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
                defaults=Analysis.report,
            )
        )
