"""How the analysis of a unit-level table is described: metrics and arms, segments, doubts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exp_jupyter.display.charts.interval import IntervalChart, IntervalLine
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    EMPTY,
    Badge,
    Bar,
    Block,
    Cell,
    Code,
    Column,
    Description,
    Details,
    Figure,
    Heading,
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
from exp_jupyter.display.pages.results.effects import (
    effect_columns,
    unit_of,
    value_cell,
    warnings_of,
)
from exp_jupyter.display.pages.results.heterogeneity import answers, each_segment

if TYPE_CHECKING:
    from exp_jupyter.analysis.units.results import Analysis, ArmResult, MetricResult

_MOST_SEGMENT_ROWS = 120


def analysis(subject: Analysis) -> Description:
    """Describe an analysis: what is known of each metric, all rows, then the segments."""
    title = "Analysis"
    units = sum(subject.units.values())
    arms = numbers.counted(len(subject.units), "arm")
    blocks: list[Block] = [
        Heading(title, _badge(subject), f"{numbers.counted(units, 'unit')}, {arms}"),
        *_leads(subject),
        *_tables(subject, subject.results, _caption(subject)),
        *_pairs(subject),
        *warnings_of(_warnings(subject)),
    ]
    if subject.segments:
        blocks += answers(subject.by_segment)
        blocks.append(segments(subject))
    blocks.append(Details("The statement that added up the units", (Code(subject.statement),)))
    blocks.append(SmallPrint(provenance(subject)))
    return Description(
        "analysis",
        title,
        tuple(blocks),
        lambda: [record for result in _all(subject) for record in _records(subject, result)],
        chart=_chart(subject),
    )


def _all(subject: Analysis) -> tuple[MetricResult, ...]:
    return (*subject.results, *subject.segments)


def _badge(subject: Analysis) -> Badge | None:
    found = subject.sample_ratio
    if found is not None and found.mismatch:
        return Badge("split not as planned", "bad")
    return None


def _leads(subject: Analysis) -> list[Block]:
    """Return one sentence per arm of the first metric; the table tells the rest."""
    first = subject.results[0]
    leads: list[Block] = []
    for arm in first.arms[1:]:
        words: Any = (Span(f"{arm.key}: no comparison", strong=True), f": {arm.refusal}")
        if arm.effect is not None:
            goal = first.metric.goal
            said = _said(first, arm)
            unit = unit_of(first.metric.kind)
            words = readings.lead(arm.key, subject.control, arm.effect, said, goal, unit)
        if len(subject.results) > 1:
            words = (f"{first.metric.label}: ", *words)
        leads.append(Sentence(words, lead=True))
    return leads


def _said(result: MetricResult, arm: ArmResult) -> Reading:
    return readings.reading(arm.effect, result.metric.goal, adjusted=arm.adjusted_p_value)


def _shared(units: list[str]) -> str:
    """Return the unit of all rows of a table; empty where they have several."""
    return units[0] if len(set(units)) == 1 else ""


def _last_columns(
    subject: Analysis, bars: list[Bar], units: list[str], *, corrected: bool
) -> tuple[Column, ...]:
    relative, bayesian = subject.difference == "relative", subject.method == "bayesian"
    return effect_columns(bayesian, bars, relative, _shared(units), corrected=corrected)


def _caption(subject: Analysis) -> str:
    return f"Every metric and arm against {subject.control}"


def _tables(subject: Analysis, results: tuple[MetricResult, ...], caption: str) -> list[Block]:
    """Return one table, or one per metric where differences are in the metrics' own units."""
    if subject.difference == "relative" or len(subject.results) == 1:
        return [_table(subject, results, caption)] if results else []
    named: dict[str, list[MetricResult]] = {}
    for result in results:
        named.setdefault(result.metric.label, []).append(result)
    return [
        _table(subject, tuple(group), f"{label}: {caption[:1].lower()}{caption[1:]}")
        for label, group in named.items()
    ]


def _table(subject: Analysis, results: tuple[MetricResult, ...], caption: str) -> Table:
    lines = [(result, arm) for result in results for arm in result.arms]
    said = [_said(result, arm) for result, arm in lines]
    units = [unit_of(result.metric.kind) for result, _ in lines]
    bars = [
        readings.bar_cell(arm.effect, word, unit)
        for (_, arm), word, unit in zip(lines, said, units, strict=True)
    ]
    corrected = any(arm.adjusted_p_value is not None for _, arm in lines)
    columns = (
        Column("Metric", names=("metric",), wrap=True),
        *((Column("Segment", names=("segment",), wrap=True),) if results[0].segment else ()),
        Column("Arm", names=("arm",)),
        Column("Units", "right", ("n",)),
        Column("Value", "right", ("value",)),
        *_last_columns(subject, bars, units, corrected=corrected),
    )
    rows = tuple(
        Row(
            _cells(subject, result, arm, word, bar, corrected=corrected),
            rule=arm is result.arms[0] and place > 0,
        )
        for place, ((result, arm), word, bar) in enumerate(zip(lines, said, bars, strict=True))
    )
    return Table(caption, columns, rows)


def _cells(
    subject: Analysis,
    result: MetricResult,
    arm: ArmResult,
    said: Reading,
    bar: Bar,
    *,
    corrected: bool,
) -> tuple[Cell, ...]:
    first = arm is result.arms[0]
    head: tuple[Cell, ...] = (Text(result.metric.label, quiet=not first),)
    if result.segment:
        head += (Text(segment_words(subject, result)),)
    head += (Text(arm.key), whole(arm.n), value_cell(result.metric.kind, arm.value))
    if first:
        blank: tuple[Cell, ...] = (EMPTY,) if corrected else ()
        return (*head, Figure(None, "baseline", quiet=True), EMPTY, EMPTY, *blank, EMPTY)
    if arm.effect is None:
        said = Reading(f"no comparison: {arm.refusal.rstrip('.')}")
    cells = (*head, readings.estimate_cell(arm.effect, unit_of(result.metric.kind)), bar)
    evidence = readings.evidence_cell(arm.effect, result.metric.goal)
    if not corrected:
        return (*cells, evidence, said)
    p = arm.adjusted_p_value
    return (*cells, evidence, Figure(p, numbers.p_value(p, 1 - subject.level)), said)


def _pairs(subject: Analysis) -> list[Block]:
    """Return the table of arms against each other, where that was asked for."""
    lines = [(result, pair) for result in subject.results for pair in result.pairs]
    if not lines:
        return []
    said = [
        readings.reading(pair.effect, result.metric.goal, adjusted=pair.adjusted_p_value)
        if pair.effect is not None
        else Reading(f"no comparison: {pair.refusal.rstrip('.')}")
        for result, pair in lines
    ]
    units = [unit_of(result.metric.kind) for result, _ in lines]
    bars = [
        readings.bar_cell(pair.effect, word, unit)
        for (_, pair), word, unit in zip(lines, said, units, strict=True)
    ]
    corrected = any(pair.adjusted_p_value is not None for _, pair in lines)
    columns = (
        Column("Metric", names=("metric",), wrap=True),
        Column("Arm", names=("arm",)),
        Column("Against", names=("against",)),
        *_last_columns(subject, bars, units, corrected=corrected),
    )
    rows = []
    for (result, pair), word, bar in zip(lines, said, bars, strict=True):
        p = pair.adjusted_p_value
        adjusted = (Figure(p, numbers.p_value(p, 1 - subject.level)),) if corrected else ()
        rows.append(
            Row(
                (
                    Text(result.metric.label),
                    Text(pair.key),
                    Text(pair.baseline),
                    readings.estimate_cell(pair.effect, unit_of(result.metric.kind)),
                    bar,
                    readings.evidence_cell(pair.effect, result.metric.goal),
                    *adjusted,
                    word,
                )
            )
        )
    return [Table("Arms against each other", columns, tuple(rows), titled=True)]


def segment_words(subject: Analysis, result: MetricResult) -> str:
    """Return which units a result is about; empty for all of them."""
    pairs = zip(subject.breakdown, result.segment, strict=False)
    return ", ".join(f"{name} = {'(missing)' if v is None else v}" for name, v in pairs)


def segments(subject: Analysis) -> Details:
    """Return every segment on its own, and what to keep in mind about them."""
    by = ", ".join(subject.breakdown)
    most = max(1, _MOST_SEGMENT_ROWS // len(subject.units))
    shown = subject.segments[:most]
    cut = (
        f", the first {most} of {len(subject.segments)}"
        if len(shown) < len(subject.segments)
        else ""
    )
    tables = _tables(subject, shown, f"By {by}{cut}")
    return Details(f"By {by}{cut}", (*each_segment(subject.by_segment), *tables), in_text=True)


def _warnings(subject: Analysis) -> tuple[str, ...]:
    several = len(subject.results) > 1
    found = list(subject.warnings)
    for result in subject.results:
        for arm in result.arms[1:]:
            about = f"{result.metric.label}, {arm.key}: " if several else ""
            found += [f"{about}{word}" for word in (arm.effect.warnings if arm.effect else ())]
    return tuple(found)


def provenance(subject: Analysis) -> tuple[str, ...]:
    """Return how the numbers were made, in facts."""
    effects = [arm.effect for r in subject.results for arm in r.arms if arm.effect is not None]
    adjusted = [r for r in subject.results if r.metric.covariate or r.adjusted_for]
    judged = readings.provenance(effects[0], subject.control) if effects else (subject.method,)
    # The variance that a covariate removed differs between metrics.
    parts = [part for part in judged if not part.startswith(("CUPED", "adjusted"))]
    for result in adjusted[:3]:
        removed = [
            arm.effect.variance_reduction
            for arm in result.arms
            if arm.effect is not None and arm.effect.variance_reduction is not None
        ]
        if removed:
            change = numbers.lift(-float(removed[0][1]), 0)
            about = ", ".join(result.adjusted_for) or result.metric.covariate
            how = f" by {result.adjusted_by}" if result.adjusted_by else ""
            parts.append(f"{result.metric.label} adjusted for {about}{how}, variance {change}")
    parts += _cluster_words(subject)
    found = subject.sample_ratio
    if found is None:
        parts.append("split not stated, so the sample ratio was not checked")
    elif found.p_value is None:
        of = "clusters" if subject.clusters else "units"
        parts.append(f"too few {of} to check the split")
    else:
        parts.append(f"sample ratio {numbers.p_words(found.p_value)}")
    if subject.correction:
        parts.append(f"p-values and intervals corrected: {subject.correction}")
    unit = f"one row a {subject.unit}" if subject.unit else "one row a unit"
    return (*parts, f"{subject.source}, {unit}, {subject.engine}", f"exp_jupyter {subject.version}")


def _cluster_words(subject: Analysis) -> list[str]:
    """Return how many clusters were randomised, and how alike their units are."""
    if not subject.clusters:
        return []
    arms = ", ".join(f"{n:,} {key}" for key, n in subject.clusters.items())
    found = [f"clusters of {' and '.join(subject.cluster)}: {arms}"]
    for result in subject.results[:3]:
        if result.clusters is not None:
            icc, cost = result.clusters.icc, result.clusters.design_effect
            found.append(f"{result.metric.label}: ICC {icc:.3f}, design effect {cost:.2f}")
    return found


def _chart(subject: Analysis) -> IntervalChart | None:
    relative = subject.difference == "relative"
    results = subject.results if relative else subject.results[:1]
    several, arms = len(results) > 1, len(subject.units) > 2
    lines = []
    for result in results:
        for arm in result.arms[1:]:
            if arm.effect is None:
                continue
            low, high = map(float, arm.effect.interval)
            name = (
                " · ".join(
                    part for part in (result.metric.label if several else "", arm.key) if part
                )
                if arms or not several
                else result.metric.label
            )
            tone = _said(result, arm).tone
            lines.append(IntervalLine(name, float(arm.effect.estimate), low, high, tone))
    points = not relative and unit_of(results[0].metric.kind) == "share"
    return IntervalChart(tuple(lines), relative, points) if lines else None


def _compared(subject: Analysis, result: MetricResult) -> list[tuple[str | None, ArmResult]]:
    """Return every row of a metric with the arm that it is compared with."""
    arms = {arm.key: arm for arm in result.arms}
    rows = [(None if arm is result.arms[0] else subject.control, arm) for arm in result.arms]
    for pair in result.pairs:
        told = {name: getattr(pair, name) for name in ("effect", "refusal", "adjusted_p_value")}
        rows.append((pair.baseline, replace(arms[pair.key], **told)))
    return rows


def _records(subject: Analysis, result: MetricResult) -> list[dict[str, Any]]:
    evidence = readings.evidence_heading(subject.method == "bayesian")[1]
    found = []
    paired = any(other.pairs for other in subject.results)
    for against, arm in _compared(subject, result):
        one = arm.effect
        low, high = (math.nan, math.nan) if one is None else map(float, one.interval)
        record: dict[str, Any] = {"metric": result.metric.label, "kind": result.metric.kind}
        if paired:
            record["against"] = against
        if subject.breakdown:
            record["segment"] = segment_words(subject, result)
        found.append(
            record
            | {
                "arm": arm.key,
                "n": arm.n,
                "missing": arm.missing,
                "value": arm.value,
                "standard_deviation": arm.standard_deviation,
                "estimate": None if one is None else float(one.estimate),
                "standard_error": None if one is None else float(one.standard_error),
                "interval_low": None if one is None else low,
                "interval_high": None if one is None else high,
                evidence: readings.evidence_cell(one, result.metric.goal).value,
                "adjusted_p_value": arm.adjusted_p_value,
                "significant": None if one is None else bool(one.significant),
                "refusal": arm.refusal or None,
            }
        )
    return found
