"""How effects and comparisons of two arms are described."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from exp_jupyter.display.charts.interval import IntervalChart, IntervalLine
from exp_jupyter.display.charts.marks import shared_scale
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    EMPTY,
    Block,
    Cell,
    Column,
    Description,
    Figure,
    Heading,
    Reading,
    Row,
    Sentence,
    SmallPrint,
    Span,
    Table,
    Text,
    fields,
    whole,
)
from exp_jupyter.display.pages.results import readings

if TYPE_CHECKING:
    from exp_jupyter.analysis.counts.compare import Arm, Comparison
    from exp_jupyter.engine.comparison.effect import Effect

_MOST_ROWS = 14


def unit_of(kind: str, unit: str = "") -> str:
    """Return the unit of a metric of a kind: the one that is known, else a share of some kinds."""
    return unit or ("share" if kind in {"proportion", "funnel", "retention"} else "")


def value_cell(kind: str, value: float | None, unit: str = "") -> Figure:
    """Return an arm's own value: a share in percent, a mean or ratio in its unit."""
    if value is None or not math.isfinite(value):
        return Figure(None, numbers.MISSING, quiet=True)
    return Figure(value, numbers.quantity(value, unit_of(kind, unit)))


def warnings_of(words: tuple[str, ...]) -> tuple[Block, ...]:
    """Return one sentence per warning, each once."""
    return tuple(
        Sentence(f"! {word[:1].upper()}{word[1:]}", tone="notice") for word in dict.fromkeys(words)
    )


def effect_columns(
    bayesian: bool, bars: list[Any], relative: bool, unit: str = "", *, corrected: bool = False
) -> tuple[Column, ...]:
    """Return the columns every comparison ends with: lift, interval, evidence, reading.

    ``corrected`` sets the corrected p-value before the reading, which is made from it.
    """
    label, name = readings.evidence_heading(bayesian)
    return (
        Column("Lift" if relative else "Difference", "right", ("estimate",)),
        Column(
            "Interval",
            names=("interval_low", "interval_high"),
            scale=shared_scale(bars, relative=relative, points=not relative and unit == "share"),
        ),
        Column(label, "right", (name,)),
        *((Column("p corrected", "right", ("adjusted_p_value",)),) if corrected else ()),
        Column("Reading", names=("reading",), wrap=True),
    )


def effect(subject: Effect) -> Description:
    """Describe one effect, or the first of many."""
    if subject.shape not in ((), (1,)):
        return _many(subject)
    one = subject if subject.shape == () else subject.at(0)
    if one.refusal:
        sentence = Sentence((Span("No result", strong=True), f": {one.refusal}."), lead=True)
        return Description("effect", "Effect", (Heading("Effect"), sentence))
    said = readings.reading(one)
    bar = readings.bar_cell(one, said)
    columns = (
        Column("Arm", names=("arm",)),
        Column("Units", "right", ("n",)),
        Column("Mean", "right", ("mean",)),
        *effect_columns(readings.is_bayesian(one), [bar], readings.is_relative(one)),
    )
    rows = (
        Row((Text("control"), whole(_int(one.control_n)), _mean(one.control_mean), *_baseline())),
        Row(
            (
                Text("treatment"),
                whole(_int(one.treatment_n)),
                _mean(one.treatment_mean),
                readings.estimate_cell(one),
                bar,
                readings.evidence_cell(one),
                said,
            )
        ),
    )
    blocks: list[Block] = [
        Heading("Effect", note="treatment against control"),
        Sentence(readings.lead("treatment", "control", one, said), lead=True),
        Table("Both arms and their difference", columns, rows),
        *warnings_of(one.warnings),
    ]
    details = _details(one)
    blocks.append(SmallPrint((*details, *readings.provenance(one))))
    chart = _chart("treatment", one, said)
    return Description("effect", "Effect", tuple(blocks), chart=chart)


def _many(subject: Effect) -> Description:
    """Describe effects of arrays: one row each, the first ones."""
    shape = subject.shape
    total = math.prod(shape)
    flat = [tuple(int(i) for i in _unravel(place, shape)) for place in range(total)]
    shown = [subject.at(index) for index in flat[:_MOST_ROWS]]
    said = [readings.reading(one) for one in shown]
    bars = [readings.bar_cell(one, word) for one, word in zip(shown, said, strict=True)]
    columns = (
        Column("#", "right", ("index",)),
        *effect_columns(readings.is_bayesian(subject), bars, readings.is_relative(subject)),
    )
    rows = tuple(
        Row(
            (
                Text(", ".join(map(str, index))),
                readings.estimate_cell(one),
                bar,
                readings.evidence_cell(one),
                word,
            )
        )
        for index, one, bar, word in zip(flat, shown, bars, said, strict=False)
    )
    cut = f", the first {_MOST_ROWS} shown" if total > _MOST_ROWS else ""
    blocks: tuple[Block, ...] = (
        Heading("Effects", note=f"{numbers.counted(total, 'comparison')}{cut}"),
        Table("Each comparison", columns, rows),
        *warnings_of(subject.warnings),
        SmallPrint(readings.provenance(shown[0]) if shown else ()),
    )

    def records() -> list[dict[str, Any]]:
        evidence = readings.evidence_heading(readings.is_bayesian(subject))[1]
        found = []
        for index in flat:
            one = subject.at(index)
            low, high = map(float, one.interval)
            found.append(
                {
                    "index": index[0] if len(index) == 1 else index,
                    "estimate": float(one.estimate),
                    "interval_low": low,
                    "interval_high": high,
                    evidence: readings.evidence_cell(one).value,
                    "reading": readings.reading(one).text,
                }
            )
        return found

    return Description("effects", "Effects", blocks, records)


def _unravel(place: int, shape: tuple[int, ...]) -> list[int]:
    index = []
    for size in reversed(shape):
        place, rest = divmod(place, size)
        index.append(rest)
    return index[::-1]


def _chart(name: str, one: Effect, said: Reading) -> IntervalChart:
    low, high = map(float, one.interval)
    line = IntervalLine(name, float(one.estimate), low, high, said.tone)
    return IntervalChart((line,), readings.is_relative(one))


def _details(one: Effect) -> tuple[str, ...]:
    parts = []
    error = float(one.standard_error)
    if math.isfinite(error):
        write = numbers.percent if readings.is_relative(one) else numbers.number
        parts.append(f"standard error {write(error)}")
    if one.statistic is not None and math.isfinite(float(one.statistic)):
        parts.append(f"statistic {numbers.number(one.statistic)}")
    if one.df is not None and math.isfinite(float(one.df)):
        parts.append(f"{numbers.count(one.df)} degrees of freedom")
    if one.expected_loss is not None:
        write = numbers.percent if readings.is_relative(one) else numbers.number
        parts.append(f"expected loss {write(float(one.expected_loss))}")
    return tuple(parts)


def _baseline() -> tuple[Cell, ...]:
    return (Figure(None, "baseline", quiet=True), EMPTY, EMPTY, EMPTY)


def _mean(value: Any) -> Figure:
    real = float(value)
    return Figure(real, numbers.number(real))


def _int(value: Any) -> int:
    real = float(value)
    return int(real) if math.isfinite(real) else 0


def comparison(subject: Comparison) -> Description:
    """Describe two arms from their counts."""
    control, treatment = subject.arms
    one, goal = subject.effect, subject.goal
    unit = unit_of(subject.kind)
    said = readings.reading(one, goal)
    bar = readings.bar_cell(one, said, unit)
    relative = readings.is_relative(one)
    counts = control.successes is not None
    columns = (
        Column("Arm", names=("arm",)),
        Column("Units", "right", ("n",)),
        *((Column("Successes", "right", ("successes",)),) if counts else ()),
        Column("Rate" if counts else "Mean", "right", ("value",)),
        *effect_columns(readings.is_bayesian(one), [bar], relative, unit),
    )
    rows = (
        Row((*_arm(control, subject.kind, counts=counts), *_baseline())),
        Row(
            (
                *_arm(treatment, subject.kind, counts=counts),
                readings.estimate_cell(one, unit),
                bar,
                readings.evidence_cell(one, goal),
                said,
            )
        ),
    )
    title = f"{treatment.name} against {control.name}"
    direction = "lower is better" if goal == "decrease" else "higher is better"
    blocks: list[Block] = [
        Heading(title, note=direction),
        Sentence(readings.lead(treatment.name, control.name, one, said, goal, unit), lead=True),
        *_margin(subject),
        Table("Both arms and their difference", columns, rows),
    ]
    tests = _tests(subject)
    if tests:
        blocks.append(fields("The same question by other tests", tests, titled=True))
    blocks += warnings_of(subject.warnings)
    blocks.append(
        SmallPrint((*readings.provenance(one, control.name), f"exp_jupyter {subject.version}"))
    )
    chart = _chart(treatment.name, one, said)
    return Description("comparison", title, tuple(blocks), chart=chart)


def _arm(arm: Arm, kind: str, *, counts: bool) -> tuple[Cell, ...]:
    cells: tuple[Cell, ...] = (Text(arm.name), whole(_int(arm.n)))
    if counts:
        cells += (whole(None if arm.successes is None else _int(arm.successes)),)
    return (*cells, value_cell(kind, arm.mean))


def _margin(subject: Comparison) -> tuple[Block, ...]:
    if subject.margin is None:
        return ()
    control, treatment = (arm.name for arm in subject.arms)
    unit = " %" if readings.is_relative(subject.effect) else ""
    answer = "is not worse" if subject.non_inferior else "is not yet shown to be no worse"
    p = numbers.p_value(subject.margin_p_value)
    return (
        Sentence(
            f"{treatment} {answer} than {control} by more than the margin of "
            f"{numbers.number(subject.margin)}{unit} (one-sided p {p}{_bound(subject)})."
        ),
    )


def _bound(subject: Comparison) -> str:
    """Return the one-sided bound that decides about the margin."""
    if subject.margin_bound is None:
        return ""
    side = "least" if subject.goal == "increase" else "most"
    write = numbers.lift if readings.is_relative(subject.effect) else numbers.difference
    level = numbers.share(subject.effect.level)
    return f", {level} bound at {side} {write(subject.margin_bound)}"


def _tests(subject: Comparison) -> dict[str, Cell | str]:
    """Return the two-sided p-values a reader may want beside the main one.

    Only those that decide as it does: two verdicts on one page are none.
    """
    found: dict[str, Cell | str] = {}
    one = subject.effect
    pooled, exact = (
        p if p is not None and _agrees(one, float(p)) else None
        for p in (subject.pooled_z_p_value, subject.fisher_p_value)
    )
    if pooled is None and exact is None:
        return found
    if one.p_value is not None and not readings.is_bayesian(one):
        how = "relative difference" if readings.is_relative(one) else "difference"
        p = float(one.p_value)
        found[f"{how.capitalize()}, {one.interval_kind.replace('_', ' ')} method"] = Figure(
            p, f"p {numbers.p_value(p, 1 - one.level)}"
        )
    if pooled is not None and subject.pooled_z is not None:
        p = float(pooled)
        z = numbers.difference(subject.pooled_z, 2)
        found["Pooled z-test"] = Figure(p, f"p {numbers.p_value(p)} (z = {z}, two-sided)")
    if exact is not None:
        p = float(exact)
        found["Fisher’s exact test"] = Figure(p, f"p {numbers.p_value(p)} (two-sided)")
    return found


def _agrees(effect: Effect, p_value: float) -> bool:
    """Whether a two-sided test of the whole data decides as the effect does."""
    if effect.alternative != "two-sided" or effect.null:
        return False
    return (p_value < 1 - effect.level) == bool(effect.significant)
