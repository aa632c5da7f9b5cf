"""How a connection is described."""

from __future__ import annotations

from typing import Any

from exp_jupyter.display import numbers
from exp_jupyter.display.blocks import (
    Badge,
    Block,
    Cell,
    Description,
    Heading,
    NextStep,
    fields,
)


def project(subject: Any) -> Description:
    """Describe the project one is connected to."""
    title = str(subject.name)
    person = subject.me
    # An embedded project's origin is only a name inside the process; nobody could open it.
    embedded = subject.kind == "embedded"
    facts: dict[str, Cell | str] = {
        "Where": "in this process; no port is open" if embedded else str(subject.origin),
        "Project": str(subject.id),
        "You are": str(getattr(person, "label", "")) if person is not None else "not told",
        "Days are those of": str(subject.timezone),
    }
    if embedded:
        facts["Its clock says"] = numbers.moment(subject.now)
    blocks: tuple[Block, ...] = (
        Heading(title, Badge("connected", "good")),
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
