"""A write, asked for: what it will do, Confirm or Cancel, and everything that comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import ipywidgets as widgets

from exp_jupyter.display import page
from exp_jupyter.display.content.blocks import Block, Card, Details, Heading, Sentence
from exp_jupyter.errors import ChangedMeanwhileError, ExpError, WriteOutcomeUnknownError
from exp_jupyter.sanitize import sanitize
from exp_jupyter.widgets.form import WRAPPED, Form, card, fitted, html
from exp_jupyter.widgets.polling import Polling

if TYPE_CHECKING:
    from exp_jupyter.client import Write
    from exp_jupyter.schema.approvals.writes import WriteOutcome, WritePlan, WriteState


class Confirmation(Form):
    """Asks before a write is sent, and follows it through its approval.

    Parameters
    ----------
    write
        The write; it is sent when Confirm is clicked, and at most once.
    state
        Where the write stands, if that was already read: a write that waits for approval opens
        as its waiting card.
    again
        Ask for approval once more although somebody rejected the same change before.
    poll
        Seconds between the looks it takes by itself while an approval is waited for; by default
        it takes none.
    on_change
        Called after each answer of the project that may have changed it.

    Attributes
    ----------
    write
        The write, with its plan.
    outcome
        What came of it so far, or None.

    Notes
    -----
    The stages: ``ask`` until Confirm or Cancel; ``waiting`` while a change request is open;
    ``finish`` when it was applied and the write's own part is left; ``lost`` when the answer never
    came; ``over``.
    """

    def __init__(
        self,
        write: Write,
        *,
        state: WriteState | None = None,
        again: bool = False,
        poll: Sequence[float] = (),
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.write = write
        self.outcome: WriteOutcome | None = None
        self._again = again
        self._poll = poll
        self._polling: Polling | None = None
        self._answers = 0
        self._telling = threading.Lock()
        self._on_change = on_change
        self._stage = "ask"
        # What cannot be typed is not asked for: the name as it is shown is what counts.
        wanted = write.plan.confirm_name
        self._wanted = sanitize(wanted) if wanted is not None else None
        self.name = widgets.Text(
            description="Type the name",
            placeholder=self._wanted or "",
            style={"description_width": "initial"},
        )
        self.name.observe(lambda _: self.settle(), "value")
        self.confirm = widgets.Button(description="Confirm", button_style="primary")
        self.cancel = widgets.Button(description="Cancel")
        self.refresh = widgets.Button(description="Refresh")
        self.withdraw = widgets.Button(description="Withdraw request")
        self.finish = widgets.Button(description="Finish", button_style="primary")
        # Finish writes, so it must not appear where a double click has just hit another button.
        self._gap = widgets.Box(layout=self.withdraw.layout)
        self.controls = widgets.HBox([], layout=WRAPPED)
        self.card = widgets.HTML(fitted(page(write.plan).to_html()))
        super().__init__([self.card, self.name], [self.controls])
        self.on_click(self.confirm, self._confirm, "Sending …")
        self.on_click(self.cancel, self._cancel, "")
        self.on_click(self.refresh, self._refresh, "Looking …")
        self.on_click(self.withdraw, self._withdraw, "Withdrawing …")
        self.on_click(self.finish, self._finish, "Finishing …")
        if state is not None and (state.can_finish or state.kind == "waiting"):
            self._stage = "finish" if state.can_finish else "waiting"
            self.tell_result(state)
        self.settle()

    @property
    def stage(self) -> str:
        """Where the conversation stands; see the notes."""
        return self._stage

    def fallback(self) -> WritePlan:
        """Return the plan, which is the same before and after."""
        return self.write.plan

    def buttons(self) -> Sequence[widgets.Button]:
        """Return every button there is."""
        return (self.confirm, self.cancel, self.refresh, self.withdraw, self.finish)

    def settle(self) -> None:
        """Show the buttons of the stage, and enable those that can be used."""
        shown = {
            "ask": (self.confirm, self.cancel),
            "waiting": (self.refresh, self.withdraw),
            "finish": (self.refresh, self._gap, self.finish),
            "lost": (self.refresh,),
        }.get(self._stage, ())
        self.controls.children = shown
        if self._stage != "ask" and self.outcome is not None:
            self.card.value = fitted(_asked_for(self.write.plan))
        for button in self.buttons():
            button.disabled = button not in shown
        self._keep_looking()
        asks_name = self._stage == "ask" and self._wanted is not None
        self.name.layout.display = None if asks_name else "none"
        if asks_name and sanitize(self.name.value) != self._wanted:
            self.confirm.disabled = True

    def _confirm(self) -> None:
        if self._stage != "ask":
            return  # a click that was queued behind the one that counted
        if self._wanted is not None and sanitize(self.name.value) != self._wanted:
            self.tell(Sentence(f"Type {self._wanted} to confirm."))
            return
        if self.write.look_again():
            self._ask_again("It has changed since this was shown.")
            return
        # Until the project has answered nobody knows whether the write took effect.
        self._stage = "lost"
        try:
            self._came(self.write.send(again=self._again))
        except WriteOutcomeUnknownError:
            raise
        except ChangedMeanwhileError as conflict:
            self._stage = "ask"
            self.write.look_again()
            self._ask_again(conflict.message)
        except ExpError:
            self._stage = "ask"
            raise

    def _ask_again(self, why: str) -> None:
        """Show the plan as it is now: what was agreed to is another one."""
        plan = self.write.plan
        self.card.value = fitted(page(plan).to_html())
        self._wanted = sanitize(plan.confirm_name) if plan.confirm_name is not None else None
        self.name.value, self.name.placeholder = "", self._wanted or ""
        step = Sentence("Nothing was written. Look at the plan again, then confirm it.")
        self.tell(card("Changed meanwhile", Sentence(why), step, tone="notice"))

    def _cancel(self) -> None:
        if self._stage == "ask":
            self._stage = "over"
            self.tell(card("Cancelled", Sentence("Nothing was written."), tone="quiet"))

    def _refresh(self) -> None:
        if self._stage in {"waiting", "finish", "lost"}:
            self._came(self.write.refresh())

    def _withdraw(self) -> None:
        if self._stage == "waiting":
            self._came(self.write.withdraw())

    def _finish(self) -> None:
        if self._stage == "finish":
            self._came(self.write.finish())

    def _keep_looking(self) -> None:
        if self._stage != "waiting" and self._polling is not None:
            self._polling.stop()
            self._polling = None
        elif self._stage == "waiting" and self._polling is None and self._poll:
            self._polling = Polling(self._poll, self._look)

    def _look(self) -> bool:
        """Look by itself; what a click brought meanwhile is newer and stands."""
        before = self._answers
        outcome = self.write.refresh()
        if outcome != self.outcome:
            self._came(outcome, unless_since=before)
            self.settle()
        return self._stage == "waiting"

    def _came(self, outcome: WriteOutcome, *, unless_since: int | None = None) -> None:
        with self._telling:
            if unless_since not in (None, self._answers):
                return
            self._answers += 1
            self._show(outcome)
        if self._on_change is not None:
            self._on_change()

    def _show(self, outcome: WriteOutcome) -> None:
        self.outcome = outcome
        if outcome.can_finish:
            self._stage = "finish"
        else:
            stages = {"waiting": "waiting", "unknown": "lost"}
            self._stage = stages.get(outcome.kind, "over")
        self.tell_result(outcome)


def _asked_for(plan: WritePlan) -> str:
    """Return the plan, folded and without its state: what came of it stands below."""
    blocks: list[Block] = []
    for block in page(plan).description.blocks:
        blocks += block.blocks if isinstance(block, Card) else (block,)
    told = tuple(block for block in blocks if not isinstance(block, Heading))
    return html(Heading(plan.title), Details("What was asked for", told))
