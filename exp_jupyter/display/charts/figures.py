"""The charts again, drawn by matplotlib on axes that can be restyled.

Figures are made without pyplot: nothing is kept in its global list, no backend is chosen, and a
notebook shows a chart only when asked to.
"""

from __future__ import annotations

import io
import math
from datetime import date
from typing import TYPE_CHECKING, cast

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from exp_jupyter.display.charts.axes import tick_words
from exp_jupyter.display.charts.series import unbroken_runs
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.palette import RULE, SERIES, colour
from exp_jupyter.sanitize import sanitize

if TYPE_CHECKING:
    from exp_jupyter.display.charts.curve import CurveChart
    from exp_jupyter.display.charts.exposure import ExposureChart
    from exp_jupyter.display.charts.forest import ForestChart
    from exp_jupyter.display.charts.interval import IntervalChart
    from exp_jupyter.display.charts.series import SeriesChart


class ShownAxes(Axes):
    """Axes that a notebook shows as their picture when they are a cell's last value."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        cast("Figure", self.figure).savefig(
            stream, format="png", dpi=144, metadata={"Software": None}
        )
        return stream.getvalue()


HEIGHT = 3.2
"""Inches of a figure whose chart does not say how many it needs."""


def new_axes(height: float | None = None) -> Axes:
    """Return the axes of a new figure that no global state knows, ``height`` inches tall."""
    size = (7.2, HEIGHT if height is None else height)
    figure = Figure(figsize=size, layout="constrained", facecolor="none")
    FigureCanvasAgg(figure)
    return figure.add_subplot(axes_class=ShownAxes)


def _quiet(ax: Axes) -> None:
    """Leave only what is needed, in colours that read on light and dark."""
    grey = colour("quiet")
    ax.set_facecolor("none")
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(RULE)
    ax.tick_params(colors=grey, length=0)
    ax.grid(axis="y", color=RULE, alpha=0.25, linewidth=0.8)
    ax.set_axisbelow(True)
    for label in (ax.xaxis.label, ax.yaxis.label, ax.title):
        label.set_color(grey)


def _day(value: float, _: int | None) -> str:
    return numbers.day(cast("date", num2date(value)))  # type: ignore[no-untyped-call]


def draw_series(chart: SeriesChart, ax: Axes) -> None:
    """Draw a daily series on axes: one line and band per arm, against zero."""
    _quiet(ax)
    for index, line in enumerate(chart.lines):
        stroke, style = SERIES[index % len(SERIES)], ("-", "--", ":", "-.")[index % 4]
        for run in unbroken_runs(line.points):
            days = [point.day for point in run]
            ax.fill_between(
                days,  # type: ignore[arg-type]  # dates are units to matplotlib
                [point.low for point in run],
                [point.high for point in run],
                color=stroke,
                alpha=0.2 if len(chart.lines) == 1 else 0.12,
                linewidth=0,
            )
            ax.plot(
                days,  # type: ignore[arg-type]
                [point.estimate for point in run],
                color=stroke,
                linewidth=2,
                linestyle=style,
                marker="o" if len(run) == 1 else "",
            )
        if line.points and len(chart.lines) > 1:
            end = line.points[-1]
            ax.annotate(
                sanitize(line.name),
                (end.day, end.estimate),
                textcoords="offset points",
                xytext=(6, -3),
                color=stroke,
                parse_math=False,  # a dollar in a name is a dollar
            )
        if line.since is not None and line.points and len(chart.lines) == 1:
            tone = colour(line.tone)
            ax.axvline(line.since, color=tone, linestyle=":", linewidth=1)  # type: ignore[arg-type]
            ax.set_title(line.since_words, loc="left", fontsize=9, color=tone)
    ax.axhline(0, color=RULE, linewidth=1)
    ax.set_ylim(*chart.reach())
    if chart.relative:
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: tick_words(v, relative=True)))
    ax.set_ylabel("lift" if chart.relative else "difference")
    ax.xaxis.set_major_locator(AutoDateLocator(maxticks=7))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(FuncFormatter(_day))


def draw_curve(chart: CurveChart, ax: Axes) -> None:
    """Draw the minimum detectable effect over days on axes."""
    _quiet(ax)
    tone = colour("accent")
    ax.plot([p[0] for p in chart.points], [p[1] for p in chart.points], color=tone, linewidth=2)
    if chart.plan:
        day, effect = chart.plan
        ax.plot([day], [effect], "o", color=tone)
        ax.annotate(
            chart.plan_words,
            (day, effect),
            textcoords="offset points",
            xytext=(6, 6),
            color=tone,
        )
    ax.set_ylim(0, chart.top)
    ax.set_xlim(0, chart.points[-1][0])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: numbers.share(v)))
    ax.set_xlabel("days")
    ax.set_ylabel(chart.label)


def draw_intervals(chart: IntervalChart, ax: Axes) -> None:
    """Draw intervals against zero on axes, the first one on top."""
    _quiet(ax)
    ax.grid(visible=False)
    places = range(len(chart.lines))[::-1]
    ends = [v for one in chart.lines for v in (one.low, one.high, 0.0) if math.isfinite(v)]
    room = 0.1 * (max(ends) - min(ends)) or 0.01
    left, right = min(ends) - room, max(ends) + room
    for place, one in zip(places, chart.lines, strict=True):
        tone = colour(one.tone)
        ax.hlines(
            place, max(one.low, left), min(one.high, right), color=tone, linewidth=6, alpha=0.4
        )
        ax.plot([one.estimate], [place], "o", color=tone)
    ax.axvline(0, color=RULE, linestyle=":", linewidth=1)
    ax.set_yticks(list(places), [sanitize(one.name) for one in chart.lines], parse_math=False)
    ax.set_ylim(-0.7, len(chart.lines) - 0.3)
    ax.set_xlim(left, right)
    if chart.relative:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick_words(v, relative=True)))
    elif chart.points:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: numbers.number(100 * v, sign=True)))
    unit = "difference in percentage points" if chart.points else "difference"
    ax.set_xlabel("lift" if chart.relative else unit)


def draw_forest(chart: ForestChart, ax: Axes) -> None:
    """Draw segments against zero on axes, the first one on top."""
    _quiet(ax)
    ax.grid(visible=False)
    left, right = chart.reach
    places = range(len(chart.lines))[::-1]
    for place, one in zip(places, chart.lines, strict=True):
        tone = colour(one.tone)
        ax.hlines(place, max(one.low, left), min(one.high, right), color=tone, linewidth=2)
        mark, size = ("D", 8.0) if one.whole else ("s", 5 + 9 * math.sqrt(one.size))
        ax.plot([one.estimate], [place], mark, color=tone, markersize=size)
        if one.shrunken is not None:
            ax.plot(
                [one.shrunken],
                [place],
                "o",
                color=colour("accent"),
                markersize=8,
                fillstyle="none",
            )
        if one.whole:
            ax.axvline(one.estimate, color=tone, linestyle="--", linewidth=1)
    ax.axvline(0, color=RULE, linestyle=":", linewidth=1)
    ax.set_yticks(list(places), [sanitize(one.name) for one in chart.lines], parse_math=False)
    ax.set_ylim(-0.7, len(chart.lines) - 0.3)
    ax.set_xlim(left, right)
    if chart.relative:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick_words(v, relative=True)))
    ax.set_xlabel("lift" if chart.relative else "difference")


def draw_exposures(chart: ExposureChart, ax: Axes) -> None:
    """Draw the units of every variant by day on axes."""
    _quiet(ax)
    for index, (name, points) in enumerate(chart.lines):
        stroke, style = SERIES[index % len(SERIES)], ("-", "--", ":", "-.")[index % 4]
        days, counts = zip(*points, strict=True)
        ax.plot(
            days,
            counts,
            color=stroke,
            linewidth=2,
            linestyle=style,
            marker="o" if len(days) == 1 else "",
        )
        ax.annotate(
            sanitize(name),
            (days[-1], counts[-1]),
            textcoords="offset points",
            xytext=(6, -3),
            color=stroke,
            parse_math=False,
        )
    ax.set_ylim(0, chart.top * 1.05)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: numbers.count(round(v))))
    ax.set_ylabel("units exposed")
    ax.xaxis.set_major_locator(AutoDateLocator(maxticks=7))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(FuncFormatter(_day))
