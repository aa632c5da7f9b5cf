"""Plan one experiment: sample size and running time, by the API's formula or the general one.

A scalar plan needs neither numpy nor scipy, so the first one is quick. Whole grids of plans, solved
for size, effect, power or days, live in ``exp_jupyter.engine.power_formulas``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from exp_jupyter.engine.design import Design
from exp_jupyter.engine.limits import choose, inside
from exp_jupyter.engine.planning_inputs import (
    SizedMetric,
    checked_mde,
    shares_of,
    sized_metric,
    whole_variants,
)
from exp_jupyter.engine.power_formulas import detectable_effect, required_size
from exp_jupyter.engine.running_time import (
    recommended_running_time_days,
    recommended_sample_size,
)
from exp_jupyter.errors import ExpError, InputError, StatisticsError
from exp_jupyter.shown import Shown

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
        0.8 (its constant makes the power 0.807).
    sample_size
        Units needed in total, over all variants.
    days
        Whole days it takes, or None without a rate.
    per_variant
        Units per variant, control first.
    exact_sample_size
        What the exact formula asks at the same settings, or None where it cannot say.
    mode
        ``compat`` for the API's formula, ``recommended`` for the general one.
    formula
        The formula, in short words.
    warnings
        What to keep in mind, one sentence each.
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
    warnings: tuple[str, ...] = ()

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
        [(7, 13.65), (14, 9.65), (21, 7.88), (28, 6.82)]
        """
        if not self.rate or self.days is None:
            raise InputError(
                "This plan has no arrival rate, so it has no days.",
                hint="Plan again with rate=, the number of new units per day.",
            )
        if max_days is None:
            max_days = min(max(14, math.ceil(1.5 * self.days)), 3650)
        inside("max_days", max_days, 1, math.inf, closed=True)
        points: list[tuple[int, float]] = []
        for day in range(1, int(max_days) + 1):
            mde = self.detectable(self.rate * day)
            if mde is not None:
                points.append((day, mde))
        return points

    def detectable(self, units: float) -> float | None:
        """Return the effect, in percent, that ``units`` in total can find; None if none can.

        Examples
        --------
        >>> sample_size("mean_count", baseline=4, mde=5).detectable(6400)
        5.0
        """
        inside("units", units, 0, math.inf)
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
                units,
                variance=metric.own_variance,
                power=self.power,
                design=design,
            )
        except StatisticsError:
            return None
        return 100 * abs(cast("float", found))

    def _margin_ruled_out(self, units: float, metric: SizedMetric) -> float:
        sign = _design(self).sign

        def needed(margin: float) -> float:
            return cast(
                "float",
                required_size(
                    metric.baseline,
                    sign * self.mde / 100,
                    variance=metric.own_variance,
                    power=self.power,
                    design=_design(replace(self, margin=margin)),
                ),
            )

        low, high = max(0.0, -self.mde), 1e6
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if needed(middle) > units else (low, middle)
        return (low + high) / 2


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
        Number of comparisons that share alpha (Bonferroni).
    mode
        ``compat`` is the API's formula to the bit: ``ceil(16 V / d² · k)``. ``recommended`` is
        the general one, ``(z_α + z_β)² Q(e) / e²``. By default compat as long as only what the
        API knows is given.

    Raises
    ------
    InputError, StatisticsError
        An argument is missing, outside its range, or the effect cannot be found.

    Examples
    --------
    >>> plan = sample_size("funnel", baseline=0.12, mde=5, rate=1800)
    >>> plan.sample_size, plan.days, plan.mode
    (93867, 53, 'compat')
    >>> sample_size("funnel", baseline=0.12, mde=5, power=0.9).per_variant
    (63626, 63626)
    """
    given = {name: value for name, value in locals().items() if value is not None}
    choose("kind", kind, KINDS)
    general = (alpha, power, alternative, margin, correlation, split, sequential, comparisons)
    if mode is None:
        plain = kind != "mean" and all(setting is None for setting in general)
        mode = "compat" if plain else "recommended"
    choose("mode", mode, ("compat", "recommended"))
    if mode == "compat" and any(setting is not None for setting in general):
        raise InputError(
            "The API's formula knows no alpha, power, alternative, margin, correlation, split, "
            "sequential test or comparisons.",
            hint='Leave mode out, or say mode="recommended".',
        )
    shares = shares_of(split)
    variants = whole_variants(variants, shares)
    if rate is not None:
        inside("rate", rate, 0, math.inf, closed=True, hint="Give the new units per day.")
    mde = checked_mde(mde, margin)
    metric = sized_metric(kind, baseline, variance, stats, mode)
    plan = SizePlan(
        kind=kind,
        baseline=metric.baseline,
        variance=metric.variance,
        mde=mde,
        variants=variants,
        rate=None if rate is None else float(rate),
        alpha=0.05 if alpha is None else float(alpha),
        power=0.8 if power is None else float(power),
        sample_size=0,
        days=None,
        per_variant=(),
        exact_sample_size=None,
        mode=mode,
        formula="",
        alternative=alternative or ("two-sided" if margin is None else "greater"),
        margin=None if margin is None else float(margin),
        correlation=None if correlation is None else float(correlation),
        split=shares,
        sequential=False if sequential is None else sequential,
        comparisons=1 if comparisons is None else comparisons,
        warnings=metric.warnings,
    )
    plan = _by_api(plan, metric) if mode == "compat" else _by_general_formula(plan, metric)
    return plan.coded(_call(given))


def _by_api(plan: SizePlan, metric: SizedMetric) -> SizePlan:
    total = recommended_sample_size(
        plan.kind, plan.mde, plan.baseline, plan.variance, plan.variants
    )
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


def _by_general_formula(plan: SizePlan, metric: SizedMetric) -> SizePlan:
    per_variant = _per_variant(plan, metric)
    total = sum(per_variant)
    boundary = "sequential boundary" if plan.sequential is not False else "z(alpha)"
    return replace(
        plan,
        sample_size=total,
        days=recommended_running_time_days(total, plan.rate),
        per_variant=per_variant,
        exact_sample_size=total,
        formula=f"({boundary} + z(power))² · variance of the relative effect / effect²",
    )


def _per_variant(plan: SizePlan, metric: SizedMetric) -> tuple[int, ...]:
    design = _design(plan)
    total = required_size(
        metric.baseline,
        design.sign * plan.mde / 100,
        variance=metric.own_variance,
        power=plan.power,
        design=design,
    )
    shares = plan.split or (1 / plan.variants,) * plan.variants
    units = [cast("float", total) * share / sum(shares) for share in shares]
    if not all(math.isfinite(arm) for arm in units):
        raise StatisticsError("no_sample_size", "The effect is too small to compute with.")
    return tuple(math.ceil(arm) for arm in units)


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
    )


def _call(given: dict[str, Any]) -> str:
    kind = given.pop("kind")
    known = [f"{name}={value!r}" for name, value in given.items() if name != "variants"]
    if given.get("variants", 2) != 2:
        known.append(f"variants={given['variants']!r}")
    return f"exp_jupyter.sample_size({', '.join([repr(kind), *known])})"
