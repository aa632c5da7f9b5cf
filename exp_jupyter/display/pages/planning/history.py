"""How a plan from a past period is described: what each further day would buy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.display.charts.curve import CurveChart
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Block,
    Column,
    Description,
    Figure,
    Heading,
    Picture,
    Row,
    Sentence,
    SmallPrint,
    Span,
    Table,
    whole,
)
from exp_jupyter.display.pages.results.effects import value_cell, warnings_of

if TYPE_CHECKING:
    from exp_jupyter.analysis.events.plan_from_history import HistoryPlan

_MOST_ROWS = 14


def history_plan(subject: HistoryPlan) -> Description:
    """Describe a plan from history."""
    curve = subject.curve
    last = max((i for i, effect in enumerate(curve.effects) if effect is not None), default=None)
    blocks: list[Block] = [
        Heading(
            subject.metric_name, note=f"a past period as an A/A test, entered at {subject.exposure}"
        )
    ]
    if last is None:
        words: Any = (Span("No effect can be found", strong=True), " with this few units.")
    else:
        units = numbers.counted(curve.units[last], "unit")
        words = (
            Span(
                f"{_effect(subject, curve.effects[last])} after {numbers.days(last + 1)}",
                strong=True,
            ),
            f": the smallest effect found with {numbers.share(curve.power)} power, from {units}.",
        )
    blocks.append(Sentence(words, lead=True))
    points = tuple(
        (day, abs(effect)) for day, effect in zip(curve.days, curve.effects, strict=True) if effect
    )
    if len(points) > 1 and curve.difference == "relative":
        alt = (
            f"The smallest detectable effect falls from {numbers.percent(points[0][1], 1)} after "
            f"{numbers.days(points[0][0])} to {numbers.percent(points[-1][1], 1)} after "
            f"{numbers.days(points[-1][0])}."
        )
        label = "Smallest effect the experiment can find"
        blocks.append(Picture(CurveChart(points, None, label, alt), f"{label}, by day"))
    blocks.append(_table(subject))
    blocks += warnings_of(subject.warnings)
    blocks.append(
        SmallPrint(
            (
                f"{subject.days[0].date} to {subject.days[-1].date}",
                numbers.counted(subject.variants, "arm"),
                f"{numbers.share(curve.alpha)} false positives",
                f"days after {numbers.count(curve.observed_days)} carried on"
                if len(curve.days) > curve.observed_days
                else "",
                subject.source,
                f"exp_jupyter {subject.version}",
            )
        )
    )
    return Description(
        "history-plan", subject.metric_name, tuple(blocks), lambda: _records(subject)
    )


def _effect(subject: HistoryPlan, effect: float | None) -> str:
    if effect is None:
        return numbers.MISSING
    if subject.curve.difference == "relative":
        return numbers.percent(abs(effect))
    return numbers.number(abs(effect))


def _table(subject: HistoryPlan) -> Table:
    columns = (
        Column("Day", "right"),
        Column("Units", "right"),
        Column("Value so far", "right"),
        Column("Smallest effect", "right"),
    )
    total = len(subject.curve.days)
    step = -(-total // _MOST_ROWS)
    shown = [i for i in range(total) if i == total - 1 or (i + 1) % step == 0]
    rows = []
    for i in shown:
        seen = subject.days[i] if i < len(subject.days) else None
        effect = subject.curve.effects[i]
        rows.append(
            Row(
                (
                    whole(subject.curve.days[i]),
                    whole(round(subject.curve.units[i])),
                    value_cell(subject.metric_kind, None if seen is None else seen.mean),
                    Figure(effect, _effect(subject, effect), strong=True),
                )
            )
        )
    return Table("What each further day buys", columns, tuple(rows))


def _records(subject: HistoryPlan) -> list[dict[str, Any]]:
    found = []
    for i, day in enumerate(subject.curve.days):
        seen = subject.days[i] if i < len(subject.days) else None
        found.append(
            {
                "day": day,
                "date": None if seen is None else seen.date,
                "units": subject.curve.units[i],
                "mean": None if seen is None else seen.mean,
                "variance": None if seen is None else seen.variance,
                "mde": subject.curve.effects[i],
            }
        )
    return found
