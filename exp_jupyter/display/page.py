"""Find how an object is shown by its class, and render it in every form.

The describing functions are named by room and class, so a class is imported by nobody here and
its describer is imported at its first use.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content.blocks import Description, Picture, walk
from exp_jupyter.sanitize import sanitize

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Describer = Callable[[Any], Description]

_PAGES = "exp_jupyter.display.pages"
_DESCRIBERS = {
    "engine.Effect": "results.effects:effect",
    "analysis.Analysis": "own_data.analysis:analysis",
    "analysis.Comparison": "results.effects:comparison",
    "analysis.DailyExposures": "results.exposures:daily_exposures",
    "analysis.EventAnalysis": "own_data.events:event_analysis",
    "analysis.Report": "report.report:report",
    "analysis.Results": "results.results:results",
    "analysis.HistoryPlan": "planning.history:history_plan",
    "analysis.SegmentComparison": "results.heterogeneity:segment_comparison",
    "analysis.SimulatedExperiments": "own_data.simulation:simulated_experiments",
    "analysis.Series": "results.series:series",
    "analysis.SeriesList": "results.series_list:series_list",
    "engine.SizePlan": "planning.plans:size_plan",
    "schema.RunningTime": "planning.plans:running_time",
    "engine.SampleRatioMismatch": "results.quality:sample_ratio_mismatch",
    "analysis.Health": "results.quality:health",
    "schema.FlagImplementation": "results.quality:flag_implementation",
    "schema.EligibleFlags": "project.flags:eligible_flags",
    "schema.FlagList": "project.flags:eligible_flags",
    "schema.MinimalFeatureFlag": "project.flags:feature_flag",
    "schema.PromptTemplates": "project.flags:prompt_templates",
    "schema.Experiment": "project.experiments:experiment",
    "schema.ExperimentList": "project.experiments:experiment_list",
    "schema.ExperimentStats": "project.experiments:experiment_stats",
    "schema.ChangeRequest": "project.approvals:change_request",
    "schema.ChangeRequestList": "project.approvals:change_request_list",
    "schema.WritePlan": "project.writes:write_plan",
    "schema.WriteState": "project.writes:write_state",
    "schema.WriteOutcome": "project.writes:write_outcome",
    "client.Access": "project.access:access",
    "client.Write": "project.writes:write",
    "client.Project": "project.connection:project",
}
_REGISTERED: dict[type, Describer] = {}


def register(cls: type, describer: Describer) -> None:
    """Say how objects of a class, and of its subclasses, are described.

    Parameters
    ----------
    cls
        The class.
    describer
        Takes an object and returns its :class:`~exp_jupyter.display.content.blocks.Description`.
    """
    _REGISTERED[cls] = describer


def _describer(cls: type) -> Describer:
    for base in cls.__mro__:
        if base in _REGISTERED:
            return _REGISTERED[base]
        package = (
            base.__module__.split(".")[1:2] if base.__module__.startswith("exp_jupyter.") else []
        )
        named = _DESCRIBERS.get(f"{package[0]}.{base.__name__}") if package else None
        if named:
            module, function = named.split(":")
            found: Describer = getattr(importlib.import_module(f"{_PAGES}.{module}"), function)
            return found
    fallback: Describer = importlib.import_module(f"{_PAGES}.fields").any_object
    return fallback


def page(obj: object) -> Page:
    """Return the page of an object, found by its class.

    Parameters
    ----------
    obj
        A result, a plan, anything with :class:`exp_jupyter.shown.Shown` mixed in. An object of a
        class nobody has described gets a table of its fields.

    Examples
    --------
    >>> from exp_jupyter.schema import ExperimentStats
    >>> stats = ExperimentStats(
    ...     launched_last_30d=7, launched_previous_30d=6, percent_change=16.7,
    ...     active_experiments=4, completed_last_30d=5,
    ... )
    >>> page(stats).kind
    'experiment-stats'
    """
    return Page(obj)


@dataclass(frozen=True, eq=False)
class Page:
    """One object, ready to be shown in every form. Made by :func:`page`."""

    subject: Any

    @cached_property
    def description(self) -> Description:
        """What is said, made once for all forms."""
        return _describer(type(self.subject))(self.subject)

    @property
    def kind(self) -> str:
        """The machine's word for what it is."""
        return self.description.kind

    @property
    def title(self) -> str:
        """A few words that name the object, on one clean line."""
        return sanitize(self.description.title)

    def to_text(self, width: int | None = None) -> str:
        """Return plain text for terminals, logs and diffs, at most ``width`` columns wide."""
        from exp_jupyter.display.render import text

        return text.render(self.description, width)

    def to_html(self) -> str:
        """Return self-contained HTML."""
        from exp_jupyter.display.render import html

        return html.render(self.description)

    def to_markdown(self) -> str:
        """Return Markdown."""
        from exp_jupyter.display.render import markdown

        return markdown.render(self.description)

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame with numbers in it."""
        from exp_jupyter.display.render import frame

        return frame.render(self.description)

    def to_data(self) -> dict[str, Any]:
        """Return what a front end of ours draws: kind, title, object and page as JSON values."""
        from exp_jupyter.display.render import data
        from exp_jupyter.display.render.steady import steady

        made = self.description.data
        result = self.subject.to_dict() if made is None else made()
        return {
            "kind": self.kind,
            "title": self.title,
            "result": steady(result),
            "page": data.render(self.description),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the page's chart with matplotlib and return the axes.

        Raises
        ------
        exp_jupyter.errors.InputError
            The object has no chart, or ``ax`` is not one matplotlib axes.
        """
        from exp_jupyter.errors import InputError

        charts = (b.chart for b in walk(self.description.blocks) if isinstance(b, Picture))
        chart = self.description.chart or next(charts, None)
        if chart is None:
            raise InputError(
                f"{self.title or type(self.subject).__name__} has no chart to draw.",
                hint="to_frame() gives its numbers, should you want to draw them yourself.",
            )
        from matplotlib.axes import Axes

        if ax is None:
            from exp_jupyter.display.charts.figures import new_axes

            ax = new_axes(getattr(chart, "height", None))
        elif not isinstance(ax, Axes):
            raise InputError(
                f"ax is of type {type(ax).__name__}, not matplotlib axes.",
                hint="Give the axes of one plot: of several, for example axes[0].",
            )
        chart.draw(ax)
        return ax
