"""The ``exp-jupyter`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

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
        else:
            from exp_jupyter.server.serving import serve_demo

            serve_demo(host=options.host, port=options.port)
    except ExpError as error:
        sys.stderr.write("\n".join(error.lines) + "\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="exp-jupyter", description="Projects for exp_jupyter, served on this machine."
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
