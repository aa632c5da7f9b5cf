"""Try an experiment's size: change a value, see sample size, running time and the magic line."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from exp_jupyter.display import page
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Column,
    Description,
    Figure,
    Heading,
    Row,
    Sentence,
    Table,
    Text,
)
from exp_jupyter.engine.planning.sample_size import KINDS, sample_size
from exp_jupyter.errors import ExpError, InputError
from exp_jupyter.magic_line import magic_line, word
from exp_jupyter.widgets.form import WRAPPED, Form, fitted, html, line_code, show
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
_LABELLED = {"description_width": "150px"}
_FULL = {"width": "calc(100% - 4px)"}
_MOST_DAYS = 180
_SHARES = frozenset({"funnel", "retention"})
_MOST_SCENARIOS = 3
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
        self.effect = _slider("Effect, %", 0.5, 30.0, 0.5)
        self.power = _slider("Power", 0.5, 0.99, 0.01)
        self.days = widgets.IntSlider(
            description="Days", min=1, max=_MOST_DAYS, style=_LABELLED, layout=_FULL
        )
        self.more = widgets.ToggleButton(description="More settings", icon="caret-right")
        self.keep_it = widgets.Button(description="Keep this scenario")
        self.forget = widgets.Button(description="Forget them")
        self.kept = widgets.HTML()
        self._scenarios: list[SizePlan] = []
        self._moving = False
        self._further = widgets.VBox([self.fields[name] for name in _MORE if name != "power"])
        plain = [self.fields[name] for name in self.fields if name not in _MORE]
        place = plain.index(self.fields["mde"])
        plain[place + 1 : place + 1] = [self.effect, self.days]
        inputs = widgets.VBox([*plain, self.fields["power"], self.power, self.more, self._further])
        inputs.add_class("exp-inputs")
        super().__init__([])
        kept = widgets.HBox([self.keep_it, self.forget], layout=WRAPPED)
        answer = widgets.VBox([self.status, kept, self.kept])
        answer.add_class("exp-answer")
        columns = widgets.HBox([inputs, answer], layout=WRAPPED)
        columns.add_class("exp-columns")
        self.children = (self.style_sheet, columns)
        self.more.value = any(begin.get(name) for name in _MORE if name != "power")
        self._mode = begin.get("mode")
        self._begin = _line(self.values())
        for field in self.fields.values():
            field.observe(self._changed, "value")
        self.more.observe(lambda _: self._show_more(), "value")
        self.effect.observe(lambda _: self._slid("mde", self.effect.value), "value")
        self.power.observe(lambda _: self._slid("power", self.power.value), "value")
        self.days.observe(lambda _: self._slid_days(), "value")
        self.on_click(self.keep_it, self._keep_scenario, "")
        self.on_click(self.forget, self._forget_scenarios, "")
        self._show_more()
        self._changed(None)
        self.settle()

    def buttons(self) -> Sequence[widgets.Button]:
        """Return the buttons of the scenarios."""
        return (self.keep_it, self.forget)

    def settle(self) -> None:
        """Keep scenarios as long as there is a plan and room for one."""
        self.keep_it.disabled = self.plan is None or len(self._scenarios) >= _MOST_SCENARIOS
        self.forget.disabled = not self._scenarios
        show(self.forget, bool(self._scenarios))

    def _show_more(self) -> None:
        show(self._further, bool(self.more.value))
        self.more.icon = "caret-down" if self.more.value else "caret-right"

    def _slid(self, name: str, value: float) -> None:
        """Write into a field what its slider says: the field is what counts."""
        if not self._moving:
            self.fields[name].value = f"{value:g}"

    def _slid_days(self) -> None:
        """Take for the effect the smallest that so many days can find."""
        if self._moving or self.plan is None or not self.plan.rate:
            return
        found = [effect for day, effect in self.plan.curve(self.days.value) if effect > 0]
        aim = "mde" if self.plan.margin is None else "margin"
        if found:
            self.fields[aim].value = f"{found[-1]:.3g}"

    def _follow(self, plan: SizePlan) -> None:
        """Bring the sliders to where the plan is, as far as they reach."""
        self._moving = True
        try:
            for slider, value in (
                (self.effect, plan.mde),
                (self.power, plan.power),
                (self.days, plan.days),
            ):
                if value is not None:
                    slider.value = min(max(value, slider.min), slider.max)
            self.days.disabled = plan.days is None
        finally:
            self._moving = False

    def _keep_scenario(self) -> None:
        if self.plan is not None and len(self._scenarios) < _MOST_SCENARIOS:
            self._scenarios.append(self.plan)
            self._show_scenarios()

    def _forget_scenarios(self) -> None:
        self._scenarios.clear()
        self._show_scenarios()

    def _show_scenarios(self) -> None:
        self.kept.value = fitted(html(_compared(self._scenarios))) if self._scenarios else ""

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
        if given["kind"] in _SHARES and 1 < given.get("baseline", 0) <= 100:
            given["baseline"] = given["baseline"] / 100  # a share of 12 can only be percent
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
                self.tell_error(_in_form_words(error))
            else:
                self.plan = plan
                self._follow(plan)
                self.announce(page(plan).to_html() + html(*line_code(_line(self.values()))))
        self.settle()


def _compared(plans: Sequence[SizePlan]) -> Table:
    """Return plans beside each other, in the order they were kept."""
    columns = (
        Column("Scenario"),
        Column("Effect", "right"),
        Column("Power", "right"),
        Column("Units", "right"),
        Column("Days", "right"),
    )
    rows = tuple(
        Row(
            (
                Text(f"{letter}: {plan.kind}, {numbers.number(plan.baseline)}"),
                Figure(plan.mde, f"{numbers.number(plan.mde)} %"),
                Figure(plan.power, numbers.share(plan.power)),
                Figure(plan.sample_size, numbers.count(plan.sample_size)),
                Figure(plan.days, numbers.count(plan.days)),
            )
        )
        for letter, plan in zip("ABC", plans, strict=False)
    )
    return Table("Scenarios kept", columns, rows, titled=True)


def _in_form_words(error: ExpError) -> ExpError:
    """Return an error that names the form's fields, not an argument or an option."""
    message, hint = error.message, error.hint
    for name, label in _LABELS.items():
        message = re.sub(rf"^{name} is missing", f'"{label}" is empty', message)
        message = re.sub(rf"^{name} ", f'"{label}" ', message)
        hint = re.sub(rf"--{name}\b=?|(?<![\w-]){name}=", f'"{label}"', hint)
    return type(error)(message, hint=hint) if type(error) is InputError else error


def _slider(label: str, least: float, most: float, step: float) -> widgets.FloatSlider:
    return widgets.FloatSlider(
        description=label,
        min=least,
        max=most,
        step=step,
        readout=False,
        style=_LABELLED,
        layout=_FULL,
    )


_CHOICES = frozenset({"kind", "alternative", "effect"})


def _text(name: str, value: Any) -> widgets.Text:
    return widgets.Text(
        description=_LABELS[name],
        value="" if value is None else f"{value:g}",
        placeholder="not given",
        continuous_update=False,
        style=_LABELLED,
        layout=_FULL,
    )


def _dropdown(name: str, options: Sequence[Any], value: Any) -> widgets.Dropdown:
    return widgets.Dropdown(
        description=_LABELS[name],
        options=options,
        value=value,
        style=_LABELLED,
        layout=_FULL,
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
