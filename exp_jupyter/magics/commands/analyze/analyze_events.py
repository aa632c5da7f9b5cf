"""``%exp_analyze_events``: your own raw events, one row an event, no project needed."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.line.arguments import Arguments, given, one_of, whole
from exp_jupyter.magics.line.method_options import add_correction, add_judgement, settle
from exp_jupyter.magics.line.own_data import (
    add_columns,
    add_duplicates,
    add_numbers,
    add_table,
    add_winsorize,
    columns_of,
    levels_of,
    named,
    source_of,
    split_of,
)
from exp_jupyter.magics.line.progress import progress_line

if TYPE_CHECKING:
    from exp_jupyter.analysis.events.results import EventAnalysis
    from exp_jupyter.magics.session import Session

_NAME = "exp_analyze_events"
_WHICH = "--flag checkout --start 2026-03-02"


def arguments() -> Arguments:
    """Return the arguments of ``%exp_analyze_events``."""
    it = Arguments(
        _NAME,
        """
        Analyse an experiment from raw events, one row an event, for every day at once.

        NAME is a variable of the notebook (a DataFrame, an Arrow table, a DuckDB relation, or a
        connection with --table), or a Parquet or CSV file or glob. No project is needed; with
        --experiment the definition is a project's, and the numbers are those of your events.

        As %%exp_analyze_events NAME its options may stand in the cell's body as TOML, one a line:
        metric = ["purchase:conversion"].
        """,
        [
            f"%exp_analyze_events events {_WHICH} --metric purchase:conversion",
            f'%exp_analyze_events data/*.parquet {_WHICH} --metric "Paid=view > purchase"',
            f"%exp_analyze_events events {_WHICH} --metric view --columns person_id=user_id",
            f"%exp_analyze_events events {_WHICH} --metric view --exposure assignments",
            f"%exp_analyze_events events {_WHICH} --metric view --state checkout.state",
            "%exp_analyze_events warehouse --table events --experiment 42 --method sequential",
        ],
    )
    it.add(
        "name",
        metavar="NAME",
        offers="table",
        help="a variable of this notebook, or a file or glob",
    )
    it.add("--flag", metavar="KEY", offers="flag", help="the feature flag's key")
    it.add(
        "--experiment",
        metavar="REF",
        offers="experiment",
        help="instead: an experiment of the connected project, with its metrics and settings",
    )
    it.add("--start", metavar="DAY", help="first day, 2026-03-02, or a moment")
    it.add("--end", metavar="DAY", help="last day; leave it out while the experiment runs")
    it.add(
        "--metric",
        nargs="+",
        action="extend",
        metavar="METRIC",
        offers="event-metric",
        help='event:total, event:sum(property) (avg, min, max), event:conversion, "step > step", '
        '"a / b", event:retention(1-7 days); Name= before it, :decrease after it; of an '
        "experiment: its metrics' names",
    )
    add_columns(it)
    it.add(
        "--exposure",
        metavar="EVENT",
        offers="exposure",
        help="what exposes units: an event, or a variable or file with an assignment table "
        "(person_id, variant, timestamp); default $feature_flag_called",
    )
    it.add(
        "--variant",
        metavar="COLUMN",
        offers="column",
        help="column or property of --exposure that holds the variant",
    )
    it.add("--variants", nargs="+", metavar="KEY", help="the variants that count; default all seen")
    it.add("--control", metavar="KEY", help="the control; default control")
    it.add(
        "--split",
        nargs="+",
        metavar="SHARE",
        help="planned share per variant: equal, or control=50 test=50; checks the sample ratio",
    )
    it.add(
        "--multiple-variants",
        type=one_of("exclude", "first_seen"),
        metavar="HANDLING",
        offers="exclude first_seen",
        help="units seen under several variants: exclude (default) or first_seen",
    )
    it.add(
        "--cuped",
        type=whole,
        metavar="DAYS",
        help="days before the exposure that reduce the variance, 1 to 30",
    )
    it.add(
        "--matured",
        action="store_true",
        help="count only units whose conversion window or retention period is over",
    )
    add_winsorize(it)
    it.add(
        "--by",
        "--breakdown",
        dest="breakdown",
        nargs="+",
        metavar="PROPERTY",
        offers="column",
        help="properties to analyse by, up to 3: does the effect differ between their values?",
    )
    add_judgement(it)
    add_correction(it)
    it.add(
        "--state",
        metavar="FILE",
        help="keep what was added up in this file: one more day then reads one more day",
    )
    it.add("--as-of", metavar="MOMENT", help="moment of the analysis; default after the last event")
    add_numbers(it)
    add_duplicates(it)
    add_table(it)
    return it


def run(session: Session, options: Namespace) -> EventAnalysis:
    """Analyse raw events."""
    from exp_jupyter.analysis.events.analyze import analyze_events

    source = source_of(session, _NAME, options.name)
    settle(session, options)
    asked: dict[str, Any] = given(
        options,
        *("flag", "start", "end", "timezone", "variants", "control", "multiple_variants", "cuped"),
        *("breakdown", "goal", "method", "alpha", "alternative", "difference", "correction"),
        *("mode", "interval", "tuning_n", "state", "as_of", "table", "dialect"),
        *("decimal", "thousands", "duplicates"),
    )
    if options.matured:
        asked["matured"] = True
    if options.winsorize:
        asked["winsorize"] = levels_of(options.winsorize)
    if options.columns:
        asked["columns"] = columns_of(_NAME, options.columns)
    if options.split:
        asked["split"] = split_of(_NAME, options.split)
    if options.exposure is not None:
        asked["exposure"] = _exposure(session, options)
    if options.experiment is not None:
        asked["experiment"] = session.connected().experiments.get(options.experiment)
    with progress_line(session) as progress:
        found = analyze_events(source, metrics=options.metric or (), progress=progress, **asked)
    return named(found, "analyze_events", options.name, source)  # type: ignore[no-any-return]


def _exposure(session: Session, options: Namespace) -> Any:
    """Return the assignment table of that name, or what the event is called."""
    if options.exposure in session.variables:
        return session.variables[options.exposure]
    if options.variant is None:
        return options.exposure
    return {"event": options.exposure, "variant": options.variant}
