"""How several daily series are described: what each says, then a section a metric."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Block,
    Column,
    Description,
    Details,
    Heading,
    Row,
    Sentence,
    Table,
    Text,
)
from exp_jupyter.display.pages.results import readings
from exp_jupyter.display.pages.results.effects import unit_of
from exp_jupyter.display.pages.results.series import arm_reading, series

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.series import Series
    from exp_jupyter.analysis.results.series_list import SeriesList

_MOST_OPEN = 4
"""Sections that stand open; where there are more, each opens at a click."""
_MOST_SECTIONS = 8
_MOST_ROWS = 40


def series_list(subject: SeriesList) -> Description:
    """Describe the daily series of several metrics."""
    title = f"{subject.experiment_name} · daily series"
    note = numbers.counted(len(subject), "metric")
    blocks: list[Block] = [Heading(title, note=note)]
    if not len(subject):
        blocks.append(Sentence("There is no metric to show.", lead=True))
    elif len(subject) > 1:
        blocks.append(_summary(subject))
    shown = subject.series[:_MOST_SECTIONS]
    for one in shown:
        section = series(one).blocks
        if len(subject) > 1:  # text has the days of a metric that is asked for alone
            section = tuple(
                replace(block, in_text=False) if isinstance(block, Details) else block
                for block in section
            )
        blocks += section if len(subject) <= _MOST_OPEN else [Details(one.metric_name, section)]
    if len(shown) < len(subject):
        rest = f"Sections of the first {len(shown)} of {len(subject)} metrics; the table has more."
        blocks.append(Sentence(rest))
    return Description("series-list", title, tuple(blocks), lambda: _records(subject))


def _summary(subject: SeriesList) -> Table:
    """Return what the newest day says of every metric and arm."""
    several = any(len(one.variants) > 2 for one in subject)
    columns = (
        Column("Metric", names=("metric",), wrap=True),
        *((Column("Variant", names=("variant",)),) if several else ()),
        Column("Reading", names=("reading",), wrap=True),
        Column("Lift", "right", ("estimate",)),
        Column("Since", names=("since",)),
    )
    rows = [row for one in subject for row in _rows(one, several=several)]
    cut = f", the first {_MOST_ROWS} rows; to_frame() holds all" if len(rows) > _MOST_ROWS else ""
    return Table(f"The newest day of every metric{cut}", columns, tuple(rows[:_MOST_ROWS]))


def _rows(one: Series, *, several: bool) -> list[Row]:
    unit, day = unit_of(one.metric_kind, one.unit), one.latest
    rows = []
    for place, key in enumerate(key for key in one.variants if key != one.baseline_key):
        effect = None if day is None else day.effects.get(key)
        since = one.crossings.get(key)
        name = Text(one.metric_name, strong=place == 0, quiet=place > 0)
        reading = arm_reading(day, key, one.goal, ended=one.ended)
        rows.append(
            Row(
                (
                    name,
                    *((Text(key),) if several else ()),
                    reading,
                    readings.estimate_cell(effect, unit),
                    Text(numbers.MISSING if since is None else numbers.day(since), quiet=True),
                )
            )
        )
    return rows


def _records(subject: SeriesList) -> list[dict[str, Any]]:
    """Return one row per metric, day and variant."""
    found = []
    for one in subject:
        made = series(one).records
        found += [{"metric": one.metric_name, **row} for row in (made() if made else ())]
    return found
