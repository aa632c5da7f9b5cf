"""``%exp_results``: every metric of an experiment as it is now, on one page."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.commands.watch.timeseries import add_method
from exp_jupyter.magics.line.arguments import Arguments, given
from exp_jupyter.magics.line.progress import counting, progress_line

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.experiment import Results
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_results``."""
    it = Arguments(
        "exp_results",
        """
        Read the results of an experiment as they are now: every metric, or one.

        Without --method the numbers are the project's. A metric the project cannot analyse is
        named, and the others are shown all the same.
        """,
        [
            "%exp_results 42",
            '%exp_results 42 "Checkout conversion"',
            "%exp_results 42 --method frequentist --mode recommended",
        ],
    )
    add_ref(it)
    it.add(
        "metric",
        nargs="?",
        metavar="METRIC",
        offers="metric",
        help="metric: name, uuid or number from 0; all of them by default",
    )
    add_method(it)
    return it


def run(session: Session, options: Namespace) -> Results:
    """Read the results."""
    mode: Any = options.mode or session.settings.mode
    with progress_line(session) as progress:
        return session.connected().experiments.results(
            options.ref,
            options.metric,
            method=options.method or session.settings.method,
            mode=mode,
            **given(options, "interval", "tuning_n"),
            progress=counting(progress, "Reading the metrics"),
        )
