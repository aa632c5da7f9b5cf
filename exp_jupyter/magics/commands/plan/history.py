"""``%exp_history``: plan from a past period of your own events."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.plan.size import ALTERNATIVES, shares
from exp_jupyter.magics.line.arguments import Arguments, given, number, one_of, whole
from exp_jupyter.magics.line.own_data import (
    add_columns,
    add_duplicates,
    add_numbers,
    add_table,
    columns_of,
    named,
    source_of,
)
from exp_jupyter.magics.line.progress import progress_line

if TYPE_CHECKING:
    from exp_jupyter.analysis.events.plan_from_history import HistoryPlan
    from exp_jupyter.magics.session import Session

_NAME = "exp_history"
_WHEN = "--start 2026-02-01 --end 2026-02-28"


def arguments() -> Arguments:
    """Return the arguments of ``%exp_history``."""
    it = Arguments(
        _NAME,
        """
        Plan an experiment from a past period of your own events.

        The period is treated as an A/A test: every unit that did the exposure event enters on its
        first, so the curve of the smallest detectable effect by day has the real arrival of units
        and the real variance of the metric.
        """,
        [
            f"%exp_history events purchase:sum(revenue) --exposure view {_WHEN}",
            f"%exp_history data/*.parquet view>purchase:funnel --exposure view {_WHEN}",
        ],
    )
    it.add(
        "name",
        metavar="NAME",
        offers="table",
        help="a variable of this notebook, or a file or glob",
    )
    it.add(
        "metric",
        metavar="METRIC",
        offers="event-metric",
        help="event:sum(property), event:conversion, and so on",
    )
    it.add(
        "--exposure",
        metavar="EVENT",
        offers="event",
        required=True,
        help="the event that will expose units",
    )
    it.add("--start", metavar="DAY", required=True, help="first day of the period")
    it.add("--end", metavar="DAY", required=True, help="last day of the period")
    add_columns(it)
    it.add("--power", type=number, metavar="RATE", help="power; default 0.8")
    it.add("--alpha", type=number, metavar="RATE", help="false-positive rate; default 0.05")
    it.add(
        "--alternative",
        type=one_of(*ALTERNATIVES),
        metavar="SIDE",
        offers=" ".join(ALTERNATIVES),
        help="two-sided (default), greater or less",
    )
    it.add("--variants", type=whole, metavar="N", help="number of variants with control; default 2")
    it.add("--split", type=shares, metavar="SHARES", help="shares, control first, such as 90/10")
    it.add("--sequential", action="store_true", help="for results that are looked at every day")
    it.add("--max-days", type=whole, metavar="DAYS", help="carry the curve on to this day")
    add_numbers(it)
    add_duplicates(it)
    add_table(it)
    return it


def run(session: Session, options: Namespace) -> HistoryPlan:
    """Plan from a past period."""
    from exp_jupyter.analysis.events.plan_from_history import plan_from_history
    from exp_jupyter.engine.planning.design import Design

    source = source_of(session, _NAME, options.name)
    if options.alpha is None:
        options.alpha = session.settings.alpha
    options.sequential = options.sequential or None
    asked: dict[str, Any] = given(
        options,
        *("exposure", "start", "end", "timezone", "power", "max_days", "table", "dialect"),
        *("decimal", "thousands", "duplicates"),
    )
    design = given(options, "alpha", "alternative", "variants", "split", "sequential")
    if design:
        asked["design"] = Design(**design)
    if options.columns:
        asked["columns"] = columns_of(_NAME, options.columns)
    with progress_line(session) as progress:
        found = plan_from_history(source, options.metric, progress=progress, **asked)
    return named(found, "plan_from_history", options.name, source)  # type: ignore[no-any-return]
