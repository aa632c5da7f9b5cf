"""``%exp_end``: end a launched experiment and keep what was concluded."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.magics.commands.watch.show import add_ref
from exp_jupyter.magics.line.arguments import Arguments, one_of
from exp_jupyter.magics.line.writing import add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session

CONCLUSIONS = ("won", "lost", "inconclusive", "stopped_early", "invalid")


def conclusion(text: str) -> str:
    """Read a conclusion; a hyphen may stand for an underscore."""
    return one_of(*CONCLUSIONS)(text.replace("-", "_"))


def add_conclusion(it: Arguments) -> None:
    """Add what was concluded, and why."""
    it.add(
        "--conclusion",
        type=conclusion,
        metavar="WORD",
        offers=" ".join(CONCLUSIONS),
        help="won, lost, inconclusive, stopped_early or invalid",
    )
    it.add("--comment", metavar="TEXT", help="why, in at most 4000 characters")


def arguments() -> Arguments:
    """Return the arguments of ``%exp_end``."""
    it = Arguments(
        "exp_end",
        """
        End a launched experiment now, after a confirmation that asks for its name.

        No later event counts. Its flag stays as it is, so people keep seeing what they see;
        %exp_ship gives everybody one variant instead.
        """,
        [
            "%exp_end 42 --conclusion won",
            '%exp_end 42 --conclusion inconclusive --comment "No lift after four weeks" --yes',
        ],
    )
    add_ref(it)
    add_conclusion(it)
    add_yes(it)
    return it


def run(session: Session, options: Namespace) -> Any:
    """End an experiment."""
    experiments = session.connected().experiments
    write = experiments.end(options.ref, options.conclusion, options.comment)
    return present(session, write, yes=options.yes)
