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
    SmallPrint,
    Tone,
)
from exp_jupyter.display.render.html import render
from exp_jupyter.errors import ExpError, InputError
from exp_jupyter.shown import Shown
from exp_jupyter.widgets.line_buttons import with_buttons
from exp_jupyter.widgets.outputs import Outputs, static
from exp_jupyter.widgets.style import STYLE

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

    Notes
    -----
    A form with a ``record`` is two outputs: the record, plain HTML that is true without a kernel,
    and the controls. While the controls live they hide the record; when the story is over they are
    taken away and the record is what the notebook keeps.
    """

    def __init__(
        self, children: Sequence[widgets.Widget], below: Sequence[widgets.Widget] = ()
    ) -> None:
        self._busy = threading.Lock()
        self._actor = 0
        """The thread of the action that runs, or 0."""
        self.status = widgets.HTML(layout=widgets.Layout(max_width="100%"))
        self.outputs = Outputs()
        self.style_sheet = widgets.HTML(STYLE, layout={"display": "none"})
        super().__init__([self.style_sheet, *children, self.status, *below])
        self.add_class("exp-form")

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
            if not button.disabled and self.act(action, meanwhile):
                self._refocus(button)

        button.on_click(clicked)

    def _refocus(self, clicked: widgets.Button) -> None:
        """Give the keyboard a place: a disabled or hidden button has lost it."""
        usable = [b for b in (clicked, *self.buttons()) if not b.disabled and is_shown(b)]
        if usable:
            usable[0].focus()

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

    def act(self, action: Callable[[], None], meanwhile: str = "", *, wait: bool = False) -> bool:
        """Carry out one action; one that comes while another runs is dropped, or waits for it.

        Returns
        -------
        bool
            Whether it was carried out.
        """
        if not self._busy.acquire(blocking=wait):
            return False
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
            self.keep()
        return True

    def tell(self, *blocks: Block) -> None:
        """Write into the live region."""
        self.announce(render(Description("message", "", blocks)))

    def tell_result(self, result: Shown) -> None:
        """Write a result's own page into the live region."""
        self.announce(page(result).to_html())

    def tell_error(self, error: BaseException) -> None:
        """Write an error into the live region: what was wrong, and what to do."""
        if isinstance(error, ExpError):
            name = "Check what is filled in" if isinstance(error, InputError) else ""
            name, message, hint = name or type(error).__name__, error.message, error.hint
        else:
            name, message = type(error).__name__, str(error)
            hint = "This is a fault of exp_jupyter; nothing more was done."
        blocks: tuple[Block, ...] = (Heading(name), Sentence(message))
        self.tell(Card((*blocks, NextStep(hint)) if hint else blocks, "bad"))

    def announce(self, html: str) -> None:
        """Replace the live region's content; each line in it can be inserted and copied."""
        shown = with_buttons(fitted(html))
        self.status.value = f'<div role="status" aria-live="polite">{shown}</div>'

    def record(self) -> Description | None:
        """Return what the notebook keeps of the form's story; None where it has no story."""
        return None

    @property
    def is_over(self) -> bool:
        """Whether nothing can be done here any more, so that only the record is left."""
        return False

    def keep(self) -> None:
        """Bring the saved record up to date; take the controls away when the story is over."""
        record = self.record()
        if record is not None:
            self.outputs.keep(record)
            if self.is_over and self.outputs.close():
                close_all(self)

    def fallback_description(self) -> Description:
        """Return the fallback as a description."""
        fallback = self.fallback()
        return fallback if isinstance(fallback, Description) else page(fallback).description

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = dict(super()._repr_mimebundle_(**options) or {})
        return bundle | static(self.record() or self.fallback_description())

    def _ipython_display_(self) -> None:
        record = self.record()
        if record is None:
            self.outputs.show_controls(self._repr_mimebundle_())
            return
        self.add_class("exp-recorded")
        self.outputs.show_record(record)
        if not self.is_over:
            controls = dict(super()._repr_mimebundle_() or {})
            self.outputs.show_controls(controls | static(ENDED))


ENDED = Description(
    "ended-form",
    "Controls",
    (
        SmallPrint(
            ("The buttons of this cell ended with their kernel; run the cell again to go on.",)
        ),
    ),
)
"""What is left of controls whose kernel is gone; the record above them stays."""


def is_shown(widget: widgets.DOMWidget) -> bool:
    """Whether a widget takes part in what is shown."""
    return bool(widget.layout.display != "none")


def show(widget: widgets.DOMWidget, shown: bool) -> None:
    """Show a widget or hide it; it stays where it is, so that it can have the focus at once."""
    widget.layout.display = None if shown else "none"


def close_all(widget: widgets.Widget) -> None:
    """Close a widget with all that is in it, so that no saved state holds it."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for name in ("layout", "style"):
        if (part := getattr(widget, name, None)) is not None:
            part.close()
    widget.close()


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
