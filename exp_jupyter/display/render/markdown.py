"""A page as Markdown: for pull requests, wikis and reports."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exp_jupyter.display.content.blocks import (
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
    Row,
    Sentence,
    SmallPrint,
    Span,
    StatusLine,
    Table,
    Text,
    Words,
    spans,
    without_empty_columns,
)
from exp_jupyter.display.content.typesetting import edges
from exp_jupyter.display.render.text import cell_text, clean
from exp_jupyter.sanitize import sanitize_lines

_SPECIAL = re.compile(r"([\\`*_\[\]|~$])|^([-+#]|\d+[.)])(?=\s)")


def literal(text: str) -> str:
    r"""Return text that Markdown shows as it is: no markup, no HTML, no table cell of its own.

    Examples
    --------
    >>> print(literal("a|b *c* <img src=x>"))
    a\|b \*c\* &lt;img src=x&gt;
    """
    marked = _SPECIAL.sub(lambda found: f"\\{found.group(0)}", clean(text))
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def render(description: Description) -> str:
    """Return the page as Markdown, ending in a newline."""
    return "\n\n".join(_blocks(description.blocks)) + "\n"


def _blocks(blocks: Sequence[Block]) -> list[str]:
    return [part for block in blocks if (part := _block(block))]


def _block(block: Block) -> str:
    match block:
        case Heading():
            badge = f" ({literal(block.badge.text)})" if block.badge else ""
            note = f" · {literal(block.note)}" if block.note else ""
            title = literal(block.title)
            return (
                f"{'#' * block.level} {title}{badge}{note}"
                if block.level
                else (f"**{title}**{badge}{note}")
            )
        case Sentence():
            text = _words(block.words)
            return f"**{text}**" if block.lead and "**" not in text else text
        case StatusLine():
            words = (block.words, *(badge.text for badge in block.marks))
            return " · ".join(literal(part) for part in words if part)
        case SmallPrint():
            parts = [literal(part) for part in block.parts if part]
            return f"<sub>{' · '.join((*parts, *_link(block.link)))}</sub>"
        case NextStep():
            code = f"\n\n{_fence(block.code)}" if block.code else ""
            return f"Next: {_words(block.words)}{code}"
        case Code():
            return _fence(block.text)
        case Table():
            shown = without_empty_columns(block) if block.headed else block
            return _table(shown.columns, [line for row in shown.rows for line in _row(row)])
        case Diff():
            heads = (Column("What"), Column("Before"), Column("After"))
            return _table(
                heads,
                [
                    [
                        literal(d.label),
                        _side(d.before),
                        "unchanged" if d.unchanged else _side(d.after),
                    ]
                    for d in block.lines
                ],
            )
        case Picture():
            return ""
        case Details():
            return "\n\n".join((literal(block.summary) + ":", *_blocks(block.blocks)))
        case Card():
            lines = "\n\n".join(_blocks(block.blocks)).splitlines()
            return "\n".join(f"> {line}".rstrip() for line in lines)


def _link(link: tuple[str, str] | None) -> tuple[str, ...]:
    if link is None or not re.fullmatch(r"https?://[^\s<>()\[\]\\]+", link[1]):
        return ()
    return (f"[{literal(link[0])}]({link[1]})",)


def _words(words: Words) -> str:
    return "".join(map(_span, spans(words)))


def _span(span: Span) -> str:
    lead, trail = edges(span.text)
    text = _inline_code(span.text) if span.code else literal(span.text)
    return f"{lead}{f'**{text}**' if span.strong and text else text}{trail}"


def _inline_code(text: str) -> str:
    inside = clean(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", inside)), default=0) + 1)
    pad = " " if "`" in inside else ""
    return f"{fence}{pad}{inside}{pad}{fence}" if inside else ""


def _fence(text: str) -> str:
    lines = "\n".join(sanitize_lines(text))
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", lines)), default=0) + 1)
    return f"{fence}\n{lines}\n{fence}"


def _row(row: Row) -> list[list[str]]:
    cells = [_cell(cell) for cell in row.cells]
    if not row.group:
        return [cells]
    return [[f"*{literal(row.group)}*", *[""] * (len(cells) - 1)], cells]


def _cell(cell: Cell) -> str:
    if isinstance(cell, Text):
        text = _span(Span(cell.text, cell.strong, code=cell.code))
        text += f" ({literal(cell.note)})" if cell.note else ""
    elif isinstance(cell, Figure) and cell.strong:
        text = f"**{literal(cell.text)}**"
    else:
        text = literal(cell_text(cell))
    return text


def _side(value: str | None) -> str:
    return "nothing" if value is None else literal(value)


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    heads = [literal(column.label) for column in columns]
    rules = ["---:" if column.align == "right" else "---" for column in columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rules, *rows))
