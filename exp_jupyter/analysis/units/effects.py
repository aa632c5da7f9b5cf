"""From the sums of a unit-level table to effects: one engine comparison per metric and arm."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from exp_jupyter.analysis.units.arm_effect import effect_of, quantile_rule
from exp_jupyter.analysis.units.metrics import UnitMetric
from exp_jupyter.analysis.units.results import ArmResult, MetricResult
from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.warehouse.sources.open_units import UnitSource
from exp_jupyter.warehouse.units.order_statistics import interpolated, order_statistics, rank_below
from exp_jupyter.warehouse.units.sums import Missing, UnitSums, UnitValue, ValueSums
from exp_jupyter.warehouse.units.unit_values import unit_values

Segment = tuple[str | None, ...]
_CONSTANT = 1e-14
"""Share of x̄² below which a covariate's spread per unit is only rounding."""


def judged_results(
    data: UnitSource,
    metrics: Sequence[UnitMetric],
    sums: UnitSums,
    order: Sequence[str],
    method: Any,
    *,
    variant: str,
    breakdown: Sequence[str],
    missing: Missing,
) -> tuple[list[MetricResult], list[MetricResult]]:
    """Return every metric over all units, and over every segment.

    Parameters
    ----------
    data
        The table; quantiles ask it for order statistics.
    metrics, sums
        The metrics and their sums.
    order
        The variants, the control first.
    method
        A method of the engine.
    variant, breakdown, missing
        As in the sums.
    """
    whole, parts = [], []
    segments = _segments(sums) if breakdown else []
    for metric, cells in zip(metrics, sums.values, strict=True):
        together = {key: _together(cells, key) for key in order}
        apart = {segment: {key: cells.get((key, segment)) for key in order} for segment in segments}
        if metric.kind == "quantile":
            rule = quantile_rule(method, metric)
            asked = {"variant": variant, "missing": missing}
            found = _quantiles(data, metric, {(): together}, asked, ())
            whole.append(_compared(metric, order, together, found[()], rule))
            if segments:
                found = _quantiles(data, metric, apart, asked, breakdown)
            parts += [
                _compared(metric, order, apart[segment], found[segment], rule, segment)
                for segment in segments
            ]
            continue
        if metric.kind == "bootstrap":
            if segments:
                raise InputError(
                    f"Metric {metric.label!r} is a bootstrap, which is not broken down.",
                    hint="Leave the breakdown out, or analyse the rows of a segment on their own.",
                )
            drawn, refused = _drawable(data, metric, variant, missing)
            rule = quantile_rule(method, metric)
            whole.append(_compared(metric, order, together, drawn, rule, (), refused))
            continue
        whole.append(_summed(metric, order, together, method))
        parts += [_summed(metric, order, apart[key], method, key) for key in segments]
    return whole, parts


def _summed(
    metric: UnitMetric,
    order: Sequence[str],
    sums: dict[str, ValueSums | None],
    method: Any,
    segment: Segment = (),
) -> MetricResult:
    arms, refused = _arms(metric, sums)
    return _compared(metric, order, sums, arms, method, segment, refused)


def _drawable(
    data: UnitSource, metric: UnitMetric, variant: str, missing: Missing
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of every arm that has its statistic, and why another has none."""
    from exp_jupyter.engine.comparison.estimates.bootstrap import ArmValues

    arms, refused = {}, {}
    found = unit_values(data, UnitValue(metric.column), variant=variant, missing=missing)
    for key, own in found.items():
        if not own.values.size:
            continue
        try:
            arms[key] = ArmValues.of(own.values, metric.statistic)
        except StatisticsError as error:
            refused[key] = error.message
    return arms, refused


def _segments(sums: UnitSums) -> list[Segment]:
    known = {segment for _, segment in sums.units}
    return sorted(known, key=lambda segment: [(part is None, part or "") for part in segment])


def _together(cells: dict[Any, ValueSums], key: str) -> ValueSums | None:
    total: ValueSums | None = None
    for (variant, _), part in cells.items():
        if variant == key:
            total = part if total is None else total.plus(part)
    return total


def _arms(
    metric: UnitMetric, sums: dict[str, ValueSums | None]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the statistic of every arm that has one, and why another has none."""
    arms, refused = {}, {}
    for key, part in sums.items():
        if part is None or part.n <= 0:
            continue
        try:
            arms[key] = statistic_of(metric, part)
        except StatisticsError as error:
            refused[key] = error.message
    return arms, refused


def statistic_of(metric: UnitMetric, sums: ValueSums) -> Any:
    """Return the engine's statistic of one arm's sums, with the variance as they centre it.

    Σ(y − ȳ)² = Σ(y − c)² − (Σ(y − c))²/n.
    """
    from exp_jupyter.engine.posthog.named_sums import statistic_of as of_sums
    from exp_jupyter.engine.statistics.means import Covariate

    n = float(sums.n)
    (c_a, c_b, c_x), (a, b, x) = sums.centres, sums.shifts
    aa, bb, xx, ab, ax, bx = sums.squares
    total, own = n * c_a + a, max(aa - a * a / n, 0.0)
    named = {"number_of_samples": n, "sum": total, "sum_squares": own + total * total / n}
    covariate = None
    if metric.covariate and metric.kind != "ratio":
        spread, shared = max(xx - x * x / n, 0.0), ax - a * x / n
        if spread <= _CONSTANT * n * c_x * c_x:
            spread = shared = 0.0  # a covariate that never varies explains nothing
        before = n * c_x + x
        covariate = Covariate(
            before,
            spread + before * before / n,
            shared + before * total / n,
            centred=(spread, shared),
            third_sums=(sums.cube("xxx"), sums.cube("axx"), sums.cube("aax")),
        )
    if metric.kind == "proportion":
        return of_sums("funnel", named | {"sum": float(round(total))}, covariate=covariate)
    if metric.kind == "mean":
        mean, shift = total / n, a / n
        third = sums.cubes["aaa"] - 3 * shift * aa + 2 * n * shift**3
        return of_sums(
            "mean",
            named,
            covariate=covariate,
            centred=own,
            sum_cubes=third + 3 * mean * own + n * mean**3,
            signed=sums.least < 0,
        )
    below, other, cross = n * c_b + b, max(bb - b * b / n, 0.0), ab - a * b / n
    if metric.covariate:
        # An adjustment does not depend on where x has its origin: around its mean it cancels least.
        if xx - x * x / n <= _CONSTANT * n * c_x * c_x:
            x = xx = ax = bx = 0.0
        covariate = Covariate(x, xx, ax + c_a * x, denominator_cross=bx + c_b * x)
    named |= {
        "denominator_sum": below,
        "denominator_sum_squares": other + below * below / n,
        "numerator_denominator_sum_product": cross + total * below / n,
    }
    known: dict[str, Any] = {"centred": (own, other, cross)}
    if sums.cubes:
        known["third_sums"] = tuple(sums.cube(name) for name in ("aaa", "aab", "abb", "bbb"))
    return of_sums("ratio", named, covariate=covariate, **known)


def _quantiles(
    data: UnitSource,
    metric: UnitMetric,
    groups: dict[Segment, dict[str, ValueSums | None]],
    asked: dict[str, Any],
    breakdown: Sequence[str],
) -> dict[Segment, dict[str, Any]]:
    """Return the quantile of every arm in every group, or the error that refuses it."""
    from exp_jupyter.engine.comparison.estimates.quantiles import Quantile, Z, ties_blur

    level = float(metric.level or 0.5)
    sizes = {
        (key, segment): part.n
        for segment, arms in groups.items()
        for key, part in arms.items()
        if part is not None and part.n > 0
    }
    levels = {}
    for cell, n in sizes.items():
        half = Z * math.sqrt(level * (1 - level) / n)
        inside = n > 1 and level - half > 0 and level + half < 1
        levels[cell] = (level - half, level, level + half) if inside else (level,)
    ranks = {
        rank
        for cell, n in sizes.items()
        for share in levels[cell]
        for low in (rank_below(n, share)[0],)
        for rank in (low, low + 1)
    }
    ordered = order_statistics(data, metric.column, ranks, breakdown=breakdown, **asked)
    found: dict[Segment, dict[str, Any]] = {segment: {} for segment in groups}
    for (key, segment), n in sizes.items():
        values = ordered[key, segment]
        cuts = [interpolated(values, n, share) for share in levels[key, segment]]
        if len(cuts) == 1:
            found[segment][key] = Quantile(float(n), level, cuts[0], math.nan)
            continue
        low, value, high = cuts
        near = [rank_below(n, share)[0] for share in levels[key, segment]]
        pairs = [(values[rank], values[min(rank + 1, n - 1)]) for rank in near]
        arm = Quantile.from_bounds(float(n), level, value, low, high)
        found[segment][key] = dataclasses.replace(arm, tied=ties_blur(pairs))
    return found


def _compared(
    metric: UnitMetric,
    order: Sequence[str],
    sums: dict[str, ValueSums | None],
    arms: dict[str, Any],
    judge: Any,
    segment: Segment = (),
    refused: Mapping[str, str] | None = None,
) -> MetricResult:
    control = arms.get(order[0])
    rows = [_arm(order[0], sums, control)]
    for key in order[1:]:
        effect, refusal = None, ""
        try:
            without = next((name for name in (order[0], key) if name in (refused or {})), None)
            if without is None:
                effect = effect_of(metric, order[0], key, control, arms.get(key), judge)
            elif refused:
                refusal = f"{without}: {refused[without]}"
        except StatisticsError as error:
            refusal = error.message
        rows.append(_arm(key, sums, arms.get(key), effect, refusal))
    return MetricResult(metric, tuple(rows), segment)


def _arm(
    key: str,
    sums: dict[str, ValueSums | None],
    arm: Any,
    effect: Any = None,
    refusal: str = "",
) -> ArmResult:
    part = sums.get(key)
    if part is None or arm is None:
        lost = part.missing if part else 0
        return ArmResult(key, 0, None, missing=lost, effect=effect, refusal=refusal)
    quantile = hasattr(arm, "value")
    plain = getattr(arm, "kind", "") in ("mean", "proportion")
    return ArmResult(
        key=key,
        n=part.n,
        value=float(arm.value if quantile else arm.mean),
        standard_deviation=math.sqrt(float(arm.variance)) if plain else None,
        missing=part.missing,
        effect=effect,
        refusal=refusal,
        statistic=arm,
    )
