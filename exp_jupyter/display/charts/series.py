"""The chart of a daily series: lift by day with its band, and how many were exposed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from exp_jupyter.display.charts import axes
from exp_jupyter.display.charts.plot import Axis, Plot, PlotLine, PlotMark, thinned
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import Svg, Tone
from exp_jupyter.display.content.palette import RULE, SERIES, colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 720, 268
_LEFT, _TOP, _PLOT = 62, 20, 158
_BARS_TOP, _BARS = 192, 40
_DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True, slots=True)
class Point:
    """One day of one arm: its estimate and its interval."""

    day: date
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """One arm over the days that have a result; ``since`` is when its band left zero for good."""

    name: str
    points: tuple[Point, ...]
    since: date | None = None
    tone: Tone = "accent"

    @property
    def since_words(self) -> str:
        """On which side of zero its band has been since when; empty where it is on neither."""
        if self.since is None or not self.points:
            return ""
        side = "above" if self.points[-1].estimate > 0 else "below"
        return f"{side} 0 since {numbers.day(self.since)}"


@dataclass(frozen=True)
class SeriesChart:
    """The daily series of one metric.

    Attributes
    ----------
    lines
        One per compared variant.
    days
        First and last day of the series.
    exposed
        Units exposed so far, by day.
    relative
        Whether the differences are fractions of the baseline.
    days_left
        Days until the planned size at the pace so far; 0 when there is no plan.
    alt
        What the picture shows, in a sentence.
    """

    lines: tuple[Line, ...]
    days: tuple[date, date]
    exposed: tuple[tuple[date, int], ...]
    relative: bool = True
    days_left: int = 0
    alt: str = ""

    @property
    def last_shown(self) -> date:
        """The right end of the time axis: some of the days to come, never most of the picture."""
        first, last = self.days
        return last + timedelta(days=min(self.days_left, max((last - first).days, 7)))

    @property
    def left_words(self) -> str:
        """How far the planned size is."""
        return f"{numbers.days(self.days_left)} to planned size"

    def reach(self) -> tuple[float, float]:
        """Return the vertical range: all of the later bands, at least a look at the early ones.

        The first days are so uncertain that they would flatten everything after them.
        """
        settled: list[float] = [0.0]
        for line in self.lines:
            tail = line.points[len(line.points) // 3 :]
            settled += [v for p in tail for v in (p.low, p.high, p.estimate) if math.isfinite(v)]
        low, high = min(settled), max(settled)
        pad = (high - low) * 0.12 or 0.01
        return low - pad, high + pad

    def svg(self) -> Svg:
        """Draw it; the same chart is the same bytes."""
        right = 16 if len(self.lines) < 2 else 110
        plot = _Plot(self, _WIDTH - _LEFT - right)
        parts = [*plot.grid(), *plot.future()]
        inside = [
            mark
            for index, line in enumerate(self.lines)
            for mark in plot.curve(line, SERIES[index % len(SERIES)], index)
        ]
        parts.append(axes.clipped(inside, _LEFT, _TOP, plot.width, _PLOT))
        parts += plot.names() if len(self.lines) > 1 else plot.since(self.lines)
        parts += [*plot.bars(), *plot.dates()]
        return Svg(axes.canvas(parts, _WIDTH, _HEIGHT), _WIDTH, _HEIGHT)

    def plot(self) -> Plot:
        """Return what it says: days are counted from the first one."""
        first, low_high = self.days[0], self.reach()

        def x(day: date) -> int:
            return (day - first).days

        lines = tuple(
            PlotLine(line.name, tuple(_point(x(p.day), p, self) for p in thinned(line.points)))
            for line in self.lines
        )
        marks = [
            PlotMark(x(line.since), line.since_words, line.tone)
            for line in self.lines
            if len(self.lines) == 1 and line.since is not None and line.points
        ]
        if self.days_left and self.last_shown > self.days[1]:
            marks.append(PlotMark(x(self.days[1]), self.left_words, until=x(self.last_shown)))
        day_ticks = axes.day_ticks(first, self.last_shown)
        return Plot(
            Axis(0, x(self.last_shown), tuple((x(day), numbers.day(day)) for day in day_ticks)),
            Axis(
                *low_high,
                tuple(
                    (tick, axes.tick_words(tick, relative=self.relative))
                    for tick in axes.ticks(*low_high, 5)
                ),
            ),
            lines,
            tuple(
                (x(day), count, f"{numbers.counted(count, 'unit')} exposed")
                for day, count in thinned(self.exposed)
            ),
            "exposed",
            tuple(marks),
        )

    def draw(self, ax: Axes) -> None:
        """Draw it on matplotlib axes."""
        from exp_jupyter.display.charts.figures import draw_series

        draw_series(self, ax)


def _point(
    x: int, point: Point, chart: SeriesChart
) -> tuple[float, float, float | None, float | None, str]:
    bounds = (point.estimate, point.low, point.high)
    places = numbers.precision(*bounds, percent=chart.relative)
    write = numbers.lift if chart.relative else numbers.difference
    between = numbers.interval(point.low, point.high, relative=chart.relative, decimals=places)
    words = f"{numbers.day(point.day)}: {write(point.estimate, places)} ({between})"
    return (x, *bounds, words)


class _Plot:
    """Places on the drawing of one chart."""

    def __init__(self, chart: SeriesChart, width: float) -> None:
        self.chart, self.width = chart, width
        self.low, self.high = chart.reach()
        self.first, self.last = chart.days[0], chart.last_shown
        self.relative = chart.relative

    def x(self, day: date) -> float:
        """Return a day's place inside the plot, with half a bar of room at both ends."""
        span = (self.last - self.first).days
        if span == 0:
            return self.width / 2
        room = min(self.width / (span + 1) / 2, 14)
        return room + (day - self.first).days / span * (self.width - 2 * room)

    def y(self, value: float) -> float:
        """Return a difference's place inside the plot; far outliers stay near its edges."""
        place = (self.high - value) / (self.high - self.low) * _PLOT
        return min(max(place, -2.0 * _PLOT), 3.0 * _PLOT)

    def grid(self) -> list[str]:
        found = []
        for tick in axes.ticks(self.low, self.high, 5):
            y, zero = _TOP + self.y(tick), tick == 0
            ends = (_LEFT, y, _LEFT + self.width, y)
            found.append(axes.line(ends, opacity=0.9 if zero else 0.25))
            label = axes.tick_words(tick, relative=self.relative)
            found.append(axes.text(_LEFT - 8, y + 4, label, anchor="end"))
        return found

    def future(self) -> list[str]:
        if not self.chart.days_left or self.last == self.chart.days[1]:
            return []
        start, end = _LEFT + self.x(self.chart.days[1]), _LEFT + self.width
        words = self.chart.left_words
        shade = (
            f'<rect x="{start:.1f}" y="{_TOP}" width="{end - start:.1f}" height="{_PLOT}" '
            f'fill="{RULE}" fill-opacity=".1"/>'
        )
        return [
            shade,
            axes.text(
                min((start + end) / 2, end - 3.2 * len(words)),
                self._clear(),
                words,
                anchor="middle",
            ),
        ]

    def _clear(self) -> float:
        """Return a baseline for words that no grid line crosses: at an edge, else between two."""
        lines = sorted(_TOP + self.y(tick) for tick in axes.ticks(self.low, self.high, 5))
        between = ((above + below) / 2 + 4 for above, below in pairwise(lines))
        places = (_TOP + _PLOT - 8, _TOP + 15, *between)
        return next(y for y in places if not any(y - 12 < line < y + 4 for line in lines))

    def curve(self, line: Line, stroke: str, index: int) -> list[str]:
        found = []
        for run in unbroken_runs(line.points):
            if len(run) == 1:
                point, x = run[0], self.x(run[0].day)
                ends = (x, self.y(point.low), x, self.y(point.high))
                found.append(axes.line(ends, stroke=stroke, width=6, opacity=0.25))
            else:
                upper = [(self.x(p.day), self.y(p.high)) for p in run]
                lower = [(self.x(p.day), self.y(p.low)) for p in reversed(run)]
                found.append(
                    f'<polygon points="{axes.points(upper + lower)}" fill="{stroke}" '
                    f'fill-opacity="{0.22 if len(self.chart.lines) == 1 else 0.13}"/>'
                )
                middle = axes.points((self.x(p.day), self.y(p.estimate)) for p in run)
                dash = f' stroke-dasharray="{_DASHES[index % 4]}"' if index % 4 else ""
                found.append(
                    f'<polyline points="{middle}" fill="none" stroke="{stroke}" '
                    f'stroke-width="2" stroke-linejoin="round"{dash}/>'
                )
        if line.points:
            end = line.points[-1]
            found.append(
                f'<circle cx="{self.x(end.day):.1f}" cy="{self.y(end.estimate):.1f}" r="3.5" '
                f'fill="{stroke}"/>'
            )
        return found

    def since(self, lines: tuple[Line, ...]) -> list[str]:
        found = []
        for line in lines:
            if line.since is None or not line.points:
                continue
            x, tone = _LEFT + self.x(line.since), colour(line.tone)
            late = self.x(line.since) > self.width * 0.7
            found.append(axes.line((x, _TOP - 14, x, _TOP + _PLOT), stroke=tone, dash="3 3"))
            found.append(
                axes.text(
                    x + (-5 if late else 5),
                    _TOP - 5,
                    line.since_words,
                    anchor="end" if late else "start",
                    fill=tone,
                )
            )
        return found

    def names(self) -> list[str]:
        """Name every line right where it ends; names that would overlap move apart.

        A line from a name to its end must not look like the series going on: it is as short as
        the distance by which the name moved.
        """
        ends = sorted(
            (min(max(_TOP + self.y(line.points[-1].estimate), _TOP + 4), _TOP + _PLOT), i, line)
            for i, line in enumerate(self.chart.lines)
            if line.points
        )
        found, above = [], -math.inf
        for y, index, line in ends:
            above = max(y, above + 15)
            name = line.name if len(line.name) <= 14 else line.name[:13] + "…"
            stroke = SERIES[index % len(SERIES)]
            place = _LEFT + self.x(line.points[-1].day)
            if above - y > 2:
                found.append(axes.line((place + 4, y, place + 9, above), stroke=stroke))
            found.append(axes.text(place + 11, above + 4, name, fill=stroke))
        return found

    def bars(self) -> list[str]:
        chart = self.chart
        most = max((count for _, count in chart.exposed), default=0)
        if not most:
            return []
        span = (self.last - self.first).days + 1
        width = min(self.width / span * 0.6, 18)
        base = _BARS_TOP + _BARS
        shape = "".join(
            f"M{_LEFT + self.x(day) - width / 2:.1f} {base}h{width:.1f}"
            f"v-{count / most * _BARS:.1f}h-{width:.1f}z"
            for day, count in chart.exposed
        )
        found = [f'<path d="{shape}" fill="{RULE}" fill-opacity=".45"/>']
        found.append(axes.text(_LEFT - 8, _BARS_TOP + 9, numbers.count(most), anchor="end"))
        found.append(axes.text(_LEFT - 8, _BARS_TOP + 24, "exposed", anchor="end"))
        return found

    def dates(self) -> list[str]:
        y = _HEIGHT - 12
        found = []
        for day in axes.day_ticks(self.first, self.last):
            x = self.x(day)
            anchor = "end" if x > self.width - 16 else "middle"
            place = min(_LEFT + x, _LEFT + self.width) if anchor == "middle" else _LEFT + self.width
            found.append(axes.text(place, y, numbers.day(day), anchor=anchor))
        return found


def unbroken_runs(found: tuple[Point, ...]) -> list[list[Point]]:
    """Split where days are missing: a line must not pretend to know them."""
    runs: list[list[Point]] = []
    for point in found:
        if runs and (point.day - runs[-1][-1].day).days == 1:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs
