"""``%exp_timeseries``: a metric's results, day by day."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments, given, one_of
from exp_jupyter.magics.line.method_options import METHODS, add_interval

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


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
    add_interval(it)


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
            "%exp_timeseries --form",
        ],
    )
    add_ref(it, needed=False)
    it.add(
        "metric",
        nargs="?",
        metavar="METRIC",
        offers="metric",
        help="metric: name, uuid or number from 0; the first by default",
    )
    add_method(it)
    it.add("--form", action="store_true", help="open an explorer to pick all of these in")
    return it


def run(session: Session, options: Namespace) -> Any:
    """Read a daily series."""
    project = session.connected()
    mode: Any = options.mode or session.settings.mode
    method = options.method or session.settings.method
    how: Any = {"method": method, "mode": mode, **given(options, "interval", "tuning_n")}
    if options.form:
        from exp_jupyter.widgets.series import SeriesExplorer

        return SeriesExplorer(project, options.ref, options.metric, **how)
    if options.ref is None:
        raise InputError(
            "%exp_timeseries needs REF, the experiment.",
            hint="For example: %exp_timeseries 42, or %exp_timeseries --form to pick one.",
        )
    return project.experiments.timeseries(options.ref, options.metric, **how)
