"""``%exp_health``: can this experiment's numbers be trusted."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.health import Health
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_health``."""
    it = Arguments(
        "exp_health",
        """
        Check an experiment: sample ratio mismatch, users who saw several variants, exposures, and
        whether the code asks for the flag at all.
        """,
        ["%exp_health 42"],
    )
    add_ref(it)
    return it


def run(session: Session, options: Namespace) -> Health:
    """Check an experiment."""
    return session.connected().experiments.health(options.ref)
