"""``%exp_aa``: a method tried on one's own units before it is trusted."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.commands.plan.size import shares
from exp_jupyter.magics.line.arguments import Arguments, given, number, percent, whole
from exp_jupyter.magics.line.method_options import add_judgement, settle
from exp_jupyter.magics.line.own_data import (
    add_missing,
    add_numbers,
    add_table,
    add_winsorize,
    levels_of,
    source_of,
)
from exp_jupyter.magics.line.progress import progress_line

if TYPE_CHECKING:
    from exp_jupyter.analysis.simulation.results import SimulatedExperiments
    from exp_jupyter.magics.session import Session

_NAME = "exp_aa"


def arguments() -> Arguments:
    """Return the arguments of ``%exp_aa``."""
    it = Arguments(
        _NAME,
        """
        Try a method on your own units: draw experiments from them and count its errors.

        Both arms are drawn from the same units, the control's where there are variants, so that a
        decision is a false one. --mde draws a second time with that effect: the power, how often a
        winner has the wrong sign (type S) and how much winners exaggerate (type M).
        """,
        [
            "%exp_aa units --metric revenue:mean",
            "%exp_aa units --metric revenue:mean paid:proportion --mde 5",
            "%exp_aa units --metric revenue:mean --units 4000 --method sequential --looks 20",
        ],
    )
    it.add(
        "name",
        metavar="NAME",
        offers="table",
        help="a variable of this notebook, or a Parquet file or glob: one row a unit",
    )
    it.add(
        "--metric",
        nargs="+",
        action="extend",
        metavar="METRIC",
        offers="unit-metric",
        help="column:mean, column:proportion, a/b:ratio, column:quantile(0.9), column:median",
    )
    it.add("--mde", type=percent, metavar="PERCENT", help="effect of a power run; none by default")
    it.add("--units", type=whole, metavar="N", help="units of both arms; default as in the table")
    it.add("--split", type=shares, metavar="SHARES", help="control and treatment, such as 90/10")
    it.add("--looks", type=whole, metavar="N", help="looks at each experiment; default 1")
    it.add("--replications", type=whole, metavar="N", help="experiments to draw; default 2,000")
    it.add("--seed", type=whole, metavar="N", help="draws the same experiments; default 0")
    it.add("--variant", metavar="COLUMN", offers="column", help="column of the variant, if any")
    it.add("--control", metavar="VALUE", help="the control's value; default control")
    it.add(
        "--covariate",
        metavar="COLUMN",
        offers="column",
        help="column from before the experiment (CUPED)",
    )
    add_missing(it)
    add_winsorize(it)
    it.add("--cap", type=number, metavar="VALUE", help="count values above this as this much")
    add_numbers(it)
    add_judgement(it, goal=False)
    add_table(it)
    return it


def run(session: Session, options: Namespace) -> SimulatedExperiments:
    """Draw experiments and count the method's errors."""
    from exp_jupyter.analysis.simulation.simulate import simulate

    source = source_of(session, _NAME, options.name)
    settle(session, options)
    settings = given(
        options,
        *("mde", "units", "split", "looks", "replications", "seed", "variant", "control"),
        *("covariate", "missing", "cap", "decimal", "thousands", "method", "alpha"),
        *("alternative", "difference", "mode", "interval", "tuning_n", "table", "dialect"),
    )
    if options.winsorize:
        settings["winsorize"] = levels_of(options.winsorize)
    with progress_line(session) as progress:
        found = simulate(source, metrics=options.metric or (), progress=progress, **settings)
    # The twin does not know what the notebook calls its data.
    if not isinstance(source, str):
        found.coded(found.code().replace("simulate(data", f"simulate({options.name}", 1))
    return found
