"""``%exp_launch``: start a draft now."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_again, add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_launch``."""
    it = Arguments(
        "exp_launch",
        """
        Start a draft experiment now and switch its flag on, after a confirmation.

        Where an approval policy guards the flag, the launch waits for its approval.
        """,
        ["%exp_launch 42", "%exp_launch 42 --yes"],
    )
    add_ref(it)
    add_again(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Launch an experiment."""
    write = session.connected().experiments.launch(options.ref)
    return present(session, write, yes=options.yes, again=options.again)
