"""How the analysis of raw events is described: metrics and arms, who was exposed, doubts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exp_jupyter.analysis.results.verdicts import mismatch_words
from exp_jupyter.display.charts.interval import IntervalChart, IntervalLine
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    EMPTY,
    Block,
    Cell,
    Column,
    Description,
    Details,
    Figure,
    Heading,
    NextStep,
    Reading,
    Row,
    SmallPrint,
    Span,
    Table,
    Text,
    whole,
)
from exp_jupyter.display.pages.results import readings
from exp_jupyter.display.pages.results.effects import (
    effect_columns,
    unit_of,
    value_cell,
    warnings_of,
)
from exp_jupyter.display.pages.results.exposures import split_badge, split_words
from exp_jupyter.display.pages.results.heterogeneity import answers, each_segment
from exp_jupyter.display.pages.results.quality import mismatch_blocks
from exp_jupyter.display.pages.results.series import arm_reading, daily_picture
from exp_jupyter.display.render.frame import packed
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.analysis.events.results import EventAnalysis, EventSegment
    from exp_jupyter.analysis.results.series import Series, SeriesDay
    from exp_jupyter.engine.comparison.effect import Effect

_MOST_SEGMENT_ROWS = 60
_MOST_PICTURED = 8
"""Metrics beside whose table there is room for the first one's picture."""

Adjusted = Mapping[str, Mapping[str, float]]
"""Corrected p-values, by metric and arm."""

Line = tuple["Series", str, str]
"""A series, one of its arms, and its segment in words."""


def event_analysis(subject: EventAnalysis) -> Description:
    """Describe the analysis of an experiment from events."""
    last = subject.exposures.days[-1]
    days = len(subject.exposures.days)
    facts = (
        f"day {days}",
        f"{numbers.count(last.total)} exposed",
        split_words(subject.exposures),
    )
    blocks: list[Block] = [
        Heading(subject.flag, split_badge(subject.exposures), " · ".join(facts)),
        *mismatch_blocks(subject.exposures.sample_ratio),
        *_tables(list(subject.results), [], _caption(subject), subject.adjusted),
        *warnings_of(_warnings(subject)),
    ]
    if subject.segments:
        blocks += answers(subject.by_segment)
        blocks.append(segments(subject))
    first = subject.results[0]
    picture = daily_picture(first)
    if picture is not None and len(subject.results) <= _MOST_PICTURED:
        blocks.append(replace(picture, caption=f"{first.metric_name}: {picture.caption}"))
    step = subject.results[1 if len(subject.results) > 1 else 0].metric_name
    words = ("see a metric day by day: ", Span(f".series({step!r})", code=True))
    blocks.append(
        NextStep((*words, " of this result; a notebook has it as ", Span("_", code=True)))
    )
    blocks.append(SmallPrint(provenance(subject)))
    return Description(
        "event-analysis",
        f"{subject.flag} · analysis",
        tuple(blocks),
        lambda: _records(subject),
        lambda: _data(subject),
        chart=_chart(subject),
    )


def _caption(subject: EventAnalysis) -> str:
    last = subject.exposures.days[-1].date
    return f"Every metric against {subject.control}, all data up to {numbers.day(last, year=True)}"


def _effect(one: Series, key: str) -> Effect | None:
    return one.latest.effects.get(key) if one.latest is not None else None


def _first_effect(found: Sequence[Series]) -> Effect | None:
    every = (_effect(one, key) for one in found for key in one.variants)
    return next((effect for effect in every if effect is not None), None)


def _tables(
    found: list[Series], segments: list[str], caption: str, adjusted: Adjusted | None = None
) -> list[Block]:
    """Return one table, or one per metric where differences are in the metrics' own units."""
    words = segments or [""] * len(found)
    lines = [(one, key, said) for one, said in zip(found, words, strict=True) for key in _keys(one)]
    if readings.is_relative(_first_effect(found)):
        return [_table(lines, caption, adjusted or {})] if lines else []
    named: dict[str, list[Line]] = {}
    for line in lines:
        named.setdefault(line[0].metric_name, []).append(line)
    return [
        _table(group, f"{name}: {caption[:1].lower()}{caption[1:]}", adjusted or {})
        for name, group in named.items()
    ]


def _keys(one: Series) -> tuple[str, ...]:
    return (one.baseline_key, *(key for key in one.variants if key != one.baseline_key))


def _table(lines: list[Line], caption: str, adjusted: Adjusted) -> Table:
    segmented = any(said for _, _, said in lines)
    # Absolute differences stand in a table a metric, so that one unit is all of it.
    unit = unit_of(lines[0][0].metric_kind, lines[0][0].unit)
    bars = {
        (id(one), key): readings.bar_cell(
            _effect(one, key), _said(one, one.latest, key, adjusted), unit
        )
        for one, key, _ in lines
        if key != one.baseline_key and one.latest is not None
    }
    first = _first_effect([one for one, _, _ in lines])
    bayesian = lines[0][0].method == "bayesian"
    relative, drawn = readings.is_relative(first), list(bars.values())
    columns = (
        Column("Metric", names=("metric",), wrap=True),
        *((Column("Segment", names=("segment",), wrap=True),) if segmented else ()),
        Column("Variant", names=("variant",)),
        Column("Units", "right", ("n",)),
        Column("Value", "right", ("value",)),
        *effect_columns(bayesian, drawn, relative, unit, corrected=bool(adjusted)),
    )
    rows = tuple(
        Row(
            _cells(one, key, said if segmented else None, bars.get((id(one), key)), adjusted),
            rule=key == one.baseline_key and place > 0,
        )
        for place, (one, key, said) in enumerate(lines)
    )
    return Table(caption, columns, rows, titled=True)


def _said(one: Series, latest: SeriesDay, key: str, adjusted: Adjusted) -> Reading:
    corrected = adjusted.get(one.metric_name, {}).get(key)
    return arm_reading(latest, key, one.goal, corrected, ended=one.ended)


def _corrected_cell(one: Series, key: str, adjusted: Adjusted) -> Figure:
    p = adjusted.get(one.metric_name, {}).get(key)
    return Figure(p, numbers.p_value(p, 1 - one.level))


def _cells(
    one: Series, key: str, segment: str | None, bar: Any, adjusted: Adjusted
) -> tuple[Cell, ...]:
    latest, is_baseline = one.latest, key == one.baseline_key
    kind = "lower is better" if one.goal == "decrease" else one.metric_kind
    head: tuple[Cell, ...] = (
        Text(one.metric_name, note=kind, strong=True) if is_baseline else EMPTY,
    )
    if segment is not None:
        head += (Text(segment, quiet=not is_baseline),)
    arm = None if latest is None else latest.baseline if is_baseline else latest.arms.get(key)
    head += (
        Text(key),
        whole(arm.n if arm else None),
        value_cell(one.metric_kind, arm.value if arm else None),
    )
    if is_baseline or latest is None:
        words = "baseline" if is_baseline else numbers.MISSING
        blank = (EMPTY,) if adjusted else ()
        return (*head, Figure(None, words, quiet=True), EMPTY, EMPTY, *blank, EMPTY)
    effect = _effect(one, key)
    said = _said(one, latest, key, adjusted)
    if effect is None and segment is not None:
        said = Reading(
            "too little data" if one.ended else "too little data yet"
        )  # why is the same for most of many small segments
    return (
        *head,
        readings.estimate_cell(effect, unit_of(one.metric_kind, one.unit)),
        bar,
        readings.evidence_cell(effect, one.goal),
        *((_corrected_cell(one, key, adjusted),) if adjusted else ()),
        said,
    )


def segment_words(subject: EventAnalysis, segment: EventSegment) -> str:
    """Return which units a segment is about."""
    pairs = zip(subject.breakdown, segment.values, strict=False)
    return ", ".join(f"{name} = {'(missing)' if v is None else v}" for name, v in pairs)


def segments(subject: EventAnalysis) -> Details:
    """Return every segment on its own, and what to keep in mind about them."""
    by = ", ".join(subject.breakdown)
    most = max(1, _MOST_SEGMENT_ROWS // max(len(subject.exposures.units), 1))
    shown = subject.segments[:most]
    cut = ""
    if len(shown) < len(subject.segments):
        cut = f", the first {most} of {len(subject.segments)}"
    words = [", ".join("(missing)" if v is None else v for v in one.values) for one in shown]
    tables = _tables([one.series for one in shown], words, f"By {by}{cut}")
    return Details(f"By {by}{cut}", (*each_segment(subject.by_segment), *tables), in_text=True)


def _warnings(subject: EventAnalysis) -> tuple[str, ...]:
    several = len(subject.results) > 1
    ratio = subject.exposures.sample_ratio
    said = mismatch_words(ratio) if ratio is not None and ratio.mismatch else ""
    found = [word for word in subject.warnings if word != said]  # the page says it above
    for one in subject.results:
        for key in one.variants:
            effect = _effect(one, key)
            about = f"{one.metric_name}, {key}: " if several else ""
            found += [f"{about}{word}" for word in (effect.warnings if effect else ())]
    return tuple(found)


def provenance(subject: EventAnalysis) -> tuple[str, ...]:
    """Return how the numbers were made, in facts."""
    first = _first_effect(subject.results)
    told: tuple[str, ...] = (subject.method, f"mode {subject.mode}")
    if first is not None:
        told = readings.provenance(first, subject.control)
    if subject.correction:
        told = (*told, f"p-values corrected: {subject.correction}")
    return (
        *told,
        f"exposed by {subject.exposure}",
        f"as of {numbers.moment(subject.as_of)}, days in {subject.timezone}",
        f"{subject.source}, {subject.timestamps}, {_engine(subject)}",
        f"definition {subject.fingerprint[:8]}",
        f"exp_jupyter {subject.version}",
    )


def _engine(subject: EventAnalysis) -> str:
    """Return the engine without its version, which the object knows: the numbers are the same."""
    return subject.engine.split()[0]


def _chart(subject: EventAnalysis) -> IntervalChart | None:
    relative = readings.is_relative(_first_effect(subject.results))
    found = subject.results if relative else subject.results[:1]
    several, arms = len(found) > 1, len(subject.exposures.units) > 2
    lines = []
    for one in found:
        for key in one.variants:
            effect = _effect(one, key)
            if effect is None or one.latest is None:
                continue
            name = one.metric_name if several and not arms else key
            name = f"{one.metric_name} · {key}" if several and arms else name
            low, high = map(float, effect.interval)
            tone = _said(one, one.latest, key, subject.adjusted).tone
            lines.append(IntervalLine(name, float(effect.estimate), low, high, tone))
    first = found[0]
    points = not relative and unit_of(first.metric_kind, first.unit) == "share"
    return IntervalChart(tuple(lines), relative, points) if lines else None


def _records(subject: EventAnalysis) -> list[dict[str, Any]]:
    rows = [_record(one, key) for one in subject.results for key in _keys(one)]
    if subject.adjusted:
        for row in rows:
            row["adjusted_p_value"] = subject.adjusted.get(row["metric"], {}).get(row["variant"])
    if not subject.segments:
        return rows
    blank = {"adjusted_p_value": None} if subject.adjusted else {}
    rows = [{"segment": "", **row} for row in rows]
    for segment in subject.segments:
        words = segment_words(subject, segment)
        for key in _keys(segment.series):
            rows.append({"segment": words, **_record(segment.series, key), **blank})
    return rows


def _record(one: Series, key: str) -> dict[str, Any]:
    latest, is_baseline = one.latest, key == one.baseline_key
    arm = None if latest is None else latest.baseline if is_baseline else latest.arms.get(key)
    effect = None if is_baseline else _effect(one, key)
    low, high = (None, None) if effect is None else map(float, effect.interval)
    evidence = readings.evidence_heading(one.method == "bayesian")[1]
    return {
        "metric": one.metric_name,
        "kind": one.metric_kind,
        "variant": key,
        "n": arm.n if arm else None,
        "value": arm.value if arm else None,
        "estimate": None if effect is None else float(effect.estimate),
        "standard_error": None if effect is None else float(effect.standard_error),
        "interval_low": low,
        "interval_high": high,
        evidence: readings.evidence_cell(effect, one.goal).value,
        "significant": None if effect is None else bool(effect.significant),
    }


def _data(subject: EventAnalysis) -> dict[str, Any]:
    """Return what a front end draws: the facts and the latest rows, without every day's sums."""
    names = (
        "flag breakdown control method mode level correction start end as_of timezone warnings "
        "exposure source timestamps fingerprint version"
    )
    facts = {name: plain(getattr(subject, name)) for name in names.split(" ")}
    facts["engine"] = _engine(subject)
    return {**facts, "units": subject.exposures.units, **packed(_records(subject))}
