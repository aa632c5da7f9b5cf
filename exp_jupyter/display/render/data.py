"""A page as JSON-ready values, for a front end that draws it with controls of its own.

The same blocks as everywhere, each an object that says what it is. Numbers keep their value beside
their writing, so that a front end can sort without reading words, and every word is written here,
so that no second place formats a number. What has its usual value is left out. A front end that
meets a block it does not know shows the page's HTML instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from exp_jupyter.display.charts.marks import CUT_WORDS, cut_bars
from exp_jupyter.display.charts.plot import Plot
from exp_jupyter.display.content.blocks import (
    Bar,
    Block,
    Card,
    Cell,
    Code,
    Description,
    Details,
    Diff,
    Figure,
    Heading,
    NextStep,
    Picture,
    Reading,
    Scale,
    Sentence,
    SmallPrint,
    StatusLine,
    Table,
    Text,
    Words,
    spans,
    without_empty_columns,
)
from exp_jupyter.display.content.typesetting import edges, unbroken
from exp_jupyter.display.render.steady import steady
from exp_jupyter.sanitize import sanitize, sanitize_lines

VERSION = 1
"""Of the page's form; a front end that knows only older ones shows the HTML."""


def render(description: Description) -> dict[str, Any]:
    """Return the page's blocks as JSON-ready values.

    Returns
    -------
    dict
        ``version`` and ``blocks``; every block has ``is`` with its kind.

    Examples
    --------
    >>> from exp_jupyter.display.content.blocks import Sentence
    >>> render(Description("note", "", (Sentence("Nothing was written."),)))
    {'version': 1, 'blocks': [{'is': 'sentence', 'words': ['Nothing was written.']}]}
    """
    page: dict[str, Any] = steady({"version": VERSION, "blocks": _blocks(description.blocks)})
    return page


def _blocks(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    return [_block(block) for block in blocks]


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Heading():
            badge = block.badge and _kept(text=_line(block.badge.text), tone=block.badge.tone)
            return _kept("heading", title=_line(block.title), badge=badge, note=_line(block.note))
        case Sentence():
            return _kept("sentence", words=_words(block.words), tone=block.tone, lead=block.lead)
        case StatusLine():
            return _kept(
                "status",
                words=_line(block.words),
                marks=[_kept(text=_line(mark.text), tone=mark.tone) for mark in block.marks],
                share=block.share,
            )
        case SmallPrint():
            link = None if block.link is None else [_line(block.link[0]), block.link[1]]
            return _kept("small", parts=[_line(part) for part in block.parts if part], link=link)
        case NextStep():
            return _kept("next", words=_words(block.words), code=_lines(block.code))
        case Code():
            return _kept("code", text=_lines(block.text))
        case Table():
            return _table(block)
        case Diff():
            return _kept(
                "diff",
                caption=_line(block.caption),
                lines=[
                    [
                        _line(line.label),
                        None if line.before is None else _line(line.before),
                        None if line.after is None else _line(line.after),
                    ]
                    for line in block.lines
                ],
            )
        case Picture():
            return _picture(block)
        case Details():
            return _kept("details", summary=_line(block.summary), blocks=_blocks(block.blocks))
        case Card():
            return _kept("card", tone=block.tone, blocks=_blocks(block.blocks))


def _kept(kind: str = "", **values: Any) -> dict[str, Any]:
    """Return an object of its kind, without what is empty."""
    named = {"is": kind} if kind else {}
    return named | {key: value for key, value in values.items() if value not in ("", None, False)}


def _line(text: str) -> str:
    return unbroken(sanitize(text))


def _lines(text: str) -> str:
    return "\n".join(sanitize_lines(text))


def _words(words: Words) -> list[Any]:
    """Return the spans; one without a voice of its own is just its text."""
    found: list[Any] = []
    for span in spans(words):
        lead, trail = edges(span.text)
        voice = _kept(strong=span.strong, quiet=span.quiet, code=span.code, tone=span.tone)
        text = f"{lead}{_line(span.text)}{trail}"
        found.append({"text": text, **voice} if voice else text)
    return found


def _table(table: Table) -> dict[str, Any]:
    table = without_empty_columns(table) if table.headed else table
    columns = [
        _kept(
            label=_line(column.label),
            right=column.align == "right",
            wrap=column.wrap,
            scale=_scale(column.scale),
        )
        for column in table.columns
    ]
    return _kept(
        "table",
        caption=_line(table.caption),
        titled=table.titled,
        plain=not table.headed,
        columns=columns,
        rows=[[_cell(cell) for cell in row.cells] for row in table.rows],
        rules=[index for index, row in enumerate(table.rows) if row.rule] or None,
        groups=[[index, _line(row.group)] for index, row in enumerate(table.rows) if row.group]
        or None,
        cut=CUT_WORDS if cut_bars(table) else "",
    )


def _scale(scale: Scale | None) -> dict[str, Any] | None:
    if scale is None:
        return None
    drawn: dict[str, Any] = {"relative": scale.relative, "points": scale.points}
    return _kept(reach=scale.reach, mark=scale.mark, **drawn)


def _cell(cell: Cell) -> dict[str, Any]:
    match cell:
        case Bar():
            ends = [cell.estimate, cell.low, cell.high]
            known = cell.low is not None and cell.high is not None
            return _kept(
                text=_line(cell.text),
                tone=cell.tone,
                bar=[_number(end) for end in ends] if known else None,
            )
        case Reading():
            return _kept(text=_line(cell.text), tone=cell.tone, mark=cell.mark, reading=True)
        case Figure():
            return _kept(
                text=_line(cell.text),
                note=_line(cell.note),
                value=_number(cell.value),
                strong=cell.strong,
                quiet=cell.quiet,
            ) | ({"value": 0} if cell.value == 0 else {})
        case Text():
            return _kept(
                text=_line(cell.text),
                note=_line(cell.note),
                strong=cell.strong,
                quiet=cell.quiet,
                code=cell.code,
                tone=cell.tone,
            )


def _number(value: float | None) -> float | str | None:
    """Return a number, an infinite one as a word: JSON has none."""
    if value is None or value != value:
        return None
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return float(value) if isinstance(value, float) else value


def _picture(block: Picture) -> dict[str, Any]:
    chart = block.chart
    shown = _kept("picture", caption=_line(block.caption), alt=_line(chart.alt))
    make = getattr(chart, "plot", None)
    if make is not None:
        plot: Plot = make()
        return shown | {"plot": _plot(plot)}
    drawing = chart.svg()
    return shown | {"svg": drawing.source, "width": drawing.width, "height": drawing.height}


def _plot(plot: Plot) -> dict[str, Any]:
    return _kept(
        x=_axis(plot.x),
        y=_axis(plot.y),
        lines=[
            _kept(
                name=_line(line.name),
                tone=line.tone,
                points=[[*map(_short, point[:-1]), _line(str(point[-1]))] for point in line.points],
            )
            for line in plot.lines
        ],
        bars=_kept(label=plot.bars_label, points=[[*point] for point in plot.bars])
        if plot.bars
        else None,
        marks=[_kept(**dataclasses.asdict(mark)) for mark in plot.marks] or None,
    )


def _axis(axis: Any) -> dict[str, Any]:
    return {
        "low": _short(axis.low),
        "high": _short(axis.high),
        "ticks": [[_short(at), _line(words)] for at, words in axis.ticks],
    }


def _short(value: Any) -> Any:
    """Return a number with as many digits as a screen can show."""
    if isinstance(value, float):
        found = _number(value)
        return float(f"{found:.5g}") if isinstance(found, float) else found
    return value
