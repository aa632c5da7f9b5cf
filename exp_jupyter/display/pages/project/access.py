"""How it is described what a key may do in a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content.blocks import (
    Badge,
    Block,
    Column,
    Description,
    Heading,
    NextStep,
    Reading,
    Row,
    Table,
    Text,
    Tone,
)

if TYPE_CHECKING:
    from exp_jupyter.client.resources.access import Access

_VERDICTS: dict[str, tuple[str, Tone, str]] = {
    "allowed": ("allowed", "good", "✓"),
    "missing": ("scope missing", "bad", "✕"),
    "refused": ("refused to this person", "bad", "✕"),
    "not offered": ("not offered here", "quiet", "–"),
}


def access(subject: Access) -> Description:
    """Describe what a key may read, and which scopes it lacks."""
    lacks = subject.missing
    badge = Badge("some scopes missing", "notice") if lacks else Badge("all there", "good")
    who = f"as {subject.person}" if subject.person else "as somebody the key may not name"
    columns = (
        Column("What", names=("what",)),
        Column("Scope", names=("scope",)),
        Column("Verdict", names=("verdict",)),
    )
    rows = []
    for one in subject.granted:
        verdict = Reading(*_VERDICTS.get(one.verdict, (one.verdict, "quiet", "")))
        rows.append(Row((Text(one.what), Text(one.scope, code=True), verdict)))
    blocks: list[Block] = [
        Heading(subject.project, badge, who),
        Table("What the key may read", columns, tuple(rows)),
    ]
    if lacks:
        step = f"make a key that also has {', '.join(lacks)}, and connect with it."
        blocks.append(NextStep(step))

    def record() -> list[dict[str, Any]]:
        return [
            {"what": one.what, "scope": one.scope, "verdict": one.verdict}
            for one in subject.granted
        ]

    return Description("access", subject.project, tuple(blocks), record)
