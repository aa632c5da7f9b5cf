"""``%exp_config``: every setting, its value, and where the value comes from."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.arguments import Arguments, Help

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_config``."""
    return Arguments(
        "exp_config",
        """
        Show every setting, its value, and where the value comes from.

        A setting stands in [tool.exp_jupyter] of the nearest pyproject.toml, in the user's
        settings.toml, in an environment variable such as EXP_JUPYTER_ALPHA, or is set with
        %config; the last one wins.
        """,
        ["%exp_config", "%config ExpMagics.alpha = 0.01"],
    )


def run(session: Session, options: Namespace) -> Help:
    """Show the settings."""
    del options
    rows = session.settings.rows()
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return Help(
        "\n".join(
            f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}" for name, value, source in rows
        )
    )
