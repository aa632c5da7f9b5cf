"""``%exp_analyze``: your own table with one row a unit, no project needed."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.arguments import Arguments, given, nearest, number, one_of
from exp_jupyter.magics.progress import progress_line

if TYPE_CHECKING:
    from exp_jupyter.analysis.unit_results import Analysis
    from exp_jupyter.magics.session import Session

METHODS = ("frequentist", "sequential", "bayesian")
_FILES = (".parquet", ".pq", ".csv", ".csv.gz", ".tsv")


def arguments() -> Arguments:
    """Return the arguments of ``%exp_analyze``."""
    it = Arguments(
        "exp_analyze",
        """
        Analyse an experiment from a table with one row a unit.

        NAME is a variable of the notebook (a DataFrame, an Arrow table, a DuckDB relation, or a
        connection with --table), or a Parquet file or glob. No project is needed.
        """,
        [
            "%exp_analyze units --metric revenue:mean",
            "%exp_analyze units --metric paid:proportion orders/sessions:ratio --split equal",
            "%exp_analyze data/*.parquet --metric seconds:quantile(0.9) --difference absolute",
            "%exp_analyze trial --variant treat --control 0 --metric re78:mean --covariate re75",
            "%exp_analyze warehouse --table units --metric revenue:mean --breakdown country",
        ],
    )
    it.add("name", metavar="NAME", help="a variable of this notebook, or a Parquet file or glob")
    it.add(
        "--metric",
        nargs="+",
        action="extend",
        metavar="METRIC",
        help="column:mean, column:proportion, a/b:ratio, column:quantile(0.9), column:median",
    )
    it.add("--variant", metavar="COLUMN", help="column of the variant; default variant")
    it.add("--control", metavar="VALUE", help="the control's value; default control")
    it.add("--unit", metavar="COLUMN", help="column of the unit, checked to be unique")
    it.add(
        "--split",
        nargs="+",
        metavar="SHARE",
        help="planned share per variant: equal, or control=50 test=50; checks the sample ratio",
    )
    it.add("--covariate", metavar="COLUMN", help="column from before the experiment (CUPED)")
    it.add("--breakdown", nargs="+", metavar="COLUMN", help="columns to analyse by")
    it.add(
        "--goal",
        type=one_of("increase", "decrease"),
        metavar="DIRECTION",
        offers="increase decrease",
        help="which direction is good: increase (default) or decrease",
    )
    it.add(
        "--missing",
        type=one_of("refuse", "zero", "drop"),
        metavar="MEANING",
        offers="refuse zero drop",
        help="a missing value: refuse (default), zero (did nothing) or drop (not measured)",
    )
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
    it.add(
        "--correction",
        metavar="NAME",
        offers="holm hochberg bonferroni benjamini-hochberg",
        help="correct p-values for the number of comparisons: holm, benjamini-hochberg, …",
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
    it.add("--table", metavar="TABLE", help="with a connection: the table's name")
    it.add("--dialect", metavar="NAME", help="with a connection: its SQL, if it cannot be told")
    return it


def run(session: Session, options: Namespace) -> Analysis:
    """Analyse a table."""
    from exp_jupyter.analysis.unit_analysis import analyze

    source = _source(session.shell.user_ns, options.name)
    if options.alpha is None:
        options.alpha = session.settings.alpha
    options.mode = options.mode or session.settings.mode
    settings = given(
        options,
        *("variant", "control", "unit", "covariate", "breakdown", "goal", "missing", "alpha"),
        *("alternative", "difference", "correction", "method", "mode", "table", "dialect"),
    )
    if options.split:
        settings["split"] = _split(options.split)
    with progress_line(session) as progress:
        found = analyze(source, metrics=options.metric or (), progress=progress, **settings)
    # The twin does not know what the notebook calls its data.
    if not isinstance(source, str):
        found.coded(found.code().replace("analyze(data", f"analyze({options.name}", 1))
    return found


def _source(variables: dict[str, Any], name: str) -> Any:
    if name in variables:
        return variables[name]
    if name.lower().endswith(_FILES) or any(sign in name for sign in "*/\\") or Path(name).exists():
        return name
    known = [other for other in variables if not other.startswith("_")]
    raise InputError(
        f"%exp_analyze: there is no variable {name!r} in this notebook, and no such file.",
        hint=nearest(name, known) or "Name a DataFrame, or a Parquet file.",
    )


def _split(words: list[str]) -> Any:
    if words == ["equal"]:
        return "equal"
    shares: dict[str, float] = {}
    for word in words:
        key, sign, share = word.rpartition("=")
        if not sign:
            raise InputError(
                f"%exp_analyze: --split {word!r} names no variant.",
                hint="Write --split equal, or --split control=50 test=50.",
            )
        try:
            shares[key] = number(share)
        except ArgumentTypeError as wrong:
            raise InputError(
                f"%exp_analyze: --split {word}: {wrong}.", hint="See %exp_analyze?"
            ) from None
    return shares
