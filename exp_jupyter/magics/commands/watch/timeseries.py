"""``%exp_timeseries``: a metric's results, day by day."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments, given, number, one_of
from exp_jupyter.magics.line.method_options import METHODS, add_interval
from exp_jupyter.magics.line.progress import counting, progress_line

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
    it.add(
        "--alpha",
        type=number,
        metavar="RATE",
        help="with --method: false-positive rate; by default the experiment's own",
    )


def how_of(session: Session, options: Namespace) -> dict[str, Any]:
    """Return how the numbers are computed, from the line and the settings."""
    method = options.method or session.settings.method
    alpha = options.alpha
    if alpha is None and method is not None:
        alpha = session.settings.alpha
    return {
        "method": method,
        "mode": options.mode or session.settings.mode,
        "alpha": alpha,
        **given(options, "interval", "tuning_n"),
    }


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
            '%exp_timeseries 42 "Checkout conversion" Revenue --since 2026-03-20',
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
    it.add(
        "more",
        nargs="*",
        metavar="METRIC",
        offers="metric",
        help="further metrics, each with a section of its own",
    )
    add_method(it)
    it.add("--since", metavar="DAY", help="first day to show, 2026-03-20")
    it.add("--until", metavar="DAY", help="last day to show")
    it.add(
        "--fingerprint",
        metavar="HEX",
        help="of an earlier definition of the metric: its series instead, 64 digits",
    )
    it.add("--form", action="store_true", help="open an explorer to pick all of these in")
    return it


def run(session: Session, options: Namespace) -> Any:
    """Read a daily series."""
    project = session.connected()
    how = how_of(session, options)
    window = given(options, "since", "until")
    if options.form:
        _refuse_beside_form(options)
        how.pop("alpha")
        from exp_jupyter.widgets.series import SeriesExplorer

        return SeriesExplorer(project, options.ref, options.metric, **how)
    if options.ref is None:
        raise InputError(
            "%exp_timeseries needs REF, the experiment.",
            hint="For example: %exp_timeseries 42, or %exp_timeseries --form to pick one.",
        )
    if not options.more:
        which = given(options, "fingerprint")
        return project.experiments.timeseries(options.ref, options.metric, **how, **window, **which)
    if options.fingerprint is not None:
        raise InputError(
            "%exp_timeseries: --fingerprint is of one metric, and several are named.",
            hint="Name that metric alone.",
        )
    metrics = [options.metric, *options.more]
    with progress_line(session) as progress:
        counted = counting(progress, "Reading the metrics")
        return project.experiments.all_timeseries(
            options.ref, metrics, **how, **window, progress=counted
        )


def _refuse_beside_form(options: Namespace) -> None:
    """Refuse what the explorer would leave aside."""
    named = [f"--{name}" for name in ("alpha", "since", "until", "fingerprint")]
    aside = [name for name in named if getattr(options, name[2:]) is not None]
    if options.more:
        aside.append("a second metric")
    if aside:
        raise InputError(
            f"%exp_timeseries: {aside[0]} has no effect with --form.", hint="Leave one of them out."
        )
