"""How checks are described: whether a result can be believed, and what to do if not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Badge,
    Block,
    Column,
    Description,
    Figure,
    Heading,
    NextStep,
    Reading,
    Row,
    Sentence,
    SmallPrint,
    Span,
    Table,
    Text,
    Tone,
    Words,
    whole,
)

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.health import Health
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch
    from exp_jupyter.schema.experiments.overview import FlagImplementation

_MARKS: dict[str, tuple[str, str, Tone]] = {
    "ok": ("✓", "fine", "good"),
    "warn": ("!", "look", "notice"),
    "fail": ("✕", "problem", "bad"),
    "unknown": ("·", "not known", "quiet"),
}
_OVERALL: dict[str, tuple[str, Tone]] = {
    "ok": ("✓ Nothing speaks against the results.", "good"),
    "warn": ("! Something deserves a look before the results are used.", "notice"),
    "fail": ("✕ The results cannot be trusted as they are.", "bad"),
    "unknown": ("Some questions could not be answered.", "quiet"),
}
_MISMATCH_WORDS = "The arms are not split as planned"
_AS_PLANNED = "The arms are split as planned"


def sample_ratio_mismatch(subject: SampleRatioMismatch) -> Description:
    """Describe the test of the split."""
    title = "Sample ratio"
    mismatch = bool(subject.mismatch)
    evidence = numbers.p_words(subject.p_value)
    blocks: list[Block] = [Heading(title, note="does the split match the plan?")]
    if subject.p_value is None:
        words: Words = (Span("Too few units to test the split yet", strong=True), ".")
        blocks.append(Sentence(words, lead=True))
        blocks.append(NextStep("wait for about a hundred units in all."))
    elif mismatch:
        words = (Span(f"✕ {_MISMATCH_WORDS}", strong=True, tone="bad"), f" ({evidence}).")
        blocks.append(Sentence(words, lead=True))
        blocks.append(
            NextStep(
                "do not read the results yet. Look for a variant that loses units: redirects, "
                "crashes, bots, a flag that is called too late."
            )
        )
    else:
        blocks.append(
            Sentence(
                (Span(f"✓ {_AS_PLANNED}", strong=True, tone="good"), f" ({evidence})."), lead=True
            )
        )
    observed = {str(key): float(value) for key, value in subject.observed.items()}
    blocks.append(split_table(observed, dict(subject.expected)))
    blocks.append(
        SmallPrint(
            (
                f"method {subject.method.replace('_', ' ')}",
                f"a mismatch is p below {numbers.number(subject.threshold)}",
                f"{numbers.counted(sum(observed.values()), 'unit')} in all",
            )
        )
    )
    return Description("sample-ratio-mismatch", title, tuple(blocks))


def mismatch_blocks(found: SampleRatioMismatch | None) -> tuple[Block, ...]:
    """Return what stands above results whose arms are not split as planned; else nothing."""
    if found is None or not found.mismatch:
        return ()
    seen = ", ".join(
        f"{key} {numbers.count(round(float(found.observed[key])))} instead of "
        f"{numbers.count(round(float(planned)))}"
        for key, planned in found.expected.items()
    )
    words: Words = (
        Span(f"✕ {_MISMATCH_WORDS}", strong=True, tone="bad"),
        f" ({numbers.p_words(found.p_value)}): {seen}. Look for the cause before the results.",
    )
    return (Sentence(words, lead=True),)


def split_table(observed: dict[str, float], expected: dict[str, float]) -> Table:
    """Return the units of every variant beside those that were planned."""
    columns = (
        Column("Variant", names=("variant",)),
        Column("Observed", "right", ("observed",)),
        Column("Expected", "right", ("expected",)),
        Column("Off by", "right", ("off_by",)),
    )
    rows = []
    for key, planned in expected.items():
        seen = observed.get(key)
        off = None if seen is None or not planned else seen / planned - 1
        rows.append(
            Row(
                (
                    Text(str(key)),
                    whole(None if seen is None else int(seen)),
                    Figure(float(planned), numbers.number(round(float(planned), 1), 9)),
                    Figure(off, numbers.lift(off, 1 if off is None or abs(off) >= 0.001 else 2)),
                )
            )
        )
    return Table("Units per variant", columns, tuple(rows), titled=True)


def health(subject: Health) -> Description:
    """Describe the checks of one experiment."""
    title = f"Health of {subject.experiment_name}" if subject.experiment_name else "Health"
    words, tone = _OVERALL.get(subject.verdict, (subject.verdict, "quiet"))
    columns = (
        Column("Check", names=("check",)),
        Column("Verdict", names=("verdict",)),
        Column("What was found", names=("finding",), wrap=True),
    )
    rows = []
    for check in subject.checks:
        mark, word, colour = _MARKS.get(check.verdict, ("·", check.verdict, "quiet"))
        step = f"Next: {check.next_step}" if check.next_step else ""
        reading = Reading(word, colour, mark)
        rows.append(Row((Text(check.name), reading, Text(check.sentence, note=step))))
    blocks: list[Block] = [
        Heading(title, status_badge(subject.status)),
        Sentence((Span(words, strong=True, tone=tone),), lead=True),
        Table("Checks, the most important first", columns, tuple(rows)),
    ]
    if subject.exposures:
        total = sum(subject.exposures.values())
        srm = subject.srm
        shares = sum(subject.split.values())
        expected = (
            {str(key): float(value) for key, value in srm.expected.items()}
            if srm is not None
            else {key: total * share / shares for key, share in subject.split.items() if shares}
        )
        observed = {key: float(value) for key, value in subject.exposures.items()}
        blocks.append(split_table(observed, expected or observed))
    blocks.append(SmallPrint((f"exp_jupyter {subject.version}",)))
    return Description("health", title, tuple(blocks))


def status_badge(status: str, *, archived: bool = False) -> Badge:
    """Return an experiment's status as a badge."""
    tones: dict[str, Tone] = {
        "running": "good",
        "paused": "notice",
        "exposure_frozen": "accent",
    }
    if archived:
        return Badge("archived", "quiet")
    return Badge(status.replace("_", " "), tones.get(status, "quiet"))


def flag_implementation(subject: FlagImplementation) -> Description:
    """Describe whether the flag is in the events yet."""
    title = "Flag in the product"
    blocks: tuple[Block, ...]
    if subject.result:
        blocks = (
            Heading(title),
            Sentence(
                (
                    Span("! No flag was found in recent events", strong=True, tone="notice"),
                    ": the product may not ask for the flag yet, or nothing came in.",
                ),
                lead=True,
            ),
            NextStep("put the flag into the product’s code, use it once, then ask again."),
        )
    else:
        blocks = (
            Heading(title),
            Sentence(
                (
                    Span("✓ Flags are in the recent events", strong=True, tone="good"),
                    ": nothing more is to be built.",
                ),
                lead=True,
            ),
        )
    small = SmallPrint(("a sample of the events of the last 7 days",))
    return Description(
        "flag-implementation",
        title,
        (*blocks, small),
        lambda: [{"implementation_required": bool(subject.result)}],
    )
