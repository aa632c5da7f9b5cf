"""``%exp_compare``: two arms from their counts."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.line.arguments import Arguments, Help, given, number, percent
from exp_jupyter.magics.line.method_options import add_judgement, settle

if TYPE_CHECKING:
    from exp_jupyter.analysis.counts.compare import Comparison
    from exp_jupyter.magics.session import Session


class _Counts(Arguments):
    """Arguments whose counts may be written with blanks: ``8502 / 44700``."""

    def read(self, line: str, variables: Mapping[str, Any] | None = None) -> Namespace | Help:
        """Parse the line; see :class:`Arguments`."""
        return super().read(re.sub(r"(?<=\d)\s*/\s*(?=\d)", "/", line), variables)


def arguments() -> Arguments:
    """Return the arguments of ``%exp_compare``."""
    it = _Counts(
        "exp_compare",
        """
        Compare two arms from their counts: how many succeeded out of how many.

        No project is needed. The first arm is the control.
        """,
        [
            "%exp_compare 8502/44700 8279/45489",
            "%exp_compare 8502/44700 8279/45489 --names gate_30 gate_40",
            "%exp_compare 480/4000 530/4000 --alternative greater --difference absolute",
            "%exp_compare 480/4000 475/4000 --margin 5",
        ],
    )
    it.add("control", metavar="CONTROL", help="successes/total of the control, such as 8502/44700")
    it.add("treatment", metavar="TREATMENT", help="successes/total of the other arm")
    it.add(
        "--names",
        nargs=2,
        metavar=("CONTROL", "TREATMENT"),
        help="names of the arms; default control and treatment",
    )
    it.add(
        "--margin",
        metavar="VALUE",
        help="non-inferiority margin: percent of the control, or its unit with an absolute "
        "--difference",
    )
    add_judgement(it)
    return it


def run(session: Session, options: Namespace) -> Comparison:
    """Compare two arms."""
    from exp_jupyter.analysis.counts.compare import compare

    settle(session, options)
    settings = given(options, "alpha", "alternative", "difference", "method", "goal", "mode")
    settings |= given(options, "interval", "tuning_n")
    if options.margin is not None:
        settings["margin"] = _margin(options)
    if options.names:
        settings["control_name"], settings["treatment_name"] = options.names
    return compare(options.control, options.treatment, **settings)


def _margin(options: Namespace) -> float:
    read = number if options.difference == "absolute" else percent
    try:
        return read(options.margin)
    except ArgumentTypeError as wrong:
        raise InputError(f"%exp_compare: --margin {wrong}.", hint="See %exp_compare?") from None
