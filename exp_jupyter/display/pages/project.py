"""How a connection and the family of magics are described."""

from __future__ import annotations

from typing import Any

from exp_jupyter.display import numbers
from exp_jupyter.display.blocks import (
    Badge,
    Block,
    Cell,
    Column,
    Description,
    Heading,
    NextStep,
    Row,
    Sentence,
    Span,
    Table,
    Text,
    fields,
)

_KINDS = {"embedded": "in this process, no port open", "remote": "over the network"}


def project(subject: Any) -> Description:
    """Describe the project one is connected to."""
    title = str(subject.name)
    person = subject.me
    where = _KINDS.get(str(subject.kind), str(subject.kind))
    facts: dict[str, Cell | str] = {
        "Where": f"{subject.origin} ({where})",
        "Project": str(subject.id),
        "You are": str(getattr(person, "label", "")) if person is not None else "not told",
        "Days are those of": str(subject.timezone),
    }
    if subject.kind == "embedded":
        facts["Its clock says"] = numbers.moment(subject.now)
    blocks: tuple[Block, ...] = (
        Heading(title, Badge("connected", "good")),
        fields("The connection", facts),
        NextStep("%exp lists what can be done; project.experiments.list() lists the experiments."),
    )
    return Description("project", title, blocks)


def magic_list(subject: Any) -> Description:
    """Describe the family of magics: one line each."""
    title = "%exp"
    entries = list(_entries(subject))
    columns = (
        Column("Magic", names=("magic",)),
        Column("What it does", names=("summary",), wrap=True),
    )
    rows = tuple(Row((Text(name, code=True), Text(words))) for name, words in entries)
    connected = str(getattr(subject, "connected", "") or "")
    lead = (
        Sentence(("Connected to ", Span(connected, strong=True), "."))
        if connected
        else Sentence("Every magic has a Python twin with the same words; add ? for its help.")
    )
    blocks: tuple[Block, ...] = (Heading(title), lead, Table("Magics", columns, rows))
    return Description("magic-list", title, blocks)


def _entries(subject: Any) -> Any:
    for name in ("entries", "magics", "rows", "results"):
        found = getattr(subject, name, None)
        if found is None:
            continue
        pairs = found.items() if isinstance(found, dict) else found
        for entry in pairs:
            if isinstance(entry, (tuple, list)):
                yield str(entry[0]), str(entry[1] if len(entry) > 1 else "")
            else:
                yield (
                    str(getattr(entry, "name", entry)),
                    str(getattr(entry, "summary", None) or getattr(entry, "sentence", "")),
                )
        return
