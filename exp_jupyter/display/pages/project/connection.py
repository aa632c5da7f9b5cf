"""How a connection is described."""

from __future__ import annotations

from typing import Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Badge,
    Block,
    Cell,
    Description,
    Heading,
    NextStep,
    fields,
)

_SHARED = "no other notebook: each gets its own copy; exp-jupyter demo serves one to several"


def _badge(subject: Any) -> Badge:
    return Badge("replayed", "notice") if subject.replayed_from else Badge("connected", "good")


def _lacks(access: Any) -> str:
    """Say which scopes a key has not got, and what for."""
    missing = [one for one in access.granted if one.verdict == "missing"]
    if not missing:
        return "nothing for reading; what it may write shows when a write is made"
    listed = "; ".join(f"{one.scope}, for {one.what[:1].lower()}{one.what[1:]}" for one in missing)
    return f"{listed}. Make a key that has them too, and connect with it."


def project(subject: Any) -> Description:
    """Describe the project one is connected to."""
    title = str(subject.name)
    person = subject.me
    # An embedded project's origin is only a name inside the process; nobody could open it.
    embedded = subject.kind == "embedded"
    where = "in this process; no port is open" if embedded else str(subject.origin)
    if subject.replayed_from is not None:
        where = f"the recording {subject.replayed_from.name}; nothing is asked, nothing is written"
    recording = "" if subject.recorded_to is None else f"{subject.recorded_to.name}, from now on"
    facts: dict[str, Cell | str] = {
        "Where": where,
        "Shared with": _SHARED if embedded and str(subject.label).startswith("demo") else "",
        "Recorded in": recording,
        "Project": str(subject.id),
        "You are": str(getattr(person, "label", "")) if person is not None else "not told",
        "Days are those of": str(subject.timezone),
    }
    if subject.access is not None:
        facts["The key lacks"] = _lacks(subject.access)
    if embedded or subject.recorded_to or subject.replayed_from:
        facts["Its clock says"] = numbers.moment(subject.now)
    blocks: tuple[Block, ...] = (
        Heading(title, _badge(subject)),
        fields("The connection", facts),
        NextStep("%exp lists what can be done; %exp_list lists the experiments."),
    )

    def data() -> dict[str, Any]:
        return {
            "id": subject.id,
            "name": title,
            "origin": str(subject.origin),
            "kind": str(subject.kind),
            "person": getattr(person, "label", None),
            "timezone": str(subject.timezone),
        }

    return Description("project", title, blocks, lambda: [data()], data)
