"""The chart of a plan: the smallest effect that can be told from none, by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exp_jupyter.display.charts import axes
from exp_jupyter.display.charts.plot import Axis, Plot, PlotLine, PlotMark, thinned
from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import Svg
from exp_jupyter.display.content.palette import colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 560, 190
_LEFT, _TOP, _RIGHT, _PLOT = 62, 12, 16, 150


@dataclass(frozen=True)
class CurveChart:
    """Minimum detectable effect over days.

    Attributes
    ----------
    points
        (day, effect as a fraction), in order of days.
    plan
        The planned day and its effect, or None.
    label
        What the effect is called.
    alt
        What the picture shows, in a sentence.
    """

    points: tuple[tuple[int, float], ...]
    plan: tuple[int, float] | None
    label: str
    alt: str

    @property
    def top(self) -> float:
        """The upper end of the effect axis; the first days would otherwise flatten the rest."""
        settled = self.plan[1] if self.plan else self.points[-1][1]
        return min(max(effect for _, effect in self.points), 3.2 * settled) * 1.05

    @property
    def plan_words(self) -> str:
        """What the plan can tell from none, and when; empty where there is none."""
        if not self.plan:
            return ""
        day, effect = self.plan
        return f"{numbers.share(effect)} after {numbers.days(day)}"

    def svg(self) -> Svg:
        """Draw it; the same chart is the same bytes."""
        width = _WIDTH - _LEFT - _RIGHT
        last = self.points[-1][0]

        def x(day: float) -> float:
            return day / last * width

        def y(effect: float) -> float:
            return (1 - min(effect / self.top, 4)) * _PLOT

        parts = []
        for tick in axes.ticks(0, self.top, 3):
            height = _TOP + y(tick)
            ends = (_LEFT, height, _LEFT + width, height)
            parts.append(axes.line(ends, opacity=0.25 if tick else 0.9))
            parts.append(
                axes.text(_LEFT - 8, height + 4, numbers.share(tick) if tick else "0", anchor="end")
            )
        places = axes.points((x(day), y(effect)) for day, effect in thinned(self.points))
        curve = (
            f'<polyline points="{places}" fill="none" stroke="{colour("accent")}" '
            'stroke-width="2" stroke-linejoin="round"/>'
        )
        parts.append(axes.clipped([curve], _LEFT, _TOP, width, _PLOT))
        if self.plan:
            day, effect = self.plan
            px, py = _LEFT + x(day), _TOP + y(effect)
            tone = colour("accent")
            parts.append(axes.line((px, py, px, _TOP + _PLOT), stroke=tone, dash="3 3"))
            parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="{tone}"/>')
            late = x(day) > width * 0.72
            anchor = "end" if late else "start"
            place = px + (-2 if late else 6)
            parts.append(axes.text(place, py - 9, self.plan_words, anchor=anchor, fill=tone))
        marks = axes.ticks(0, last, 6)
        for tick in marks:
            at_end = tick == marks[-1]
            anchor = "end" if at_end and x(tick) > width - 24 else "middle"
            words = numbers.days(tick) if at_end else numbers.count(tick)
            parts.append(axes.text(_LEFT + x(tick), _TOP + _PLOT + 17, words, anchor=anchor))
        return Svg(axes.canvas(parts, _WIDTH, _HEIGHT), _WIDTH, _HEIGHT)

    def plot(self) -> Plot:
        """Return what it says."""
        last = self.points[-1][0]
        points = tuple(
            (day, effect, None, None, f"{numbers.days(day)}: {numbers.share(effect)}")
            for day, effect in thinned(self.points)
        )
        days = tuple((tick, numbers.count(tick)) for tick in axes.ticks(0, last, 6))
        marks: tuple[PlotMark, ...] = ()
        if self.plan:
            day, effect = self.plan
            marks = (PlotMark(day, self.plan_words, "accent", y=effect),)
        return Plot(
            Axis(0, last, (*days[:-1], (days[-1][0], f"{days[-1][1]} days"))),
            Axis(
                0,
                self.top,
                tuple((t, numbers.share(t) if t else "0") for t in axes.ticks(0, self.top, 3)),
            ),
            (PlotLine(self.label, points),),
            marks=marks,
        )

    def draw(self, ax: Axes) -> None:
        """Draw it on matplotlib axes."""
        from exp_jupyter.display.charts.figures import draw_curve

        draw_curve(self, ax)
