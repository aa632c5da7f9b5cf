"""``%exp_analyze``: your own table with one row a unit, no project needed."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.line.adjustment import add_adjustment, adjustment_of
from exp_jupyter.magics.line.arguments import Arguments, given, number, one_of
from exp_jupyter.magics.line.method_options import add_correction, add_judgement, settle
from exp_jupyter.magics.line.own_data import (
    add_missing,
    add_numbers,
    add_table,
    add_winsorize,
    levels_of,
    source_of,
    split_of,
    with_function,
)
from exp_jupyter.magics.line.progress import progress_line

if TYPE_CHECKING:
    from exp_jupyter.analysis.units.results import Analysis
    from exp_jupyter.magics.session import Session


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
            "%exp_analyze warehouse --table units --metric revenue:mean --by country",
            "%exp_analyze shops --metric revenue:mean --cluster store --covariate before size",
        ],
    )
    it.add(
        "name",
        metavar="NAME",
        offers="table",
        help="a variable of this notebook, or a Parquet file or glob",
    )
    it.add(
        "--metric",
        nargs="+",
        action="extend",
        metavar="METRIC",
        offers="unit-metric",
        help="column:mean, column:proportion, a/b:ratio, column:quantile(0.9), column:median, "
        "column:bootstrap(gini) of any statistic or of a function of the notebook",
    )
    it.add(
        "--variant",
        metavar="COLUMN",
        offers="column",
        help="column of the variant; default variant",
    )
    it.add("--control", metavar="VALUE", help="the control's value; default control")
    it.add(
        "--unit", metavar="COLUMN", offers="column", help="column of the unit, checked to be unique"
    )
    it.add(
        "--split",
        nargs="+",
        metavar="SHARE",
        help="planned share per variant: equal, or control=50 test=50; checks the sample ratio",
    )
    it.add(
        "--covariate",
        nargs="+",
        metavar="COLUMN",
        offers="column",
        help="column from before the experiment (CUPED); several adjust together by regression",
    )
    it.add(
        "--by",
        "--breakdown",
        dest="breakdown",
        nargs="+",
        metavar="COLUMN",
        offers="column",
        help="columns to analyse by: does the effect differ between their values?",
    )
    add_missing(it)
    add_winsorize(it)
    it.add("--cap", type=number, metavar="VALUE", help="count values above this as this much")
    add_numbers(it)
    it.add(
        "--duplicates",
        type=one_of("refuse", "drop"),
        metavar="HANDLING",
        offers="refuse drop",
        help="rows of --unit that agree in every column: refuse (default), or drop all but one",
    )
    add_adjustment(it)
    add_judgement(it)
    add_correction(it)
    it.add(
        "--pairs",
        type=one_of("control", "all"),
        metavar="WHICH",
        offers="control all",
        help="control (default), or all: the other arms against each other too",
    )
    add_table(it)
    return it


def run(session: Session, options: Namespace) -> Analysis:
    """Analyse a table."""
    from exp_jupyter.analysis.units.analyze import analyze

    source = source_of(session, "exp_analyze", options.name)
    settle(session, options)
    settings = given(
        options,
        *("variant", "control", "unit", "breakdown", "goal", "missing", "alpha"),
        *("alternative", "difference", "correction", "method", "mode", "interval", "tuning_n"),
        *("table", "dialect", "pairs"),
        *("cap", "decimal", "thousands", "duplicates"),
    )
    settings |= adjustment_of(session, options)
    if options.winsorize:
        settings["winsorize"] = levels_of(options.winsorize)
    if options.split:
        settings["split"] = split_of("exp_analyze", options.split)
    with progress_line(session) as progress:
        metrics = [with_function(form, session.variables) for form in options.metric or ()]
        found = analyze(source, metrics=metrics, progress=progress, **settings)
    # The twin does not know what the notebook calls its data.
    if not isinstance(source, str):
        found.coded(found.code().replace("analyze(data", f"analyze({options.name}", 1))
    return found
