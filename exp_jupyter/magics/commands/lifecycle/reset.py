"""``%exp_reset``: make a launched experiment a draft again."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_reset``."""
    it = Arguments(
        "exp_reset",
        """
        Make a launched experiment a draft again, after a confirmation.

        Its dates and its conclusion are forgotten. Its flag stays as it is, no event is deleted.
        """,
        ["%exp_reset 42", "%exp_reset 42 --yes"],
    )
    add_ref(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Reset an experiment."""
    write = session.connected().experiments.reset(options.ref)
    return present(session, write, yes=options.yes)
