"""``%exp_pause``: switch the flag of a running experiment off."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_again, add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_pause``."""
    it = Arguments(
        "exp_pause",
        """
        Switch the flag of a running experiment off, after a confirmation.

        Nobody sees a variant until it is resumed; dates and results stay.
        """,
        ["%exp_pause 42", "%exp_pause 42 --yes"],
    )
    add_ref(it)
    add_again(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Pause an experiment."""
    write = session.connected().experiments.pause(options.ref)
    return present(session, write, yes=options.yes, again=options.again)
