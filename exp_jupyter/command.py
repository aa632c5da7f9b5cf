"""The ``exp-jupyter`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from exp_jupyter._version import __version__
from exp_jupyter.errors import ExpError


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
            return _check(options.folder, repairing=options.repair)
        else:
            from exp_jupyter.server.serving import serve_demo

            serve_demo(host=options.host, port=options.port)
    except ExpError as error:
        sys.stderr.write("\n".join(error.lines) + "\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _check(folder: str, *, repairing: bool) -> int:
    from exp_jupyter.server.recovery import inspect, repair
    from exp_jupyter.server.store import check_command

    report = repair(folder) if repairing else inspect(folder)
    sys.stdout.write("\n".join(report.lines) + "\n")
    if not report.is_whole and not repairing:
        sys.stdout.write(f"To put it right: {check_command(Path(folder))} --repair\n")
    return 0 if report.is_whole else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="exp-jupyter",
        description="Projects for exp_jupyter: served on this machine, and looked after.",
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
        help="look at a project folder, and repair it",
        description="Look at a project folder: its database, every file of events and warehouse "
        "tables, and files that the database does not list. Nothing is changed without --repair. "
        "The exit status is 0 for a folder in order, 1 for one that is not.",
    )
    check.add_argument("folder", metavar="FOLDER", help="the project's folder")
    check.add_argument(
        "--repair",
        action="store_true",
        help="take in files of events that the database does not list, each event once; start a "
        "missing database anew, and copy one with broken pages row by row; set aside in "
        "lost+found what cannot be used. Nothing is deleted. Close other programs that use the "
        "folder first, and keep a copy",
    )
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
