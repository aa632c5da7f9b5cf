"""How a daily series is described: the latest day first, then how it got there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from exp_jupyter.display.charts.series import Line, Point, SeriesChart
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    EMPTY,
    Badge,
    Block,
    Cell,
    Column,
    Description,
    Details,
    Figure,
    Heading,
    NextStep,
    Picture,
    Reading,
    Row,
    Sentence,
    SmallPrint,
    Table,
    Text,
    Tone,
    whole,
)
from exp_jupyter.display.pages.results import readings
from exp_jupyter.display.pages.results.effects import (
    effect_columns,
    unit_of,
    value_cell,
    warnings_of,
)
from exp_jupyter.display.pages.results.quality import mismatch_blocks
from exp_jupyter.display.render.frame import packed
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.series import Series, SeriesDay
    from exp_jupyter.engine.comparison.effect import Effect

_MOST_ROWS = 12
_FEWEST = 50
"""Units below which an arm is not compared."""
_STATUS: dict[str, tuple[str, Tone]] = {
    "pending": ("waiting for its first day", "notice"),
    "partial": ("partly computed", "notice"),
    "completed": ("up to date", "good"),
    "failed": ("failed", "bad"),
}
_NOTHING_YET = {
    "pending": "No daily result has been computed yet.",
    "failed": "No day could be computed.",
}


def series(subject: Series) -> Description:
    """Describe the daily series of one metric."""
    title = f"{subject.experiment_name} · {subject.metric_name}"
    latest = subject.latest
    words, tone = _badge(subject)
    if latest is None or latest.baseline is None:
        blocks: tuple[Block, ...] = (
            Heading(title, Badge(words, tone)),
            *_superseded(subject),
            *_empty(subject),
        )
        return Description(
            "series", title, blocks, lambda: _records(subject), lambda: _data(subject)
        )
    facts = f"{numbers.day(latest.date)} · {numbers.counted(latest.exposures, 'unit')} exposed"
    goal = "lower is better" if subject.goal == "decrease" else "higher is better"
    said = _readings(subject, latest)
    effects = [effect for effect in latest.effects.values() if effect is not None]
    first = effects[0] if effects else None
    body: list[Block] = [
        Heading(title, Badge(words, tone), f"{facts} · {goal}"),
        *_superseded(subject),
        *mismatch_blocks(subject.sample_ratio),
        *(_lead(subject, latest, key, said[key]) for key in said),
        _latest_table(subject, latest, said),
    ]
    picture = daily_picture(subject)
    if picture is not None:
        body.append(picture)
    body.append(_days_table(subject))
    warnings = tuple(word for effect in effects for word in effect.warnings)
    body += [*warnings_of(warnings), *_errors(subject), SmallPrint(_small_print(subject, first))]
    return Description(
        "series", title, tuple(body), lambda: _records(subject), lambda: _data(subject)
    )


def daily_picture(subject: Series) -> Picture | None:
    """Return the chart of every arm by day; None while there is no second day."""
    latest = subject.latest
    if latest is None:
        return None
    said = _readings(subject, latest)
    chart = _chart(subject, said)
    if not any(len(line.points) > 1 for line in chart.lines):
        return None
    first = next((effect for effect in latest.effects.values() if effect is not None), None)
    return Picture(chart, _chart_caption(subject, first))


def _superseded(subject: Series) -> tuple[Block, ...]:
    """Say that these are the numbers of a definition that is no longer in force."""
    if not subject.current_fingerprint:
        return ()
    words = (
        f"! An earlier definition of this metric ({subject.fingerprint[:8]}), not the one in force "
        f"({subject.current_fingerprint[:8]}): its days are kept as they were."
    )
    return (Sentence(words, tone="notice"),)


def _badge(subject: Series) -> tuple[str, Tone]:
    """Return where the series stands, in words; one that ends early says so."""
    last, everything = subject.days[-1:], subject.whole.days
    if last and last[0].date < everything[-1].date:
        return f"until {numbers.day(last[0].date)}", "notice"
    if subject.current_fingerprint:
        return "earlier definition", "notice"
    return _STATUS.get(_standing(subject), (subject.status, "quiet"))


def _standing(subject: Series) -> str:
    """Return the status as a reader means it: a day that is not over yet is not missing."""
    over = subject.days[:-1]
    whole = bool(over) and all(day.baseline is not None for day in over)
    return "completed" if subject.status == "partial" and whole else str(subject.status)


def _arms(subject: Series) -> tuple[str, ...]:
    return tuple(key for key in subject.variants if key != subject.baseline_key)


def _readings(subject: Series, day: SeriesDay) -> dict[str, Reading]:
    """Return what a day says of every arm."""
    return {key: arm_reading(day, key, subject.goal, ended=subject.ended) for key in _arms(subject)}


def _unit(subject: Series) -> str:
    return unit_of(subject.metric_kind, subject.unit)


def arm_reading(
    day: SeriesDay | None,
    key: str,
    goal: str,
    adjusted: float | None = None,
    *,
    ended: bool = False,
) -> Reading:
    """Return what an arm's comparison says on a day, its p-value corrected if that is known."""
    if day is None:
        return readings.reading(None, ended=ended)
    arms = [arm for arm in (day.baseline, day.arms.get(key)) if arm is not None]
    failures = tuple(failure for arm in arms for failure in arm.failures)
    if not failures and any(arm.n < _FEWEST for arm in arms):
        failures = ("not-enough-exposures",)
    return readings.reading(day.effects.get(key), goal, failures, adjusted, ended=ended)


def _lead(subject: Series, latest: SeriesDay, key: str, said: Reading) -> Sentence:
    effect = latest.effects.get(key)
    words = readings.lead(key, subject.baseline_key, effect, said, subject.goal, _unit(subject))
    since = subject.crossings.get(key)
    if effect is not None and since is not None and since != latest.date:
        side = "above" if float(effect.estimate) > 0 else "below"
        parts = words if isinstance(words, tuple) else (words,)
        words = (*parts, f" The interval has been {side} 0 since {numbers.day(since)}.")
    return Sentence(words, lead=len(_arms(subject)) == 1)


def _empty(subject: Series) -> tuple[Block, ...]:
    """Say why there is nothing to see, and what to do."""
    sentence = _NOTHING_YET.get(subject.status, "No day has a result yet.")
    if not subject.days:
        sentence = "The experiment has not run for a whole day yet."
    step = NextStep(
        "the project computes a day’s result after the day has ended; look again tomorrow."
    )
    if subject.status == "failed" or any(day.error for day in subject.days):
        step = NextStep("correct what the errors name, then let the project compute it again.")
    return (Sentence(sentence, lead=True), *_errors(subject), step)


def _errors(subject: Series) -> tuple[Block, ...]:
    failed = [day for day in subject.days if day.error]
    if not failed:
        return ()
    last = failed[-1]
    return (
        Sentence(
            f"! {numbers.counted(len(failed), 'day')} of {len(subject.days)} could not be "
            f"computed; the last one, {numbers.day(last.date)}: {last.error}",
            tone="notice",
        ),
    )


def _relative(subject: Series) -> bool:
    found = (effect for day in subject.days for effect in day.effects.values() if effect)
    return readings.is_relative(next(found, None))


def _is_bayesian(subject: Series) -> bool:
    return subject.method == "bayesian"


def _latest_table(subject: Series, latest: SeriesDay, said: dict[str, Reading]) -> Table:
    unit = _unit(subject)
    bars = {key: readings.bar_cell(latest.effects.get(key), said[key], unit) for key in said}
    columns = (
        Column("Variant", names=("variant",)),
        Column("Exposed", "right", ("n",)),
        Column("Value", "right", ("value",)),
        *effect_columns(_is_bayesian(subject), list(bars.values()), _relative(subject), unit),
    )
    baseline = latest.baseline
    rows = []
    if baseline is not None:
        cells: tuple[Cell, ...] = (
            Text(subject.baseline_key),
            whole(baseline.n),
            value_cell(subject.metric_kind, baseline.value, subject.unit),
            Figure(None, "baseline", quiet=True),
            EMPTY,
            EMPTY,
            EMPTY,
        )
        rows.append(Row(cells))
    for key, reading in said.items():
        arm, effect = latest.arms.get(key), latest.effects.get(key)
        cells = (
            Text(key),
            whole(arm.n if arm else None),
            value_cell(subject.metric_kind, arm.value if arm else None, subject.unit),
            readings.estimate_cell(effect, unit),
            bars[key],
            readings.evidence_cell(effect, subject.goal),
            reading,
        )
        rows.append(Row(cells))
    caption = f"All data up to {numbers.day(latest.date, year=True)}"
    return Table(caption, columns, tuple(rows), titled=True)


def _chart(subject: Series, said: dict[str, Reading]) -> SeriesChart:
    crossings = subject.crossings
    lines = tuple(
        Line(
            key,
            tuple(_points(subject, key)),
            crossings.get(key),
            said[key].tone if said[key].tone in {"good", "bad"} else "accent",
        )
        for key in said
    )
    exposed = tuple((day.date, day.exposures) for day in subject.days if day.baseline)
    return SeriesChart(
        lines,
        (subject.days[0].date, subject.days[-1].date),
        exposed,
        _relative(subject),
        _days_left(subject),
        _alt(subject, lines),
    )


def _points(subject: Series, key: str) -> list[Point]:
    found = []
    for day in subject.days:
        effect = day.effects.get(key)
        if effect is None:
            continue
        estimate, (low, high) = float(effect.estimate), map(float, effect.interval)
        if math.isfinite(estimate) and not math.isnan(low) and not math.isnan(high):
            found.append(Point(day.date, estimate, low, high))
    return found


def _days_left(subject: Series) -> int:
    """Days until the planned size at the pace so far; none where nobody new is exposed."""
    latest, planned = subject.latest, subject.planned_sample_size
    if not subject.growing or subject.days[-1].date < subject.whole.days[-1].date:
        return 0
    if latest is None or not planned or latest.exposures >= planned or not latest.exposures:
        return 0
    elapsed = (latest.date - subject.whole.days[0].date).days + 1
    return math.ceil((planned - latest.exposures) / (latest.exposures / elapsed))


def _alt(subject: Series, lines: tuple[Line, ...]) -> str:
    parts = []
    for line in lines:
        if not line.points:
            continue
        end = line.points[-1]
        share = _unit(subject) == "share"
        absolute = numbers.points if share else numbers.difference
        write = numbers.lift if _relative(subject) else absolute
        span = numbers.interval(end.low, end.high, relative=_relative(subject), unit=_unit(subject))
        words = f"{line.name}: {write(end.estimate)} on {numbers.day(end.day)}, interval {span}"
        if line.since:
            words += f", {line.since_words}"
        parts.append(words)
    name = f"Difference from {subject.baseline_key} by day with its interval"
    return f"{name}. {'; '.join(parts)}."


def _chart_caption(subject: Series, effect: Effect | None) -> str:
    band = (
        f"{numbers.share(subject.level)} band" if effect is None else readings.level_words(effect)
    )
    what = "lift" if _relative(subject) else "difference"
    arms = _arms(subject)
    who = arms[0] if len(arms) == 1 else "every variant"
    return (
        f"{who} against {subject.baseline_key}, {what} by day with {band}; "
        "every day holds all data up to it"
    )


def _days_table(subject: Series) -> Details:
    arms = _arms(subject)
    rows_left = max(_MOST_ROWS // max(len(arms), 1), 1)
    shown = subject.days[-rows_left:]
    label, name = readings.evidence_heading(_is_bayesian(subject))
    columns = (
        Column("Day", names=("date",)),
        *((Column("Variant", names=("variant",)),) if len(arms) > 1 else ()),
        Column("Exposed", "right", ("exposures",)),
        Column(subject.baseline_key, "right", ("baseline_value",)),
        Column(arms[0] if len(arms) == 1 else "Value", "right", ("value",)),
        Column("Lift" if _relative(subject) else "Difference", "right", ("estimate",)),
        Column("Interval", "right", ("interval",)),
        Column(label, "right", (name,)),
        Column("Reading", names=("reading",), wrap=True),
    )
    rows = tuple(
        Row(
            _day_cells(subject, day, key, many=len(arms) > 1), rule=len(arms) > 1 and key == arms[0]
        )
        for day in reversed(shown)
        for key in arms
    )
    cut = f"the last {len(shown)} of {numbers.days(len(subject.days))}"
    words = cut if len(shown) < len(subject.days) else numbers.days(len(subject.days))
    caption = "Each day holds all data up to it, newest first"
    summary = f"Day by day, {words}"
    return Details(summary, (Table(caption, columns, rows, titled=True),), in_text=True)


def _day_cells(subject: Series, day: SeriesDay, key: str, *, many: bool) -> tuple[Cell, ...]:
    effect, arm, baseline = day.effects.get(key), day.arms.get(key), day.baseline
    unit = _unit(subject)
    head: tuple[Cell, ...] = (Text(numbers.day(day.date)), *((Text(key),) if many else ()))
    if baseline is None:
        why = "failed" if day.error else "no result"
        gap = Text(numbers.MISSING, quiet=True)
        return (*head, gap, gap, gap, gap, gap, gap, Reading(why))
    return (
        *head,
        whole(day.exposures),
        value_cell(subject.metric_kind, baseline.value, subject.unit),
        value_cell(subject.metric_kind, arm.value if arm else None, subject.unit),
        Figure(
            None, numbers.MISSING if effect is None else readings.written_estimate(effect, unit)
        ),
        Text(numbers.MISSING if effect is None else readings.written_interval(effect, unit)),
        readings.evidence_cell(effect, subject.goal),
        arm_reading(day, key, subject.goal, ended=subject.ended),
    )


def _small_print(subject: Series, effect: Effect | None) -> tuple[str, ...]:
    if effect is None:
        told: tuple[str, ...] = (subject.method, f"mode {subject.mode}")
    else:
        told = readings.provenance(effect, subject.baseline_key)
    fixed = subject.method == "frequentist" and len(subject.days) > 1
    return (
        *told,
        subject.tuning,
        "read once, at the planned size: these intervals do not allow for daily looks"
        if fixed
        else "",
        f"as of {numbers.moment(subject.as_of)}" if subject.as_of else "",
        f"metric {subject.fingerprint[:8]}" if subject.fingerprint else "",
        _cut_words(subject),
        subject.source,
        f"exp_jupyter {subject.version}",
    )


def _cut_words(subject: Series) -> str:
    """Say how many days are left out; each that is shown holds all data up to it."""
    everything = subject.whole.days
    if len(subject.days) == len(everything):
        return ""
    shown = numbers.counted(len(subject.days), "day")
    return f"{shown} of {len(everything)} shown; each counts from the start on"


def _records(subject: Series) -> list[dict[str, Any]]:
    """Return one row per day and variant, the baseline included."""
    evidence = readings.evidence_heading(_is_bayesian(subject))[1]
    found = []
    for day in subject.days:
        for key in subject.variants:
            is_baseline = key == subject.baseline_key
            arm = day.baseline if is_baseline else day.arms.get(key)
            effect = None if is_baseline else day.effects.get(key)
            low, high = map(float, effect.interval) if effect else (None, None)
            row: dict[str, Any] = {
                "date": day.date,
                "variant": key,
                "n": arm.n if arm else None,
                "value": arm.value if arm else None,
                "estimate": float(effect.estimate) if effect else None,
                "interval_low": low,
                "interval_high": high,
                evidence: readings.evidence_cell(effect, subject.goal).value,
                "significant": bool(effect.significant) if effect else None,
                "error": day.error,
            }
            found.append(row)
    return found


def _data(subject: Series) -> dict[str, Any]:
    """Return what a front end draws: the facts, and the rows without a name beside each value.

    The object's own dictionary repeats every sum of every day, which would weigh on a notebook.
    """
    names = (
        "experiment_id experiment_name metric_name metric_uuid metric_kind goal fingerprint "
        "method mode level status baseline_key variants as_of planned_sample_size source version"
    )
    facts = {name: plain(getattr(subject, name)) for name in names.split(" ")}
    return {**facts, "crossed": plain(subject.crossed), **packed(_records(subject))}
