"""``%exp_timeseries``: a metric's results, day by day."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.arguments import Arguments, one_of
from exp_jupyter.magics.show import add_ref

if TYPE_CHECKING:
    from exp_jupyter.analysis.series import Series
    from exp_jupyter.magics.session import Session

METHODS = ("frequentist", "sequential", "bayesian")


def add_method(it: Arguments) -> None:
    """Add how the numbers are computed, if not as the project does."""
    it.add(
        "--method",
        type=one_of(*METHODS),
        metavar="METHOD",
        offers=" ".join(METHODS),
        help="compute again as frequentist, sequential or bayesian",
    )
    it.add(
        "--mode",
        type=one_of("compat", "recommended"),
        metavar="MODE",
        offers="compat recommended",
        help="compat: as the project computes; recommended: the method's best form",
    )


def arguments() -> Arguments:
    """Return the arguments of ``%exp_timeseries``."""
    it = Arguments(
        "exp_timeseries",
        """
        Read a metric's daily results and what they say so far.

        Without --method the numbers are the project's. With one, every day is computed again from
        the project's sums; sequential results may be looked at daily without raising the
        false-positive rate.
        """,
        [
            '%exp_timeseries 42 "Checkout conversion"',
            '%exp_timeseries 42 "Checkout conversion" --method sequential',
        ],
    )
    add_ref(it)
    it.add(
        "metric",
        nargs="?",
        metavar="METRIC",
        offers="metric",
        help="metric: name, uuid or number from 0; the first by default",
    )
    add_method(it)
    return it


def run(session: Session, options: Namespace) -> Series:
    """Read a daily series."""
    mode: Any = options.mode or session.settings.mode
    method = options.method or session.settings.method
    return session.connected().experiments.timeseries(
        options.ref, options.metric, method=method, mode=mode
    )
