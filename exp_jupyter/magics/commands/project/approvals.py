"""``%exp_approvals``: change requests, and one's vote on them."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.magics.line.arguments import Arguments, one_of
from exp_jupyter.magics.line.writing import add_yes, present

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session

STATES = ("pending", "approved", "applied", "rejected", "expired", "failed", "all")


def arguments() -> Arguments:
    """Return the arguments of ``%exp_approvals``."""
    it = Arguments(
        "exp_approvals",
        """
        List change requests that wait; approve, reject or withdraw one after a confirmation.

        An approval that completes the quorum applies the change at once. A rejection ends the
        request and needs a reason. Only the person who made a request can withdraw it.
        """,
        [
            "%exp_approvals",
            "%exp_approvals --state all",
            "%exp_approvals --form",
            '%exp_approvals --approve ID --reason "Checked the rollout"',
        ],
    )
    it.add(
        "--state",
        type=one_of(*STATES),
        metavar="STATE",
        offers=" ".join(STATES),
        help="pending (default), approved, applied, rejected, expired, failed or all",
    )
    it.add("--approve", metavar="ID", offers="request", help="vote for this change request")
    it.add("--reject", metavar="ID", offers="request", help="vote against it; needs --reason")
    it.add("--withdraw", metavar="ID", offers="request", help="take back a request of your own")
    it.add("--reason", metavar="TEXT", default="", help="why; kept with the vote")
    add_yes(it)
    it.add("--form", action="store_true", help="open the inbox as a form")
    return it


def run(session: Session, options: Namespace) -> Any:
    """List change requests, or vote on one."""
    approvals = session.connected().approvals
    verbs = ("approve", "reject", "withdraw")
    chosen = [name for name in verbs if getattr(options, name) is not None]
    if len(chosen) > 1:
        raise InputError(
            f"%exp_approvals does one thing at a time; it was asked to {' and '.join(chosen)}."
        )
    if "reject" in chosen and not options.reason.strip():
        raise InputError("A rejection needs a reason.", hint='Add --reason "…", in a few words.')
    if chosen:
        decide = getattr(approvals, chosen[0])
        write = decide(getattr(options, chosen[0]), reason=options.reason)
        return present(session, write, yes=options.yes)
    if options.form:
        from exp_jupyter.widgets.approvals import ApprovalsInbox

        return ApprovalsInbox(session.connected(), on_change=session.changed)
    state = options.state or "pending"
    found = approvals.list(state=None if state == "all" else state)
    session.names.see_requests(found)
    return found
