"""``%exp_unarchive``: bring an archived experiment back."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments
from exp_jupyter.magics.line.writing import add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_unarchive``."""
    it = Arguments(
        "exp_unarchive",
        "Bring an archived experiment back to the list, after a confirmation.",
        ["%exp_unarchive 17", "%exp_unarchive 17 --yes"],
    )
    add_ref(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Bring an experiment back."""
    return present(session, session.connected().experiments.unarchive(options.ref), yes=options.yes)
