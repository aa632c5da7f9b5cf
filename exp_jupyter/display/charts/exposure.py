"""The chart of exposures: how many units every variant had by the end of each day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from exp_jupyter.display.charts import axes
from exp_jupyter.display.charts.plot import Axis, Plot, PlotLine, thinned
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import Svg
from exp_jupyter.display.content.palette import SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 720, 190
_LEFT, _TOP, _RIGHT, _PLOT = 62, 12, 110, 146
_DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True)
class ExposureChart:
    """Cumulative units by day.

    Attributes
    ----------
    lines
        Per variant its name and its (day, units), in order of days.
    alt
        What the picture shows, in a sentence.
    """

    lines: tuple[tuple[str, tuple[tuple[date, int], ...]], ...]
    alt: str

    @property
    def top(self) -> float:
        """The upper end of the axis."""
        return float(max((n for _, points in self.lines for _, n in points), default=1) or 1)

    def plot(self) -> Plot:
        """Return what it says: days are counted from the first one."""
        days = [day for _, points in self.lines for day, _ in points]
        first, last = min(days), max(days)

        def x(day: date) -> int:
            return (day - first).days

        lines = tuple(
            PlotLine(
                name,
                tuple(
                    (x(day), n, None, None, f"{numbers.day(day)}: {numbers.counted(n, 'unit')}")
                    for day, n in thinned(points)
                ),
            )
            for name, points in self.lines
        )
        top = self.top * 1.05
        return Plot(
            Axis(
                0,
                max(x(last), 1),
                tuple((x(day), numbers.day(day)) for day in axes.day_ticks(first, last)),
            ),
            Axis(0, top, tuple((t, numbers.count(round(t))) for t in axes.ticks(0, self.top, 3))),
            lines,
        )

    def svg(self) -> Svg:
        """Draw it; the same chart is the same bytes."""
        width = _WIDTH - _LEFT - _RIGHT
        days = [day for _, points in self.lines for day, _ in points]
        first, last = min(days), max(days)
        span = max((last - first).days, 1)

        def x(day: date) -> float:
            return (day - first).days / span * width

        def y(n: float) -> float:
            return (1 - n / (self.top * 1.05)) * _PLOT

        parts = []
        for tick in axes.ticks(0, self.top, 3):
            ends = (_LEFT, _TOP + y(tick), _LEFT + width, _TOP + y(tick))
            parts.append(axes.line(ends, opacity=0.25 if tick else 0.9))
            label = numbers.count(round(tick))
            parts.append(axes.text(_LEFT - 8, _TOP + y(tick) + 4, label, anchor="end"))
        ends_at = []
        for index, (name, points) in enumerate(self.lines):
            stroke, dash = SERIES[index % len(SERIES)], _DASHES[index % 4]
            places = axes.points((_LEFT + x(day), _TOP + y(n)) for day, n in thinned(points))
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            parts.append(
                f'<polyline points="{places}" fill="none" stroke="{stroke}" '
                f'stroke-width="2" stroke-linejoin="round"{dashes}/>'
            )
            ends_at.append((_TOP + y(points[-1][1]), index, name))
        below = -math.inf
        for height, index, name in sorted(ends_at):
            below = max(height, below + 15)
            said = name if len(name) <= 14 else name[:13] + "…"
            stroke = SERIES[index % len(SERIES)]
            parts.append(axes.text(_LEFT + width + 8, below + 4, said, fill=stroke))
        for day in axes.day_ticks(first, last):
            at_end = x(day) > width - 16
            place, anchor = (width, "end") if at_end else (x(day), "middle")
            parts.append(axes.text(_LEFT + place, _HEIGHT - 12, numbers.day(day), anchor=anchor))
        return Svg(axes.canvas(parts, _WIDTH, _HEIGHT), _WIDTH, _HEIGHT)

    def draw(self, ax: Axes) -> None:
        """Draw it on matplotlib axes."""
        from exp_jupyter.display.charts.figures import draw_exposures

        draw_exposures(self, ax)
