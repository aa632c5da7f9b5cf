"""``%exp_list``: the project's experiments."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from exp_jupyter.magics.line.arguments import Arguments, one_of

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session
    from exp_jupyter.schema.experiments.experiment import ExperimentList

STATUSES = ("draft", "running", "paused", "stopped", "all")
ORDERS = ("created_at", "updated_at", "name", "start_date", "end_date", "duration", "status")


def arguments() -> Arguments:
    """Return the arguments of ``%exp_list``."""
    it = Arguments(
        "exp_list",
        """
        List experiments, newest first.

        Archived experiments are left out unless asked for.
        """,
        ["%exp_list", "%exp_list --status running", "%exp_list --search checkout --order name"],
    )
    it.add(
        "--status",
        type=one_of(*STATUSES),
        metavar="STATUS",
        offers=" ".join(STATUSES),
        help="draft, running, paused, stopped or all (default)",
    )
    it.add("--archived", action="store_true", help="list the archived ones instead")
    it.add("--search", metavar="TEXT", help="part of the name")
    it.add("--tag", metavar="TAG", help="only those with this tag")
    it.add(
        "--order",
        metavar="FIELD",
        help="created_at, updated_at, name, start_date, end_date, duration or status; "
        "a leading - turns it round, as in --order=-name",
    )
    return it


def run(session: Session, options: Namespace) -> ExperimentList:
    """List experiments."""
    found = session.connected().experiments.list(
        status=options.status,
        archived=True if options.archived else None,
        search=options.search,
        order=options.order,
        tag=options.tag,
    )
    session.names.see_experiments(found)
    return found
