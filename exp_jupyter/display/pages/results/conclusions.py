"""What many comparisons say together: one sentence a group of metrics, and what the rule says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import Badge, Block, Sentence, Span, StatusLine, Tone, Words

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.decision import Action, Decision, Finding, Role
    from exp_jupyter.analysis.results.progress import PlanProgress
    from exp_jupyter.engine.checks.sample_ratio import SampleRatioMismatch

GROUPS: dict[Role, str] = {
    "primary": "Primary",
    "secondary": "Secondary",
    "guardrail": "Guardrails",
}
_NOUNS: dict[Role, str] = {
    "primary": "primary metric",
    "secondary": "secondary metric",
    "guardrail": "guardrail",
}
_TONES: dict[Action, Tone] = {
    "ship": "good",
    "keep running": "accent",
    "stop": "notice",
    "review": "bad",
}
_MOST_NAMED = 3


def group_sentences(findings: Sequence[Finding], *, ended: bool = False) -> tuple[Block, ...]:
    """Return one sentence a group of metrics; the primary metrics' is read first."""
    roles = [role for role in GROUPS if any(found.role == role for found in findings)]
    return tuple(
        Sentence(
            _group_words(role, [f for f in findings if f.role == role], ended=ended),
            lead=place == 0,
        )
        for place, role in enumerate(roles)
    )


def _group_words(role: Role, found: Sequence[Finding], *, ended: bool) -> Words:
    arms = dict.fromkeys(one.arm for one in found)
    named = len(arms) > 1
    total = len(found)
    noun = _NOUNS[role]
    if total > 1:
        noun += "s"
    if named:
        noun = f"comparisons of {_NOUNS[role]}s"
    if role == "guardrail":
        return _guard_words(found, noun, total, named=named)
    better = [one for one in found if one.outcome == "better"]
    worse = [one for one in found if one.outcome == "worse"]
    missing = sum(one.outcome == "missing" for one in found)
    yet = "" if ended else " yet"
    if total == 1:
        one = found[0]
        words = {
            "better": (Span(f"{one.metric} is better", strong=True, tone="good"), "."),
            "worse": (Span(f"{one.metric} is worse", strong=True, tone="bad"), "."),
            "open": (Span(f"{one.metric} is not distinguishable{yet}", strong=True), "."),
            "missing": (Span(f"{one.metric} cannot be compared{yet}", strong=True), "."),
        }[one.outcome]
        return (Span(f"{GROUPS[role]}: ", quiet=True), *words)
    head: list[str | Span] = [Span(f"{GROUPS[role]}: ", quiet=True)]
    if better:
        count = f"{len(better)} of {total} {noun} {'is' if len(better) == 1 else 'are'} better"
        head.append(Span(count, strong=True, tone="good"))
        head.append(f" ({_listed(better, named=named)})")
    elif not worse:
        said = f"none of {total} {noun} is distinguishable{yet}"
        return (*head, Span(said, strong=True), _missing(missing), ".")
    else:
        head.append(Span(f"none of {total} {noun} is better", strong=True))
    if worse:
        count = f"{len(worse)} {'is' if len(worse) == 1 else 'are'} worse"
        head += [", ", Span(count, strong=True, tone="bad")]
        head.append(f" ({_listed(worse, named=named)})")
    else:
        head.append(", none is worse")
    return (*head, _missing(missing), ".")


def _guard_words(found: Sequence[Finding], noun: str, total: int, *, named: bool) -> Words:
    broken = [one for one in found if one.guard == "broken"]
    held = [one for one in found if one.guard == "holds"]
    head = Span("Guardrails: ", quiet=True)
    if broken:
        count = f"✕ {len(broken)} of {total} {noun} {'is' if len(broken) == 1 else 'are'} worse"
        return (
            head,
            Span(count, strong=True, tone="bad"),
            f" ({_listed(broken, named=named)}).",
        )
    if len(held) == total:
        words = f"✓ {'it holds' if total == 1 else f'all {total} hold'} within the margin"
        return (head, Span(words, strong=True, tone="good"), f" ({_listed(held, named=named)}).")
    rest = [one for one in found if one.guard == "open"]
    count = f"{len(rest)} of {total} {noun} {'is' if len(rest) == 1 else 'are'}"
    return (head, f"{count} not shown to hold ({_listed(rest, named=named)}); none is worse.")


def _listed(found: Sequence[Finding], *, named: bool) -> str:
    names = [f"{one.metric}, {one.arm}" if named else one.metric for one in found[:_MOST_NAMED]]
    more = len(found) - len(names)
    return "; ".join(names) + (f"; {more} more" if more else "")


def _missing(count: int) -> str:
    return f"; {count} cannot be compared" if count else ""


def decision_sentence(decision: Decision) -> Sentence:
    """Return what the rule says, and why."""
    words = (
        Span("Decision: ", quiet=True),
        Span(decision.headline, strong=True, tone=_TONES[decision.action]),
        f". {' '.join(decision.reasons)}",
    )
    return Sentence(words)


def headline(decision: Decision) -> Sentence:
    """Return the decision without its reasons."""
    words = (
        Span("Decision: ", quiet=True),
        Span(f"{decision.headline}.", strong=True, tone=_TONES[decision.action]),
    )
    return Sentence(words)


def tone(decision: Decision) -> Tone:
    """Return the tone of a decision."""
    return _TONES[decision.action]


def standing(
    progress: PlanProgress | None, ratio: SampleRatioMismatch | None
) -> tuple[StatusLine, ...]:
    """Return how far the plan is and whether the split is the planned one; nothing unknown."""
    marks = tuple(mark for mark in (split_mark(ratio),) if mark is not None)
    words = "" if progress is None else progress_words(progress)
    if not words and not marks:
        return ()
    return (StatusLine(words, marks, None if progress is None else progress.share),)


def progress_words(progress: PlanProgress) -> str:
    """Return where an experiment stands in its plan.

    Examples
    --------
    >>> from exp_jupyter.analysis.results.progress import PlanProgress
    >>> progress_words(PlanProgress(22, 3909, 27, 4616))
    'day 22 of 27 · 3,909 of 4,616 units · 4 days to the planned size at this pace'
    """
    day = f"day {progress.day}"
    if progress.planned_days and progress.day <= progress.planned_days:
        day += f" of {progress.planned_days}"
    elif progress.planned_days:
        day += f", {progress.planned_days} were planned"
    units = numbers.counted(progress.units, "unit")
    if progress.planned_units:
        units = f"{numbers.count(progress.units)} of {numbers.count(progress.planned_units)} units"
    left = progress.days_left
    if progress.finished is None:
        end = "no planned size is saved"
    elif progress.finished:
        end = "the plan is done"
    elif left is not None:
        end = f"{numbers.days(left)} to the planned size at this pace"
    else:
        end = "nobody new is exposed"
    return f"{day} · {units} · {end}"


def split_mark(ratio: SampleRatioMismatch | None) -> Badge | None:
    """Return the mark of a split that is the planned one; else None."""
    if ratio is None or ratio.p_value is None or ratio.mismatch:
        return None  # a broken split stands above everything else, in a sentence
    return Badge(f"✓ split as planned, {numbers.p_words(ratio.p_value)}", "good")
