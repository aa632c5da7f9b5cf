"""How change requests are described: what waits, for whom, and what became of it."""

from __future__ import annotations

import re
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
        parts.append(f" · {_who_may(subject)}")
    if subject.is_open and subject.expires_at is not None:
        parts.append(f" · expires {numbers.day(subject.expires_at, year=True)}")
    return tuple(parts)


def _who_may(subject: ChangeRequest) -> str:
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
    shown = subject.intent_display
    before, after = _flat(shown.get("before")), _flat(shown.get("after"))
    keys = _variant_keys(subject)
    lines = tuple(
        DiffLine(_spoken(path, keys), before.get(path), after.get(path))
        for path in dict.fromkeys((*before, *after))
        if before.get(path) != after.get(path)
    )
    return Diff("What it changes", lines) if lines else None


def _flat(side: Any) -> dict[str, str]:
    """Return one side of the diff as path and value; rollouts come as a list of both."""
    if not isinstance(side, dict):
        return {}
    found = {}
    for key, value in side.items():
        if isinstance(value, list) and all(isinstance(v, dict) and "path" in v for v in value):
            for item in value:
                number = item.get("value")
                percent = isinstance(number, (int, float)) and "percentage" in str(item["path"])
                found[str(item["path"])] = (
                    numbers.share(float(number) / 100) if percent and number is not None
                    else _value(number)
                )  # fmt: skip
        else:
            found[str(key)] = _value(value)
    return found


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return shortened(str(value))


def _variant_keys(subject: ChangeRequest) -> list[str]:
    """Return the variants' keys in the flag's order, as far as the request tells them."""
    found: Any = subject.intent.get("full_request_data")
    for step in ("filters", "multivariate", "variants"):
        found = found.get(step) if isinstance(found, dict) else None
    return [str(one.get("key", "")) for one in found or () if isinstance(one, dict)]


def _spoken(path: str, keys: list[str]) -> str:
    """Return a path of the flag in words where it has some."""
    if path == "active":
        return "flag"
    if path == "holdout.exclusion_percentage":
        return "holdout"
    variant = re.fullmatch(r"multivariate\.variants\[(\d+)\]\.rollout_percentage", path)
    if variant and int(variant[1]) < len(keys):
        return keys[int(variant[1])]
    group = re.fullmatch(r"groups\[(\d+)\]\.rollout_percentage", path)
    return f"release group {int(group[1]) + 1}" if group else path


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
    blocks += _votes(subject)
    return tuple(blocks)


def _votes(subject: ChangeRequest) -> tuple[Block, ...]:
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
    title = _title(subject)
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


def _title(subject: ChangeRequest) -> str:
    verbs = {
        "feature_flag.enable": "Switch on",
        "feature_flag.disable": "Switch off",
        "feature_flag.update": "Change the rollout of",
    }
    verb = verbs.get(subject.action_key)
    return f"{verb} {subject.flag_key}" if verb and subject.flag_key else subject.description


def change_request_list(subject: Any) -> Description:
    """Describe many change requests, those that wait for the reader first in words."""
    title = "Change requests"
    found = list(subject.results)
    mine = len(subject.waiting_for_me)
    note = numbers.counted(subject.count, "request")
    if not found:
        empty = (
            Heading(title, note=note),
            Sentence("Nothing waits for approval.", lead=True),
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
    rows = tuple(Row(_list_cells(one)) for one in found)
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


def _list_cells(one: ChangeRequest) -> tuple[Cell, ...]:
    words, tone, mark = state_words(one)
    expires = numbers.day(one.expires_at, year=True) if one.is_open and one.expires_at else ""
    by = "you" if one.is_requester else one.created_by.label if one.created_by else ""
    words = "waits for you" if one.waits_for_me else words
    return (
        Text(one.id[:8], code=True),
        Text(shortened(_title(one), _LONGEST)),
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
