"""A table's comparisons corrected for how many there are, with intervals that agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from exp_jupyter.analysis.definition.correction import CorrectedTest, corrected
from exp_jupyter.analysis.units.arm_effect import effect_of, rule_for
from exp_jupyter.analysis.units.results import ArmResult, MetricResult, PairResult
from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.multiple.simultaneous import at_level


def comparisons(results: Sequence[MetricResult]) -> dict[tuple[str, str], Effect]:
    """Return every comparison that has a p-value, by metric and by arm or pair of arms."""
    found = {
        (result.metric.label, arm.key): arm.effect
        for result in results
        for arm in result.arms
        if arm.effect is not None and arm.effect.p_value is not None
    }
    found |= {
        (result.metric.label, pair.name): pair.effect
        for result in results
        for pair in result.pairs
        if pair.effect is not None and pair.effect.p_value is not None
    }
    return found


def corrected_results(
    results: Sequence[MetricResult], correction: str, method: Any
) -> list[MetricResult]:
    """Return the results with corrected p-values and decisions, and intervals that agree.

    Parameters
    ----------
    results
        Every metric over all units.
    correction
        As ``exp_jupyter.analysis.definition.correction.corrected`` takes it.
    method
        The method that judged them.
    """
    tests = corrected(comparisons(results), correction, 1 - method.level)
    return [_corrected(result, tests, method) for result in results]


def _corrected(
    result: MetricResult, tests: dict[tuple[str, str], CorrectedTest], method: Any
) -> MetricResult:
    statistics = {arm.key: arm.statistic for arm in result.arms}
    control = result.arms[0].key

    def settled(
        row: ArmResult | PairResult, name: str, below: str, above: str
    ) -> tuple[Effect | None, float | None]:
        test = tests.get((result.metric.label, name))
        if test is None or row.effect is None:
            return row.effect, None
        if row.at_level is not None:
            wide = row.at_level(test.alpha)
        else:
            judge = at_level(rule_for(method, result.metric), test.alpha)
            wide = effect_of(
                result.metric, below, above, statistics.get(below), statistics.get(above), judge
            )
        told = replace(row.effect, interval=wide.interval, significant=test.significant)
        return told, test.p_value

    arms = []
    for arm in result.arms:
        effect, p = settled(arm, arm.key, control, arm.key)
        arms.append(replace(arm, effect=effect, adjusted_p_value=p))
    pairs = []
    for pair in result.pairs:
        effect, p = settled(pair, pair.name, pair.baseline, pair.key)
        pairs.append(replace(pair, effect=effect, adjusted_p_value=p))
    return replace(result, arms=tuple(arms), pairs=tuple(pairs))
