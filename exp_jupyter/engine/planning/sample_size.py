"""Plan one experiment: sample size and running time, for the package's own test.

The API's formula stays beside it, with the power that its size really has. A scalar plan needs
neither numpy nor scipy unless it is small, so the first one is quick. Whole grids of plans, solved
for size, effect, power or days, live in ``exp_jupyter.engine.planning.power``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from exp_jupyter.engine.planning.design import ALTERNATIVES, Design
from exp_jupyter.engine.planning.inputs import (
    SizedMetric,
    checked_mde,
    shares_of,
    sized_metric,
    whole_variants,
)
from exp_jupyter.engine.planning.power import detectable_effect, required_size
from exp_jupyter.engine.planning.whole_arms import WholePlan
from exp_jupyter.engine.posthog.running_time import (
    recommended_running_time_days,
    recommended_sample_size,
)
from exp_jupyter.engine.statistics.arguments import choose, number, whole
from exp_jupyter.engine.statistics.scalar_or_array import computable
from exp_jupyter.errors import ExpError, InputError, StatisticsError
from exp_jupyter.shown import Shown

LONGEST_CURVE = 36_500
"""Days of a curve: a hundred years."""

KINDS = ("funnel", "mean_count", "mean_sum_or_avg", "ratio", "retention", "mean")


@dataclass(frozen=True, repr=False)
class SizePlan(Shown):
    """How many units an experiment needs, and how long that takes.

    Attributes
    ----------
    kind
        Kind of the metric: funnel, mean_count, mean_sum_or_avg, ratio, retention or mean.
    baseline
        Control's value: a fraction for a funnel, otherwise in the metric's units.
    variance
        Variance per unit that the plan works with; None where the formula has its own (funnels).
    mde
        Minimum detectable effect, in percent of the baseline.
    variants
        Number of variants, control included.
    rate
        New units per day, or None.
    alpha, power
        False-positive probability and power of the plan. The API's formula stands for 0.05 and
        0.8; what it reaches is ``api_power``.
    sample_size
        Units needed in total, over all variants.
    days
        Whole days it takes, or None without a rate.
    per_variant
        Units per variant, control first.
    exact_sample_size
        What the package's own test needs at the same settings, or None where it cannot say.
    api_sample_size, api_power
        What the API's formula asks for this metric and effect, and the probability that the
        package's own test finds the effect with so many units; None where it has no answer.
    effect
        ``additive`` or ``multiplicative``: what the effect does to the variance of a mean.
    tuning_n
        For a sequential plan, the tuning that its analysis needs (``tuning_n=``, ``--tuning``):
        units of the two compared arms together at which the interval is narrowest.
    mode
        ``recommended`` plans for the package's own test, ``compat`` is the API's formula.
    formula
        The formula, in short words.
    warnings
        What to keep in mind, one sentence each.
    icc, cluster_size, clusters, design_effect
        Of a plan of clusters: the intraclass correlation, units of a cluster, clusters per variant,
        and how many times more units they cost; no clusters otherwise.
    """

    kind: str
    baseline: float
    variance: float | None
    mde: float
    variants: int
    rate: float | None
    alpha: float
    power: float
    sample_size: int
    days: int | None
    per_variant: tuple[int, ...]
    exact_sample_size: int | None
    mode: str
    formula: str
    alternative: str = "two-sided"
    difference: str = "relative"
    margin: float | None = None
    correlation: float | None = None
    split: tuple[float, ...] | None = None
    sequential: bool | float = False
    comparisons: int = 1
    effect: str = "additive"
    tuning_n: float | None = None
    api_sample_size: int | None = None
    api_power: float | None = None
    warnings: tuple[str, ...] = ()
    icc: float | None = None
    cluster_size: float | None = None
    clusters: tuple[int, ...] = ()
    design_effect: float = 1.0

    def curve(self, max_days: int | None = None) -> list[tuple[int, float]]:
        """Return the minimum detectable effect, in percent, after each day.

        Parameters
        ----------
        max_days
            The last day; by default half as long again as the plan, at least 14 days.

        Returns
        -------
        list of (day, percent)
            Days on which no effect could be found yet are left out. For a non-inferiority plan
            the smallest margin, in percent, that the day's units can rule out.

        Raises
        ------
        InputError
            The plan has no rate.

        Examples
        --------
        >>> plan = sample_size("funnel", baseline=0.12, mde=5, rate=1800)
        >>> [(day, round(mde, 2)) for day, mde in plan.curve(28)][6::7]
        [(7, 13.91), (14, 9.75), (21, 7.94), (28, 6.86)]
        """
        if not self.rate or self.days is None:
            raise InputError(
                "This plan has no arrival rate, so it has no days.",
                hint="Plan again with rate=, the number of new units per day.",
            )
        if max_days is None:
            max_days = min(max(14, math.ceil(1.5 * self.days)), 3650)
        days = whole("max_days", max_days, 1)
        if days > LONGEST_CURVE:
            raise InputError(f"max_days is {days}; expected at most {LONGEST_CURVE:,}.")
        points: list[tuple[int, float]] = []
        for day in range(1, days + 1):
            mde = self.detectable(self.rate * day)
            if mde is not None:
                points.append((day, mde))
        return points

    def detectable(self, units: float) -> float | None:
        """Return the effect, in percent, that ``units`` in total can find; None if none can.

        Examples
        --------
        >>> plan = sample_size("mean_count", baseline=4, mde=5, mode="compat")
        >>> plan.detectable(6400)
        5.0
        """
        units = number("units", units, 0)
        if self.mode == "compat":
            spread = self.baseline * (1 - self.baseline) if self.kind == "funnel" else self.variance
            found = math.sqrt(16 * cast("float", spread) * self.variants / units)
            return 100 * found / abs(self.baseline)
        return self._detectable_exactly(units)

    def _detectable_exactly(self, units: float) -> float | None:
        design = _design(self)
        metric = SizedMetric(self.kind, self.baseline, self.variance)
        try:
            if self.margin is not None:
                return self._margin_ruled_out(units, metric)
            found = detectable_effect(
                metric.baseline,
                # A small plan in whole units asks for a little more or less than the formula.
                units / (self.sample_size / self._formula_size(self.mde, design)),
                variance=metric.own_variance,
                power=self.power,
                design=design,
            )
        except StatisticsError:
            return None
        return 100 * abs(cast("float", found))

    def _formula_size(self, effect: float, design: Design) -> float:
        metric = SizedMetric(self.kind, self.baseline, self.variance)
        size = required_size(
            metric.baseline,
            design.sign * effect / 100,
            variance=metric.own_variance,
            power=self.power,
            design=design,
        )
        return cast("float", size)

    def _margin_ruled_out(self, units: float, metric: SizedMetric) -> float | None:
        sign = _design(self).sign

        def needed(margin: float) -> float:
            return self._formula_size(self.mde, _design(replace(self, margin=margin)))

        low, high = max(0.0, -self.mde), 99.999
        if sign < 0:
            room = 1 / self.baseline - 1 if metric.own_variance is None else 1e4
            high = 99.999 * room
        if needed(high) > units:
            return None
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if needed(middle) > units else (low, middle)
        return (low + high) / 2


@computable()
def sample_size(
    kind: str,
    *,
    baseline: float | None = None,
    variance: float | None = None,
    stats: Any = None,
    mde: float | None = None,
    variants: int = 2,
    rate: float | None = None,
    alpha: float | None = None,
    power: float | None = None,
    alternative: str | None = None,
    margin: float | None = None,
    correlation: float | None = None,
    split: Sequence[float] | Mapping[str, float] | None = None,
    sequential: bool | float | None = None,
    comparisons: int | None = None,
    effect: str | None = None,
    icc: float | None = None,
    cluster_size: float | None = None,
    mode: str | None = None,
) -> SizePlan:
    """Return how many units an experiment needs in total, and how many days that takes.

    Parameters
    ----------
    kind
        ``funnel``, ``mean_count``, ``mean_sum_or_avg``, ``ratio``, ``retention`` (the API's
        words), or ``mean`` for a mean with a variance of its own.
    baseline
        Control's value: a fraction for a funnel (12 % is 0.12), otherwise the metric's mean.
    variance
        Variance per unit. Needed for ``mean``; for ``ratio`` unless ``stats`` are given. The
        count and sum kinds fall back on the API's guesses, ``2 B`` and ``0.25 B²``.
    stats
        Observed sums instead of a baseline: the API's ``baseline_stats`` mapping, or a ``Mean``,
        ``Proportion`` or ``Ratio``.
    mde
        Minimum detectable effect in percent of the baseline, above 0. With a margin: the true
        effect to assume, by default 0.
    variants
        Number of variants, control included.
    rate
        New units per day; gives the days and the curve.
    alpha, power
        Defaults 0.05 and 0.8.
    alternative
        ``two-sided`` (default), ``greater`` or ``less``.
    margin
        Non-inferiority margin in percent of the baseline.
    correlation
        Correlation of the metric with its CUPED covariate.
    split
        Share of each variant, control first, or a mapping with a ``control`` key.
    sequential
        True for a confidence sequence tightest at the plan's size, or its tuning parameter.
    comparisons
        Number of comparisons that share alpha (Bonferroni). By default 1 also with several
        treatments, as an analysis without a correction compares each with control at alpha.
    effect
        What the effect does to the variance of a mean: ``additive`` (default) leaves it alone,
        ``multiplicative`` scales every value, so that the treatment's variance is (1 + e)² times
        control's. Rates have p(1 - p) in any case.
    icc, cluster_size
        Where whole clusters are randomised (stores, schools): the intraclass correlation of the
        metric, 0 to 1, and the units of a cluster. An analysis with ``cluster=`` states both.
    mode
        ``recommended`` (default) plans for the test that ``compare`` makes, so that it finds the
        effect with the power asked for. ``compat`` is the API's formula to the bit:
        ``ceil(16 V / d² · k)``.

    Raises
    ------
    InputError, StatisticsError
        An argument is missing, outside its range, or the effect cannot be found.

    Examples
    --------
    >>> plan = sample_size("funnel", baseline=0.12, mde=5, rate=1800)
    >>> plan.sample_size, plan.days
    (94066, 53)
    >>> plan.api_sample_size, round(plan.api_power, 3)
    (93867, 0.799)
    """
    given = {name: value for name, value in locals().items() if value is not None}
    choose("kind", kind, KINDS)
    general = (
        *(alpha, power, alternative, margin, correlation, split, sequential, comparisons),
        *(effect, icc, cluster_size),
    )
    mode = "recommended" if mode is None else mode
    choose("mode", mode, ("compat", "recommended"))
    if effect is not None:
        choose("effect", effect, ("additive", "multiplicative"))
    if mode == "compat" and any(setting is not None for setting in general):
        raise InputError(
            "The API's formula knows no alpha, power, alternative, margin, correlation, split, "
            "sequential test, comparisons, kind of effect or clusters.",
            hint='Leave mode out, or say mode="recommended".',
        )
    alpha = _level("alpha", alpha, 0.05)
    power = _level("power", power, 0.8)
    if alternative is not None:
        choose("alternative", alternative, ALTERNATIVES)
    if correlation is not None:
        correlation = number("correlation", correlation, -1, 1)
    if sequential is not None and not isinstance(sequential, bool):
        sequential = number("sequential", sequential, 0, hint="Or True for the plan's own size.")
    shares = shares_of(split)
    variants = whole_variants(variants, shares)
    if rate is not None:
        rate = number("rate", rate, 0, closed=True, hint="Give the new units per day.")
    mde = checked_mde(mde, margin)
    metric = sized_metric(kind, baseline, variance, stats, mode)
    plan = SizePlan(
        kind=kind,
        baseline=metric.baseline,
        variance=metric.variance,
        mde=mde,
        variants=variants,
        rate=rate,
        alpha=alpha,
        power=power,
        sample_size=0,
        days=None,
        per_variant=(),
        exact_sample_size=None,
        mode=mode,
        formula="",
        alternative=alternative or ("two-sided" if margin is None else "greater"),
        margin=None if margin is None else float(margin),
        correlation=correlation,
        split=shares,
        sequential=False if sequential is None else sequential,
        comparisons=1 if comparisons is None else whole("comparisons", comparisons, 1),
        effect=effect or ("conversion" if kind == "retention" else "additive"),
        warnings=metric.warnings,
    )
    clustered = _clusters(icc, cluster_size, plan)
    plan = replace(plan, icc=icc, cluster_size=cluster_size)
    if not clustered:
        plan = _with_api(plan, metric)
    plan = _by_api(plan, metric) if mode == "compat" else _for_own_test(plan, metric)
    if clustered:
        plan = _of_clusters(plan)
    return plan.coded(_call(given))


def _clusters(icc: float | None, cluster_size: float | None, plan: SizePlan) -> bool:
    """Tell whether clusters are planned; refuse what such a plan cannot be."""
    if icc is None and cluster_size is None:
        return False
    if icc is None or cluster_size is None:
        missing = "icc" if icc is None else "cluster_size"
        raise InputError(
            f"A plan of clusters needs icc and cluster_size; {missing} is missing.",
            hint="An analysis with cluster= states both, of past data too.",
        )
    if plan.sequential is not False:
        raise InputError(
            "Clusters are planned for a fixed horizon, not for a sequential test.",
            hint="Leave sequential out.",
        )
    from exp_jupyter.engine.planning.clusters import design_effect  # numpy, for such plans only

    design_effect(icc, cluster_size)
    return True


def _of_clusters(plan: SizePlan) -> SizePlan:
    """Return the plan in whole clusters."""
    from exp_jupyter.engine.planning.clusters import clusters_needed, design_effect

    size = cast("float", plan.cluster_size)
    cost = design_effect(cast("float", plan.icc), size)
    tail = plan.alpha / plan.comparisons / (2 if plan.alternative == "two-sided" else 1)
    clusters = clusters_needed(plan.per_variant, size, cost, tail=tail, power=plan.power)
    units = tuple(math.ceil(arm * size) for arm in clusters)
    return replace(
        plan,
        clusters=clusters,
        design_effect=cost,
        per_variant=units,
        sample_size=sum(units),
        exact_sample_size=sum(units),
        days=recommended_running_time_days(sum(units), plan.rate),
        formula=f"{plan.formula}, times 1 + (cluster size - 1) · ICC",
    )


def _level(name: str, value: float | None, default: float) -> float:
    hint = f"{default:g} is usual."
    return default if value is None else number(name, value, 0, 1, hint=hint)


def _with_api(plan: SizePlan, metric: SizedMetric) -> SizePlan:
    """Add what the API's formula asks, and the power of that."""
    if plan.margin is not None:
        return plan
    total = recommended_sample_size(
        plan.kind, plan.mde, plan.baseline, plan.variance, plan.variants
    )
    if total is None:
        return plan
    whole = _whole(plan, metric)
    try:
        power = None
        if _reachable(plan, metric):
            power = whole.power(tuple(max(2.0, total * share) for share in whole.shares))
    except ExpError:
        power = None
    return replace(plan, api_sample_size=total, api_power=power)


def _reachable(plan: SizePlan, metric: SizedMetric) -> bool:
    return metric.own_variance is not None or plan.baseline * (1 + plan.mde / 100) <= 1


def _by_api(plan: SizePlan, metric: SizedMetric) -> SizePlan:
    total = plan.api_sample_size
    if total is None:
        raise StatisticsError(
            "no_sample_size",
            f"An effect of {plan.mde:g} % of {plan.baseline:g} is too small to compute with.",
            hint="Check the units: mde is in percent of the baseline.",
        )
    each, rest = divmod(total, plan.variants)
    warnings = plan.warnings
    exact = None
    try:
        exact = sum(_per_variant(plan, metric))
    except ExpError as refusal:
        warnings = (*warnings, refusal.message)
    return replace(
        plan,
        sample_size=total,
        days=recommended_running_time_days(total, plan.rate),
        per_variant=tuple(each + (arm < rest) for arm in range(plan.variants)),
        exact_sample_size=exact,
        formula="16 · variance / effect² · variants",
        warnings=warnings,
    )


def _for_own_test(plan: SizePlan, metric: SizedMetric) -> SizePlan:
    per_variant = _per_variant(plan, metric)
    total = sum(per_variant)
    boundary = "sequential boundary" if plan.sequential is not False else "z(alpha)"
    tuning = None
    if plan.sequential is not False:
        compared = float(per_variant[0] + min(per_variant[1:]))
        tuning = compared if plan.sequential is True else float(plan.sequential)
    return replace(
        plan,
        sample_size=total,
        days=recommended_running_time_days(total, plan.rate),
        per_variant=per_variant,
        exact_sample_size=total,
        tuning_n=tuning,
        formula=f"({boundary} · error without + z(power) · error with the effect)² / effect²",
        warnings=(*plan.warnings, *_about_the_family(plan)),
    )


def _about_the_family(plan: SizePlan) -> tuple[str, ...]:
    """Say what a plan of several treatments holds for."""
    treatments = plan.variants - 1
    if treatments < 2 or plan.comparisons >= treatments:
        return ()
    words = (
        f"Each of the {treatments} treatments is planned against control at alpha {plan.alpha:g} "
        f"on its own, as an analysis without a correction judges it; comparisons={treatments} "
        f"(--comparisons {treatments}) plans for all of them together, as Holm or Bonferroni "
        "judge."
    )
    return (words,)


def _per_variant(plan: SizePlan, metric: SizedMetric) -> tuple[int, ...]:
    whole = _whole(plan, metric)
    total = required_size(
        whole.baseline,
        whole.effect,
        variance=whole.variance,
        power=plan.power,
        design=whole.design,
    )
    return whole.arms(cast("float", total), plan.power)


def _whole(plan: SizePlan, metric: SizedMetric) -> WholePlan:
    design = _design(plan)
    return WholePlan(metric.baseline, design.sign * plan.mde / 100, metric.own_variance, design)


def _design(plan: SizePlan) -> Design:
    return Design(
        alpha=plan.alpha,
        alternative=plan.alternative,
        variants=plan.variants,
        split=plan.split,
        margin=0.0 if plan.margin is None else plan.margin / 100,
        correlation=plan.correlation or 0.0,
        comparisons=plan.comparisons,
        sequential=plan.sequential,
        effect=plan.effect,
    )


def _call(given: dict[str, Any]) -> str:
    kind = given.pop("kind")
    known = [f"{name}={value!r}" for name, value in given.items() if name != "variants"]
    if given.get("variants", 2) != 2:
        known.append(f"variants={given['variants']!r}")
    return f"exp_jupyter.sample_size({', '.join([repr(kind), *known])})"
