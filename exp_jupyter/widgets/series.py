"""Explore a daily series: pick experiment, metric and method, see it live, and the magic line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from exp_jupyter.client.lookup.metrics import find_metric
from exp_jupyter.display import page
from exp_jupyter.display.content.blocks import Description, Heading, NextStep, Sentence
from exp_jupyter.errors import InputError
from exp_jupyter.magic_line import NO_LINE, magic_line, metric_word, word
from exp_jupyter.sanitize import sanitize
from exp_jupyter.widgets.form import WIDE, Form, html, line_code

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.series import Series
    from exp_jupyter.client import Project
    from exp_jupyter.schema.experiments.experiment import Experiment

_EXAMPLE = (NextStep("For example, as a cell:", code='%exp_timeseries 42 "Checkout conversion"'),)
_OWN = ""
_METHODS = [
    ("the project\u2019s own", _OWN),
    *((name, name) for name in ("frequentist", "sequential", "bayesian")),
]
_MODES = [("compat, as the project computes", "compat"), ("recommended", "recommended")]
_LABEL = {"description_width": "90px"}


class SeriesExplorer(Form):
    """Shows the daily series of what is picked, and follows every change.

    Parameters
    ----------
    project
        The project; its launched experiments can be picked.
    ref, metric
        What to begin with, as ``project.experiments.timeseries`` takes them; by default the
        newest launched experiment and its first metric.
    method, mode, interval, tuning_n
        As ``timeseries`` takes them; the last two stay as they are while the rest changes.

    Attributes
    ----------
    series
        The series that is shown, or None.
    """

    def __init__(
        self,
        project: Project,
        ref: str | int | None = None,
        metric: str | int | None = None,
        *,
        method: str | None = None,
        mode: str | None = None,
        interval: str | None = None,
        tuning_n: float | None = None,
    ) -> None:
        self._project = project
        self._given = (ref, metric)
        self._experiment: Experiment | None = None
        self.series: Series | None = None
        chosen = () if metric is None else (word(str(metric)),)
        self._options: dict[str, Any] = {"interval": interval, "tuning_n": tuning_n}
        how = self._options if method else {}
        self._begin = _line(ref, chosen, method, mode, **how) if ref is not None else NO_LINE
        self.experiment = _dropdown("Experiment", [], None)
        self.metric = _dropdown("Metric", [], None)
        self.method = _dropdown("Method", _METHODS, method or _OWN)
        self.mode = _dropdown("Formulas", _MODES, mode or "compat")
        fields = (self.experiment, self.metric, self.method, self.mode)
        super().__init__(fields)
        self.on_change(fields, self._show, "Reading \u2026")
        self.act(self._open, "Reading \u2026")

    def fallback(self) -> Description:
        """Return the line the explorer began with, or an example of one."""
        return Description(
            "series-explorer",
            "Series explorer",
            (
                Heading("Explore a daily series"),
                Sentence("This form works in a live notebook."),
                *(line_code(self._begin) or _EXAMPLE),
            ),
        )

    def settle(self) -> None:
        """Offer the formulas only where something is computed again."""
        self.mode.disabled = self.method.value == _OWN

    def line(self) -> str:
        """Return the magic line of what is picked; empty where no line can name it."""
        entries = self._experiment.metric_entries if self._experiment is not None else ()
        place = self.metric.value
        chosen = () if place is None else (metric_word(entries[place], entries),)
        return _line(
            self.experiment.value,
            chosen,
            self.method.value or None,
            self.mode.value,
            **self._kept(),
        )

    def _kept(self) -> dict[str, Any]:
        """Return the options that the picked method has."""
        method = self.method.value or None
        found: dict[str, Any] = {}
        if method is not None and self._options["interval"] is not None:
            found["interval"] = self._options["interval"]
        if method == "sequential" and self._options["tuning_n"] is not None:
            found["tuning_n"] = self._options["tuning_n"]
        return found

    def _open(self) -> None:
        ref, metric = self._given
        launched = [one for one in self._project.experiments.list() if one.start_date is not None]
        if ref is not None:
            self._experiment = self._project.experiments.get(ref)
            if self._experiment.id not in {one.id for one in launched}:
                launched.insert(0, self._experiment)
        if not launched:
            raise InputError(
                "No experiment has been launched yet.", hint="Launch one, then open this again."
            )
        self.experiment.options = [
            (f"{one.id} \u00b7 {sanitize(one.name)}", one.id) for one in launched
        ]
        self.experiment.value = self._experiment.id if self._experiment else launched[0].id
        self._read_metrics()
        if metric is not None and self._experiment is not None:
            entries = self._experiment.metric_entries
            self.metric.value = entries.index(find_metric(self._experiment, metric))
        self._show()

    def _read_metrics(self) -> None:
        if self._experiment is None or self._experiment.id != self.experiment.value:
            self._experiment = self._project.experiments.get(self.experiment.value)
        names = [entry.name for entry in self._experiment.metric_entries]
        # By place, since two metrics may have one name.
        self.metric.options = [(sanitize(name), place) for place, name in enumerate(names)]
        self.metric.value = 0 if names else None

    def _show(self) -> None:
        self.series = None
        if self._experiment is None or self._experiment.id != self.experiment.value:
            self._read_metrics()
        self.series = self._project.experiments.timeseries(
            self.experiment.value,
            self.metric.value,
            method=self.method.value or None,
            mode=self.mode.value if self.method.value else None,
            **self._kept(),
        )
        self.announce(page(self.series).to_html() + html(*line_code(self.line())))


def _dropdown(label: str, options: Any, value: Any) -> widgets.Dropdown:
    return widgets.Dropdown(
        description=label, options=options, value=value, style=_LABEL, layout=WIDE
    )


def _line(
    ref: Any,
    metric: tuple[str | None, ...],
    method: str | None,
    mode: str | None,
    interval: str | None = None,
    tuning_n: float | None = None,
) -> str:
    """Return the magic line that shows the same series; ``metric`` is a word of it already.

    Examples
    --------
    >>> _line(4, ('"Checkout conversion"',), "sequential", "compat")
    '%exp_timeseries 4 "Checkout conversion" --method sequential'
    """
    how = ("--method", word(method)) if method else ()
    formulas = ("--mode", word(mode)) if method and mode and mode != "compat" else ()
    kept = ("--interval", word(interval)) if method and interval else ()
    if method and tuning_n is not None:
        kept = (*kept, "--tuning", word(f"{tuning_n:.10g}"))
    return magic_line("%exp_timeseries", word(str(ref)), *metric, *how, *formulas, *kept)
