"""How results broken down by properties are described: a table a metric, a row a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.results.segments import MISSING
from exp_jupyter.display.charts.marks import shared_scale
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Block,
    Column,
    Details,
    NextStep,
    Row,
    Sentence,
    Span,
    Table,
    Text,
    whole,
)
from exp_jupyter.display.pages.results import readings
from exp_jupyter.display.pages.results.effects import unit_of
from exp_jupyter.display.pages.results.series import arm_reading

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.experiment import Results
    from exp_jupyter.analysis.results.segments import ResultSegment

_MOST_OPEN = 12
"""Rows of the first metric that stand open; where there are more, they open at a click."""
_MOST_ROWS = 30
_MOST_METRICS = 8


def segment_blocks(subject: Results) -> list[Block]:
    """Return the tables of results that are broken down; nothing where they are not."""
    if not subject.by or subject.segment:
        return []
    by = ", ".join(subject.by)
    if not subject.segments:
        return [Sentence(f"There is nothing to break down by {by}.")]
    groups: dict[str, list[ResultSegment]] = {}
    for one in subject.segments:
        groups.setdefault(one.series.metric_name, []).append(one)
    words = "Each value is analysed on its own; among many, some differ by chance."
    blocks: list[Block] = [Sentence((Span(f"By {by}. ", strong=True), Span(words, quiet=True)))]
    if all(set(one.values) == {MISSING} for one in subject.segments):
        return [*blocks, _nothing_has_it(subject)]
    for place, (name, found) in enumerate([*groups.items()][:_MOST_METRICS]):
        blocks += _metric_blocks(name, found, by, first=place == 0)
    if len(groups) > _MOST_METRICS:
        blocks.append(
            Sentence(f"{len(groups) - _MOST_METRICS} more metrics are in to_frame() alone.")
        )
    chosen = next((s.values for s in subject.segments if MISSING not in s.values), None)
    if chosen is not None:
        code = Span(f".of({', '.join(map(repr, chosen))})", code=True)
        where = (" of this result; a notebook has it as ", Span("_", code=True))
        blocks.append(NextStep(("look at one value alone: ", code, *where)))
    return blocks


def _nothing_has_it(subject: Results) -> Sentence:
    named = [name for name in subject.by if not name.startswith("person:")]
    hint = f" A person’s property is written person:{named[0]}." if named else ""
    return Sentence(f"! No unit has {' and '.join(subject.by)}.{hint}", tone="notice")


def _metric_blocks(name: str, found: list[ResultSegment], by: str, *, first: bool) -> list[Block]:
    rows = sum(len(one.series.variants) - 1 for one in found)
    cut = ""
    if rows > _MOST_ROWS:
        cut = f", the first {_MOST_ROWS} of {rows} rows; to_frame() holds all"
    table = _table(f"{name} by {by}{cut}", found)
    if first and rows <= _MOST_OPEN:
        return [table]
    values = numbers.counted(len(found), "value")
    return [Details(f"{name} by {by}, {values}{cut}", (table,))]


def _table(caption: str, found: list[ResultSegment]) -> Table:
    lines = [
        (one, key) for one in found for key in one.series.variants if key != one.series.baseline_key
    ][:_MOST_ROWS]
    first = found[0].series
    unit = unit_of(first.metric_kind, first.unit)
    several = any(len(one.series.variants) > 2 for one in found)
    rows, bars, effects = [], [], []
    for one, key in lines:
        day = one.series.latest
        effect = None if day is None else day.effects.get(key)
        said = arm_reading(day, key, one.series.goal, ended=one.series.ended)
        bar = readings.bar_cell(effect, said, unit)
        effects.append(effect)
        bars.append(bar)
        rows.append(
            Row(
                (
                    Text(", ".join(one.values), quiet=one.values == (MISSING,)),
                    *((Text(key),) if several else ()),
                    whole(None if day is None else day.exposures),
                    said,
                    readings.estimate_cell(effect, unit),
                    bar,
                    readings.evidence_cell(effect, one.series.goal),
                )
            )
        )
    relative = readings.is_relative(next((e for e in effects if e is not None), None))
    label, name = readings.evidence_heading(first.method == "bayesian")
    columns = (
        Column("Value", names=("segment",), wrap=True),
        *((Column("Variant", names=("variant",)),) if several else ()),
        Column("Units", "right", ("n",)),
        Column("Reading", names=("reading",), wrap=True),
        Column("Lift" if relative else "Difference", "right", ("estimate",)),
        Column(
            "Interval",
            names=("interval_low", "interval_high"),
            scale=shared_scale(bars, relative=relative),
        ),
        Column(label, "right", (name,)),
    )
    return Table(caption, columns, tuple(rows), titled=True)


def segment_words(subject: Results, values: tuple[str, ...]) -> str:
    """Return which units a combination of values is about; empty for all of them."""
    pairs: Any = zip(subject.by, values, strict=False)
    return ", ".join(f"{name} = {value}" for name, value in pairs)
