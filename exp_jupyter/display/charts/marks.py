"""Small marks inside tables: an interval against zero, and the axis it shares with its column."""

from __future__ import annotations

import math

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import Bar, Scale, Svg, Table
from exp_jupyter.display.content.palette import RULE, colour

WIDTH, HEIGHT, MARGIN = 152, 22, 8
CUT_WORDS = "An arrowhead: the interval goes on beyond the axis; its bounds stand in words."
_NICE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def nice(value: float) -> float:
    """Return the next round number at or above a positive value.

    Examples
    --------
    >>> nice(0.0687), nice(11), nice(8)
    (0.08, 12.0, 8.0)
    """
    if not value > 0 or math.isinf(value):
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in _NICE if value <= step * size * (1 + 1e-9))
    return float(f"{step * size:.12g}")


def shared_scale(
    bars: list[Bar], *, relative: bool = True, mark: float | None = None, points: bool = False
) -> Scale:
    """Return the axis that all the bars of a column share.

    One arm with a hopelessly wide interval must not flatten the others: the axis reaches at most
    five times as far as the narrowest interval does, and what leaves it ends in an arrow.
    """
    ends = [
        max(abs(end) for end in found)
        for bar in bars
        if (
            found := [
                e for e in (bar.low, bar.high, bar.estimate) if e is not None and math.isfinite(e)
            ]
        )
    ]
    if not ends:
        return Scale(1.0, relative, mark, points)
    reach = min(max(ends), 5 * min(ends) or max(ends))
    return Scale(nice(max(reach, abs(mark or 0)) * 1.02), relative, mark, points)


def _place(value: float, scale: Scale) -> float:
    inner = (WIDTH - 2 * MARGIN) / 2
    return round(WIDTH / 2 + value / scale.reach * inner, 1)


def interval_bar(bar: Bar, scale: Scale) -> Svg | None:
    """Draw one interval on its column's axis; None when there is nothing to draw."""
    if bar.low is None or bar.high is None or math.isnan(bar.low) or math.isnan(bar.high):
        return None
    middle, tone = HEIGHT / 2, colour(bar.tone)
    parts = [_line(WIDTH / 2, 0, HEIGHT, RULE, dash="2 2")]
    if scale.mark is not None:
        parts.append(_line(_place(scale.mark, scale), 0, HEIGHT, colour("notice"), dash="1 3"))
    low, high = max(bar.low, -scale.reach), min(bar.high, scale.reach)
    left, right = _place(min(low, scale.reach), scale), _place(max(high, -scale.reach), scale)
    parts.append(
        f'<rect x="{left:g}" y="{middle - 3.5:g}" width="{max(right - left, 0.5):.1f}" height="7" '
        f'rx="1" fill="{tone}" fill-opacity=".38"/>'
    )
    for end, cut, inward in (
        (left, bar.low < -scale.reach, 5),
        (right, bar.high > scale.reach, -5),
    ):
        if cut:
            parts.append(
                f'<path d="M{end + inward:g} {middle - 6:g}L{end:g} {middle:g}'
                f'L{end + inward:g} {middle + 6:g}" fill="none" stroke="{tone}" '
                'stroke-width="1.6"/>'
            )
        else:
            parts.append(_line(end, middle - 6, middle + 6, tone, width=1.6))
    if bar.estimate is not None and abs(bar.estimate) <= scale.reach:
        parts.append(
            f'<circle cx="{_place(bar.estimate, scale):g}" cy="{middle:g}" r="4" fill="{tone}"/>'
        )
    return Svg(_wrap(parts, HEIGHT), WIDTH, HEIGHT)


def axis(scale: Scale) -> Svg:
    """Draw the heading of an interval column: the ends of its axis and zero."""
    ends = (
        (MARGIN, "start", _end_words(-scale.reach, scale)),
        (WIDTH / 2, "middle", "0"),
        (WIDTH - MARGIN, "end", _end_words(scale.reach, scale)),
    )
    parts = [
        f'<text x="{x:g}" y="12" text-anchor="{anchor}" font-size="10.5" '
        f'font-family="system-ui,-apple-system,Segoe UI,sans-serif" '
        f'fill="{colour("quiet")}">{text}</text>'
        for x, anchor, text in ends
    ]
    return Svg(_wrap(parts, 16), WIDTH, 16)


def cut_bars(table: Table) -> bool:
    """Whether some interval of the table goes on beyond the axis of its column."""
    return any(
        column.scale.cuts(cell)
        for row in table.rows
        for cell, column in zip(row.cells, table.columns, strict=True)
        if column.scale is not None and isinstance(cell, Bar)
    )


def progress_bar(share: float) -> Svg:
    """Draw how much of a plan is done, between 0 and 1."""
    width, height = 150, 8
    done = round(width * min(max(share, 0.0), 1.0), 1)
    parts = [
        f'<rect width="{width}" height="{height}" rx="4" fill="{RULE}" fill-opacity=".25"/>',
        f'<rect width="{done:g}" height="{height}" rx="4" fill="{colour("accent")}"/>',
    ]
    return Svg(_wrap(parts, height, width), width, height)


def _end_words(value: float, scale: Scale) -> str:
    if scale.points:
        return numbers.points(value).replace(".0 points", " points").replace("points", "pp")
    if scale.relative:
        return numbers.lift(value).replace(".0 %", " %")
    return numbers.number(value, sign=value > 0)


def strip(bar: Bar, scale: Scale, width: int = 21) -> str:
    """Draw one interval with characters, for plain text.

    Examples
    --------
    >>> strip(Bar(0.04, 0.01, 0.07, ""), Scale(0.1), width=21)
    '          ┊├──●──┤   '
    """
    if bar.low is None or bar.high is None or math.isnan(bar.low) or math.isnan(bar.high):
        return " " * width
    half = width // 2

    def column(value: float) -> int:
        place = half + round(max(min(value / scale.reach, 1), -1) * half)
        return min(max(place, 0), width - 1)

    cells = [" "] * width
    left, right = column(bar.low), column(bar.high)
    cells[left : right + 1] = "─" * (right - left + 1)
    cells[half] = "┼" if left <= half <= right else "┊"
    cells[left] = "◂" if bar.low < -scale.reach else "├"
    cells[right] = "▸" if bar.high > scale.reach else "┤"
    if bar.estimate is not None and math.isfinite(bar.estimate):
        cells[column(bar.estimate)] = "●"
    return "".join(cells)


def _line(
    x: float, top: float, bottom: float, stroke: str, *, dash: str = "", width: float = 1
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x:g}" x2="{x:g}" y1="{top:g}" y2="{bottom:g}" stroke="{stroke}" '
        f'stroke-width="{width:g}"{dashes}/>'
    )


def _wrap(parts: list[str], height: int, width: int = WIDTH) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'
    )
