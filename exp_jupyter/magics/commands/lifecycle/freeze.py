"""``%exp_freeze``: keep newcomers out of a running experiment."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_again, add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_freeze``."""
    it = Arguments(
        "exp_freeze",
        """
        Keep newcomers out of a running experiment, after a confirmation.

        Those who are in keep their variant, and their events go on to count.
        """,
        ["%exp_freeze 42", "%exp_freeze 42 --yes"],
    )
    add_ref(it)
    add_again(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Keep newcomers out of a running experiment."""
    write = session.connected().experiments.freeze(options.ref)
    return present(session, write, yes=options.yes, again=options.again)
