"""The segments of an analysis of events: whether the effects differ between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.results.heterogeneity import SegmentComparison, Values, compare_by_segment
from exp_jupyter.analysis.results.statistics import arm_statistic
from exp_jupyter.errors import StatisticsError

if TYPE_CHECKING:
    from exp_jupyter.analysis.events.results import EventAnalysis
    from exp_jupyter.analysis.results.series import Series


def segment_comparisons(subject: EventAnalysis) -> tuple[SegmentComparison, ...]:
    """Return how every metric's effect in every arm varies over the segments, on the last day.

    Whatever method judged the analysis, a segment is compared by the frequentist one: the global
    test is of its estimates and errors.

    Parameters
    ----------
    subject
        An analysis with a breakdown.
    """
    found = []
    for one in subject.results:
        parts = {
            part.values: part.series
            for part in subject.segments
            if part.series.metric_name == one.metric_name
        }
        if parts:
            found += [
                _of_arm(subject, one, parts, key) for key in one.variants if key != one.baseline_key
            ]
    return tuple(found)


def _of_arm(
    subject: EventAnalysis, one: Series, parts: dict[Values, Series], key: str
) -> SegmentComparison:
    from exp_jupyter.engine.comparison.compare import compare
    from exp_jupyter.engine.comparison.methods import Frequentist

    overall = one.latest.effects.get(key) if one.latest is not None else None
    difference: Any = "relative" if overall is None else overall.difference
    alpha = 1 - subject.level
    method = Frequentist(alpha=alpha, difference=difference)
    return compare_by_segment(
        {
            values: (_statistic(part, part.baseline_key), _statistic(part, key))
            for values, part in parts.items()
        },
        compare=lambda below, above: compare(below, above, method),
        about={
            "metric": one.metric_name,
            "arm": key,
            "control": one.baseline_key,
            "by": subject.breakdown,
            "overall": overall,
            "alpha": alpha,
            "difference": difference,
            "goal": one.goal,
        },
        units={values: _units(part) for values, part in parts.items()},
        split=one.split,
    )


def _statistic(part: Series, key: str) -> Any:
    day = part.latest
    if day is None or day.baseline is None:
        return None
    arm = day.baseline if key == part.baseline_key else day.arms.get(key)
    if arm is None or arm.n <= 0:
        return None
    try:
        return arm_statistic(part.metric_kind, arm.sums)
    except StatisticsError:
        return None


def _units(part: Series) -> dict[str, int]:
    day = part.latest
    if day is None or day.baseline is None:
        return {}
    return {arm.key: arm.n for arm in (day.baseline, *day.arms.values())}
