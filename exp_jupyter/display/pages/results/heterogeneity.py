"""How segments are described: the global answer, the forest plot, what to expect of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.results.heterogeneity import SegmentComparison, SegmentEffect, words
from exp_jupyter.display.charts.forest import ForestChart, ForestLine
from exp_jupyter.display.charts.marks import shared_scale
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Bar,
    Block,
    Cell,
    Column,
    Description,
    Figure,
    Heading,
    Picture,
    Reading,
    Row,
    Sentence,
    SmallPrint,
    Span,
    Table,
    Text,
    whole,
)
from exp_jupyter.display.pages.results import readings
from exp_jupyter.display.pages.results.effects import warnings_of

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.effect import Effect

_MOST_COMPARED = 6
"""Comparisons whose segments are shown on a page; ``by_segment`` has the others."""
_MOST_LINES = 40
_SUSPECT = 0.001
"""Below this corrected p-value a segment's units are not split as planned."""


def segment_comparison(subject: SegmentComparison) -> Description:
    """Describe how one effect varies over segments."""
    title = f"{subject.metric} by {' and '.join(subject.by)}"
    blocks = [
        Heading(title, note=f"{subject.arm} against {subject.control}"),
        *answers([subject]),
        *segment_blocks(subject),
        SmallPrint(_provenance(subject)),
    ]
    return Description(
        "segments",
        title,
        tuple(blocks),
        lambda: _records(subject),
        chart=forest(subject),
    )


def answers(comparisons: Sequence[SegmentComparison]) -> list[Block]:
    """Return the global answer of every comparison, one sentence each."""
    return [Sentence(_answer(one), lead=place == 0) for place, one in enumerate(comparisons)]


def each_segment(comparisons: Sequence[SegmentComparison]) -> list[Block]:
    """Return the segments of the first comparisons, and what to keep in mind about them."""
    blocks: list[Block] = []
    for one in comparisons[:_MOST_COMPARED]:
        if len(comparisons) > 1:  # text shows no captions, and not every table has a picture
            blocks.append(Heading(f"{one.metric}, {one.arm}"))
        blocks += segment_blocks(one)
    words = "Each segment is analysed on its own; among many, some differ by chance."
    return [*blocks, Sentence((Span(words, quiet=True),))]


def segment_blocks(subject: SegmentComparison) -> list[Block]:
    """Return the picture, the table, the weighted headline and what to keep in mind."""
    blocks: list[Block] = []
    chart = forest(subject)
    if chart is not None:
        caption = (
            f"{subject.metric}, {subject.arm}: squares are the segments’ own effects, circles what "
            "to expect of each (shrunken)"
        )
        blocks.append(Picture(chart, caption))
    blocks.append(_table(subject))
    if subject.post_stratified is not None:
        said = readings.reading(subject.post_stratified, subject.goal)
        estimate = readings.estimate_cell(subject.post_stratified)
        interval = _interval_words(subject.post_stratified)
        blocks.append(
            Sentence(
                (
                    "Weighted by the segments’ shares of all units (post-stratified): ",
                    Span(estimate.text, strong=True),
                    f", interval {interval}, {said.text}.",
                )
            )
        )
    blocks += warnings_of(_warnings(subject))
    return blocks


def forest(subject: SegmentComparison) -> ForestChart | None:
    """Return the forest plot; None where no segment has an effect."""
    known = [one for one in subject.segments if one.effect is not None][:_MOST_LINES]
    if not known:
        return None
    total = sum(sum(one.units.values()) for one in subject.segments) or 1
    lines = [
        ForestLine(
            words(one.values),
            *_reach(one.effect),
            shrunken=one.shrunken,
            size=sum(one.units.values()) / total,
            tone=readings.reading(one.effect, subject.goal).tone,
        )
        for one in known
        if one.effect is not None
    ]
    together = subject.post_stratified or subject.overall
    if together is not None:
        lines.append(ForestLine("all units", *_reach(together), tone="accent", whole=True))
    alt = f"{subject.metric}, {subject.arm} against {subject.control}: {len(known)} segments. "
    return ForestChart(tuple(lines), alt + subject.verdict, subject.difference == "relative")


def _reach(effect: Effect) -> tuple[float, float, float]:
    low, high = map(float, effect.interval)
    return float(effect.estimate), low, high


def _answer(subject: SegmentComparison) -> tuple[Any, ...]:
    return (Span(subject.verdict, strong=bool(subject.heterogeneous)),)


def _interval_words(effect: Effect) -> str:
    low, high = map(float, effect.interval)
    relative = effect.difference == "relative"
    return f"{_amount(low, relative)} to {_amount(high, relative)}"


def _amount(value: float | None, relative: bool) -> str:
    if value is None or math.isnan(value):
        return numbers.MISSING
    return numbers.lift(value) if relative else numbers.number(value, sign=True)


def _table(subject: SegmentComparison) -> Table:
    relative = subject.difference == "relative"
    split = any(one.split_p_value is not None for one in subject.segments)
    bars = [
        readings.bar_cell(one.effect, readings.reading(one.effect, subject.goal))
        for one in subject.segments
    ]
    columns = (
        Column("Segment", names=("segment",), wrap=True),
        Column("Units", "right", ("n",)),
        Column("Lift" if relative else "Difference", "right", ("estimate",)),
        Column(
            "Interval",
            names=("interval_low", "interval_high"),
            scale=shared_scale(bars, relative=relative),
        ),
        Column("To expect", "right", ("shrunken",)),
        Column("Against the rest", "right", ("contrast",)),
        Column("p corrected", "right", ("contrast_p_value",)),
        *((Column("Split p", "right", ("split_p_value",)),) if split else ()),
        Column("Reading", names=("reading",), wrap=True),
    )
    rows = tuple(
        Row(_cells(subject, one, bar, split=split))
        for one, bar in zip(subject.segments, bars, strict=True)
    )
    return Table(f"{subject.metric}, {subject.arm}: segments", columns, rows)


def _cells(
    subject: SegmentComparison, one: SegmentEffect, bar: Bar, *, split: bool
) -> tuple[Cell, ...]:
    relative = subject.difference == "relative"
    p, ratio = one.contrast_p_value, one.split_p_value
    said = Reading(one.refusal.rstrip(".")[:1].lower() + one.refusal.rstrip(".")[1:])
    if one.effect is not None:
        said = Reading("differs from the rest", "notice") if one.differs else Reading("as the rest")
        if subject.heterogeneity is None:
            said = readings.reading(one.effect, subject.goal)
    return (
        Text(words(one.values)),
        whole(sum(one.units.values())),
        readings.estimate_cell(one.effect),
        bar,
        Figure(one.shrunken, _amount(one.shrunken, relative)),
        Figure(one.contrast, _amount(one.contrast, relative)),
        Figure(p, numbers.MISSING if p is None else numbers.p_value(p, subject.alpha)),
        *((Figure(ratio, _split_words(ratio)),) if split else ()),
        said,
    )


def _split_words(p: float | None) -> str:
    return numbers.MISSING if p is None else numbers.p_value(p)


def _warnings(subject: SegmentComparison) -> tuple[str, ...]:
    broken = [
        words(one.values)
        for one in subject.segments
        if one.split_p_value is not None and one.split_p_value < _SUSPECT
    ]
    if not broken:
        return ()
    where = ", ".join(broken)
    return (f"the units of {where} are not split as planned: look for the cause first",)


def _provenance(subject: SegmentComparison) -> tuple[str, ...]:
    found = subject.heterogeneity
    parts = [f"{100 * (1 - subject.alpha):g} % intervals, each segment on its own"]
    if found is not None:
        parts.append(f"Cochran’s Q {found.q:.2f} on {found.df} df")
        parts.append(f"between segments: I² {numbers.share(found.i_squared)}")
        parts.append("against the rest: corrected by Benjamini-Hochberg")
        parts.append("to expect: empirical Bayes (Paule-Mandel)")
    return tuple(parts)


def _records(subject: SegmentComparison) -> list[dict[str, Any]]:
    rows = []
    for one in subject.segments:
        low, high = (None, None) if one.effect is None else map(float, one.effect.interval)
        rows.append(
            {
                "metric": subject.metric,
                "arm": subject.arm,
                "segment": words(one.values),
                "n": sum(one.units.values()),
                "estimate": None if one.effect is None else float(one.effect.estimate),
                "interval_low": low,
                "interval_high": high,
                "shrunken": one.shrunken,
                "contrast": one.contrast,
                "contrast_p_value": one.contrast_p_value,
                "differs": one.differs,
                "split_p_value": one.split_p_value,
                "refusal": one.refusal or None,
            }
        )
    return rows
