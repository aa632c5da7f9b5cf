"""Try an experiment's size: change a value, see sample size, running time and the magic line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from exp_jupyter.display import page
from exp_jupyter.display.content.blocks import Description, Heading, Sentence
from exp_jupyter.engine.planning.sample_size import KINDS, sample_size
from exp_jupyter.errors import ExpError, InputError
from exp_jupyter.magic_line import magic_line, word
from exp_jupyter.widgets.form import Form, html, line_code
from exp_jupyter.widgets.reading import number, percent, whole

if TYPE_CHECKING:
    from exp_jupyter.engine.planning.sample_size import SizePlan

_LABELS = {
    "kind": "Metric",
    "baseline": "Baseline",
    "variance": "Variance per unit",
    "mde": "Detectable effect, %",
    "rate": "New units a day",
    "variants": "Variants",
    "alpha": "False-positive rate",
    "power": "Power",
    "alternative": "Alternative",
    "margin": "Margin, %",
    "correlation": "Covariate correlation",
    "comparisons": "Comparisons",
    "effect": "Effect on the variance",
}
_MORE = (
    "alpha",
    "power",
    "alternative",
    "margin",
    "correlation",
    "comparisons",
    "effect",
    "sequential",
)
_START: Mapping[str, Any] = {"kind": "funnel", "baseline": 0.1, "mde": 5, "rate": 1000}
_READERS: Mapping[str, Callable[[str], float | int]] = {
    "variants": whole,
    "comparisons": whole,
    "mde": percent,
    "margin": percent,
}


class SizeForm(Form):
    """Sample size and running time, computed as the values change.

    Parameters
    ----------
    **values
        Values to begin with, as ``exp_jupyter.engine.planning.sample_size.sample_size`` takes them.

    Attributes
    ----------
    plan
        The plan of the present values, or None while they are not usable.

    Notes
    -----
    An empty field is a value that is not given, so the form reaches every plan that
    ``sample_size`` reaches except those from observed sums or an uneven split.
    """

    def __init__(self, **values: Any) -> None:
        self.plan: SizePlan | None = None
        self._computing = threading.Lock()
        begin = values or dict(_START)
        self.fields: dict[str, widgets.DOMWidget] = {
            "kind": _dropdown("kind", KINDS, begin.get("kind", "funnel")),
            **{name: _text(name, begin.get(name)) for name in _LABELS if name not in _CHOICES},
            "alternative": _dropdown(
                "alternative",
                [("two-sided", ""), ("greater", "greater"), ("less", "less")],
                begin.get("alternative") or "",
            ),
            "effect": _dropdown(
                "effect",
                [("additive", ""), ("multiplicative", "multiplicative")],
                begin.get("effect") or "",
            ),
            "sequential": widgets.Checkbox(
                description="Looked at every day", value=bool(begin.get("sequential")), indent=False
            ),
        }
        plain = [self.fields[name] for name in self.fields if name not in _MORE]
        more = widgets.Accordion(
            [widgets.VBox([self.fields[name] for name in _MORE])], titles=("More settings",)
        )
        more.selected_index = 0 if any(begin.get(name) for name in _MORE) else None
        super().__init__([widgets.VBox(plain), more])
        self._mode = begin.get("mode")
        self._begin = _line(self.values())
        for field in self.fields.values():
            field.observe(self._changed, "value")
        self._changed(None)

    def fallback(self) -> Description:
        """Return the line the form began with."""
        return Description(
            "size-form",
            "Sample size form",
            (
                Heading("Sample size and running time"),
                Sentence("This form works in a live notebook."),
                *line_code(self._begin),
            ),
        )

    def values(self) -> dict[str, Any]:
        """Return what is filled in, as ``sample_size`` takes it.

        Raises
        ------
        exp_jupyter.errors.InputError
            A field holds something else than a number.
        """
        given: dict[str, Any] = {}
        for name, field in self.fields.items():
            if isinstance(field, widgets.Text):
                if field.value.strip():
                    given[name] = _read(name, field.value)
            elif field.value:
                given[name] = field.value
        if self._mode:
            given["mode"] = self._mode
        return given

    def _changed(self, _: Any) -> None:
        # Values may change from several threads at once; each computation shows a whole state.
        with self._computing:
            try:
                values = self.values()
                plan = sample_size(values.pop("kind"), **values)
            except ExpError as error:
                self.plan = None
                self.tell_error(error)
            else:
                self.plan = plan
                self.announce(page(plan).to_html() + html(*line_code(_line(self.values()))))


_CHOICES = frozenset({"kind", "alternative", "effect"})


def _text(name: str, value: Any) -> widgets.Text:
    return widgets.Text(
        description=_LABELS[name],
        value="" if value is None else f"{value:g}",
        placeholder="not given",
        continuous_update=False,
        style={"description_width": "150px"},
    )


def _dropdown(name: str, options: Sequence[Any], value: Any) -> widgets.Dropdown:
    return widgets.Dropdown(
        description=_LABELS[name],
        options=options,
        value=value,
        style={"description_width": "150px"},
    )


def _read(name: str, text: str) -> float | int:
    read = _READERS.get(name, number)
    try:
        return read(text)
    except InputError as wrong:
        raise InputError(f"{_LABELS[name]}: {wrong.message}") from None


def _line(values: Mapping[str, Any]) -> str:
    """Return the magic line of the same plan.

    Examples
    --------
    >>> _line({"kind": "funnel", "baseline": 0.12, "mde": 5.0, "sequential": True})
    '%exp_size funnel --baseline 0.12 --mde 5 --sequential'
    """
    words = [word(str(values["kind"]))]
    for name, value in values.items():
        if name != "kind":
            words.append(f"--{name}")
            if value is not True:
                number = isinstance(value, (int, float))
                words.append(f"{value:.10g}" if number else word(str(value)))
    return magic_line("%exp_size", *words)
