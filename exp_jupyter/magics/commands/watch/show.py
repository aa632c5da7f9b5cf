"""``%exp_show``: one experiment."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.line.arguments import Arguments

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session
    from exp_jupyter.schema.experiments.experiment import Experiment


def add_ref(it: Arguments, *, needed: bool = True) -> None:
    """Add the word that names an experiment; a magic with a form can do without."""
    it.add(
        "ref",
        nargs=None if needed else "?",
        metavar="REF",
        offers="experiment",
        help="experiment: id, flag key or exact name",
    )


def arguments() -> Arguments:
    """Return the arguments of ``%exp_show``."""
    it = Arguments(
        "exp_show",
        "Show one experiment: hypothesis, flag, variants, metrics and dates.",
        ["%exp_show 42", '%exp_show "Faster checkout"'],
    )
    add_ref(it)
    return it


def run(session: Session, options: Namespace) -> Experiment:
    """Show one experiment."""
    found = session.connected().experiments.get(options.ref)
    session.names.see_experiments([found])
    return found
