"""Round ticks for chart axes, and the small pieces of SVG that every chart is drawn with."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, timedelta
from html import escape

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.palette import RULE, colour
from exp_jupyter.sanitize import sanitize

FONT = "system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif"
_DAY_STEPS = (1, 2, 3, 5, 7, 14, 28, 56, 91, 182, 364)


def ticks(low: float, high: float, about: int = 4) -> tuple[float, ...]:
    """Return round numbers from ``low`` to ``high``, about as many as asked.

    Examples
    --------
    >>> ticks(-0.23, 0.41), ticks(0, 12.5)
    ((-0.2, 0.0, 0.2, 0.4), (0.0, 5.0, 10.0))
    """
    if not high > low:
        return (low,)
    rough = (high - low) / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(s * size for s in (1, 2, 2.5, 5, 10) if s * size >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(float(f"{place * step:.10g}") + 0.0 for place in range(first, last + 1))


def day_ticks(first: date, last: date, about: int = 6) -> tuple[date, ...]:
    """Return evenly spaced days from the first on.

    Examples
    --------
    >>> [day.day for day in day_ticks(date(2026, 3, 1), date(2026, 3, 21), about=5)]
    [1, 6, 11, 16, 21]
    """
    span = (last - first).days
    step = next((s for s in _DAY_STEPS if span / s <= about - 1), max(span // about, 1))
    return tuple(first + timedelta(days=n) for n in range(0, span + 1, step))


def tick_words(value: float, *, relative: bool) -> str:
    """Write a difference on an axis, with no more digits than it has.

    Examples
    --------
    >>> [tick_words(v, relative=True) for v in (-0.2, 0, 0.025)], tick_words(0.5, relative=False)
    (['−20 %', '0', '+2.5 %'], '+0.5')
    """
    if abs(value) < 1e-12:
        return "0"
    if not relative:
        return numbers.number(value, sign=True)
    points = value * 100
    return numbers.lift(
        value, next((d for d in range(6) if abs(round(points, d) - points) < 1e-9), 6)
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", fill: str = "") -> str:
    """Return words at a place."""
    colouring = f' fill="{fill}"' if fill else ""
    # One control character makes the whole drawing unreadable: XML has no way to write it.
    shown = escape(sanitize(words))
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{colouring}>{shown}</text>'


def line(
    ends: tuple[float, float, float, float],
    *,
    stroke: str = RULE,
    width: float = 1,
    opacity: float = 1,
    dash: str = "",
) -> str:
    """Return a straight line from (x1, y1) to (x2, y2)."""
    x1, y1, x2, y2 = ends
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    faint = f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
        f'stroke-width="{width:g}"{faint}{dashes}/>'
    )


def points(places: Iterable[tuple[float, float]]) -> str:
    """Return places as SVG writes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def canvas(parts: Iterable[str], width: int, height: int) -> str:
    """Return the whole drawing."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="12" '
        f'fill="{colour("quiet")}">{"".join(parts)}</svg>'
    )


def clipped(parts: Iterable[str], left: float, top: float, width: float, height: float) -> str:
    """Return a part of the drawing that shows nothing beyond its edges, in its own coordinates."""
    return (
        f'<svg x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}">'
        f"{''.join(parts)}</svg>"
    )
