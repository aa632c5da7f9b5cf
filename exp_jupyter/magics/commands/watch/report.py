"""``%exp_report``: one page for those who decide, in the notebook or as a file to send."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.commands.watch.results import add_guardrail, guardrails_of
from exp_jupyter.magics.commands.watch.timeseries import add_method, how_of
from exp_jupyter.magics.line.arguments import Arguments, given
from exp_jupyter.magics.line.progress import counting, progress_line

if TYPE_CHECKING:
    from exp_jupyter.analysis.report import Report
    from exp_jupyter.magics.session import Session

_OWN = ("question", "title", "planned_look")
_PROJECTS = ("method", "mode", "interval", "tuning_n", "alpha")


def arguments() -> Arguments:
    """Return the arguments of ``%exp_report``."""
    it = Arguments(
        "exp_report",
        """
        Make one page for those who decide.

        It has the question, the design, health, results, days, segments, the decision, and where
        the numbers come from. REF is an experiment of the project, or a variable that holds what
        %exp_analyze or %exp_analyze_events returned. The same data gives the same bytes.
        """,
        [
            "%exp_report 4",
            "%exp_report 4 --to checkout.html",
            '%exp_report 4 --guardrail "Refund rate=5" --to checkout.pdf',
            '%exp_report analysis --question "Do more people buy?" --planned-look',
        ],
    )
    it.add(
        "ref",
        metavar="REF",
        offers="experiment",
        help="experiment: id, flag key or exact name; or a variable with an analysis of own data",
    )
    it.add(
        "metric",
        nargs="?",
        metavar="METRIC",
        offers="metric",
        help="of an experiment: this metric alone; of own data: the metric that decides",
    )
    it.add(
        "--to",
        metavar="FILE",
        help="write it to a file: .html stands alone, .md is Markdown with its charts as .svg "
        "beside it, .pdf is printed by a Chromium, Chrome or Edge of this machine",
    )
    add_guardrail(it)
    add_method(it)
    it.add("--question", metavar="TEXT", help="of own data: what was asked")
    it.add("--title", metavar="TEXT", help="of own data: what the page is about")
    it.add(
        "--planned-look",
        action="store_true",
        help="of own data: the data is complete, and this look was planned beforehand",
    )
    return it


def run(session: Session, options: Namespace) -> Report:
    """Make the page, and write it where that was asked for."""
    target = None if options.to is None else Path(options.to)
    if target is not None:
        from exp_jupyter.display.documents import refuse_another_ending

        refuse_another_ending(target)  # before anything is asked of a project
    report = _made(session, options)
    if target is None:
        return report
    report.save(target)
    return dataclasses.replace(report, saved=str(target)).coded(report.code())


def _made(session: Session, options: Namespace) -> Report:
    from exp_jupyter.analysis import Analysis, EventAnalysis, Report
    from exp_jupyter.shown import Shown

    held = session.variables.get(options.ref)
    if isinstance(held, Report):
        return held
    if isinstance(held, Analysis | EventAnalysis):
        return _of_own_data(held, options)
    if isinstance(held, Shown) and session.names.experiment(options.ref) is None:
        raise InputError(
            f"{options.ref} holds no analysis of own data, but a {type(held).__name__}.",
            hint="Name what %exp_analyze or %exp_analyze_events returned, or an experiment: "
            "%exp_report 4.",
        )
    return _of_project(session, options)


def _of_own_data(own: Any, options: Namespace) -> Report:
    _refuse(options, _PROJECTS, "is for an experiment of a project; an analysis has it already")
    made: Report = own.report(
        primary=options.metric,
        guardrails=guardrails_of(options.guardrail) if options.guardrail else None,
        planned_look=options.planned_look,
        **given(options, "question", "title"),
    )
    made.coded(made.code().replace(own.code() or "analysis", options.ref, 1))
    return made


def _of_project(session: Session, options: Namespace) -> Report:
    _refuse(options, _OWN, "is for an analysis of own data; a project keeps its experiments' own")
    with progress_line(session) as progress:
        return session.connected().experiments.report(
            options.ref,
            options.metric,
            **how_of(session, options),
            guardrails=guardrails_of(options.guardrail) if options.guardrail else None,
            progress=counting(progress, "Reading the metrics"),
        )


def _refuse(options: Namespace, names: tuple[str, ...], why: str) -> None:
    for name in names:
        value = getattr(options, name)
        if value is not None and value is not False:
            # --tuning is read as tuning_n.
            option = f"--{name.removesuffix('_n').replace('_', '-')}"
            raise InputError(
                f"%exp_report: {option} {why}.", hint=f"Leave {option} out, or see %exp_report?"
            )
