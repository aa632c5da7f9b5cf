"""``%exp_record``: freeze what the project answers from now on."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.line.arguments import Arguments

if TYPE_CHECKING:
    from exp_jupyter.client import Project
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_record``."""
    it = Arguments(
        "exp_record",
        """
        Keep every answer of the connected project from now on in one readable file.

        %exp_replay then runs the notebook again offline and shows the same. The file holds no key
        and no e-mail address. The project's clock stands still from now on.
        """,
        ["%exp_record analysis.expsnap"],
    )
    it.add("file", metavar="FILE", help="the file; an older recording there is replaced")
    return it


def run(session: Session, options: Namespace) -> Project:
    """Record the connected project."""
    project = session.connected().record(options.file)
    # What connecting asked belongs into the file: a replay is connected too.
    session.use(project)
    return project
