"""``%exp_stats``: how many experiments the project launched, runs and completed."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.line.arguments import Arguments

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session
    from exp_jupyter.schema.experiments.overview import ExperimentStats


def arguments() -> Arguments:
    """Return the arguments of ``%exp_stats``."""
    return Arguments(
        "exp_stats",
        "Count the project's experiments: launched in 30 days, active, completed.",
        ["%exp_stats"],
    )


def run(session: Session, options: Namespace) -> ExperimentStats:
    """Count the experiments."""
    del options
    return session.connected().experiments.stats()
