"""Effects of units one by one: adjusted by regression or strata, or of whole clusters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from exp_jupyter.analysis.units.adjustment import Adjustment
from exp_jupyter.analysis.units.arm_effect import quantile_rule
from exp_jupyter.analysis.units.metrics import UnitMetric
from exp_jupyter.analysis.units.results import ArmResult, MetricResult, PairResult
from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.warehouse.units.unit_rows import Floats, Labels, UnitRows

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.engine.comparison.estimates.from_estimate import Rule

FEW_CLUSTERS = 40
"""Below so many clusters of both arms the wild bootstrap decides, from ``LEAST_CLUSTERS`` on."""

LEAST_CLUSTERS = 5
"""Clusters an arm needs for the wild bootstrap: with fewer its draws are too much alike."""

UNBALANCED = 0.001

Row = TypeVar("Row", ArmResult, PairResult)


def adjusted_results(
    results: Sequence[MetricResult],
    rows: UnitRows,
    adjustment: Adjustment,
    breakdown: Sequence[str],
    method: Any,
) -> list[MetricResult]:
    """Return the results with the effects that the adjustment gives.

    Parameters
    ----------
    results
        What sums say, over all units or by segment: counts and values stay as they are.
    rows
        The units; their metrics in the order of the whole results.
    breakdown
        The columns of the segments.
    method
        The frequentist method.
    """
    labels = [result.metric.label for result in results]
    places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    found = []
    for result in results:
        place = places[result.metric.label]
        if result.metric.kind == "bootstrap" and adjustment.cluster:
            raise InputError(
                f"Metric {result.metric.label!r} draws units, which are not independent in a "
                "cluster.",
                hint="Add the units of each cluster up first: one row a cluster.",
            )
        if not adjustment.adjusts(result.metric) and not adjustment.cluster:
            found.append(result)
            continue
        inside = ~np.isnan(rows.values[place])
        for name, value in zip(breakdown, result.segment, strict=False):
            inside &= rows.labels[name] == value
        units = MetricUnits.of(rows, place, result.metric, adjustment, inside)
        found.append(_adjusted(result, units, adjustment, quantile_rule(method, result.metric)))
    return found


@dataclass(frozen=True, eq=False)
class MetricUnits:
    """The units that have one metric, and what is known of each.

    Parameters
    ----------
    variant, values, denominators
        Of each unit.
    features
        Units × covariates, the missing ones at the mean.
    strata, clusters
        One label per unit, or None.
    """

    variant: Labels
    values: Floats
    denominators: Floats | None
    features: Floats
    strata: Labels | None
    clusters: Labels | None

    @classmethod
    def of(
        cls,
        rows: UnitRows,
        place: int,
        metric: UnitMetric,
        adjustment: Adjustment,
        inside: Any,
    ) -> MetricUnits:
        """Return the units of one metric."""
        below = rows.denominators[place]
        names = adjustment.features(metric) if adjustment.adjusts(metric) else ()
        columns = [_filled(rows.covariates[name][inside]) for name in names]
        strata = adjustment.strata if adjustment.adjusts(metric) else ()
        return cls(
            rows.variant[inside],
            rows.values[place][inside],
            None if below is None else below[inside],
            np.column_stack(columns) if columns else np.empty((int(inside.sum()), 0)),
            _together([rows.labels[name][inside] for name in strata]),
            _together([rows.labels[name][inside] for name in adjustment.cluster]),
        )

    def taken(self, inside: Any) -> MetricUnits:
        """Return some of the units."""
        return MetricUnits(
            self.variant[inside],
            self.values[inside],
            None if self.denominators is None else self.denominators[inside],
            self.features[inside],
            None if self.strata is None else self.strata[inside],
            None if self.clusters is None else self.clusters[inside],
        )


def _filled(column: Floats) -> Floats:
    """Return a covariate with its mean where it is missing: such a unit adjusts nothing."""
    missing = np.isnan(column)
    middle = column[~missing].mean() if (~missing).any() else 0.0
    return np.where(missing, middle, column)


def _together(columns: Sequence[Labels]) -> Labels | None:
    """Return one label of each unit from its values of several columns."""
    if not columns:
        return None
    found = np.empty(len(columns[0]), dtype=np.object_)
    found[:] = [
        ", ".join("(missing)" if part is None else part for part in parts)
        for parts in zip(*columns, strict=True)
    ]
    return found


def _adjusted(
    result: MetricResult, units: MetricUnits, adjustment: Adjustment, rule: Rule
) -> MetricResult:
    from exp_jupyter.engine.planning.clusters import cluster_variation

    if adjustment.model is not None and units.features.size:
        units = replace(units, features=_predicted(units, adjustment), strata=None)

    def settled(row: Row, against: str) -> Row:
        pair = units.taken((units.variant == against) | (units.variant == row.key))
        return _settled(row, pair, result.metric, adjustment, rule)

    control = result.arms[0]
    variation = None
    if units.clusters is not None and result.metric.kind in ("mean", "proportion"):
        try:
            variation = cluster_variation(
                units.values, units.clusters.astype(str), units.variant.astype(str)
            )
        except StatisticsError:
            variation = None  # a segment may have a single unit in every cluster
    about = adjustment.features(result.metric) + adjustment.strata
    return replace(
        result,
        arms=(control, *(settled(arm, control.key) for arm in result.arms[1:])),
        pairs=tuple(settled(pair, pair.baseline) for pair in result.pairs),
        adjusted_for=about if adjustment.adjusts(result.metric) else (),
        adjusted_by=adjustment.words(result.metric),
        clusters=variation,
    )


def _predicted(units: MetricUnits, adjustment: Adjustment) -> Floats:
    """Return the model's prediction of every unit as its one covariate."""
    from exp_jupyter.engine.comparison.estimates.cross_fitting import cross_fitted

    features = np.column_stack([units.features, *_indicators(units.strata)])
    predictions = cross_fitted(
        adjustment.model,
        features,
        units.values,
        folds=adjustment.folds,
        seed=adjustment.seed,
        clusters=None if units.clusters is None else units.clusters.astype(str),
    )
    return predictions[:, None]


def _indicators(strata: Labels | None) -> list[Floats]:
    """Return a column of 0 and 1 for every stratum but the first."""
    if strata is None:
        return []
    return [(strata == name).astype(np.float64) for name in sorted(set(strata))[1:]]


def _settled(
    arm: Row, pair: MetricUnits, metric: UnitMetric, adjustment: Adjustment, rule: Rule
) -> Row:
    def at_level(alpha: float) -> Effect:
        return _effect(pair, metric, adjustment, replace(rule, alpha=alpha), arm.key)

    try:
        effect = at_level(rule.alpha)
    except StatisticsError as error:
        return replace(arm, effect=None, refusal=error.message, at_level=None)
    return replace(arm, effect=effect, refusal="", at_level=at_level)


def _effect(
    pair: MetricUnits, metric: UnitMetric, adjustment: Adjustment, rule: Rule, key: str
) -> Effect:
    treated = (pair.variant == key).astype(np.float64)
    if min(treated.sum(), (1 - treated).sum()) < 2:
        raise StatisticsError("too_few_units", "Each arm needs at least 2 units.")
    if pair.clusters is not None:
        return _of_clusters(pair, metric, treated, adjustment, rule)
    if not pair.features.size and pair.strata is not None:
        return _of_strata(pair, metric, treated, rule)
    from exp_jupyter.engine.comparison.estimates.regression import regression_adjusted

    pair, treated, said = _in_both_arms(pair, treated)
    effect = regression_adjusted(
        pair.values,
        treated,
        np.column_stack([pair.features, *_indicators(pair.strata)]),
        covariance=adjustment.covariance,
        rule=rule,
    )
    return _warned(effect, said)


def _of_strata(pair: MetricUnits, metric: UnitMetric, treated: Floats, rule: Rule) -> Effect:
    from exp_jupyter.engine.comparison.estimates.strata import post_stratified
    from exp_jupyter.engine.statistics.means import Mean, Proportion

    pair, treated, said = _in_both_arms(pair, treated)
    names = sorted(set(() if pair.strata is None else pair.strata))
    arms: list[list[Any]] = [[], []]
    for name in names:
        for side in (0, 1):
            own = pair.values[(pair.strata == name) & (treated == side)]
            yes = metric.kind == "proportion"
            arms[side].append(Proportion(own.size, round(own.sum())) if yes else Mean.of(own))
    return _warned(post_stratified(*arms, rule=rule), said)


def _in_both_arms(pair: MetricUnits, treated: Floats) -> tuple[MetricUnits, Floats, str]:
    """Return the units of strata with at least 2 units in both arms, and what to say of others."""
    if pair.strata is None:
        return pair, treated, ""
    names, member = np.unique(pair.strata.astype(str), return_inverse=True)
    inside = np.bincount(member, treated)
    usable = np.minimum(inside, np.bincount(member) - inside) >= 2
    if not usable.any():
        raise StatisticsError("too_few_units", "No stratum has 2 units in both arms.")
    if usable.all():
        return pair, treated, ""
    kept = usable[member]
    lost, units = len(names) - int(usable.sum()), int((~kept).sum())
    said = f"{lost} strata with fewer than 2 units in an arm are left out, {units:,} units in all"
    return pair.taken(kept), treated[kept], said


def _of_clusters(
    pair: MetricUnits, metric: UnitMetric, treated: Floats, adjustment: Adjustment, rule: Rule
) -> Effect:
    from exp_jupyter.engine.comparison.estimates.clusters import cluster_robust

    if metric.kind == "quantile":
        return _of_quantiles(pair, metric, treated, rule)
    pair, treated, said = _in_both_arms(pair, treated)
    covariates = np.column_stack([pair.features, *_indicators(pair.strata)])
    labels = np.asarray(pair.clusters).astype(str)
    sides = [np.unique(labels[treated == side]).size for side in (0, 1)]
    few = sum(sides) < FEW_CLUSTERS and min(sides) >= LEAST_CLUSTERS
    wild = adjustment.bootstrap == "wild" or (adjustment.bootstrap == "auto" and few)
    effect = cluster_robust(
        pair.values,
        treated,
        labels,
        covariates=covariates if covariates.size else None,
        denominators=pair.denominators,
        bootstrap="wild" if wild else None,
        seed=adjustment.seed,
        rule=rule,
    )
    if min(sides) < LEAST_CLUSTERS:
        said = f"an arm has {min(sides)} clusters: hardly anything is known of how clusters vary"
    return _warned(effect, said)


def _of_quantiles(pair: MetricUnits, metric: UnitMetric, treated: Floats, rule: Rule) -> Effect:
    from exp_jupyter.engine.comparison.estimates.quantiles import Quantile, compare_quantiles

    labels = np.asarray(pair.clusters).astype(str)
    control, treatment = (
        Quantile.of(
            pair.values[treated == side],
            float(metric.level or 0.5),
            clusters=labels[treated == side],
        )
        for side in (0, 1)
    )
    return compare_quantiles(control, treatment, rule)


def _warned(effect: Effect, said: str) -> Effect:
    if not said:
        return effect
    always = np.asarray(True)
    return replace(effect, warnings=(*effect.warnings, said), _warned=(*effect.warned, always))


def clusters_of(rows: UnitRows, adjustment: Adjustment) -> dict[str, int]:
    """Return how many clusters every variant has.

    Raises
    ------
    exp_jupyter.errors.InputError
        A unit has no cluster, or a cluster is in several variants.
    """
    for name in adjustment.cluster:
        lost = sum(label is None for label in rows.labels[name])
        if lost:
            raise InputError(
                f"Column {name!r} is missing for {lost:,} units; every unit needs its cluster.",
                hint="Leave those rows out, or correct the column.",
            )
    labels = _together([rows.labels[name] for name in adjustment.cluster])
    if labels is None:
        return {}
    owner: dict[str, str] = {}
    for label, variant in zip(labels, rows.variant, strict=True):
        if owner.setdefault(label, variant) != variant:
            named = " and ".join(repr(name) for name in adjustment.cluster)
            raise InputError(
                f"Cluster {label!r} of column {named} has units in {owner[label]} and in "
                f"{variant}; a cluster was randomised as a whole.",
                hint="Name what was randomised. Where variants take turns (switchback), that is "
                "the block of time, too: cluster=['store', 'block'].",
            )
    found: dict[str, int] = {}
    for variant in owner.values():
        found[variant] = found.get(variant, 0) + 1
    return found


def adjustment_words(
    rows: UnitRows, adjustment: Adjustment, metrics: Sequence[UnitMetric], order: Sequence[str]
) -> list[str]:
    """Return what to say of covariates that are missing, or that the treatment seems to have moved.

    What was known before the exposure differs between arms by chance alone.

    Raises
    ------
    exp_jupyter.errors.InputError
        A covariate is missing for every unit.
    """
    labels = _together([rows.labels[name] for name in adjustment.cluster])
    found = []
    for name in adjustment.columns(metrics):
        values = rows.covariates[name]
        lost = int(np.isnan(values).sum())
        if lost == values.size:
            raise InputError(
                f"Covariate {name!r} is missing for every unit.",
                hint="Check the column, or leave the covariate out.",
            )
        if lost and name in adjustment.covariates:
            found.append(
                f"covariate {name!r} is missing for {lost:,} units, which stand at its mean"
            )
        for key in order[1:]:
            p = _difference(values, rows.variant, (order[0], key), labels)
            if p is not None and p < UNBALANCED:
                found.append(
                    f"covariate {name!r} differs between {order[0]} and {key} by more than chance "
                    f"(p = {p:.2g}): is it from before the exposure? One that the treatment "
                    "changed takes a part of the effect out"
                )
    return found


def _difference(
    values: Floats, variant: Labels, keys: tuple[str, str], clusters: Labels | None
) -> float | None:
    from exp_jupyter.engine.comparison.estimates.clusters import cluster_robust
    from exp_jupyter.engine.comparison.estimates.regression import regression_adjusted

    inside = ~np.isnan(values) & ((variant == keys[0]) | (variant == keys[1]))
    treated = (variant[inside] == keys[1]).astype(np.float64)
    test: Callable[[], Effect] = lambda: regression_adjusted(  # noqa: E731
        values[inside], treated, np.zeros(treated.size)
    )
    if clusters is not None:
        labels = clusters[inside].astype(str)
        test = lambda: cluster_robust(values[inside], treated, labels)  # noqa: E731
    try:
        p = test().p_value
    except InputError:
        return None  # too few units or no variation: nothing to say
    return None if p is None else float(p)
