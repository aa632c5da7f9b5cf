"""How change requests are described: what waits, for whom, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Badge,
    Block,
    Card,
    Cell,
    Column,
    Description,
    Diff,
    DiffLine,
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
)
from exp_jupyter.display.pages.project.flags import shortened
from exp_jupyter.schema.approvals.approval import short_ids
from exp_jupyter.schema.approvals.intent import changed_rows, summary

if TYPE_CHECKING:
    from exp_jupyter.schema.approvals.approval import ChangeRequest

_STATES: dict[str, tuple[str, Tone, str]] = {
    "pending": ("waiting for approval", "notice", "◔"),
    "approved": ("approved, not applied yet", "accent", "✓"),
    "applied": ("applied", "good", "✓"),
    "rejected": ("rejected", "bad", "✕"),
    "failed": ("approved, but could not be applied", "bad", "✕"),
    "expired": ("expired", "quiet", "·"),
}
_SENTENCES = {
    "pending": "Nothing has changed yet. When it is approved, the flag changes at once.",
    "approved": "Nothing has changed yet. It is approved and will be applied on its schedule.",
    "applied": "The flag has changed.",
    "rejected": "Nothing has changed.",
    "failed": "Nothing has changed: it was approved, but applying it failed.",
    "expired": "Nothing has changed: nobody decided in time.",
}
_LONGEST = 70


def state_words(subject: ChangeRequest) -> tuple[str, Tone, str]:
    """Return a change request's state in words, its tone and its mark."""
    if subject.is_stale and subject.is_open:
        return ("out of date", "bad", "!")
    return _STATES.get(subject.state, (subject.state, "quiet", "·"))


def votes_words(subject: ChangeRequest) -> Words:
    """Return how far the approval is, who may vote, and until when."""
    quorum, given = subject.quorum, subject.approved_count
    parts: list[str | Span] = [
        Span(
            f"{'✓ ' if given else ''}{given} of {numbers.counted(quorum, 'approval')}", strong=True
        )
    ]
    if subject.is_open and given < quorum:
        parts.append(f" · {who_may(subject)}")
    if subject.is_open and subject.expires_at is not None:
        parts.append(f" · expires {numbers.day(subject.expires_at, year=True)}")
    return tuple(parts)


def who_may(subject: ChangeRequest) -> str:
    """Return whose word a request waits for."""
    if subject.waits_for_me:
        return "waits for you"
    snapshot = subject.policy_snapshot
    people, roles = len(snapshot.get("users") or ()), len(snapshot.get("roles") or ())
    named = []
    if people:
        named.append(numbers.counted(people, "person", "people"))
    if roles:
        named.append(numbers.counted(roles, "role"))
    return f"{' and '.join(named)} may approve" if named else "an approver has to decide"


def request_diff(subject: ChangeRequest) -> Diff | None:
    """Return what the request changes, from the project's own before and after."""
    lines = tuple(
        DiffLine(row.label, _short(row.before), _short(row.after)) for row in changed_rows(subject)
    )
    return Diff("What it changes", lines) if lines else None


def _short(text: str | None) -> str | None:
    return None if text is None else shortened(text)


def request_blocks(subject: ChangeRequest) -> tuple[Block, ...]:
    """Return the inside of a change request's card: first that nothing has changed yet."""
    blocks: list[Block] = []
    if subject.is_stale and subject.is_open:
        blocks.append(
            Sentence(
                (
                    Span("Nothing has changed, and it can no longer be applied", strong=True),
                    ": the flag has changed since the request was made.",
                )
            )
        )
        blocks.append(NextStep("withdraw it and make the request again."))
    else:
        words = _SENTENCES.get(subject.state, "")
        if words:
            blocks.append(Sentence(words))
    if subject.state == "failed" and subject.apply_error:
        blocks.append(Sentence(f"The project says: {shortened(subject.apply_error, 200)}"))
    blocks.append(Sentence(votes_words(subject)))
    diff = request_diff(subject)
    if diff is not None:
        blocks.append(diff)
    blocks += vote_blocks(subject)
    return tuple(blocks)


def vote_blocks(subject: ChangeRequest) -> tuple[Block, ...]:
    """Return who voted how, and why."""
    lines = []
    for vote in subject.approvals:
        who = vote.created_by.label if vote.created_by else "somebody"
        when = f" on {numbers.day(vote.created_at, year=True)}" if vote.created_at else ""
        mark, tone = _vote_mark(vote.decision)
        reason = f": {shortened(vote.reason, 200)}" if vote.reason else ""
        words = (Span(f"{mark} {who} {vote.decision}", tone=tone), f"{when}{reason}")
        lines.append(Sentence(words))
    return tuple(lines)


def _vote_mark(decision: str) -> tuple[str, Tone]:
    return ("✓", "good") if decision == "approved" else ("✕", "bad")


def change_request(subject: ChangeRequest) -> Description:
    """Describe one change request as a card."""
    title = summary(subject)
    words, tone, _ = state_words(subject)
    requested = [f"request {subject.id[:8]}"]
    if subject.created_by is not None:
        requested.append(f"asked for by {subject.created_by.label}")
    if subject.created_at is not None:
        requested.append(f"on {numbers.moment(subject.created_at)}")
    blocks: tuple[Block, ...] = (
        Card(
            (
                Heading(title, Badge(words, tone)),
                *request_blocks(subject),
                SmallPrint((*requested, subject.action_key)),
            ),
            tone,
        ),
    )
    return Description("change-request", title, blocks, lambda: [_record(subject)])


def change_request_list(subject: Any) -> Description:
    """Describe many change requests, those that wait for the reader first in words."""
    title = "Change requests"
    found = list(subject.results)
    mine = len(subject.waiting_for_me)
    note = numbers.counted(subject.count, "request")
    if not found:
        empty = (
            Heading(title, note=note),
            Sentence("There is no change request here.", lead=True),
        )
        return Description("change-request-list", title, empty)
    columns = (
        Column("Request", names=("id",)),
        Column("What", names=("what",), wrap=True),
        Column("State", names=("state",)),
        Column("Approvals", "right", ("approvals",)),
        Column("Asked for by", names=("requested_by",)),
        Column("Expires", "right", ("expires_at",)),
    )
    short = short_ids(one.id for one in found)
    rows = tuple(Row(_list_cells(one, short[one.id])) for one in found)
    waiting = sum(one.is_open for one in found)
    words: Words = (
        (
            Span(f"{mine} {'waits' if mine == 1 else 'wait'} for you", strong=True, tone="notice"),
            ".",
        )
        if mine
        else f"None waits for you; {waiting} {'waits' if waiting == 1 else 'wait'} for others."
        if waiting
        else "None waits any more."
    )
    blocks: tuple[Block, ...] = (
        Heading(title, note=note),
        Sentence(words, lead=bool(mine)),
        Table("Change requests, newest first", columns, rows),
    )
    return Description(
        "change-request-list", title, blocks, lambda: [_record(one) for one in found]
    )


def _list_cells(one: ChangeRequest, short: str) -> tuple[Cell, ...]:
    words, tone, mark = state_words(one)
    expires = numbers.day(one.expires_at, year=True) if one.is_open and one.expires_at else ""
    by = "you" if one.is_requester else one.created_by.label if one.created_by else ""
    words = "waits for you" if one.waits_for_me else words
    return (
        Text(short, code=True),
        Text(shortened(summary(one), _LONGEST)),
        Reading(words, tone, mark),
        Figure(one.approved_count, f"{one.approved_count} of {one.quorum}"),
        Text(by),
        Text(expires),
    )


def _record(one: ChangeRequest) -> dict[str, Any]:
    return {
        "id": one.id,
        "action_key": one.action_key,
        "flag_key": one.flag_key,
        "state": one.state,
        "stale": one.is_stale,
        "approvals": one.approved_count,
        "quorum": one.quorum,
        "waits_for_me": one.waits_for_me,
        "requested_by": one.created_by.label if one.created_by else None,
        "created_at": one.created_at,
        "expires_at": one.expires_at,
    }
