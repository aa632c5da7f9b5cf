"""A page as plain text: aligned, at most 100 columns where names allow, calm in a diff."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from exp_jupyter.display.blocks import (
    Bar,
    Block,
    Card,
    Cell,
    Code,
    Column,
    Description,
    Details,
    Diff,
    Figure,
    Heading,
    NextStep,
    Picture,
    Reading,
    Sentence,
    SmallPrint,
    Table,
    Words,
    said,
)
from exp_jupyter.display.legible import columns_of, legible, legible_lines, unbroken
from exp_jupyter.display.marks import strip
from exp_jupyter.display.numbers import MINUS

WIDTH = 100
_GAP = "  "
_NARROWEST = 12


def clean(text: str) -> str:
    r"""Return text as plain text has it: legible, and numbers with an ASCII minus.

    Examples
    --------
    >>> clean("−4.3 %"), clean("two\nlines")
    ('-4.3 %', 'two lines')
    """
    return legible(text).replace(MINUS, "-")


def _pad(text: str, width: int, align: str) -> str:
    room = " " * max(width - columns_of(text), 0)
    return room + text if align == "right" else text + room


def _cut(text: str, width: int) -> str:
    if columns_of(text) <= width:
        return text
    while text and columns_of(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _wrapped(text: str, width: int, *, hang: str = "") -> list[str]:
    lines = textwrap.wrap(
        unbroken(text),
        width,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\u00a0", " ") for line in lines]


def render(description: Description, width: int = WIDTH) -> str:
    """Return the page as plain text, without a trailing newline."""
    return "\n".join(_lines(description.blocks, width)).rstrip()


def _lines(blocks: Sequence[Block], width: int) -> list[str]:
    lines: list[str] = []
    before: Block | None = None
    for block in blocks:
        part = [line.rstrip() for line in _block(block, width)]
        if not part:
            continue
        close = isinstance(before, (Heading, Sentence)) and isinstance(block, (Sentence, NextStep))
        if lines and not close:
            lines.append("")
        lines.extend(part)
        before = block
    return lines


def _block(block: Block, width: int) -> list[str]:
    match block:
        case Heading():
            badge = f" [{clean(block.badge.text)}]" if block.badge else ""
            note = f" · {clean(block.note)}" if block.note else ""
            return _wrapped(f"{clean(block.title)}{badge}{note}", width)
        case Sentence():
            return _wrapped(_said(block.words), width)
        case SmallPrint():
            return _wrapped(" · ".join(clean(part) for part in block.parts if part), width)
        case NextStep():
            lines = _wrapped(f"Next: {_said(block.words)}", width, hang="      ")
            return [*lines, *(f"      {line}" for line in block.code.splitlines())]
        case Code():
            return [f"    {line}" for line in legible_lines(block.text)]
        case Table():
            return _table(block, width)
        case Diff():
            return _diff(block)
        case Picture():
            return []
        case Details():
            if not block.in_text:
                return []
            return [clean(block.summary), *_lines(block.blocks, width)]
        case Card():
            return [f"│ {line}".rstrip() for line in _lines(block.blocks, width - 2)]


def _said(words: Words) -> str:
    return clean(said(words))


def cell_text(cell: Cell) -> str:
    """Return a cell in one line of plain text."""
    match cell:
        case Figure() | Bar():
            return clean(cell.text)
        case Reading():
            return clean(f"{cell.mark} {cell.text}")
        case _:
            return clean(cell.text)


def _table(table: Table, width: int) -> list[str]:
    if not table.headed:
        return _pairs(table, width)
    grid = [[cell_text(cell) for cell in row.cells] for row in table.rows]
    heads = [clean(column.label) for column in table.columns]
    sizes = [
        max([columns_of(head), *(columns_of(line[place]) for line in grid)])
        for place, head in enumerate(heads)
    ]
    _shrink(sizes, table.columns, width)
    strips = _strips(table, width - sum(sizes) - len(_GAP) * (len(sizes) - 1))
    lines = []
    for index, line in enumerate([heads, *grid]):
        cells = []
        for place, text in enumerate(line):
            align = table.columns[place].align
            cells.append(_pad(_cut(text, sizes[place]), sizes[place], align))
            if place in strips:
                cells.append(strips[place][index])
        lines.append(_GAP.join(cells))
    return lines


def _shrink(sizes: list[int], columns: Sequence[Column], width: int) -> None:
    """Narrow the widest columns of words until the table fits, or until nothing can give."""
    words = [place for place, column in enumerate(columns) if column.align == "left"]
    while sum(sizes) + len(_GAP) * (len(sizes) - 1) > width:
        widest = max(words, key=lambda place: sizes[place], default=None)
        if widest is None or sizes[widest] <= _NARROWEST:
            return
        sizes[widest] -= 1


def _strips(table: Table, room: int) -> dict[int, list[str]]:
    """Return drawn intervals by column, heading first, where the line has room for them."""
    length = 21
    found: dict[int, list[str]] = {}
    for place, column in enumerate(table.columns):
        if column.scale is None or room < length + len(_GAP):
            continue
        drawn = [
            strip(cell, column.scale, length)
            if isinstance(cell := row.cells[place], Bar)
            else " " * length
            for row in table.rows
        ]
        found[place] = [_pad("0".rjust(length // 2 + 1), length, "left"), *drawn]
        room -= length + len(_GAP)
    return found


def _pairs(table: Table, width: int) -> list[str]:
    labels = [cell_text(row.cells[0]) for row in table.rows]
    size = max(map(columns_of, labels), default=0)
    lines = []
    for label, row in zip(labels, table.rows, strict=True):
        value = _wrapped(cell_text(row.cells[1]), max(width - size - len(_GAP), 20)) or [""]
        lines.append(f"{_pad(label, size, 'left')}{_GAP}{value[0]}")
        lines.extend(" " * (size + len(_GAP)) + more for more in value[1:])
    return lines


def _diff(diff: Diff) -> list[str]:
    size = max((columns_of(clean(line.label)) for line in diff.lines), default=0)
    return [
        f"{_pad(clean(line.label), size, 'left')}{_GAP}{_side(line.before)} → {_side(line.after)}"
        for line in diff.lines
    ]


def _side(value: str | None) -> str:
    return "(nothing)" if value is None else clean(value) or '""'
