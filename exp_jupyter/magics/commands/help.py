"""``%exp``: the magics, one line each, or the help of one."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from exp_jupyter.errors import InputError
from exp_jupyter.magics.line.arguments import Arguments, Help, nearest
from exp_jupyter.shown import Shown

if TYPE_CHECKING:
    from exp_jupyter.display.content import blocks
    from exp_jupyter.display.content.blocks import Description
    from exp_jupyter.magics.session import MagicEntry, Session


@dataclass(frozen=True, repr=False)
class MagicList(Shown):
    """The magics, and the project they ask.

    Attributes
    ----------
    entries
        The magics in reading order.
    connected
        The connected project's name; empty when there is none.
    forms
        The lines that open a form.
    """

    entries: tuple[MagicEntry, ...]
    connected: str = ""
    forms: tuple[str, ...] = ()


def arguments() -> Arguments:
    """Return the arguments of ``%exp``."""
    it = Arguments(
        "exp",
        "List the magics, or show the help of one.",
        ["%exp", "%exp size", "%exp_size?"],
    )
    it.add("name", nargs="?", metavar="NAME", offers="magic", help="a magic, such as exp_size")
    return it


def run(session: Session, options: Namespace) -> MagicList | Help:
    """List the magics, or show the help of one."""
    if options.name is None:
        from exp_jupyter.display import register

        register(MagicList, describe)
        entries = tuple(session.magics.values())
        forms = tuple(
            f"{entry.name} --form"
            for name, entry in session.magics.items()
            if "--form" in session.usage(name).split()
        )
        return MagicList(entries, session.project.name if session.project else "", forms)
    name = options.name.lstrip("%").replace("-", "_")
    name = name if name.startswith("exp") else f"exp_{name}"
    if name not in session.magics:
        raise InputError(
            f"There is no magic %{name}.",
            hint=nearest(f"%{name}", [f"%{known}" for known in session.magics])
            or "Run %exp to see them all.",
        )
    return Help(session.usage(name))


def describe(listed: MagicList) -> Description:
    """Describe the list by what a magic is for, and say how to learn more."""
    from exp_jupyter.display.content import blocks

    columns = (
        blocks.Column("Magic", names=("magic",)),
        blocks.Column("What it does", names=("summary",), wrap=True),
    )
    rows: list[blocks.Row] = []
    for group in dict.fromkeys(entry.group for entry in listed.entries):
        title = blocks.Text(group, strong=True)
        rows.append(blocks.Row((title, blocks.EMPTY), rule=bool(rows)))
        rows += [
            blocks.Row((blocks.Text(entry.name, code=True), blocks.Text(entry.summary)))
            for entry in listed.entries
            if entry.group == group
        ]
    state: blocks.Block = blocks.NextStep("No project is connected yet:", code="%exp_connect")
    if listed.connected:
        state = blocks.Sentence(("Connected to ", blocks.Span(listed.connected, strong=True), "."))
    return blocks.Description(
        "magic-list",
        "The %exp magics",
        (
            blocks.Table("The magics of exp_jupyter", columns, tuple(rows)),
            state,
            *_forms(listed),
            blocks.SmallPrint(("A question mark shows options and examples: %exp_size?",)),
        ),
        lambda: [asdict(entry) for entry in listed.entries],
    )


def _forms(listed: MagicList) -> tuple[blocks.Block, ...]:
    from exp_jupyter.display.content import blocks

    if not listed.forms:
        return ()
    spans: list[str | blocks.Span] = ["As a form to fill in: "]
    for place, line in enumerate(listed.forms):
        spans += [", " if place else "", blocks.Span(line, code=True)]
    return (blocks.Sentence((*spans, ".")),)
