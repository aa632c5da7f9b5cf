"""``%exp_results``: every metric of an experiment as it is now, on one page."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from exp_jupyter.errors import InputError
from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.commands.watch.timeseries import add_method, how_of
from exp_jupyter.magics.line.arguments import Arguments, percent
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
            '%exp_results 42 --guardrail "Latency=5" "Refunds=2"',
            "%exp_results 42 --by person:country",
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
    add_guardrail(it)
    it.add(
        "--by",
        nargs="+",
        action="extend",
        metavar="PROPERTY",
        help="break every metric down by up to three properties: $browser of the event that "
        "exposed a unit, person:country of its person",
    )
    return it


def add_guardrail(it: Arguments) -> None:
    """Add the metrics that must not get worse."""
    it.add(
        "--guardrail",
        nargs="+",
        action="extend",
        metavar="METRIC",
        offers="metric",
        help="metrics that must not get worse; METRIC=5 lets one get 5 percent worse",
    )


def run(session: Session, options: Namespace) -> Results:
    """Read the results."""
    with progress_line(session) as progress:
        return session.connected().experiments.results(
            options.ref,
            options.metric,
            **how_of(session, options),
            guardrails=guardrails_of(options.guardrail) if options.guardrail else None,
            by=options.by,
            progress=counting(progress, "Reading the metrics"),
        )


def guardrails_of(words: list[str]) -> dict[str, float | None]:
    """Read guardrails and their margins.

    Examples
    --------
    >>> guardrails_of(["Latency=5", "Refund rate"])
    {'Latency': 5.0, 'Refund rate': None}
    """
    found: dict[str, float | None] = {}
    for word in words:
        name, equals, written = word.rpartition("=")
        if not equals:
            found[word] = None
            continue
        try:
            found[name] = percent(written)
        except ArgumentTypeError as wrong:
            raise InputError(
                f"The margin of {name!r} is not a number: {wrong}.",
                hint="Write METRIC=5 for a margin of 5 percent.",
            ) from None
    return found
