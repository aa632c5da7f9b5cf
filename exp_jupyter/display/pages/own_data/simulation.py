"""How experiments drawn from one's own units are described: errors kept, and what is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Badge,
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
    Tone,
    whole,
)
from exp_jupyter.display.pages.results.effects import warnings_of

if TYPE_CHECKING:
    from exp_jupyter.analysis.simulation.results import MetricSimulation, SimulatedExperiments

_WORDS: dict[str, tuple[str, Tone]] = {
    "holds": ("errs as often as it says", "good"),
    "errs": ("errs more often than it says", "bad"),
    "cautious": ("errs less often than it says", "notice"),
    "unknown": ("gives too few answers", "bad"),
}


def simulated_experiments(subject: SimulatedExperiments) -> Description:
    """Describe a method's errors on one's own units."""
    title = "A/A test" if not subject.mde else "A/A test and power"
    drawn = numbers.counted(subject.replications, "experiment")
    blocks: list[Block] = [
        Heading(title, _badge(subject), f"{drawn} a metric, drawn from {subject.drawn_from}"),
        *(_lead(subject, result) for result in subject.results[:3]),
        _table(subject),
        *warnings_of(subject.warnings),
        SmallPrint(_provenance(subject)),
    ]
    return Description("simulated-experiments", title, tuple(blocks), lambda: _records(subject))


def _badge(subject: SimulatedExperiments) -> Badge:
    return Badge("can be trusted", "good") if subject.trustworthy else Badge("do not trust", "bad")


def _lead(subject: SimulatedExperiments, result: MetricSimulation) -> Sentence:
    null = result.null
    said, tone = _WORDS[result.reliability(subject.alpha)]
    share, low, high = (numbers.percent(part, 1) for part in (null.significant, *null.interval))
    words: list[Any] = [
        f"{result.metric.label} ",
        Span(said, strong=True, tone=tone),
        f": {share} false positives ({low} to {high}), {numbers.share(subject.alpha)} promised.",
    ]
    if result.lifted is not None:
        lifted = result.lifted
        words.append(
            f" An effect of {numbers.number(subject.mde, sign=True)} % is found with "
            f"{numbers.percent(lifted.significant, 0)} power"
        )
        if lifted.exaggeration is not None:
            words.append(f"; a winner shows {numbers.number(lifted.exaggeration, 3)} times it")
        words.append(".")
    return Sentence(tuple(words), lead=True)


def _table(subject: SimulatedExperiments) -> Table:
    powered = bool(subject.mde)
    columns = [
        Column("Metric", names=("metric",), wrap=True),
        Column("False positives", "right", ("false_positives",)),
        Column("Coverage", "right", ("coverage",)),
    ]
    if powered:
        columns += [
            Column("Power", "right", ("power",)),
            Column("Wrong sign", "right", ("wrong_sign",)),
            Column("Exaggeration", "right", ("exaggeration",)),
        ]
    columns += [
        Column("No answer", "right", ("refused",)),
        Column("Reading", names=("reading",), wrap=True),
    ]
    rows = []
    for result in subject.results:
        null, lifted = result.null, result.lifted
        cells: list[Cell] = [
            Text(result.metric.label),
            _share(null.significant, _between(null.interval)),
            _share(null.coverage),
        ]
        if powered and lifted is not None:
            times = lifted.exaggeration
            cells += [
                _share(lifted.significant, _between(lifted.interval)),
                _share(lifted.wrong_sign),
                Figure(times, "–" if times is None else f"{numbers.number(times, 3)} times"),
            ]
        said, tone = _WORDS[result.reliability(subject.alpha)]
        cells += [whole(null.refused), Reading(said, tone)]
        rows.append(Row(tuple(cells)))
    return Table("How often the method errs on these units", tuple(columns), tuple(rows))


def _share(value: float | None, note: str = "") -> Figure:
    return Figure(value, numbers.percent(value, 1), note=note)


def _between(bounds: tuple[float, float]) -> str:
    low, high = (numbers.percent(bound, 1) for bound in bounds)
    return f"{low} to {high}"


def _provenance(subject: SimulatedExperiments) -> tuple[str, ...]:
    control, treatment = (numbers.count(size) for size in subject.sizes)
    looks = f"{subject.looks} looks at each" if subject.looks > 1 else ""
    return (
        f"{subject.method}, {subject.difference} differences",
        f"{control} control and {treatment} treatment units an experiment, drawn with replacement",
        looks,
        "95 % intervals for the chance in the draws",
        f"seed {subject.seed}",
        subject.source,
        f"exp_jupyter {subject.version}",
    )


def _records(subject: SimulatedExperiments) -> list[dict[str, Any]]:
    found = []
    for result in subject.results:
        null, lifted = result.null, result.lifted
        record: dict[str, Any] = {
            "metric": result.metric.label,
            "units": result.units,
            "false_positives": null.significant,
            "low": null.interval[0],
            "high": null.interval[1],
            "coverage": null.coverage,
            "refused": null.refused,
            "reliability": result.reliability(subject.alpha),
        }
        if lifted is not None:
            record |= {
                "effect": lifted.effect,
                "power": lifted.significant,
                "power_low": lifted.interval[0],
                "power_high": lifted.interval[1],
                "mean_estimate": lifted.mean_estimate,
                "wrong_sign": lifted.wrong_sign,
                "exaggeration": lifted.exaggeration,
            }
        found.append(record)
    return found
