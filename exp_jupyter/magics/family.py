"""``%exp``: the magics, one line each, or the help of one."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.errors import InputError
from exp_jupyter.magics.arguments import Arguments, Help, nearest

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp``."""
    it = Arguments(
        "exp",
        "List the magics, or show the help of one.",
        ["%exp", "%exp size", "%exp_size?"],
    )
    it.add("name", nargs="?", metavar="NAME", offers="magic", help="a magic, such as exp_size")
    return it


def run(session: Session, options: Namespace) -> Help:
    """List the magics, or show the help of one."""
    if options.name is None:
        return Help(_list(session))
    name = options.name.lstrip("%").replace("-", "_")
    name = name if name.startswith("exp") else f"exp_{name}"
    if name not in session.magics:
        raise InputError(
            f"There is no magic %{name}.",
            hint=nearest(name, session.magics) or "Run %exp to see them all.",
        )
    return Help(session.usage(name))


def _list(session: Session) -> str:
    width = max(map(len, session.magics)) + 3
    lines = [f"%{name:<{width}}{line}" for name, line in session.magics.items()]
    project = session.project
    state = f"Connected to {project.name}." if project else "No project is connected: %exp_connect."
    return "\n".join([*lines, "", f"{state} Options and examples of each: %exp_size? and so on."])
