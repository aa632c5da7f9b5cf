"""The cell outputs of a form: what the notebook keeps, and the controls while they live.

Each output has a display id, so that it can be replaced later from any thread. The front end's
half of exp_jupyter knows both by their metadata: after the page was loaded anew it brings a record
up to date, and it takes away controls whose kernel is gone.
"""

from __future__ import annotations

import uuid
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import publish_display_data

from exp_jupyter.display.content.blocks import Description
from exp_jupyter.display.render.html import render
from exp_jupyter.display.render.text import render as render_text

_GONE = {"text/plain": "", "text/html": ""}


class Outputs:
    """Shows a record and controls in the cell that runs, and replaces them later."""

    def __init__(self) -> None:
        name = uuid.uuid4().hex
        self._record, self._controls = f"exp-record-{name}", f"exp-controls-{name}"
        self._kept: dict[str, Any] | None = None
        self._live = False

    def show_record(self, record: Description) -> None:
        """Show what the notebook keeps."""
        self._kept = static(record)
        _publish(self._kept, self._record, "record", update=False)

    def show_controls(self, bundle: dict[str, Any]) -> None:
        """Show the controls; their bundle holds what stands in their place without a kernel."""
        self._live = True
        _publish(bundle, self._controls, "controls", update=False)

    def keep(self, record: Description) -> None:
        """Replace what the notebook keeps, where it was shown and is another now."""
        if self._kept is not None and (bundle := static(record)) != self._kept:
            self._kept = bundle
            _publish(bundle, self._record, "record", update=True)

    def close(self) -> bool:
        """Take the controls away for good, and return whether there were any."""
        live, self._live = self._live, False
        if live:
            _publish(_GONE, self._controls, "controls", update=True)
        return live


def static(described: Description) -> dict[str, Any]:
    """Return a description in the forms that need no kernel."""
    return {"text/plain": render_text(described), "text/html": render(described)}


def _publish(bundle: dict[str, Any], display_id: str, part: str, *, update: bool) -> None:
    # Without a shell, as in a plain Python test of a form, there is no cell to show anything in.
    if InteractiveShell.initialized():
        publish_display_data(  # type: ignore[no-untyped-call]
            data=bundle,
            metadata={"exp_jupyter": {"part": part, "display_id": display_id}},
            transient={"display_id": display_id},
            update=update,
        )
