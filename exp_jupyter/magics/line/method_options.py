"""The options that say how an effect is judged, the same in every magic that compares."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.line.arguments import Arguments, number, one_of

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session

METHODS = ("frequentist", "sequential", "bayesian")
INTERVALS = ("test", "delta", "fieller", "log")


def add_judgement(it: Arguments, *, goal: bool = True) -> None:
    """Add which direction is good, and how the effects are judged."""
    it.add("--alpha", type=number, metavar="RATE", help="false-positive rate; default 0.05")
    it.add(
        "--alternative",
        type=one_of("two-sided", "greater", "less"),
        metavar="SIDE",
        offers="two-sided greater less",
        help="two-sided (default), greater or less",
    )
    it.add(
        "--difference",
        type=one_of("relative", "absolute"),
        metavar="KIND",
        offers="relative absolute",
        help="relative to control (default), or absolute",
    )
    if goal:
        it.add(
            "--goal",
            type=one_of("increase", "decrease"),
            metavar="DIRECTION",
            offers="increase decrease",
            help="which direction is good: increase (default) or decrease",
        )
    it.add(
        "--method",
        type=one_of(*METHODS),
        metavar="METHOD",
        offers=" ".join(METHODS),
        help="frequentist (default), sequential or bayesian",
    )
    it.add(
        "--mode",
        type=one_of("compat", "recommended"),
        metavar="MODE",
        offers="compat recommended",
        help="compat: the project's formulas; recommended (default): the method's best form",
    )

    add_interval(it)


def add_interval(it: Arguments) -> None:
    """Add how the interval is formed, and a sequential method's tuning."""
    it.add(
        "--interval",
        type=one_of(*INTERVALS),
        metavar="KIND",
        offers=" ".join(INTERVALS),
        help="test (default): the values the test does not reject; or delta, fieller, log",
    )
    it.add(
        "--tuning",
        dest="tuning_n",
        type=number,
        metavar="UNITS",
        help="with --method sequential: units of both arms at which the interval is narrowest, "
        "about the planned size; a plan states it, 5,000 otherwise",
    )


def add_correction(it: Arguments) -> None:
    """Add the correction for several comparisons."""
    it.add(
        "--correction",
        metavar="NAME",
        offers="holm hochberg bonferroni benjamini-hochberg dunnett e-bh",
        help="correct for the number of comparisons: holm, benjamini-hochberg, dunnett (arms "
        "against one control), e-bh (with --method sequential), …",
    )


def settle(session: Session, options: Namespace) -> None:
    """Take from the settings what the line leaves open: alpha and the mode."""
    if options.alpha is None:
        options.alpha = session.settings.alpha
    options.mode = options.mode or session.settings.mode
