"""How the results of an experiment are described: every metric and arm in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Badge,
    Block,
    Column,
    Description,
    Heading,
    NextStep,
    Row,
    Sentence,
    SmallPrint,
    Table,
    Text,
    Tone,
    whole,
)
from exp_jupyter.display.pages.results import readings
from exp_jupyter.display.pages.results.effects import effect_columns, value_cell, warnings_of
from exp_jupyter.display.pages.results.quality import mismatch_blocks
from exp_jupyter.magic_line import MetricName, id_word, magic_line, metric_word
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.experiment import Results
    from exp_jupyter.analysis.results.series import Series, SeriesDay

_TONES: dict[str, Tone] = {"running": "good", "paused": "notice", "stopped": "quiet"}


def results(subject: Results) -> Description:
    """Describe the results of an experiment's metrics."""
    status = Badge(subject.status, _TONES.get(subject.status, "quiet"))
    days = [one.latest for one in subject if one.latest is not None]
    most = max((day.exposures for day in days), default=0)
    facts = f"{numbers.counted(most, 'unit')} exposed" if days else ""
    blocks: list[Block] = [Heading(subject.experiment_name, status, facts)]
    blocks += mismatch_blocks(subject.sample_ratio)
    if subject.series:
        blocks.append(_table(subject))
    if not subject.series and not subject.failed:
        blocks.append(Sentence("There is no metric to show.", lead=True))
    blocks += [
        Sentence(f"! {name} could not be analysed: {why}", tone="notice")
        for name, why in subject.failed.items()
    ]
    effects = [effect for day in days for effect in day.effects.values() if effect is not None]
    blocks += warnings_of(tuple(word for effect in effects for word in effect.warnings))
    if subject.series:
        if line := _next_line(subject):
            blocks.append(NextStep("see how one of them got there:", code=line))
        blocks.append(SmallPrint(_small_print(subject)))
    return Description(
        "results",
        f"{subject.experiment_name} · results",
        tuple(blocks),
        lambda: _records(subject),
        lambda: plain(subject),
    )


def _next_line(subject: Results) -> str:
    """Return the line of the first metric's days; empty where no line can name it."""
    metrics = [MetricName(one.metric_name, one.metric_uuid) for one in subject]
    first = metric_word(metrics[0], metrics)
    return magic_line("%exp_timeseries", id_word(subject.experiment_id), first)


def _table(subject: Results) -> Table:
    secondary = {id(one) for one in subject.secondary}
    lines = [(one, day, key) for one in subject for day, key in _arms(one)]
    said = [
        readings.reading(day.effects.get(key), one.goal, _why(day, key)) for one, day, key in lines
    ]
    bars = [
        readings.bar_cell(day.effects.get(key), reading)
        for (_, day, key), reading in zip(lines, said, strict=True)
    ]
    effects = [day.effects.get(key) for _, day, key in lines]
    first = next((effect for effect in effects if effect is not None), None)
    columns = (
        Column("Metric", names=("metric",), wrap=True),
        Column("Variant", names=("variant",)),
        Column("Exposed", "right", ("n",)),
        Column("Baseline", "right", ("baseline",)),
        Column("Value", "right", ("value",)),
        *effect_columns(
            subject.series[0].method == "bayesian", list(bars), readings.is_relative(first)
        ),
    )
    rows = tuple(
        Row(
            (
                Text(one.metric_name, note="secondary" if id(one) in secondary else ""),
                Text(key),
                whole(day.arms[key].n),
                value_cell(one.metric_kind, day.baseline.value if day.baseline else None),
                value_cell(one.metric_kind, day.arms[key].value),
                readings.estimate_cell(day.effects.get(key)),
                bar,
                readings.evidence_cell(day.effects.get(key), one.goal),
                reading,
            )
        )
        for (one, day, key), bar, reading in zip(lines, bars, said, strict=True)
    )
    when = f", {numbers.moment(subject.as_of)}" if subject.as_of is not None else ""
    return Table(f"Every metric against its baseline{when}", columns, rows, titled=True)


def _arms(one: Series) -> list[tuple[SeriesDay, str]]:
    day = one.latest
    return [(day, key) for key in day.arms] if day is not None else []


def _why(day: SeriesDay, key: str) -> tuple[str, ...]:
    failures = day.baseline.failures if day.baseline is not None else ()
    return (*failures, *day.arms[key].failures)


def _small_print(subject: Results) -> tuple[str, ...]:
    first = subject.series[0]
    words = [f"{first.method} · mode {first.mode}", f"against {first.baseline_key}"]
    if subject.as_of is not None:
        words.append(f"as of {numbers.moment(subject.as_of)}")
    return (*words, first.source, f"exp_jupyter {first.version}")


def _records(subject: Results) -> list[dict[str, Any]]:
    rows = []
    for role, found in (("primary", subject.primary), ("secondary", subject.secondary)):
        for one in found:
            for day, key in _arms(one):
                effect = day.effects.get(key)
                low, high = effect.interval if effect is not None else (None, None)
                rows.append(
                    {
                        "metric": one.metric_name,
                        "role": role,
                        "variant": key,
                        "n": day.arms[key].n,
                        "baseline": day.baseline.value if day.baseline else None,
                        "value": day.arms[key].value,
                        "estimate": effect.estimate if effect is not None else None,
                        "interval_low": low,
                        "interval_high": high,
                        "p_value": effect.p_value if effect is not None else None,
                        "chance_to_win": effect.chance_to_win if effect is not None else None,
                        "significant": effect.significant if effect is not None else None,
                        "date": day.date,
                    }
                )
    return rows
