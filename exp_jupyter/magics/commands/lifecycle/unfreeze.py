"""``%exp_unfreeze``: let newcomers into a frozen experiment again."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_again, add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_unfreeze``."""
    it = Arguments(
        "exp_unfreeze",
        """
        Let newcomers into a frozen experiment again, after a confirmation.
        """,
        ["%exp_unfreeze 42", "%exp_unfreeze 42 --yes"],
    )
    add_ref(it)
    add_again(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Let newcomers into a frozen experiment again."""
    write = session.connected().experiments.unfreeze(options.ref)
    return present(session, write, yes=options.yes, again=options.again)
