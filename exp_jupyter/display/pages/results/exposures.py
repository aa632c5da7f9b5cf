"""How daily exposures are described: the split first, then how it came about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.display.charts.exposure import ExposureChart
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Badge,
    Block,
    Column,
    Description,
    Details,
    Figure,
    Heading,
    NextStep,
    Picture,
    Row,
    Sentence,
    SmallPrint,
    Span,
    Table,
    Text,
    Words,
    whole,
)
from exp_jupyter.display.pages.results.quality import split_table

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.daily_exposures import DailyExposures

_MOST_ROWS = 12


def daily_exposures(subject: DailyExposures) -> Description:
    """Describe who saw which variant, day by day."""
    title = f"{subject.name or subject.flag} · exposures"
    if not subject.days:
        return _nobody(subject, title)
    last = subject.days[-1]
    note = f"{numbers.counted(last.total, 'unit')} by {numbers.day(last.date)}"
    blocks: list[Block] = [Heading(title, split_badge(subject), note)]
    blocks.append(Sentence(_lead(subject), lead=True))
    if subject.mismatch:
        blocks.append(
            NextStep(
                "do not read the results yet. Look for a variant that loses units: redirects, "
                "crashes, bots, a flag that is called too late."
            )
        )
    expected = subject.sample_ratio.expected if subject.sample_ratio is not None else {}
    if expected:
        observed = {key: float(n) for key, n in subject.units.items()}
        blocks.append(split_table(observed, dict(expected)))
    if len(subject.days) > 1:
        blocks.append(Picture(_chart(subject), "Units exposed by the end of each day"))
    blocks.append(_days(subject))
    blocks.append(SmallPrint(_small_print(subject)))
    return Description("daily-exposures", title, tuple(blocks), lambda: _records(subject))


def _nobody(subject: DailyExposures, title: str) -> Description:
    """Describe an experiment that nobody has been exposed to."""
    blocks: list[Block] = [
        Heading(title),
        Sentence(f"Nobody {'was' if subject.ended else 'has been'} exposed to it.", lead=True),
    ]
    if not subject.ended:
        blocks.append(NextStep("check that the flag is on and that the code asks for it."))
    blocks.append(SmallPrint(_small_print(subject)))
    return Description("daily-exposures", title, tuple(blocks), lambda: _records(subject))


def split_badge(subject: DailyExposures) -> Badge | None:
    """Return the mark of a broken split; None where there is none."""
    return Badge("split not as planned", "bad") if subject.mismatch else None


def split_words(subject: DailyExposures) -> str:
    """Return what is known of the split, for a heading."""
    found = subject.sample_ratio
    if found is None:
        return "split not stated"
    if found.p_value is None:
        return "too few units to check the split"
    words = "split not as planned" if subject.mismatch else "split as planned"
    return f"{words} ({numbers.p_words(found.p_value)})"


def _lead(subject: DailyExposures) -> Words:
    if subject.sample_ratio is None:
        return (Span("The split was not stated", strong=True), ", so it was not checked.")
    if subject.sample_ratio.p_value is None:
        yet = "" if subject.ended else " yet"
        return (Span(f"Too few units to check the split{yet}", strong=True), ".")
    words = split_words(subject)
    if subject.mismatch:
        since = ""
        if subject.first_mismatch is not None:
            since = f"; the daily check saw it on {numbers.day(subject.first_mismatch)}"
        return (Span(f"✕ {words[:1].upper()}{words[1:]}", strong=True, tone="bad"), f"{since}.")
    return (Span(f"✓ {words[:1].upper()}{words[1:]}", strong=True, tone="good"), ".")


def _chart(subject: DailyExposures) -> ExposureChart:
    keys = list(subject.units)
    lines = tuple((key, tuple((day.date, day.units[key]) for day in subject.days)) for key in keys)
    last = subject.days[-1]
    said = ", ".join(f"{key} {numbers.count(last.units[key])}" for key in keys)
    alt = f"Units exposed so far by day and variant. On {numbers.day(last.date)}: {said}."
    return ExposureChart(lines, alt)


def _days(subject: DailyExposures) -> Details:
    several = any(day.multiple for day in subject.days)
    checked = any(day.p_value is not None for day in subject.days)
    columns = (
        Column("Day", names=("date",)),
        *(Column(key, "right", (key,)) for key in subject.units),
        *((Column("Several variants", "right", ("multiple",)),) if several else ()),
        *((Column("Split p", "right", ("p_value",)),) if checked else ()),
    )
    shown = subject.days[-_MOST_ROWS:]
    rows = tuple(
        Row(
            (
                Text(numbers.day(day.date)),
                *(whole(n) for n in day.units.values()),
                *((whole(day.multiple),) if several else ()),
                *((Figure(day.p_value, numbers.p_value(day.p_value)),) if checked else ()),
            )
        )
        for day in reversed(shown)
    )
    cut = f"the last {len(shown)} of {numbers.days(len(subject.days))}"
    words = cut if len(shown) < len(subject.days) else numbers.days(len(subject.days))
    table = Table("Units so far, newest day first", columns, rows, titled=True)
    return Details(f"Day by day, {words}", (table,), in_text=True)


def _small_print(subject: DailyExposures) -> tuple[str, ...]:
    return (
        f"days begin in {subject.timezone}",
        "daily p-values may be looked at every day" if subject.split else "",
        f"{numbers.counted(subject.multiple, 'unit')} seen under several variants left out"
        if subject.multiple
        else "",
        subject.source,
        subject.code(),
        f"exp_jupyter {subject.version}",
    )


def _records(subject: DailyExposures) -> list[dict[str, Any]]:
    return [
        {"date": day.date, "variant": key, "units": n, "multiple": day.multiple}
        | {"p_value": day.p_value}
        for day in subject.days
        for key, n in day.units.items()
    ]
