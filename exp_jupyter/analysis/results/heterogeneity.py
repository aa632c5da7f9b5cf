"""Does an effect differ between segments: one global test, then each segment, then all weighted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect
    from exp_jupyter.engine.multiple.segments import Heterogeneity

Values = tuple[str | None, ...]
"""A segment: its values of the properties split by."""

Compare = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class SegmentEffect:
    """One segment's effect.

    Attributes
    ----------
    values
        Its values of what the units are split by.
    units
        Units of every arm in the segment.
    effect
        The treatment against the control among its units; None where ``refusal`` says why.
    refusal
        Why there is none.
    shrunken, shrunken_standard_error
        What to expect of the segment (empirical Bayes), and its error; None where the segment is
        not in the global test.
    contrast, contrast_p_value, differs
        The segment against all the others together, the p-value corrected for the number of
        segments (Benjamini-Hochberg), and whether it differs; only to be read where the global test
        finds a difference.
    split_p_value
        Of the sample ratio among its units, corrected for the number of segments (Holm); None
        where no split was stated or the units are too few.
    """

    values: Values
    units: Mapping[str, int]
    effect: Effect | None
    refusal: str = ""
    shrunken: float | None = None
    shrunken_standard_error: float | None = None
    contrast: float | None = None
    contrast_p_value: float | None = None
    differs: bool = False
    split_p_value: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class SegmentComparison(Shown):
    """One metric's effect in one arm, by segment.

    Attributes
    ----------
    metric, arm, control
        What is compared.
    by
        What the units are split by.
    segments
        Every segment.
    overall
        The effect over all units.
    heterogeneity
        The global test with its pooled effect; None with fewer than two segments to compare.
    post_stratified
        The effect weighted by each segment's share of all units; None where it has no formula
        (quantiles, ratios) or no segment has enough units.
    alpha
        Level of the intervals and the tests.
    difference
        ``relative`` or ``absolute``.
    goal
        Which direction is good.
    """

    metric: str
    arm: str
    control: str
    by: tuple[str, ...]
    segments: tuple[SegmentEffect, ...]
    overall: Effect | None
    heterogeneity: Heterogeneity | None
    post_stratified: Effect | None
    alpha: float
    difference: str
    goal: str = "increase"

    @property
    def heterogeneous(self) -> bool | None:
        """Whether the global test finds that the effects differ; None where it cannot be made."""
        return None if self.heterogeneity is None else self.heterogeneity.heterogeneous

    @property
    def verdict(self) -> str:
        """What is known, in one sentence."""
        name, by = f"{self.metric}, {self.arm}", " and ".join(self.by)
        found = self.heterogeneity
        if found is None:
            return f"{name}: there are no two segments by {by} that can be compared."
        p = f"p = {found.p_value:.3f}" if found.p_value >= 0.001 else "p < 0.001"
        if not found.heterogeneous:
            return f"{name}: the effect is not shown to differ by {by} ({p})."
        which = f": {apart}" if (apart := self._apart()) else ""
        return f"{name}: the effect differs by {by} ({p}){which}."

    def _apart(self) -> str:
        """Return which segments lie above the rest, and which below."""
        sides = []
        for side, sign in (("above", 1), ("below", -1)):
            found = [
                words(one.values)
                for one in self.segments
                if one.differs and (one.contrast or 0.0) * sign > 0
            ]
            if found:
                sides.append(f"{', '.join(found)} {side} the rest")
        return "; ".join(sides)


def words(values: Values) -> str:
    """Return a segment's values in words."""
    return ", ".join("(missing)" if value is None else value for value in values)


def split_p_values(
    units: Mapping[Values, Mapping[str, int]], split: Mapping[str, float] | None
) -> dict[Values, float]:
    """Return the p-value of every segment's sample ratio, corrected for how many there are.

    Parameters
    ----------
    units
        Units of every arm by segment.
    split
        The planned share of each arm; None or empty where none was stated.
    """
    from exp_jupyter.engine.checks.sample_ratio import sample_ratio_mismatch
    from exp_jupyter.engine.multiple.corrections import adjust

    if not split:
        return {}
    tested = {
        values: found
        for values, counts in units.items()
        if (found := sample_ratio_mismatch(counts, split).p_value) is not None
    }
    if not tested:
        return {}
    adjusted = adjust(list(tested.values()), "holm").adjusted.tolist()
    return dict(zip(tested, adjusted, strict=True))


def compare_by_segment(
    arms: Mapping[Values, tuple[Any, Any]],
    *,
    compare: Compare,
    about: Mapping[str, Any],
    units: Mapping[Values, Mapping[str, int]],
    split: Mapping[str, float] | None = None,
) -> SegmentComparison:
    """Return how an effect varies over segments.

    Parameters
    ----------
    arms
        The statistics of control and treatment by segment; None where an arm has no units.
    compare
        Takes two statistics and returns their effect.
    about
        ``metric``, ``arm``, ``control``, ``by``, ``overall``, ``alpha``, ``difference``, ``goal``.
    units
        Units of every arm by segment.
    split
        The planned share of each arm, where one was stated.
    """
    from exp_jupyter.engine.multiple.segments import compare_segments

    effects: dict[Values, Effect] = {}
    refusals: dict[Values, str] = {}
    for values, (control, treatment) in arms.items():
        if control is None or treatment is None:
            refusals[values] = "An arm has no units here."
            continue
        try:
            effects[values] = compare(control, treatment)
        except StatisticsError as error:
            refusals[values] = error.message
    found = None
    if len(effects) > 1:
        try:
            found = compare_segments(
                list(effects.values()),
                segments=[words(values) for values in effects],
                alpha=about["alpha"],
            )
        except StatisticsError:
            found = None
    ratios = split_p_values(units, split)
    place = {values: at for at, values in enumerate(effects)}
    rows = tuple(
        SegmentEffect(
            values,
            units.get(values, {}),
            effects.get(values),
            refusals.get(values, ""),
            split_p_value=ratios.get(values),
            **({} if found is None or values not in place else _of(found, place[values])),
        )
        for values in arms
    )
    return SegmentComparison(
        segments=rows,
        heterogeneity=found,
        post_stratified=_post_stratified(arms, about),
        **about,
    )


def _of(found: Heterogeneity, place: int) -> dict[str, Any]:
    return {
        "shrunken": float(found.shrunken[place]),
        "shrunken_standard_error": float(found.shrunken_standard_errors[place]),
        "contrast": float(found.contrasts[place]),
        "contrast_p_value": float(found.contrast_p_values[place]),
        # Without a global difference no segment is singled out.
        "differs": bool(found.differs[place]) and found.heterogeneous,
    }


def _post_stratified(
    arms: Mapping[Values, tuple[Any, Any]], about: Mapping[str, Any]
) -> Effect | None:
    from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
    from exp_jupyter.engine.comparison.estimates.strata import post_stratified
    from exp_jupyter.engine.statistics.means import Mean, Proportion

    pairs = [pair for pair in arms.values() if all(isinstance(a, (Mean, Proportion)) for a in pair)]
    if not pairs or len(pairs) < sum(None not in pair for pair in arms.values()):
        return None
    rule = Rule(alpha=about["alpha"], difference=about["difference"])
    try:
        return post_stratified([c for c, _ in pairs], [t for _, t in pairs], rule=rule)
    except (InputError, StatisticsError):
        return None
