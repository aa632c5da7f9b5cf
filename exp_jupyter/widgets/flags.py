"""Pick a feature flag for an experiment: search, look, take its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ipywidgets as widgets

from exp_jupyter.display import page
from exp_jupyter.display.content.blocks import Description, Heading, NextStep, Sentence
from exp_jupyter.magic_line import magic_line, word
from exp_jupyter.sanitize import sanitize
from exp_jupyter.widgets.form import WIDE, WRAPPED, Form, fitted, html, line_code
from exp_jupyter.widgets.line_buttons import with_buttons

if TYPE_CHECKING:
    from exp_jupyter.client import Project
    from exp_jupyter.schema.flags.feature_flag import FeatureFlag

_ANY = "any"


class FlagForm(Form):
    """Searches the flags an experiment can use and shows the one that is picked.

    Parameters
    ----------
    project
        The project to search in.
    search
        The text to begin with.

    Attributes
    ----------
    flag
        The flag that is picked, or None.
    """

    def __init__(self, project: Project, *, search: str = "") -> None:
        self._project = project
        self._flags: list[FeatureFlag] = []
        self._begin = _line(search, _ANY)
        self.search = widgets.Text(
            description="Search", value=search, placeholder="key or description"
        )
        self.active = widgets.Dropdown(
            description="State", options=[("any", _ANY), ("on", "yes"), ("off", "no")]
        )
        self.find = widgets.Button(description="Find", button_style="primary")
        self.pick = widgets.Select(description="Flag", rows=6, options=[], layout=WIDE)
        self.card = widgets.HTML()
        head = widgets.HBox([self.search, self.active, self.find], layout=WRAPPED)
        super().__init__([head, self.pick, self.card])
        self.pick.observe(lambda _: self._show(), "value")
        self.on_click(self.find, self._find, "Searching …")
        self.act(self._find)

    @property
    def flag(self) -> FeatureFlag | None:
        """The flag that is picked, if any."""
        return next((one for one in self._flags if one.key == self.pick.value), None)

    def fallback(self) -> Description:
        """Return the line the form began with."""
        return Description(
            "flag-form",
            "Flag form",
            (
                Heading("Pick a feature flag"),
                Sentence("This form works in a live notebook."),
                *line_code(self._begin),
            ),
        )

    def buttons(self) -> Sequence[widgets.Button]:
        """Return every button there is."""
        return (self.find,)

    def settle(self) -> None:
        """Allow a search at any time."""
        self.find.disabled = False

    def _find(self) -> None:
        state = {"yes": True, "no": False}.get(self.active.value)
        search = self.search.value.strip()
        found = self._project.experiments.eligible_flags(search=search or None, active=state)
        self._flags = list(found)
        keys = [one.key for one in self._flags]
        self.pick.options = [(sanitize(key), key) for key in keys]
        self.pick.value = keys[0] if keys else None
        self._show()
        shown, total = len(self._flags), found.count
        count = f"{total} found." if shown == total else f"{total} found, {shown} shown."
        self.tell(Sentence(count), *line_code(_line(search, self.active.value)))

    def _show(self) -> None:
        flag = self.flag
        if flag is None:
            self.card.value = ""
            return
        line = magic_line("%exp_create", '"New experiment"', "--flag-key", word(flag.key))
        step = (NextStep("An experiment on it:", code=line),) if line else ()
        self.card.value = with_buttons(fitted(page(flag).to_html() + html(*step)))


def _line(search: str, active: str) -> str:
    searched = ("--search", word(search)) if search else ()
    stand = ("--active", word(active)) if active != _ANY else ()
    return magic_line("%exp_flags", *searched, *stand)
