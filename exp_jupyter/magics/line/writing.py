"""The rule of writes: a person confirms or the call says ``--yes``; else the plan is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import NotWrittenError, WriteOutcomeUnknownError
from exp_jupyter.magics.line.arguments import Arguments

if TYPE_CHECKING:
    from exp_jupyter.client import Write
    from exp_jupyter.magics.session import Session
    from exp_jupyter.schema.approvals.writes import WriteOutcome, WriteState


def add_yes(arguments: Arguments) -> None:
    """Add ``--yes``, the consent a notebook without a reader can give."""
    arguments.add(
        "--yes",
        action="store_true",
        help="write without asking; without it a notebook shows a confirmation, and a run "
        "without a reader only shows the plan",
    )


def add_again(arguments: Arguments) -> None:
    """Add ``--again``, for a change that somebody rejected before."""
    arguments.add(
        "--again",
        action="store_true",
        help="ask for approval once more after somebody rejected the same change",
    )


def present(session: Session, write: Write, *, yes: bool, again: bool = False) -> Any:
    """Send a write that was agreed to; else ask the person, or show the plan where there is none.

    Parameters
    ----------
    yes
        Whether the call itself agreed to the write.
    again
        Ask for approval once more although somebody rejected the same change before.

    Returns
    -------
    WriteOutcome, WriteState, Confirmation or Write
        What came of it with ``yes``; where it stands when nothing is left to be written; the
        confirmation where somebody can click; else the unsent write itself, which shows its plan.

    Raises
    ------
    exp_jupyter.errors.NotWrittenError
        The project would refuse, or has refused, the write.
    exp_jupyter.errors.WriteOutcomeUnknownError
        The write was sent and its answer was lost.
    """
    if yes:
        outcome = write.send(again=again)
        _changed(session, write)
        if outcome.kind == "refused":
            raise NotWrittenError(outcome.sentence, hint=_step(outcome))
        if outcome.kind == "unknown":
            raise WriteOutcomeUnknownError(outcome.sentence, hint=outcome.next_step)
        return outcome
    state = write.state()
    if state.can_ask_again and again:
        state = replace(state, can_ask_again=False)
    asks = state.can_ask_again and session.has_front_end
    if state.kind == "refused" and not again and not asks:
        raise NotWrittenError(state.sentence, hint=_step(state))
    if state.kind == "already_done":
        return state
    if session.has_front_end:
        from exp_jupyter.widgets.confirmation import Confirmation
        from exp_jupyter.widgets.polling import UNTIL_DECIDED

        return Confirmation(
            write,
            state=state,
            again=again,
            poll=UNTIL_DECIDED,
            on_change=lambda: _changed(session, write),
        )
    return state if state.kind == "waiting" and not state.can_finish else write


def _step(stands: WriteState | WriteOutcome) -> str:
    """Return what to do next, in the words of a line."""
    if stands.can_ask_again:
        return "Change the plan; or ask once more: add --again to the line."
    return stands.next_step


def _changed(session: Session, write: Write) -> None:
    """Let Tab know the experiment as it is now, and tell the panel."""
    from exp_jupyter.schema import Experiment

    result = write.outcome.result if write.outcome is not None else None
    if isinstance(result, Experiment):
        session.names.see_experiments([result])
    if write.outcome is not None and write.outcome.change_request is not None:
        session.names.see_requests([write.outcome.change_request])
    session.changed()
