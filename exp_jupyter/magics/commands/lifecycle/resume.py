"""``%exp_resume``: switch the flag of a paused experiment on again."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_again, add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_resume``."""
    it = Arguments(
        "exp_resume",
        """
        Switch the flag of a paused experiment on again, after a confirmation.

        Where an approval policy guards the flag, it waits for its approval.
        """,
        ["%exp_resume 42", "%exp_resume 42 --yes"],
    )
    add_ref(it)
    add_again(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Resume an experiment."""
    write = session.connected().experiments.resume(options.ref)
    return present(session, write, yes=options.yes, again=options.again)
