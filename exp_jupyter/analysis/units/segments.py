"""The segments of a table's analysis: whether the effects differ between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.results.heterogeneity import SegmentComparison, compare_by_segment
from exp_jupyter.analysis.units.arm_effect import effect_of, rule_for

if TYPE_CHECKING:
    from exp_jupyter.analysis.units.results import Analysis, MetricResult
    from exp_jupyter.engine.comparison.methods import Frequentist


def segment_comparisons(subject: Analysis) -> tuple[SegmentComparison, ...]:
    """Return how every metric's effect in every arm varies over the segments of an analysis.

    Whatever method judged the analysis, a segment is compared by the frequentist one at the same
    level: the global test is of its estimates and errors.

    Parameters
    ----------
    subject
        An analysis with a breakdown.
    """
    from exp_jupyter.engine.comparison.methods import Frequentist

    method = Frequentist(alpha=1 - subject.level, difference=_difference(subject.difference))
    found = []
    for result in subject.results:
        own = [part for part in subject.segments if part.metric == result.metric]
        for place, arm in enumerate(result.arms[1:], start=1):
            found.append(_of_arm(subject, result, own, place, arm.key, method))
    return tuple(found)


def _difference(name: str) -> Any:
    return name


def _of_arm(
    subject: Analysis,
    result: MetricResult,
    own: Sequence[MetricResult],
    place: int,
    key: str,
    method: Frequentist,
) -> SegmentComparison:
    control, judge = subject.control, rule_for(method, result.metric)
    return compare_by_segment(
        {part.segment: (part.arms[0].statistic, part.arms[place].statistic) for part in own},
        compare=lambda below, above: effect_of(result.metric, control, key, below, above, judge),
        about={
            "metric": result.metric.label,
            "arm": key,
            "control": control,
            "by": subject.breakdown,
            "overall": result.arms[place].effect,
            "alpha": 1 - subject.level,
            "difference": subject.difference,
            "goal": result.metric.goal,
        },
        units={part.segment: {arm.key: arm.n + arm.missing for arm in part.arms} for part in own},
        split=None if subject.sample_ratio is None else subject.sample_ratio.expected,
    )
