"""``%exp_duplicate``: a draft with the settings of an experiment."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_again, add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_duplicate``."""
    it = Arguments(
        "exp_duplicate",
        """
        Make a draft with the metrics and settings of an experiment, after a confirmation.

        Without --flag-key both share one flag: pausing or shipping one does it to the other.
        """,
        [
            "%exp_duplicate 42 --flag-key checkout-redesign-2",
            '%exp_duplicate 42 --name "Checkout redesign, mobile" --yes',
        ],
    )
    add_ref(it)
    it.add("--name", metavar="TEXT", help="name of the copy; the source's with (Copy) by default")
    it.add(
        "--flag-key",
        metavar="KEY",
        offers="flag",
        help="flag of the copy, new or existing; by default it shares the source's",
    )
    add_again(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Duplicate an experiment."""
    write = session.connected().experiments.duplicate(
        options.ref, options.name, flag_key=options.flag_key
    )
    return present(session, write, yes=options.yes, again=options.again)
