"""``%exp_archive``: put an ended experiment away."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_archive``."""
    it = Arguments(
        "exp_archive",
        """
        Put an ended experiment into the archive, after a confirmation.

        %exp_unarchive brings it back.
        """,
        ["%exp_archive 17", "%exp_archive 17 --disable-flag --yes"],
    )
    add_ref(it)
    it.add(
        "--disable-flag",
        action="store_true",
        help="also switch its flag off and archive it, unless another live experiment uses it",
    )
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Archive an experiment."""
    experiments = session.connected().experiments
    write = experiments.archive(options.ref, disable_flag=options.disable_flag)
    return present(session, write, yes=options.yes)
