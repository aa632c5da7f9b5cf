"""How writes are described: what would happen, where it stands, and what came of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Badge,
    Block,
    Card,
    Code,
    Description,
    Details,
    Diff,
    DiffLine,
    Heading,
    NextStep,
    Sentence,
    SmallPrint,
    Span,
    StatusLine,
    Tone,
)
from exp_jupyter.display.pages.project.approvals import (
    request_blocks,
    request_diff,
    vote_blocks,
    who_may,
)
from exp_jupyter.display.pages.project.flags import shortened
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    from exp_jupyter.schema.approvals.approval import ChangeRequest
    from exp_jupyter.schema.approvals.writes import Evidence, WriteOutcome, WritePlan, WriteState

_STATES: dict[str, tuple[str, Tone]] = {
    "to_do": ("not written yet", "accent"),
    "already_done": ("✓ already done", "good"),
    "waiting": ("◔ waiting for approval", "notice"),
    "refused": ("✕ refused", "bad"),
    "applied": ("✓ done", "good"),
    "unknown": ("! not known", "bad"),
}
_NOTHING_CHANGED = "Nothing has changed yet."
_MOST_NAMES = 2


def write_plan(subject: WritePlan) -> Description:
    """Describe what a write would do; nothing is written by showing it."""
    return Description(
        "write-plan",
        subject.title,
        (Card(_plan_blocks(subject)),),
        lambda: _records(subject),
        lambda: plain(subject),
    )


def _plan_blocks(subject: WritePlan) -> tuple[Block, ...]:
    blocks: list[Block] = [Heading(subject.title, Badge("not written yet", "accent"))]
    if subject.evidence is not None:
        blocks += _evidence_blocks(subject.evidence)
    blocks.append(Sentence(subject.sentence))
    if subject.diff:
        lines = tuple(DiffLine(row.label, row.before, row.after) for row in subject.diff)
        blocks.append(Diff("What changes", lines))
    if subject.gate:
        blocks.append(Sentence((Span("Approval: ", strong=True, tone="notice"), subject.gate)))
    blocks.append(Details("Exact request", (Code(_request(subject)),)))
    return tuple(blocks)


def _evidence_blocks(evidence: Evidence) -> tuple[Block, ...]:
    """Return what the experiment's results say about a write, the doubts in words."""
    tones: dict[str, Tone] = {"good": "good", "bad": "bad", "notice": "notice"}
    marks = tuple(Badge(words, tones.get(tone, "quiet")) for words, tone in evidence.marks)
    blocks: list[Block] = [StatusLine("", marks)] if marks else []
    blocks += [Sentence(f"! {warning}", tone="notice") for warning in evidence.warnings]
    if evidence.advice:
        blocks.append(Sentence((Span("The results say: ", quiet=True), evidence.advice)))
    return tuple(blocks)


def _request(subject: WritePlan) -> str:
    head = f"{subject.method} {subject.path}"
    if subject.body is None:
        return head
    body = json.dumps(plain(subject.body), indent=2, ensure_ascii=False, sort_keys=False)
    return f"{head}\n{body}"


def _records(subject: WritePlan) -> list[dict[str, Any]]:
    return [{"label": row.label, "before": row.before, "after": row.after} for row in subject.diff]


def write_state(subject: WriteState) -> Description:
    """Describe where a write stands in the project."""
    return _standing("write-state", subject, subject.next_step)


def write_outcome(subject: WriteOutcome) -> Description:
    """Describe what came of a write."""
    return _standing("write-outcome", subject, subject.next_step)


def _standing(kind: str, subject: Any, next_step: str) -> Description:
    words, tone = _STATES.get(subject.kind, (subject.kind.replace("_", " "), "quiet"))
    request = subject.change_request
    if subject.can_finish:
        words, tone = "approved, one more step", "accent"
    elif subject.kind == "refused" and request is not None:
        words, tone = _ended(request)
    title = words.lstrip("✓✕◔! ")
    title = title[0].upper() + title[1:] if title else "Write"
    said = subject.sentence
    if subject.kind == "waiting" and not subject.can_finish:
        title = _waiting_title(subject)
        blocks = _waiting_blocks(subject, title)
    else:
        blocks = [
            Heading(title, note=_named(subject.result)),
            Sentence((Span(said, strong=True, tone=tone),)),
        ]
    if next_step:
        blocks.append(NextStep(next_step))
    if request is not None:
        blocks.append(SmallPrint((f"request {request.id[:8]}", request.action_key)))

    def record() -> list[dict[str, Any]]:
        return [
            {
                "kind": subject.kind,
                "sentence": said,
                "next_step": next_step,
                "change_request": request.id if request is not None else None,
            }
        ]

    return Description(kind, title, (Card(tuple(blocks), tone),), record)


def _ended(request: ChangeRequest) -> tuple[str, Tone]:
    """Return how a request ended without its change, in a word or two."""
    if request.was_withdrawn:
        return "withdrawn", "quiet"
    ends: dict[str, tuple[str, Tone]] = {
        "rejected": ("✕ rejected", "bad"),
        "expired": ("expired", "quiet"),
        "failed": ("✕ could not be applied", "bad"),
    }
    return ends.get(request.state, _STATES["refused"])


def _waiting_title(subject: Any) -> str:
    names = subject.approvers
    if not names or len(names) > _MOST_NAMES:
        return "Waiting for approval"
    return f"Waiting for {' or '.join(names)}"


def _waiting_blocks(subject: Any, title: str) -> list[Block]:
    """Say once that nothing has changed, who decides, and the steps from here."""
    request = subject.change_request
    if request is None:
        return [Heading(title), Sentence(_NOTHING_CHANGED), Sentence(subject.sentence)]
    since = f"since {numbers.moment(request.created_at)}" if request.created_at else ""
    expires = f"expires {numbers.day(request.expires_at, year=True)}" if request.expires_at else ""
    note = " · ".join(part for part in (since, expires) if part)
    blocks: list[Block] = [Heading(title, note=note)]
    if request.is_stale:
        return [*blocks, *request_blocks(request)]
    given, needed = request.approved_count, numbers.counted(request.quorum, "approval")
    last = f"you finish: {subject.second_step}" if subject.second_step else "the flag changes"
    steps = (
        Span("✓ asked", tone="good"),
        Span(" · ", quiet=True),
        Span(f"● {given} of {needed}", strong=True, tone="notice"),
        Span(" · ", quiet=True),
        Span(f"○ {last}", quiet=True),
    )
    blocks += [Sentence(_NOTHING_CHANGED), Sentence(steps)]
    if len(subject.approvers) > _MOST_NAMES:
        blocks.append(Sentence(f"May approve: {', '.join(subject.approvers)}."))
    elif not subject.approvers and given < request.quorum:
        words = who_may(request)
        blocks.append(Sentence(f"{words[0].upper()}{words[1:]}."))
    diff = request_diff(request)
    return [*blocks, *((diff,) if diff is not None else ()), *vote_blocks(request)]


def _named(result: Any) -> str:
    """Return which object the write is about, if it has a name."""
    name, number = getattr(result, "name", None), getattr(result, "id", None)
    if not isinstance(name, str) or not name:
        return ""
    status = getattr(result, "status", None)
    parts = [f"#{number}" if number is not None else "", shortened(name), str(status or "")]
    return " · ".join(part for part in parts if part)


def write(subject: Any) -> Description:
    """Describe a write by its plan; asking the project where it stands is the reader's choice.

    Whoever sees this has no button to click: it says how the write is made, and asks for nothing.
    """
    plan = write_plan(subject.plan)
    step = NextStep(
        (
            "nothing is written yet. To write it, add ",
            Span("--yes", code=True),
            " to the line, or call ",
            Span("send()", code=True),
            "; ",
            Span("to_markdown()", code=True),
            " shows the exact request.",
        )
    )
    return replace(plan, blocks=(*plan.blocks, step))
