"""The approvals inbox: change requests that wait for this person, each with its vote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import ipywidgets as widgets

from exp_jupyter.display import page
from exp_jupyter.display.content.blocks import Description, Heading, NextStep, Sentence
from exp_jupyter.errors import InputError
from exp_jupyter.sanitize import sanitize
from exp_jupyter.widgets.form import WIDE, WRAPPED, Form, fitted

if TYPE_CHECKING:
    from exp_jupyter.client import Project, Write
    from exp_jupyter.schema.approvals.approval import ChangeRequest

_NOBODY = "Nothing waits for your approval."


class ApprovalsInbox(Form):
    """Reads the pending change requests; approves or rejects the one that is picked.

    Parameters
    ----------
    project
        The project, seen as the person who votes.
    on_change
        Called after each vote.
    """

    def __init__(self, project: Project, *, on_change: Callable[[], None] | None = None) -> None:
        self._project = project
        self._on_change = on_change
        self._requests: list[ChangeRequest] = []
        self.pick = widgets.Select(description="Waiting", rows=4, options=[], layout=WIDE)
        self.card = widgets.HTML()
        self.reason = widgets.Text(description="Reason", placeholder="needed to reject")
        self.approve = widgets.Button(description="Approve", button_style="primary")
        self.reject = widgets.Button(description="Reject")
        self.refresh = widgets.Button(description="Refresh")
        controls = widgets.HBox([self.approve, self.reject, self.refresh], layout=WRAPPED)
        super().__init__([self.pick, self.card, self.reason, controls])
        self.pick.observe(lambda _: self._show(), "value")
        self.on_click(self.approve, self._approve, "Sending your approval …")
        self.on_click(self.reject, self._reject, "Sending your rejection …")
        self.on_click(self.refresh, self._look, "Looking …")
        self.act(self._look)

    def fallback(self) -> Description:
        """Return what the inbox is for; its content changes with time."""
        return Description(
            "approvals-inbox",
            "Approvals inbox",
            (
                Heading("Change requests that wait for you"),
                Sentence("This form works in a live notebook."),
                NextStep("The same as a list:", code="%exp_approvals"),
            ),
        )

    def buttons(self) -> Sequence[widgets.Button]:
        """Return every button there is."""
        return (self.approve, self.reject, self.refresh)

    def settle(self) -> None:
        """Allow a vote when a request is picked."""
        self.refresh.disabled = False
        self.approve.disabled = self.reject.disabled = self.picked is None
        self.reason.disabled = self.picked is None

    @property
    def picked(self) -> ChangeRequest | None:
        """The change request that is picked, if any."""
        return next((one for one in self._requests if one.id == self.pick.value), None)

    def _look(self) -> None:
        self._read()
        self.tell(Sentence(_NOBODY if not self._requests else f"{len(self._requests)} waiting."))

    def _read(self) -> None:
        self._requests = self._project.approvals.list(state="pending").waiting_for_me
        self.pick.options = [(_title(one), one.id) for one in self._requests]
        self.pick.value = self._requests[0].id if self._requests else None
        self._show()

    def _show(self) -> None:
        picked = self.picked
        self.card.value = fitted(page(picked).to_html()) if picked is not None else ""

    def _approve(self) -> None:
        picked = self.picked
        if picked is not None:
            self._vote(self._project.approvals.approve(picked.id, self.reason.value.strip()))

    def _reject(self) -> None:
        picked = self.picked
        if picked is None:
            return
        if not self.reason.value.strip():
            raise InputError("A rejection needs a reason.", hint="Say why, then reject again.")
        self._vote(self._project.approvals.reject(picked.id, self.reason.value.strip()))

    def _vote(self, write: Write) -> None:
        outcome = write.send()
        self.reason.value = ""
        self._read()
        self.tell_result(outcome)
        if self._on_change is not None:
            self._on_change()


def _title(request: ChangeRequest) -> str:
    person = request.created_by
    asked = f", asked for by {person.label}" if person is not None else ""
    return sanitize(f"{page(request).title}{asked}")
