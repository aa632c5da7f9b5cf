"""The ``exp-jupyter`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from exp_jupyter._version import __version__
from exp_jupyter.errors import ExpError, InputError

_METHODS = ("frequentist", "sequential", "bayesian")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Parameters
    ----------
    arguments
        The words after ``exp-jupyter``; those of the process by default.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "serve":
            from exp_jupyter.server.serving import serve

            serve(
                options.folder,
                host=options.host,
                port=options.port,
                new_key=options.new_key,
                trial_keys=options.trial_keys,
            )
        elif options.command == "check":
            return _check(options)
        elif options.command == "report":
            _report(options)
        elif options.command == "new":
            _new(options)
        else:
            from exp_jupyter.server.serving import serve_demo

            serve_demo(host=options.host, port=options.port)
    except ExpError as error:
        sys.stderr.write("\n".join(error.lines) + "\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _check(options: argparse.Namespace) -> int:
    if options.sanitize_file:
        from exp_jupyter.notebooks.check import SANITIZE_FILE

        sys.stdout.write(f"{SANITIZE_FILE}\n")
        return 0
    if not options.paths:
        raise InputError(
            "There is nothing to check.",
            hint="Name a project's folder, notebooks, or a folder of notebooks.",
        )
    if any(_has_notebooks(Path(path)) for path in options.paths):
        if options.repair:
            raise InputError(
                "--repair is for a project's folder, and these are notebooks.",
                hint="Leave --repair out, or name the project's folder.",
            )
        return _check_notebooks(options.paths)
    if len(options.paths) > 1:
        raise InputError(
            f"One project's folder is checked at a time; these are {len(options.paths)}.",
            hint="Name one folder; several can be named where all are notebooks.",
        )
    return _check_folder(options.paths[0], repairing=options.repair)


def _has_notebooks(path: Path) -> bool:
    """Whether a path is to be checked as notebooks: one of them, or a folder that has some."""
    if path.suffix == ".ipynb":
        return True
    is_project = (path / "project.sqlite3").exists() or (path / "events").exists()
    return path.is_dir() and not is_project and next(path.rglob("*.ipynb"), None) is not None


def _check_notebooks(paths: Sequence[str]) -> int:
    from exp_jupyter.notebooks.check import check, notebooks_in, require_installed

    require_installed()
    failed = 0
    for notebook in notebooks_in(paths):
        result = check(notebook)
        failed += bool(result.fault)
        sys.stdout.write(f"{result.line}\n")
        sys.stdout.flush()
    if failed:
        sys.stdout.write(
            "To see what differs: pytest --nbval --nbval-sanitize-with "
            '"$(exp-jupyter check --sanitize-file)" NOTEBOOK\n'
        )
    return int(bool(failed))


def _check_folder(folder: str, *, repairing: bool) -> int:
    from exp_jupyter.server.recovery import inspect, repair
    from exp_jupyter.server.store import check_command

    report = repair(folder) if repairing else inspect(folder)
    sys.stdout.write("\n".join(report.lines) + "\n")
    if not report.is_whole and not repairing:
        sys.stdout.write(f"To put it right: {check_command(Path(folder))} --repair\n")
    return 0 if report.is_whole else 1


def _report(options: argparse.Namespace) -> None:
    from exp_jupyter.connection import connect
    from exp_jupyter.display.documents import refuse_another_ending
    from exp_jupyter.magics.commands.watch.results import guardrails_of
    from exp_jupyter.shown import terminal_width

    if options.to is not None:
        refuse_another_ending(Path(options.to))
    project = connect(options.project, project=options.number)
    report = project.experiments.report(
        options.experiment,
        options.metric,
        method=options.method,
        mode=options.mode,
        guardrails=guardrails_of(options.guardrail) or None,
    )
    if options.to is None:
        sys.stdout.write(report.to_text(terminal_width()) + "\n")
    else:
        sys.stdout.write(f"{report.save(options.to)}: {report.decision.headline}\n")


def _new(options: argparse.Namespace) -> None:
    from exp_jupyter.notebooks.template import new_analysis

    values = {"target": options.target, "experiment": options.experiment}
    values |= {"metric": options.metric, "method": options.method}
    if options.experiment is not None and options.metric is None:
        values["metric"] = "0"  # the template's own is one of the demo's
    given = {name: value for name, value in values.items() if value is not None}
    sys.stdout.write(f"{new_analysis(options.notebook, **given)}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="exp-jupyter",
        description="Projects for exp_jupyter: served on this machine, looked after, reported on.",
    )
    parser.add_argument("--version", action="version", version=f"exp-jupyter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve a project folder on loopback",
        description="Serve a project folder on loopback, made when it is new.",
    )
    serve.add_argument("folder", metavar="FOLDER", help="the project's folder")
    serve.add_argument(
        "--new-key", action="store_true", help="also make a new key for the project's owner"
    )
    serve.add_argument(
        "--trial-keys",
        metavar="FILE",
        help="for tests only: serve a throw-away project with addresses to reset it and to set "
        "fixtures up, and write its keys to FILE; FOLDER is left alone",
    )
    check = commands.add_parser(
        "check",
        help="look at a project folder, and repair it; or run notebooks against their outputs",
        description="Look at a project folder: its database, every file of events and warehouse "
        "tables, and files that the database does not list. Nothing is changed without --repair. "
        "Or run notebooks: twice, every output against the saved one, then through papermill, "
        "from a recording where FILE.expsnap lies beside FILE.ipynb. "
        "The exit status is 0 where all is in order, 1 where it is not.",
    )
    check.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="a project's folder; or notebooks, and folders of notebooks",
    )
    check.add_argument(
        "--sanitize-file",
        action="store_true",
        help="print where the file for nbval's --nbval-sanitize-with lies, and do nothing else",
    )
    check.add_argument(
        "--repair",
        action="store_true",
        help="take in files of events that the database does not list, each event once; start a "
        "missing database anew, and copy one with broken pages row by row; set aside in "
        "lost+found what cannot be used. Nothing is deleted. Close other programs that use the "
        "folder first, and keep a copy",
    )
    report = commands.add_parser(
        "report",
        help="write one page about an experiment for those who decide",
        description="Write one page about an experiment for those who decide: question, design, "
        "health, results, days, decision, and where the numbers come from. It only reads. The key "
        "of a project elsewhere is read from POSTHOG_PERSONAL_API_KEY or the system keyring.",
    )
    report.add_argument(
        "project",
        metavar="PROJECT",
        help="demo, a project's folder, a project's name in the settings, or an https address",
    )
    report.add_argument("experiment", metavar="EXPERIMENT", help="id, flag key or exact name")
    report.add_argument(
        "metric", nargs="?", metavar="METRIC", help="this metric alone; by default all of them"
    )
    report.add_argument(
        "--to",
        metavar="FILE",
        help="a file that ends in .html, .md or .pdf; by default the page is printed as text",
    )
    report.add_argument(
        "--project",
        dest="number",
        metavar="ID",
        help="the project's number, where the address has none",
    )
    report.add_argument("--method", choices=_METHODS)
    report.add_argument("--mode", choices=("compat", "recommended"))
    report.add_argument(
        "--guardrail",
        nargs="+",
        action="extend",
        default=[],
        metavar="METRIC",
        help="metrics that must not get worse; METRIC=5 lets one get 5 percent worse",
    )
    new = commands.add_parser(
        "new",
        help="write a notebook that analyses one experiment",
        description="Write a notebook that analyses one experiment: parameters for papermill, "
        "record and replay, health, results, days, the decision and the report. A file that is "
        "there is left as it is.",
    )
    new.add_argument("notebook", metavar="FILE.ipynb", help="the notebook, not there yet")
    new.add_argument("--experiment", metavar="EXPERIMENT", help="id, flag key or exact name")
    new.add_argument(
        "--target",
        metavar="PROJECT",
        help="demo (default), a project's folder, a project's name in the settings, or an https "
        "address",
    )
    new.add_argument(
        "--metric", metavar="METRIC", help="the metric that decides; by default the first"
    )
    new.add_argument("--method", choices=_METHODS)
    demo = commands.add_parser(
        "demo",
        help="serve the demo project on loopback",
        description="Serve a fresh copy of the demo project on loopback until stopped.",
    )
    for command in (serve, demo):
        command.add_argument(
            "--host", default="127.0.0.1", help="a loopback address (default: %(default)s)"
        )
        command.add_argument(
            "--port", type=int, default=8765, help="0 takes a free one (default: %(default)s)"
        )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
