"""``%exp_ship``: give everybody one variant."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.lifecycle.end import add_conclusion
from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_again, add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_ship``."""
    it = Arguments(
        "exp_ship",
        """
        Give everybody one variant, after a confirmation that asks for the experiment's name.

        A running experiment ends with it. Where an approval policy guards the flag, it waits for
        its approval; the same line again then finishes it.
        """,
        [
            "%exp_ship 42 test",
            "%exp_ship 42 test --conclusion won --yes",
            "%exp_ship 42 control --to-everyone",
        ],
    )
    add_ref(it)
    it.add("variant", metavar="VARIANT", offers="variant", help="key of the variant that stays")
    it.add(
        "--to-everyone",
        action="store_true",
        help="also release the flag to everybody, whatever its release conditions say",
    )
    add_conclusion(it)
    add_again(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Ship a variant."""
    write = session.connected().experiments.ship(
        options.ref,
        options.variant,
        to_everyone=options.to_everyone,
        conclusion=options.conclusion,
        comment=options.comment,
    )
    return present(session, write, yes=options.yes, again=options.again)
