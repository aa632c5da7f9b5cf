"""What every form does alike: one click is one action, and whatever comes of it is said inside.

A callback's print and traceback reach nobody, and a callback may run on any thread, while a cell
runs or after it. So a form holds a lock, disables its buttons before anything else, and writes
each outcome and each error into a part of itself that screen readers announce.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from exp_jupyter.display import page
from exp_jupyter.display.content.blocks import (
    Block,
    Card,
    Description,
    Heading,
    NextStep,
    Sentence,
    Tone,
)
from exp_jupyter.display.render.html import render
from exp_jupyter.errors import ExpError
from exp_jupyter.shown import Shown

WIDE = {"width": "calc(100% - 4px)", "max_width": "720px"}
"""The layout of a list whose lines are sentences or keys; a widget's margin takes 4 px."""

WRAPPED = {"flex_flow": "row wrap"}
"""The layout of a row that becomes several where the notebook is narrow."""


class Form(widgets.VBox):  # type: ignore[misc]
    """A column of controls with a live region for what comes of them.

    Parameters
    ----------
    children
        The controls, from top to bottom. The live region is added below them.
    below
        Controls below the live region.
    """

    def __init__(
        self, children: Sequence[widgets.Widget], below: Sequence[widgets.Widget] = ()
    ) -> None:
        self._busy = threading.Lock()
        self._actor = 0
        """The thread of the action that runs, or 0."""
        self.status = widgets.HTML(layout=widgets.Layout(max_width="100%"))
        super().__init__([*children, self.status, *below])

    @property
    def said(self) -> str:
        """The HTML of the live region, as it stands."""
        return str(self.status.value)

    def fallback(self) -> Shown | Description:
        """Return what is shown where no widget can be: it must not vary from run to run."""
        raise NotImplementedError

    def settle(self) -> None:
        """Set which controls can be used now; called after every action, on its thread."""

    def buttons(self) -> Sequence[widgets.Button]:
        """Return the buttons that are disabled while an action runs."""
        return ()

    def on_click(self, button: widgets.Button, action: Callable[[], None], meanwhile: str) -> None:
        """Carry out ``action`` when ``button`` is clicked, saying ``meanwhile`` until then."""

        def clicked(_: widgets.Button) -> None:
            # A click can be queued behind one that has already ended what the button is for.
            if not button.disabled:
                self.act(action, meanwhile)

        button.on_click(clicked)

    def on_change(
        self, fields: Sequence[widgets.Widget], action: Callable[[], None], meanwhile: str
    ) -> None:
        """Carry out ``action`` when a field's value changes; one that waits sees the newest values.

        What ``action`` itself sets changes nothing more.
        """

        def changed(_: Any) -> None:
            if self._actor != threading.get_ident():
                self.act(action, meanwhile, wait=True)

        for field in fields:
            field.observe(changed, "value")

    def act(self, action: Callable[[], None], meanwhile: str = "", *, wait: bool = False) -> None:
        """Carry out one action; one that comes while another runs is dropped, or waits for it."""
        if not self._busy.acquire(blocking=wait):
            return
        self._actor = threading.get_ident()
        try:
            for button in self.buttons():
                button.disabled = True
            if meanwhile:
                self.tell(Sentence(meanwhile))
            try:
                action()
            except ExpError as error:
                self.tell_error(error)
            except KeyboardInterrupt:
                self.tell(
                    Card(
                        (Heading("Interrupted"), NextStep("Look again before trying again.")),
                        "notice",
                    )
                )
            except Exception as error:  # noqa: BLE001 - a callback's traceback is shown nowhere
                self.tell_error(error)
        finally:
            self._actor = 0
            self._busy.release()
            self.settle()

    def tell(self, *blocks: Block) -> None:
        """Write into the live region."""
        self.announce(render(Description("message", "", blocks)))

    def tell_result(self, result: Shown) -> None:
        """Write a result's own page into the live region."""
        self.announce(page(result).to_html())

    def tell_error(self, error: BaseException) -> None:
        """Write an error into the live region: what was wrong, and what to do."""
        if isinstance(error, ExpError):
            name, message, hint = type(error).__name__, error.message, error.hint
        else:
            name, message = type(error).__name__, str(error)
            hint = "This is a fault of exp_jupyter; nothing more was done."
        blocks: tuple[Block, ...] = (Heading(name), Sentence(message))
        self.tell(Card((*blocks, NextStep(hint)) if hint else blocks, "bad"))

    def announce(self, html: str) -> None:
        """Replace the live region's content."""
        self.status.value = f'<div role="status" aria-live="polite">{fitted(html)}</div>'

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = dict(super()._repr_mimebundle_(**options) or {})
        found = self.fallback()
        if isinstance(found, Description):
            from exp_jupyter.display.render.text import render as render_text

            bundle["text/plain"], bundle["text/html"] = render_text(found), render(found)
        else:
            described = page(found)
            bundle["text/plain"], bundle["text/html"] = described.to_text(), described.to_html()
        return bundle


def card(title: str, *blocks: Block, tone: Tone = "accent") -> Card:
    """Return blocks that belong together under a title."""
    return Card((Heading(title), *blocks), tone)


def fitted(html: str) -> str:
    """Return HTML that takes the width there is: a wide table scrolls and widens nothing."""
    return f'<div style="width:0;min-width:100%">{html}</div>' if html else ""


def html(*blocks: Block) -> str:
    """Return blocks as HTML."""
    return render(Description("message", "", blocks))


def line_code(line: str) -> tuple[NextStep, ...]:
    """Return the magic line that reproduces a form's present state; nothing where none can."""
    return (NextStep("The same as a cell:", code=line),) if line else ()
