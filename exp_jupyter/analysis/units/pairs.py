"""Arms against each other: every pair that the comparison with the control leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from exp_jupyter.analysis.units.arm_effect import effect_of, rule_for
from exp_jupyter.analysis.units.results import MetricResult, PairResult
from exp_jupyter.errors import InputError, StatisticsError

PAIRS = ("control", "all")


def check_pairs(pairs: str) -> None:
    """Refuse pairs that are neither ``control`` nor ``all``."""
    if pairs not in PAIRS:
        raise InputError(
            f"pairs is {pairs!r}; expected control or all.",
            hint="all compares the other arms with each other too.",
        )


def with_pairs(results: Sequence[MetricResult], method: Any) -> list[MetricResult]:
    """Return the results with every two arms compared that are not the control.

    Parameters
    ----------
    results
        Every metric over all units.
    method
        The method that judges.
    """
    return [
        replace(
            result,
            pairs=tuple(
                _pair(result, below.key, above.key, below.statistic, above.statistic, method)
                for below, above in combinations(result.arms[1:], 2)
            ),
        )
        for result in results
    ]


def _pair(
    result: MetricResult, below: str, above: str, first: Any, second: Any, method: Any
) -> PairResult:
    try:
        judge = rule_for(method, result.metric)
        effect = effect_of(result.metric, below, above, first, second, judge)
    except StatisticsError as error:
        return PairResult(below, above, refusal=error.message)
    return PairResult(below, above, effect=effect)
