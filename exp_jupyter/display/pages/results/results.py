"""How the results of an experiment are described: what they say together, then every metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from exp_jupyter.display.charts.interval import IntervalChart, IntervalLine
from exp_jupyter.display.charts.marks import shared_scale
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    EMPTY,
    Badge,
    Bar,
    Block,
    Cell,
    Column,
    Description,
    Details,
    Heading,
    NextStep,
    Reading,
    Row,
    Sentence,
    SmallPrint,
    Table,
    Text,
    Tone,
    whole,
)
from exp_jupyter.display.pages.results import conclusions, readings
from exp_jupyter.display.pages.results.effects import unit_of, value_cell, warnings_of
from exp_jupyter.display.pages.results.quality import mismatch_blocks
from exp_jupyter.display.pages.results.segments import segment_blocks, segment_words
from exp_jupyter.magic_line import MetricName, id_word, magic_line, metric_word
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.decision import Finding, Role
    from exp_jupyter.analysis.results.experiment import Results
    from exp_jupyter.analysis.results.series import Series, SeriesDay
    from exp_jupyter.engine.comparison.effect import Effect

_TONES: dict[str, Tone] = {"running": "good", "paused": "notice", "stopped": "quiet"}
_MOST_ROWS = 12
"""Rows of one table; where there are more, those that decide nothing are folded."""
_MOST_DECIDING = 10
_MOST_FOLDED = 8
_BROKEN_DOWN = ("by", "segments", "segment")


@dataclass(frozen=True)
class _Line:
    """One comparison of the page."""

    series: Series
    day: SeriesDay
    arm: str
    role: Role
    found: Finding
    said: Reading

    @property
    def effect(self) -> Effect | None:
        return self.day.effects.get(self.arm)

    @property
    def unit(self) -> str:
        return unit_of(self.series.metric_kind, self.series.unit)

    @property
    def decides(self) -> bool:
        """Whether it moves a decision: a difference that is shown, or a broken guardrail."""
        return self.found.outcome in ("better", "worse") or self.said.tone == "notice"


def results(subject: Results) -> Description:
    """Describe the results of an experiment's metrics."""
    status = Badge(subject.status, _TONES.get(subject.status, "quiet"))
    lines = _lines(subject)
    blocks = [Heading(_title(subject), status, _facts(subject)), *_body(subject, lines)]
    effects = [line.effect for line in lines if line.effect is not None]
    if subject.series:
        if line := _next_line(subject):
            blocks.append(NextStep("see how one of them got there:", code=line))
        link = ("open in the project", subject.address) if subject.address else None
        blocks.append(SmallPrint(_small_print(subject, effects), link))
    return Description(
        "results",
        f"{_title(subject)} · results",
        tuple(blocks),
        lambda: _records(subject),
        lambda: _data(subject),
        chart=_chart(lines),
    )


def evidence_blocks(subject: Results) -> list[Block]:
    """Return what the results say, for a page that has its own title, decision and small print."""
    return _body(subject, _lines(subject), whole_page=False)


def _body(subject: Results, lines: list[_Line], *, whole_page: bool = True) -> list[Block]:
    blocks: list[Block] = [*mismatch_blocks(subject.sample_ratio)]
    if lines:
        blocks += conclusions.group_sentences([line.found for line in lines], ended=subject.ended)
        blocks += conclusions.standing(subject.progress, subject.sample_ratio)
        whole = not subject.segment  # an experiment is decided by everybody in it
        if whole_page and whole and any(line.role == "primary" for line in lines):
            blocks.append(conclusions.decision_sentence(subject.decision))
        blocks += _tables(subject, lines)
        if whole_page and len(lines) <= _MOST_ROWS:
            blocks.append(_arms_table(lines))
    blocks += segment_blocks(subject)
    if not subject.series and not subject.failed:
        blocks.append(Sentence("There is no metric to show.", lead=True))
    elif subject.series and not lines:
        blocks.append(Sentence("No metric has a result yet.", lead=True))
    blocks += [
        Sentence(f"! {name} could not be analysed: {why}", tone="notice")
        for name, why in subject.failed.items()
    ]
    effects = [line.effect for line in lines if line.effect is not None]
    blocks += warnings_of(tuple(word for effect in effects for word in effect.warnings))
    return blocks


def _data(subject: Results) -> dict[str, Any]:
    """Return what a front end draws: the object without the sums of every segment."""
    told: dict[str, Any] = plain(replace(subject, segments=()))
    return {name: value for name, value in told.items() if name not in _BROKEN_DOWN or value}


def _title(subject: Results) -> str:
    """Return the experiment's name, with the values where these are the results of some alone."""
    which = segment_words(subject, subject.segment)
    return f"{subject.experiment_name} · {which}" if which else subject.experiment_name


def _facts(subject: Results) -> str:
    days = [one.latest for one in subject if one.latest is not None]
    if not days:
        return ""
    units = numbers.counted(max(day.exposures for day in days), "unit")
    return f"{units} · {', '.join(subject.series[0].variants)}"


def _next_line(subject: Results) -> str:
    """Return the line of the first metric's days; empty where no line can name it."""
    metrics = [MetricName(one.metric_name, one.metric_uuid) for one in subject]
    first = metric_word(metrics[0], metrics)
    return magic_line("%exp_timeseries", id_word(subject.experiment_id), first)


def _lines(subject: Results) -> list[_Line]:
    """Return every comparison: by group, and in a group what is shown before what is open."""
    by_place = {(f.role, f.metric, f.arm): f for f in subject.findings}
    found = []
    for role, group in subject.groups.items():
        lines = [
            _line(series, series.latest, arm, by_place[role, series.metric_name, arm], subject)
            for series in group
            if series.latest is not None
            for arm in series.latest.arms
        ]
        found += sorted(lines, key=lambda line: not line.decides)
    return found


def _line(series: Series, day: SeriesDay, arm: str, found: Finding, subject: Results) -> _Line:
    said = readings.reading(day.effects.get(arm), series.goal, _why(day, arm), ended=subject.ended)
    if found.role == "guardrail":
        said = _guard_reading(found, said)
    return _Line(series, day, arm, found.role, found, said)


def _guard_reading(found: Finding, said: Reading) -> Reading:
    """Return what a guardrail with a margin says: whether it holds, rather than which is better."""
    if found.margin is None or found.outcome == "missing":
        return said
    margin = numbers.share(found.margin)
    if found.guard == "holds":
        return Reading(f"not worse by {margin}", "good", "✓")
    if found.guard == "broken":
        return Reading(f"worse by more than {margin}", "bad", "✕")
    return Reading(f"may be worse by {margin}", "notice" if found.outcome == "worse" else "quiet")


def _tables(subject: Results, lines: list[_Line]) -> list[Block]:
    """Return the comparisons, those that decide nothing folded where there are many."""
    if len(lines) <= _MOST_ROWS:
        return [_table(subject, lines, _caption(subject))]
    deciding = [line for line in lines if line.decides]
    rest = [line for line in lines if not line.decides]
    blocks: list[Block] = []
    if deciding:
        caption = f"What differs{_cut(len(deciding), _MOST_DECIDING)}"
        blocks.append(_table(subject, deciding[:_MOST_DECIDING], caption))
    if rest:
        others = numbers.counted(len(rest), "comparison")
        words = f"{others} without a difference that is shown{_cut(len(rest), _MOST_FOLDED)}"
        shown = _table(subject, rest[:_MOST_FOLDED], "The others", drawn=False)
        blocks.append(Details(words, (shown,)))
    return blocks


def _cut(total: int, most: int) -> str:
    """Say how many rows are shown, where that is not all of them; a frame holds them all."""
    return f", the first {most}; to_frame() holds all" if total > most else ""


def _caption(subject: Results) -> str:
    when = f", {numbers.moment(subject.as_of)}" if subject.as_of is not None else ""
    return f"Every metric against its baseline{when}"


def _table(subject: Results, lines: list[_Line], caption: str, *, drawn: bool = True) -> Table:
    """Return comparisons as rows; the interval is drawn, or stands in words beneath the lift."""
    bayesian = subject.series[0].method == "bayesian"
    bars = [readings.bar_cell(line.effect, line.said, line.unit) for line in lines]
    effects = [line.effect for line in lines]
    relative = readings.is_relative(next((e for e in effects if e is not None), None))
    several = len({line.arm for line in _lines(subject)}) > 1
    label, name = readings.evidence_heading(bayesian)
    columns = (
        Column("Metric", names=("metric",), wrap=True),
        *((Column("Variant", names=("variant",)),) if several else ()),
        Column("Reading", names=("reading",), wrap=True),
        Column("Lift" if relative else "Difference", "right", ("estimate",)),
        *(
            (
                Column(
                    "Interval",
                    names=("interval_low", "interval_high"),
                    scale=shared_scale(bars, relative=relative),
                ),
            )
            if drawn
            else ()
        ),
        Column(label, "right", (name,)),
    )
    grouped = len(subject.groups) > 1
    rows: list[Row] = []
    before: _Line | None = None
    for line, bar in zip(lines, bars, strict=True):
        first = before is None or line.series is not before.series
        new_group = before is None or line.role != before.role
        group = conclusions.GROUPS[line.role] if grouped and new_group else ""
        rows.append(
            Row(_cells(line, bar if drawn else None, several=several, first=first), group=group)
        )
        before = line
    return Table(caption, columns, tuple(rows))


def _cells(line: _Line, bar: Bar | None, *, several: bool, first: bool) -> tuple[Cell, ...]:
    strong = first and line.role == "primary"
    return (
        Text(line.series.metric_name, note=_values_words(line), strong=strong, quiet=not first),
        *((Text(line.arm),) if several else ()),
        line.said,
        readings.estimate_cell(line.effect, line.unit),
        *((bar,) if bar is not None else ()),
        readings.evidence_cell(line.effect, line.series.goal),
    )


def _values_words(line: _Line) -> str:
    """Return the baseline's and the arm's own value, which the lift compares."""
    baseline, arm = line.day.baseline, line.day.arms[line.arm]
    before = numbers.quantity(baseline.value if baseline else None, line.unit)
    # Kept on one line: what changed into what is one fact.
    words = f"{before}\u00a0→\u00a0{numbers.quantity(arm.value, line.unit)}"
    return f"{words} · lower is better" if line.series.goal == "decrease" else words


def _arms_table(lines: list[_Line]) -> Details:
    """Return every arm's own numbers, the control's row first."""
    columns = (
        Column("Metric", names=("metric",), wrap=True),
        Column("Variant", names=("variant",)),
        Column("Units", "right", ("n",)),
        Column("Value", "right", ("value",)),
    )
    rows: list[Row] = []
    for series in dict.fromkeys(id(line.series) for line in lines):
        own = [line for line in lines if id(line.series) == series]
        one, day = own[0].series, own[0].day
        arms = (*((day.baseline,) if day.baseline else ()), *day.arms.values())
        for place, arm in enumerate(arms):
            name = Text(one.metric_name) if place == 0 else EMPTY
            value = value_cell(one.metric_kind, arm.value, one.unit)
            rows.append(
                Row((name, Text(arm.key), whole(arm.n), value), rule=place == 0 and bool(rows))
            )
    return Details("Units and values of every arm", (Table("Every arm", columns, tuple(rows)),))


def _why(day: SeriesDay, key: str) -> tuple[str, ...]:
    failures = day.baseline.failures if day.baseline is not None else ()
    return (*failures, *day.arms[key].failures)


def _small_print(subject: Results, effects: list[Effect]) -> tuple[str, ...]:
    first = subject.series[0]
    told: tuple[str, ...] = (first.method, f"mode {first.mode}", f"against {first.baseline_key}")
    if effects:
        told = readings.provenance(effects[0], first.baseline_key)
    looks = {
        "sequential": "valid however often it is looked at",
        "frequentist": "read once, at the planned size",
    }.get(first.method, "")
    prints = [one.fingerprint[:8] for one in subject if one.fingerprint]
    return (
        *told,
        first.tuning,
        looks,
        f"as of {numbers.moment(subject.as_of)}" if subject.as_of is not None else "",
        f"{'metric' if len(prints) == 1 else 'metrics'} {', '.join(prints[:4])}" if prints else "",
        first.source,
        subject.code(),
        f"exp_jupyter {first.version}",
    )


def _chart(lines: list[_Line]) -> IntervalChart | None:
    """Return every comparison's interval, one line each."""
    several = len({line.arm for line in lines}) > 1
    relative = all(readings.is_relative(line.effect) for line in lines)
    drawn = []
    for line in lines:
        if line.effect is None or (not relative and line.series is not lines[0].series):
            continue  # differences in other units share no axis
        low, high = map(float, line.effect.interval)
        name = f"{line.series.metric_name} · {line.arm}" if several else line.series.metric_name
        drawn.append(IntervalLine(name, float(line.effect.estimate), low, high, line.said.tone))
    points = not relative and lines[0].unit == "share"
    return IntervalChart(tuple(drawn), relative, points) if drawn else None


def _records(subject: Results) -> list[dict[str, Any]]:
    """Return one row a metric and arm, the control's own included, then those of the segments."""
    rows = [
        row for role, group in subject.groups.items() for one in group for row in _rows(one, role)
    ]
    if not subject.segments:
        return rows
    roles = {one.metric_name: role for role, group in subject.groups.items() for one in group}
    return [{"segment": "", **row} for row in rows] + [
        {"segment": segment_words(subject, one.values), **row}
        for one in subject.segments
        for row in _rows(one.series, roles[one.series.metric_name])
    ]


def _rows(one: Series, role: Role) -> list[dict[str, Any]]:
    day = one.latest
    if day is None:
        return []
    rows = []
    for arm in (*((day.baseline,) if day.baseline else ()), *day.arms.values()):
        effect = day.effects.get(arm.key)
        low, high = map(float, effect.interval) if effect is not None else (None, None)
        rows.append(
            {
                "metric": one.metric_name,
                "role": role,
                "variant": arm.key,
                "n": arm.n,
                "baseline": day.baseline.value if day.baseline else None,
                "value": arm.value,
                "unit": one.unit,
                "estimate": _number(effect.estimate if effect is not None else None),
                "interval_low": low,
                "interval_high": high,
                "p_value": effect.p_value if effect is not None else None,
                "chance_to_win": effect.chance_to_win if effect is not None else None,
                "significant": bool(effect.significant) if effect is not None else None,
                "date": day.date,
            }
        )
    return rows


def _number(value: Any) -> float | None:
    if value is None:
        return None
    return float(value) if math.isfinite(float(value)) else None
