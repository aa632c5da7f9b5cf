"""``%exp_update``: change what an experiment says."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.commands.create.create import add_metrics, metric_fields
from exp_jupyter.magics.commands.lifecycle.end import add_conclusion
from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments, given
from exp_jupyter.magics.line.writing import add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session


def arguments() -> Arguments:
    """Return the arguments of ``%exp_update``."""
    it = Arguments(
        "exp_update",
        """
        Change an experiment's name, description, metrics or conclusion, after a confirmation.

        Metrics are replaced as a whole: name all that are to stay. The daily series of a metric
        whose definition changes begins again.
        """,
        [
            '%exp_update 42 --description "Shorter forms raise conversion"',
            "%exp_update 42 --conclusion inconclusive --yes",
            "%exp_update 42 --secondary Orders=purchase:count",
        ],
    )
    add_ref(it)
    it.add("--name", metavar="TEXT", help="new name")
    it.add("--description", metavar="TEXT", help="new description or hypothesis")
    add_metrics(it)
    add_conclusion(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """Change an experiment."""
    fields = given(options, "name", "description", "conclusion") | metric_fields(options)
    if options.comment is not None:
        fields["conclusion_comment"] = options.comment
    if not fields:
        raise InputError(
            "%exp_update needs what is to change.",
            hint='For example: %exp_update 42 --description "Shorter forms raise conversion"',
        )
    write = session.connected().experiments.update(options.ref, **fields)
    return present(session, write, yes=options.yes)
