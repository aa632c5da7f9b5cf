"""The chart of a comparison: every arm's interval against zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exp_jupyter.display.content.blocks import Tone

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class IntervalLine:
    """One arm: its name, its estimate and its interval, and the colour that repeats the reading."""

    name: str
    estimate: float
    low: float
    high: float
    tone: Tone = "quiet"


@dataclass(frozen=True, slots=True)
class IntervalChart:
    """Intervals against zero, one line each.

    ``relative`` when they are fractions of the control's mean, ``points`` when they are differences
    of two shares.
    """

    lines: tuple[IntervalLine, ...]
    relative: bool = True
    points: bool = False

    @property
    def height(self) -> float:
        """Inches that give every line room for its name."""
        return max(3.2, 0.9 + 0.26 * len(self.lines))

    def draw(self, ax: Axes) -> None:
        """Draw it on matplotlib axes."""
        from exp_jupyter.display.charts.figures import draw_intervals

        draw_intervals(self, ax)
