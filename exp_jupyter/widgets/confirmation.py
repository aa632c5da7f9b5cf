"""A write, asked for: what it will do, Confirm or Cancel, and everything that comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import ipywidgets as widgets

from exp_jupyter.display import page
from exp_jupyter.display.content.blocks import (
    Block,
    Card,
    Description,
    Details,
    Heading,
    NextStep,
    Sentence,
)
from exp_jupyter.errors import ChangedMeanwhileError, ExpError, WriteOutcomeUnknownError
from exp_jupyter.sanitize import sanitize
from exp_jupyter.widgets.form import WRAPPED, Form, card, fitted, html, show
from exp_jupyter.widgets.polling import Polling

if TYPE_CHECKING:
    from exp_jupyter.client import Write
    from exp_jupyter.schema.approvals.writes import WriteOutcome, WritePlan, WriteState

_TONES = {"ask": "", "waiting": "exp-notice", "rejected": "exp-bad", "lost": "exp-bad"}


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
    on_keep
        Called when what the notebook should keep of it may be another.

    Attributes
    ----------
    write
        The write, with its plan; another one after Ask again.
    outcome
        What came of it so far, or None.

    Notes
    -----
    The stages: ``ask`` until Confirm or Cancel; ``waiting`` while a change request is open;
    ``finish`` when it was applied and the write's own part is left; ``rejected`` when somebody
    rejected it and it can be asked for again; ``lost`` when the answer never came; ``cancelled``;
    ``over``.
    """

    def __init__(
        self,
        write: Write,
        *,
        state: WriteState | None = None,
        again: bool = False,
        poll: Sequence[float] = (),
        on_change: Callable[[], None] | None = None,
        on_keep: Callable[[], None] | None = None,
    ) -> None:
        self.write = write
        self.outcome: WriteOutcome | WriteState | None = None
        self._again = again
        self._poll = poll
        self._polling: Polling | None = None
        self._answers = 0
        self._telling = threading.Lock()
        self._on_change = on_change
        self._on_keep = on_keep
        self._stage = "ask"
        self._wanted: str | None = None
        self.name = widgets.Text(
            description="Type the name",
            style={"description_width": "initial"},
        )
        self.name.observe(lambda _: self.settle(), "value")
        self.confirm = widgets.Button(description="Confirm", button_style="primary")
        self.cancel = widgets.Button(description="Cancel")
        self.refresh = widgets.Button(description="Refresh")
        self.withdraw = widgets.Button(description="Withdraw request")
        self.finish = widgets.Button(description="Finish", button_style="primary")
        self.ask_again = widgets.Button(description="Ask again")
        # Finish writes, so it must not appear where a double click has just hit another button.
        self._gap = widgets.Box(layout={"width": "148px"})
        self.controls = widgets.HBox(
            [
                *(self.confirm, self.cancel, self.ask_again),
                *(self.refresh, self._gap, self.withdraw, self.finish),
            ],
            layout=WRAPPED,
        )
        self.card = widgets.HTML()
        self.asked_for = widgets.HTML()
        super().__init__([])
        self.box = widgets.VBox([self.card, self.status, self.asked_for, self.name, self.controls])
        self.box.add_class("exp-card")
        self.children = (self.style_sheet, self.box)
        self.on_click(self.confirm, self._confirm, "Sending …")
        self.on_click(self.cancel, self._cancel, "")
        self.on_click(self.refresh, self._refresh, "Looking …")
        self.on_click(self.withdraw, self._withdraw, "Withdrawing …")
        self.on_click(self.finish, self._finish, "Finishing …")
        self.on_click(self.ask_again, self._ask_once_more, "Looking …")
        self._show_plan()
        if state is not None and (
            state.can_finish or state.kind == "waiting" or state.can_ask_again
        ):
            self._show(state)
        self.settle()

    @property
    def stage(self) -> str:
        """Where the conversation stands; see the notes."""
        return self._stage

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be clicked."""
        return self._stage in {"over", "cancelled"}

    def fallback(self) -> WritePlan:
        """Return the plan."""
        return self.write.plan

    def record(self) -> Description:
        """Return the plan with what came of it, as it is now."""
        described = page(self.write.plan).description
        if self._stage == "ask":
            step = NextStep("Run this cell again to confirm it.")
            return replace(described, blocks=(Card((*_inside(described), step)),))
        asked = _asked_for(self.write.plan)
        if self._stage == "cancelled":
            told = (Heading("Cancelled"), Sentence("Nothing was written."), asked)
            return replace(described, blocks=(Card(told, "quiet"),))
        if self.outcome is None:  # sent, and nothing came back so far
            sent = Sentence("It was sent; its answer is awaited.")
            return replace(
                described, blocks=(Card((Heading(self.write.plan.title), sent, asked), "bad"),)
            )
        outcome = page(_in_words(self.outcome, "Run this cell again to see where it stands."))
        tones = (block.tone for block in outcome.description.blocks if isinstance(block, Card))
        inside = (*_inside(outcome.description), asked)
        return replace(outcome.description, blocks=(Card(inside, next(tones, "accent")),))

    def keep(self) -> None:
        """Bring the saved record up to date, this one's or that of the form it stands in."""
        super().keep()
        if self._on_keep is not None:
            self._on_keep()

    def buttons(self) -> Sequence[widgets.Button]:
        """Return every button there is."""
        return (
            *(self.confirm, self.refresh, self.cancel),
            *(self.withdraw, self.finish, self.ask_again),
        )

    def settle(self) -> None:
        """Show the buttons of the stage, and enable those that can be used."""
        shown = {
            "ask": (self.confirm, self.cancel),
            "waiting": (self.refresh, self.withdraw),
            "finish": (self.refresh, self._gap, self.finish),
            "rejected": (self.ask_again,),
            "lost": (self.refresh,),
        }.get(self._stage, ())
        for button in self.buttons():
            show(button, button in shown)
            button.disabled = button not in shown
        show(self._gap, self._gap in shown)
        show(self.controls, bool(shown))
        for tone in _TONES.values():
            if tone:
                self.box.remove_class(tone)
        if tone := _TONES.get(self._stage, ""):
            self.box.add_class(tone)
        self._keep_looking()
        asks_name = self._stage == "ask" and self._wanted is not None
        show(self.name, asks_name)
        if asks_name and sanitize(self.name.value) != self._wanted:
            self.confirm.disabled = True

    def _show_plan(self) -> None:
        plan = self.write.plan
        self.card.value = fitted(html(*_inside(page(plan).description)))
        self.asked_for.value = ""
        # What cannot be typed is not asked for: the name as it is shown is what counts.
        self._wanted = sanitize(plan.confirm_name) if plan.confirm_name is not None else None
        self.name.value, self.name.placeholder = "", self._wanted or ""

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
        self._show_plan()
        step = Sentence("Nothing was written. Look at the plan again, then confirm it.")
        self.tell(card("Changed meanwhile", Sentence(why), step, tone="notice"))

    def _ask_once_more(self) -> None:
        """Begin again after a rejection, with a plan from what there is now."""
        if self._stage == "rejected":
            self.write, self._again, self.outcome = self.write.renewed(), True, None
            self._stage = "ask"
            self._show_plan()
            self.announce("")

    def _cancel(self) -> None:
        if self._stage == "ask":
            self._stage = "cancelled"
            self.card.value = ""
            self.asked_for.value = fitted(html(_asked_for(self.write.plan)))
            self.tell(Heading("Cancelled"), Sentence("Nothing was written."))

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
            self.keep()
        return self._stage == "waiting"

    def _came(self, outcome: WriteOutcome, *, unless_since: int | None = None) -> None:
        with self._telling:
            if unless_since not in (None, self._answers):
                return
            self._answers += 1
            self._show(outcome)
        if self._on_change is not None:
            self._on_change()

    def _show(self, outcome: WriteOutcome | WriteState) -> None:
        self.outcome = outcome
        if outcome.can_finish:
            self._stage = "finish"
        elif outcome.can_ask_again:
            self._stage = "rejected"
        else:
            stages = {"waiting": "waiting", "unknown": "lost"}
            self._stage = stages.get(outcome.kind, "over")
        self.card.value = ""
        self.asked_for.value = fitted(html(_asked_for(self.write.plan)))
        self.tell(*_inside(page(_in_words(outcome)).description))


def _inside(described: Description) -> tuple[Block, ...]:
    """Return what is inside a page's cards: the form has a border of its own."""
    blocks: list[Block] = []
    for block in described.blocks:
        blocks += block.blocks if isinstance(block, Card) else (block,)
    return tuple(blocks)


def _in_words(outcome: WriteOutcome | WriteState, otherwise: str = "") -> WriteOutcome | WriteState:
    """Return an outcome whose next step is in the words of a notebook.

    ``otherwise`` is the step where somebody reads who has no buttons.
    """
    if outcome.can_ask_again:
        return replace(outcome, next_step="Change the plan, or ask again with --again.")
    if otherwise and (outcome.kind in {"waiting", "unknown"} or outcome.can_finish):
        return replace(outcome, next_step=otherwise)
    return outcome


def _asked_for(plan: WritePlan) -> Details:
    """Return the plan, folded and without its state: what came of it stands above."""
    told = [block for block in _inside(page(plan).description) if not isinstance(block, Heading)]
    return Details("What was asked for", (Heading(plan.title), *told))
