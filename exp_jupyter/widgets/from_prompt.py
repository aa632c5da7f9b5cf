"""Create an experiment from a prompt: fill in, review, confirm."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from exp_jupyter.display.content.blocks import Description, Heading, NextStep, Sentence
from exp_jupyter.errors import ApiError
from exp_jupyter.magic_line import magic_line, word
from exp_jupyter.sanitize import is_plain, sanitize
from exp_jupyter.widgets.confirmation import Confirmation
from exp_jupyter.widgets.form import Form, line_code
from exp_jupyter.widgets.reading import whole_numbers

if TYPE_CHECKING:
    from exp_jupyter.client import Project

_REVIEWED_ANEW = frozenset({"ask", "over", "cancelled", "rejected"})
_WIDE = {"description_width": "110px"}


class FromPromptForm(Form):
    """Collects what an experiment from a prompt needs, then asks before it is created.

    Parameters
    ----------
    project
        The project to create it in; its metric templates are read when the form opens.
    on_change
        Called after each answer of the project that may have changed it.

    Attributes
    ----------
    confirmation
        The confirmation of the last review, or None.
    """

    def __init__(self, project: Project, *, on_change: Callable[[], None] | None = None) -> None:
        self._project = project
        self._on_change = on_change
        self.confirmation: Confirmation | None = None
        self.prompt = widgets.Combobox(
            description="Prompt", placeholder="name of the prompt", style=_WIDE
        )
        self.versions = _text("Versions", "1 2, the control first")
        self.templates = widgets.SelectMultiple(description="Metrics", rows=3, style=_WIDE)
        self.name = _text("Name", "made from the prompt")
        self.flag_key = _text("Flag key", "made from the name")
        self.description = widgets.Textarea(description="Description", rows=2, style=_WIDE)
        self.review = widgets.Button(description="Review", button_style="primary")
        self.place = widgets.VBox([])
        what = (self.prompt, self.versions, self.templates)
        words = (self.name, self.flag_key, self.description)
        super().__init__([*what, *words, self.review, self.place])
        self.on_click(self.review, self._review, "Looking …")
        self.act(self._read_choices)

    def fallback(self) -> Description:
        """Return what the form is for."""
        return Description(
            "from-prompt-form",
            "Experiment from a prompt",
            (
                Heading("Create an experiment from a prompt"),
                Sentence("This form works in a live notebook."),
                NextStep(
                    "For example, as a cell:",
                    code="%exp_from_prompt support-reply 1 2 --templates cost latency",
                ),
            ),
        )

    def record(self) -> Description:
        """Return what came of the last review; before one, what the form is for."""
        asked = self.confirmation
        return self.fallback() if asked is None else asked.record()

    @property
    def is_over(self) -> bool:
        """Whether it was written or refused; after Cancel it can be filled in again."""
        return self.confirmation is not None and self.confirmation.stage == "over"

    def buttons(self) -> Sequence[widgets.Button]:
        """Return the form's own button."""
        return (self.review,)

    def settle(self) -> None:
        """Allow a review at any time; it writes nothing."""
        self.review.disabled = False

    def line(self) -> str:
        """Return the magic line of what is filled in; empty where no line can say it."""
        parts = [word(self.prompt.value.strip())]
        parts += [str(version) for version in self._versions()]
        if self.templates.value:
            parts += ["--templates", *map(word, self.templates.value)]
        for option, field in (
            ("--name", self.name),
            ("--flag-key", self.flag_key),
            ("--description", self.description),
        ):
            if field.value.strip():
                parts += [option, word(" ".join(field.value.split()))]
        return magic_line("%exp_from_prompt", *parts)

    def _read_choices(self) -> None:
        # A key that may not list prompts can still name one.
        with contextlib.suppress(ApiError):
            names = [one.name for one in self._project.prompts.list()]
            # What is picked is what is typed: a name that cannot be shown cannot be picked.
            self.prompt.options = tuple(name for name in names if is_plain(name))
        found = self._project.experiments.prompt_templates()
        self.templates.options = [(sanitize(one.label or one.key), one.key) for one in found]

    def _versions(self) -> list[int]:
        return whole_numbers(self.versions.value)

    def _review(self) -> None:
        if self.confirmation is not None and self.confirmation.stage not in _REVIEWED_ANEW:
            self.tell(Sentence("The experiment below is still on its way; see that through first."))
            return
        self.place.children = ()
        write = self._project.experiments.from_prompt(
            self.prompt.value.strip(),
            self._versions(),
            list(self.templates.value),
            name=self.name.value.strip() or None,
            flag_key=self.flag_key.value.strip() or None,
            description=" ".join(self.description.value.split()),
        )
        state = write.state()
        if state.kind in {"already_done", "refused"}:
            self.tell_result(state)
            return
        self.confirmation = Confirmation(
            write, state=state, on_change=self._on_change, on_keep=self.keep
        )
        self.place.children = (self.confirmation,)
        self.tell(*line_code(self.line()))


def _text(label: str, placeholder: str, **options: Any) -> widgets.Text:
    return widgets.Text(description=label, placeholder=placeholder, style=_WIDE, **options)
