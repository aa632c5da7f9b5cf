"""What a chart says, without a drawing: lines over one axis, each point with its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from exp_jupyter.display.content.blocks import Tone

MOST_POINTS = 120
"""More of them no screen shows apart."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its ends, and where it has which words."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class PlotLine:
    """One line: its points are x, y, the band's bounds (None where it has none), and the words."""

    name: str
    points: tuple[tuple[float, float, float | None, float | None, str], ...]
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class PlotMark:
    """A place on the axis that has words of its own; ``until`` makes it a stretch."""

    x: float
    words: str
    tone: Tone = ""
    until: float | None = None
    y: float | None = None


@dataclass(frozen=True, slots=True)
class Plot:
    """A whole chart; ``bars`` are x, count and the words of each, drawn below the lines."""

    x: Axis
    y: Axis
    lines: tuple[PlotLine, ...]
    bars: tuple[tuple[float, int, str], ...] = ()
    bars_label: str = ""
    marks: tuple[PlotMark, ...] = ()


def thinned(points: Sequence[Item]) -> tuple[Item, ...]:
    """Return an even choice of the points, the last one always.

    Examples
    --------
    >>> thinned([1, 2, 3]), len(thinned(range(1000)))
    ((1, 2, 3), 126)
    """
    step = max(len(points) // MOST_POINTS, 1)
    return (*points[:-1:step], *points[-1:])
