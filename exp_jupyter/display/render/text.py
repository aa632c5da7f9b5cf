"""A page as plain text: aligned, at most 100 columns where names allow, calm in a diff."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from exp_jupyter.display.charts.marks import CUT_WORDS, cut_bars, strip
from exp_jupyter.display.content.blocks import (
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
    Row,
    Sentence,
    SmallPrint,
    StatusLine,
    Table,
    Text,
    Words,
    said,
    without_empty_columns,
)
from exp_jupyter.display.content.numbers import MINUS
from exp_jupyter.display.content.typesetting import columns_of, unbroken
from exp_jupyter.sanitize import sanitize, sanitize_lines

WIDTH = 100
_GAP = "  "
_NARROWEST = 12
_STRIP = 21


def clean(text: str) -> str:
    r"""Return text as plain text has it: legible, and numbers with an ASCII minus.

    Examples
    --------
    >>> clean("−4.3 %"), clean("two\nlines")
    ('-4.3 %', 'two lines')
    """
    return sanitize(text).replace(MINUS, "-")


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


def render(description: Description, width: int | None = None) -> str:
    """Return the page as plain text, without a trailing newline.

    Parameters
    ----------
    description
        The page.
    width
        Columns that nothing may leave; by default about 100, where long names may reach beyond.
    """
    fit = width is not None
    return "\n".join(_lines(description.blocks, width or WIDTH, fit=fit)).rstrip()


def _lines(blocks: Sequence[Block], width: int, *, fit: bool) -> list[str]:
    lines: list[str] = []
    before: Block | None = None
    for block in blocks:
        part = [line.rstrip() for line in _block(block, width, fit=fit)]
        if not part:
            continue
        close = isinstance(before, (Heading, Sentence, StatusLine)) and isinstance(
            block, (Sentence, StatusLine, NextStep)
        )
        if lines and not close:
            lines.append("")
        lines.extend(part)
        before = block
    return lines


def _block(block: Block, width: int, *, fit: bool) -> list[str]:
    match block:
        case Heading() | StatusLine() | SmallPrint():
            return _wrapped(_line(block), width)
        case Sentence():
            return _wrapped(_said(block.words), width)
        case NextStep():
            lines = _wrapped(f"Next: {_said(block.words)}", width, hang="      ")
            return [*lines, *(f"      {line}" for line in sanitize_lines(block.code))]
        case Code():
            return [f"    {line}" for line in sanitize_lines(block.text)]
        case Table():
            return _table(block, width, fit=fit)
        case Diff():
            return _diff(block, width, fit=fit)
        case Picture():
            return []
        case Details():
            if not block.in_text:
                return []
            return [clean(block.summary), *_lines(block.blocks, width, fit=fit)]
        case Card():
            return [f"│ {line}".rstrip() for line in _lines(block.blocks, width - 2, fit=fit)]


def _line(block: Heading | StatusLine | SmallPrint) -> str:
    """Return a block that is one line of facts."""
    match block:
        case Heading():
            badge = f" [{clean(block.badge.text)}]" if block.badge else ""
            note = f" · {clean(block.note)}" if block.note else ""
            return f"{clean(block.title)}{badge}{note}"
        case StatusLine():
            parts = (block.words, *(badge.text for badge in block.marks))
        case SmallPrint():
            parts = (*block.parts, ": ".join(block.link) if block.link else "")
    return " · ".join(clean(part) for part in parts if part)


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


def _table(table: Table, width: int, *, fit: bool) -> list[str]:
    if not table.headed:
        return _pairs(table, width, fit=fit)
    table = without_empty_columns(table)
    grid = [
        [_cell_lines(cell, column) for cell, column in _row_of(row, table)] for row in table.rows
    ]
    heads = [[clean(column.label)] for column in table.columns]
    sizes = [
        max(columns_of(text) for line in (heads, *grid) for text in line[place])
        for place in range(len(heads))
    ]
    _shrink(sizes, table, width, fit=fit)
    if fit and sum(sizes) + len(_GAP) * (len(sizes) - 1) > width:
        return _stacked(table, width)
    strips = _strips(table, width - sum(sizes) - len(_GAP) * (len(sizes) - 1))
    lines = []
    for index, row in enumerate([heads, *grid]):
        group = table.rows[index - 1].group if index else ""
        lines += [clean(group)] if group else []
        cells = [
            _fitted(row[place], sizes[place], table.columns[place]) for place in range(len(row))
        ]
        for height in range(max(map(len, cells))):
            parts = []
            for place, cell in enumerate(cells):
                text = cell[height] if height < len(cell) else ""
                parts.append(_pad(text, sizes[place], table.columns[place].align))
                if place in strips:
                    parts.append(strips[place][index] if height == 0 else " " * _STRIP)
            lines.append(_GAP.join(parts))
    return [*lines, *(_wrapped(CUT_WORDS, width) if strips and cut_bars(table) else ())]


def _stacked(table: Table, width: int) -> list[str]:
    """Return a table too wide for its lines: each row's name, and under it what is said of it."""
    lines: list[str] = []
    for row in table.rows:
        lines += [clean(row.group)] if row.group else []
        name, *rest = zip(row.cells, table.columns, strict=True)
        lines += _wrapped(cell_text(name[0]), width) or [""]
        said = [
            f"{clean(column.label)} {text}".strip()
            for cell, column in rest
            if (text := cell_text(cell).strip())
        ]
        lines += _below(" · ".join(said), width)
    return lines


def _row_of(row: Row, table: Table) -> list[tuple[Cell, Column]]:
    return list(zip(row.cells, table.columns, strict=True))


def _cell_lines(cell: Cell, column: Column) -> list[str]:
    """Return a cell's lines; only a column that may wrap has room for notes."""
    note = getattr(cell, "note", "") if column.wrap else ""
    return [cell_text(cell), *([clean(note)] if note else [])]


def _fitted(lines: list[str], size: int, column: Column) -> list[str]:
    if column.wrap:
        return [part for line in lines for part in _wrapped(line, size)] or [""]
    return [_cut(line, size) for line in lines]


def _shrink(sizes: list[int], table: Table, width: int, *, fit: bool) -> None:
    """Narrow columns of words until the table fits: those that wrap first, exact ones never."""
    steps = ((True, 24, _exact), (False, _NARROWEST, _exact), (True, 16, _unbreakable))
    for wrapping, narrowest, spared in steps if fit else steps[:2]:
        words = [
            place
            for place, column in enumerate(table.columns)
            if column.align == "left"
            and column.wrap is wrapping
            and not any(spared(row.cells[place]) for row in table.rows)
        ]
        while words and sum(sizes) + len(_GAP) * (len(sizes) - 1) > width:
            widest = max(words, key=lambda place: sizes[place])
            if sizes[widest] <= narrowest:
                break
            sizes[widest] -= 1


def _exact(cell: Cell) -> bool:
    """Whether a cell is of no use when cut: what it says, or what has to be typed again."""
    return isinstance(cell, (Reading, Bar)) or (isinstance(cell, Text) and cell.code)


def _unbreakable(cell: Cell) -> bool:
    """Whether a cell may not even be wrapped."""
    return isinstance(cell, Bar) or (isinstance(cell, Text) and cell.code)


def _strips(table: Table, room: int) -> dict[int, list[str]]:
    """Return drawn intervals by column, heading first, where the line has room for them."""
    found: dict[int, list[str]] = {}
    for place, column in enumerate(table.columns):
        if column.scale is None or room < _STRIP + len(_GAP):
            continue
        drawn = [
            strip(cell, column.scale, _STRIP)
            if isinstance(cell := row.cells[place], Bar)
            else " " * _STRIP
            for row in table.rows
        ]
        found[place] = [_pad("0".rjust(_STRIP // 2 + 1), _STRIP, "left"), *drawn]
        room -= _STRIP + len(_GAP)
    return found


def _pairs(table: Table, width: int, *, fit: bool) -> list[str]:
    labels = [cell_text(row.cells[0]) for row in table.rows]
    size = max(map(columns_of, labels), default=0)
    room = max(width - size - len(_GAP), 20)
    lines = []
    for label, row in zip(labels, table.rows, strict=True):
        text = cell_text(row.cells[1])
        value = _wrapped(text, room) or [""]
        if fit and max(map(columns_of, value)) > room:
            # A call may have no place to break at: below its label it has the whole line.
            lines += [label, *_below(text, width)]
            continue
        lines.append(f"{_pad(label, size, 'left')}{_GAP}{value[0]}")
        lines.extend(" " * (size + len(_GAP)) + more for more in value[1:])
    return lines


def _diff(diff: Diff, width: int, *, fit: bool) -> list[str]:
    size = max((columns_of(clean(line.label)) for line in diff.lines), default=0)
    lines = []
    for line in diff.lines:
        label = clean(line.label)
        change = " (unchanged)" if line.unchanged else f" → {_side(line.after)}"
        change = f"{_side(line.before)}{change}"
        if fit and size + len(_GAP) + columns_of(change) > width:
            lines += [*_wrapped(label, width), *_below(change, width)]
        else:
            lines.append(f"{_pad(label, size, 'left')}{_GAP}{change}")
    return lines


def _below(text: str, width: int) -> list[str]:
    """Return words that need the whole line, set in below their label."""
    return [f"  {line}" for line in _wrapped(text, width - 2)]


def _side(value: str | None) -> str:
    return "(nothing)" if value is None else clean(value) or '""'
