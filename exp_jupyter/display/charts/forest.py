"""The forest plot: one interval a segment, what to expect of it, and all of them together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exp_jupyter.display.charts import axes
from exp_jupyter.display.content.blocks import Svg, Tone
from exp_jupyter.display.content.palette import colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _LEFT, _RIGHT, _TOP, _LINE, _FOOT = 560, 150, 16, 10, 24, 26
_LONGEST = 22
"""Characters of a segment's name that its column has room for."""


@dataclass(frozen=True, slots=True)
class ForestLine:
    """One segment: its name, its own estimate and interval, and the shrunken estimate.

    ``size`` is its share of all units, which the square's area shows; ``whole`` marks the line of
    all units together.
    """

    name: str
    estimate: float
    low: float
    high: float
    shrunken: float | None = None
    size: float = 0.0
    tone: Tone = "quiet"
    whole: bool = False


@dataclass(frozen=True, slots=True)
class ForestChart:
    """Segments against zero and against all units together.

    ``relative`` when the effects are fractions of the control's mean; ``alt`` says what the picture
    shows.
    """

    lines: tuple[ForestLine, ...]
    alt: str
    relative: bool = True

    @property
    def height(self) -> float:
        """Inches that give every line room for its name."""
        return max(3.2, 0.9 + 0.3 * len(self.lines))

    @property
    def reach(self) -> tuple[float, float]:
        """Both ends of the axis: a hopelessly wide interval must not flatten the others."""
        widths = sorted(
            one.high - one.low for one in self.lines if math.isfinite(one.high - one.low)
        )
        typical = widths[len(widths) // 2] if widths else 1.0
        centre = [one.estimate for one in self.lines if math.isfinite(one.estimate)] or [0.0]
        low, high = min(*centre, 0.0) - 1.5 * typical, max(*centre, 0.0) + 1.5 * typical
        ends = [end for one in self.lines for end in (one.low, one.high) if math.isfinite(end)]
        low, high = max(low, min(ends, default=low)), min(high, max(ends, default=high))
        room = 0.04 * (high - low) or 0.01
        return min(low, 0.0) - room, max(high, 0.0) + room

    def svg(self) -> Svg:
        """Draw it; the same chart is the same bytes."""
        low, high = self.reach
        width = _WIDTH - _LEFT - _RIGHT
        bottom = _TOP + _LINE * len(self.lines)

        def x(value: float) -> float:
            return _LEFT + (min(max(value, low), high) - low) / (high - low) * width

        parts = []
        for tick in axes.ticks(low, high, 5):
            parts.append(axes.line((x(tick), _TOP, x(tick), bottom), opacity=0.25 if tick else 0.9))
            words = axes.tick_words(tick, relative=self.relative)
            parts.append(axes.text(x(tick), bottom + 17, words, anchor="middle"))
        whole = next((one for one in self.lines if one.whole), None)
        if whole is not None and math.isfinite(whole.estimate):
            place = x(whole.estimate)
            tone = colour("accent")
            parts.append(axes.line((place, _TOP, place, bottom), stroke=tone, dash="3 3"))
        for row, one in enumerate(self.lines):
            parts += _drawn(one, _TOP + _LINE * (row + 0.5), x, (low, high))
        height = bottom + _FOOT
        return Svg(axes.canvas(parts, _WIDTH, height), _WIDTH, height)

    def draw(self, ax: Axes) -> None:
        """Draw it on matplotlib axes."""
        from exp_jupyter.display.charts.figures import draw_forest

        draw_forest(self, ax)


def _drawn(
    one: ForestLine, y: float, place: Callable[[float], float], ends: tuple[float, float]
) -> list[str]:
    tone = colour(one.tone)
    name = one.name if len(one.name) <= _LONGEST else f"{one.name[: _LONGEST - 1]}…"
    parts = [axes.text(_LEFT - 10, y + 4, name, anchor="end")]
    if math.isnan(one.estimate):
        return parts
    left, right = place(one.low), place(one.high)
    parts.append(axes.line((left, y, right, y), stroke=tone, width=2))
    for end, cut, inward in (
        (left, one.low < ends[0], 5),
        (right, one.high > ends[1], -5),
    ):
        if cut:
            parts.append(
                f'<path d="M{end + inward:.1f} {y - 5:.1f}L{end:.1f} {y:.1f}'
                f'L{end + inward:.1f} {y + 5:.1f}" fill="none" stroke="{tone}" stroke-width="1.6"/>'
            )
        else:
            parts.append(axes.line((end, y - 4, end, y + 4), stroke=tone, width=1.6))
    middle = place(one.estimate)
    if one.whole:
        parts.append(
            f'<path d="M{middle - 8:.1f} {y:.1f}L{middle:.1f} {y - 6:.1f}L{middle + 8:.1f} {y:.1f}'
            f'L{middle:.1f} {y + 6:.1f}Z" fill="{tone}"/>'
        )
    else:
        side = 5 + 9 * math.sqrt(min(max(one.size, 0.0), 1.0))
        parts.append(
            f'<rect x="{middle - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" '
            f'height="{side:.1f}" fill="{tone}"/>'
        )
    if one.shrunken is not None:
        parts.append(
            f'<circle cx="{place(one.shrunken):.1f}" cy="{y:.1f}" r="4.5" fill="none" '
            f'stroke="{colour("accent")}" stroke-width="1.8"/>'
        )
    return parts
