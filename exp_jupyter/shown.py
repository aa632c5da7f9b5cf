"""What every result can do: be read as text, HTML, Markdown, a frame, a dictionary, a chart, code.

The drawing itself lives upstairs in ``exp_jupyter.display``, which finds the right drawing by the
object's class. It is looked up by name at the first use, so the rooms below stay free of it and
an import of the engine stays cheap.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
import operator
import shutil
import sys
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

RESULT_MIME = "application/vnd.exp-jupyter.result+json"


class Shown:
    """An object that a notebook, a terminal or a page can show. See the module's first line."""

    def _page(self) -> Any:
        return load_display().page(self)

    def to_text(self, width: int | None = None) -> str:
        """Return the result as plain text that reads well in a terminal and in a diff.

        Parameters
        ----------
        width
            Columns to fit into, at least 40; by default 100, whatever the terminal.

        Raises
        ------
        exp_jupyter.errors.InputError
            The width is no whole number.
        """
        return cast("str", self._page().to_text(None if width is None else _columns(width)))

    def to_html(self) -> str:
        """Return the result as self-contained HTML: inline styles and data-URI pictures only."""
        return cast("str", self._page().to_html())

    def to_markdown(self) -> str:
        """Return the result as Markdown."""
        return cast("str", self._page().to_markdown())

    def to_frame(self) -> pd.DataFrame:
        """Return the result's rows as a pandas DataFrame."""
        return cast("pd.DataFrame", self._page().to_frame())

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-ready values: no NaN, no infinity, dates as ISO 8601."""
        return cast("dict[str, Any]", plain(self))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the result's chart with matplotlib and return the axes.

        Parameters
        ----------
        ax
            The axes to draw on; by default a new figure's.

        Raises
        ------
        exp_jupyter.errors.InputError
            The result has no chart, or ``ax`` is not one matplotlib axes.
        """
        return cast("Axes", self._page().plot(ax))

    def code(self) -> str:
        """Return the Python call that makes this result again; empty when there is none."""
        return str(getattr(self, "_code", None) or "")

    def coded(self, code: str) -> Self:
        """Keep the Python call that makes this result again, and return the result."""
        # Results are frozen; the call is a note about the object, not part of its value.
        object.__setattr__(self, "_code", code)
        return self

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude  # the set of mimes of a result never varies
        page = self._page()
        return {
            "text/plain": page.to_text(terminal_width()),
            "text/html": page.to_html(),
            RESULT_MIME: page.to_data(),
        }

    def __repr__(self) -> str:
        return self.to_text(terminal_width())


def _columns(width: Any) -> int:
    from exp_jupyter.errors import InputError

    try:
        return max(operator.index(width), 40)
    except TypeError:
        raise InputError(
            f"{width!r} is no width.",
            hint="Give the columns as a whole number, for example to_text(80).",
        ) from None


def load_display(module: str = "") -> Any:
    """Return the display, or a module of it; imported at the first use, as it lies above."""
    return importlib.import_module(f"exp_jupyter.display.{module}".rstrip("."))


def terminal_width() -> int | None:
    """Return the columns of the terminal that text is printed on; None where there is none.

    A notebook's kernel prints on no terminal, so what it keeps never depends on one.
    """
    try:
        if not sys.stdout.isatty():
            return None
    except (AttributeError, ValueError):  # no stream at all, or one that is closed
        return None
    return min(max(shutil.get_terminal_size().columns, 40), 100)


def plain(value: Any) -> Any:
    """Return ``value`` as JSON-ready Python: arrays as lists, NaN and infinities as None."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not field.name.startswith("_")
        }
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)
