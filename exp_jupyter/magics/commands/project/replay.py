"""``%exp_replay``: run the notebook again offline, from what was recorded."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.line.arguments import Arguments

if TYPE_CHECKING:
    from exp_jupyter.client import Project
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_replay``."""
    it = Arguments(
        "exp_replay",
        """
        Connect a recording instead of a project: nothing is asked of anybody, nothing is written.

        Every magic answers from the file that %exp_record made; what is not in it is said by name.
        """,
        ["%exp_replay analysis.expsnap"],
    )
    it.add("file", metavar="FILE", help="the file that %%exp_record made")
    return it


def run(session: Session, options: Namespace) -> Project:
    """Connect a recording."""
    from exp_jupyter.client import replay

    project = replay(options.file)
    session.use(project)
    return project
