"""``%exp_exposures``: who saw which variant, day by day."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.daily_exposures import DailyExposures
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_exposures``."""
    it = Arguments(
        "exp_exposures",
        """
        Show who saw which variant, day by day, and whether the units are split as planned.

        The daily p-values may be looked at every day: looking often raises no false alarm.
        """,
        ["%exp_exposures 42", '%exp_exposures "Faster checkout"'],
    )
    add_ref(it)
    return it


def run(session: Session, options: Namespace) -> DailyExposures:
    """Show the exposures by day."""
    return session.connected().experiments.daily_exposures(options.ref)
