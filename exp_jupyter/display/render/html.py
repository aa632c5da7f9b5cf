"""A page as HTML that survives everywhere: inline styles, data-URI pictures, nothing that runs.

What an untrusted notebook keeps is all that is used: tables, captions, details, inline styles and
images. No ``<style>``, ``<script>``, bare ``<svg>``, ``id`` or class. Greys are opacity, so the
page takes the colours of whatever surrounds it; backgrounds are never set.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from exp_jupyter.display.charts.marks import CUT_WORDS, axis, cut_bars, interval_bar, progress_bar
from exp_jupyter.display.content.blocks import (
    Badge,
    Bar,
    Block,
    Card,
    Cell,
    Code,
    Column,
    Description,
    Details,
    Diff,
    DiffLine,
    Figure,
    Heading,
    NextStep,
    Picture,
    Reading,
    Row,
    Scale,
    Sentence,
    SmallPrint,
    Span,
    StatusLine,
    Svg,
    Table,
    Text,
    Tone,
    Words,
    spans,
    without_empty_columns,
)
from exp_jupyter.display.content.palette import colour
from exp_jupyter.display.content.typesetting import edges, unbroken
from exp_jupyter.sanitize import sanitize, sanitize_lines

_FONT = (
    "font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;"
    "font-size:13px;line-height:1.45"
)
_LINE = "1px solid rgba(138,148,160,.4)"
_QUIET = "opacity:.68"
_CODE = "font-size:12px;background:none;padding:0;white-space:nowrap"
_CELL = "padding:4px 12px 4px 0;white-space:nowrap"
_TABLE = (
    "border:0;border-collapse:collapse;table-layout:auto;margin:0;font-size:13px;"
    "font-variant-numeric:tabular-nums"
)


def render(description: Description) -> str:
    """Return the page as one HTML element."""
    return f'<div style="{_FONT}">{_blocks(description.blocks)}</div>'


def render_blocks(blocks: Sequence[Block]) -> str:
    """Return blocks of a page as HTML elements, without the page's own."""
    return _blocks(blocks)


def set_text(text: str) -> str:
    r"""Escape text from anywhere and keep a number on one line with its sign.

    Examples
    --------
    >>> set_text("<b> & 4.3 %")
    '&lt;b&gt; &amp; 4.3\xa0%'
    """
    return escape(unbroken(sanitize(text)), quote=True)


def image(svg: Svg, alt: str, style: str = "display:block;max-width:none") -> str:
    """Return a drawing as an image with its own words."""
    data = base64.b64encode(svg.source.encode()).decode("ascii")
    return (
        f'<img alt="{set_text(alt)}" width="{svg.width}" height="{svg.height}" '
        f'style="{style}" src="data:image/svg+xml;base64,{data}">'
    )


def _blocks(blocks: Sequence[Block]) -> str:
    found = []
    for index, block in enumerate(blocks):
        # A sentence stays close to the one before it and keeps its distance from a table.
        close = index > 0 and isinstance(blocks[index - 1], (Sentence, Heading))
        found.append(_block(block, "margin-top:{}px;" if index else "", close=close))
    return "".join(found)


def _block(block: Block, gap: str, *, close: bool) -> str:
    match block:
        case Heading():
            return _heading(block, gap.format(26 if block.level == 2 else 16))
        case Sentence():
            return _sentence(block, gap.format(3 if close else 8))
        case StatusLine():
            return _status_line(block, gap.format(6))
        case SmallPrint():
            parts = [_kept_together(part) for part in block.parts if part]
            text = " · ".join((*parts, *_link(block.link)))
            return f'<div style="{gap.format(6)}font-size:11px;{_QUIET}">{text}</div>'
        case NextStep():
            code = f'<div style="margin-top:4px">{_code(block.code)}</div>' if block.code else ""
            label = f'<span style="{_QUIET}">Next:</span>'
            return f'<div style="{gap.format(8)}">{label} {_words(block.words)}{code}</div>'
        case Code():
            return _code(block.text)
        case Table():
            return _table(block, gap.format(8))
        case Diff():
            return _diff(block, gap.format(8))
        case Picture():
            return _picture(block, gap.format(10))
        case Details():
            return (
                f'<details style="{gap.format(8)}font-size:12px">'
                f'<summary style="cursor:pointer;{_QUIET}">{set_text(block.summary)}</summary>'
                f'<div style="margin-top:4px">{_blocks(block.blocks)}</div></details>'
            )
        case Card():
            return (
                f'<div style="{gap.format(12)}border:{_LINE};border-left:3px solid '
                f"{colour(block.tone)};border-radius:4px;padding:10px 14px;max-width:720px;"
                f'box-sizing:border-box">{_blocks(block.blocks)}</div>'
            )


def _status_line(block: StatusLine, gap: str) -> str:
    apart = "display:inline-block;vertical-align:middle;margin:2px 10px 2px 0"
    parts = []
    if block.share is not None:
        done = f"{100 * block.share:.0f} % of the plan"
        parts.append(image(progress_bar(block.share), done, apart))
    if block.words:
        parts.append(f'<span style="{apart};{_QUIET}">{set_text(block.words)}</span>')
    parts += [f'<span style="{apart}">{_mark(badge)}</span>' for badge in block.marks]
    return f'<div style="{gap}">{"".join(parts)}</div>'


def _mark(badge: Badge) -> str:
    tone = colour(badge.tone)
    return (
        f'<span style="border:1px solid {tone};border-radius:9px;padding:0 7px;'
        f'font-size:11px;color:{tone};white-space:nowrap">{set_text(badge.text)}</span>'
    )


def _link(link: tuple[str, str] | None) -> tuple[str, ...]:
    """Return a link out of the page; only a web address becomes one."""
    if link is None or not link[1].startswith(("https://", "http://")):
        return ()
    words, address = link
    where = f'href="{escape(address, quote=True)}" rel="noopener noreferrer" target="_blank"'
    return (f'<a {where} style="color:inherit">{set_text(words)}</a>',)


def _kept_together(part: str) -> str:
    """Keep a short fact on one line: a date or a digest cut in two is hard to read."""
    text = set_text(part)
    return f'<span style="white-space:nowrap">{text}</span>' if 6 < len(part) < 40 else text


def _toned(tone: Tone) -> str:
    return f"color:{colour(tone)};" if tone else ""


def _heading(block: Heading, gap: str) -> str:
    badge = ""
    if block.badge:
        badge = f" {_mark(block.badge)}"
    note = f' <span style="{_QUIET}">{set_text(block.note)}</span>' if block.note else ""
    size = {0: "14px", 1: "22px", 2: "17px"}[block.level]
    return (
        f'<div style="{gap}font-size:{size}"><b style="font-weight:600">{set_text(block.title)}</b>'
        f"{_small(badge + note, block.level)}</div>"
    )


def _small(inside: str, level: int) -> str:
    """Keep what stands beside a large title as small as elsewhere."""
    return f'<span style="font-size:14px">{inside}</span>' if level and inside else inside


def _sentence(block: Sentence, gap: str) -> str:
    size = "font-size:15px;" if block.lead else ""
    return (
        f'<div style="{gap}{size}{_toned(block.tone)}max-width:760px">{_words(block.words)}</div>'
    )


def _words(words: Words) -> str:
    return "".join(map(_span, spans(words)))


def _span(span: Span) -> str:
    lead, trail = edges(span.text)
    text = set_text(span.text)
    if span.code:
        text = f'<code style="{_CODE}">{text}</code>'
    style = _toned(span.tone) + (f"{_QUIET};" if span.quiet else "")
    style += "font-weight:600;" if span.strong else ""
    if style:
        text = f'<span style="{style.rstrip(";")}">{text}</span>'
    return f"{lead}{text}{trail}"


def _code(text: str) -> str:
    lines = "\n".join(escape(line) for line in sanitize_lines(text))
    return (
        f'<pre style="margin:4px 0;padding:7px 10px;border:{_LINE};border-radius:3px;'
        f'background:none;font-size:12px;line-height:1.4;overflow-x:auto;white-space:pre">'
        f"{lines}</pre>"
    )


def _picture(block: Picture, gap: str) -> str:
    drawing = block.chart.svg()
    caption = (
        f'<div style="font-size:12px;{_QUIET}">{set_text(block.caption)}</div>'
        if block.caption
        else ""
    )
    # Below 520 px the labels would get too small to read: the picture scrolls instead.
    shape = "display:block;max-width:100%;min-width:520px;height:auto"
    return (
        f'<div style="{gap}overflow-x:auto">{caption}{image(drawing, block.chart.alt, shape)}</div>'
    )


def _caption(text: str, *, titled: bool) -> str:
    if not titled:
        hidden = "position:absolute;width:1px;height:1px;overflow:hidden"
        return f'<caption style="{hidden}">{set_text(text)}</caption>'
    return (
        f'<caption style="caption-side:top;text-align:left;font-size:12px;{_QUIET};'
        f'padding:0 0 2px;white-space:nowrap">{set_text(text)}</caption>'
    )


def _table(table: Table, gap: str) -> str:
    table = without_empty_columns(table) if table.headed else table
    head = ""
    if table.headed:
        cells = "".join(_head(column) for column in table.columns)
        head = (
            f'<thead style="border-bottom:{_LINE}"><tr style="background:none">{cells}</tr></thead>'
        )
    rows = "".join(_group(row, table) + _row(row, table) for row in table.rows)
    body = f"<tbody>{rows}</tbody>".replace("<tbody></tbody>", "")
    caption = _caption(table.caption, titled=table.titled)
    cut = f'<div style="font-size:11px;{_QUIET}">{CUT_WORDS}</div>' if cut_bars(table) else ""
    return _scrolling(f"{caption}{head}{body}", gap) + cut


def _group(row: Row, table: Table) -> str:
    if not row.group:
        return ""
    style = f"padding:9px 0 2px;text-align:left;font-weight:400;font-size:11px;{_QUIET}"
    return (
        '</tbody><tbody><tr style="background:none"><th scope="rowgroup" '
        f'colspan="{len(table.columns)}" style="{style}">{set_text(row.group)}</th></tr>'
    )


def _scrolling(inside: str, gap: str) -> str:
    # On a narrow page the table scrolls by itself; its caption is placed in this box.
    return (
        f'<div style="{gap}overflow-x:auto;position:relative">'
        f'<table style="{_TABLE}">{inside}</table></div>'
    )


def _head(column: Column) -> str:
    inside, voice = set_text(column.label), f";{_QUIET}"
    if column.scale is not None:
        voice = ""  # the drawing is grey already
        relative = "percent" if column.scale.relative else "the metric's unit"
        inside = image(axis(column.scale), f"{column.label}, axis in {relative}")
    cell = _CELL.replace("nowrap", "normal") if column.align == "right" else _CELL
    return (
        f'<th scope="col" style="{cell};text-align:{column.align};vertical-align:bottom;'
        f'font-weight:400{voice}">{inside}</th>'
    )


def _row(row: Row, table: Table) -> str:
    rule = f"border-top:{_LINE};" if row.rule else ""
    cells = []
    for place, (cell, column) in enumerate(zip(row.cells, table.columns, strict=True)):
        style = f"{_CELL};text-align:{column.align}"
        if column.wrap:
            style = style.replace("white-space:nowrap", "white-space:normal;max-width:520px")
        inside = _cell(cell, column.scale)
        if column.wrap:  # a long key breaks at its hyphens rather than being scrolled to
            inside = inside.replace(_CODE, _CODE.replace("nowrap", "normal"))
        if place == 0:
            style += (
                ";font-weight:400;vertical-align:top" if not table.headed else ";font-weight:400"
            )
            cells.append(f'<th scope="row" style="{style}">{inside}</th>')
        else:
            cells.append(f'<td style="{style}">{inside}</td>')
    return f'<tr style="{rule}background:none">{"".join(cells)}</tr>'


def _cell(cell: Cell, scale: Scale | None) -> str:
    match cell:
        case Bar():
            drawing = interval_bar(cell, scale) if scale else None
            if drawing is None or scale is None:
                return set_text(cell.text)
            beyond = ", it goes on beyond the axis" if scale.cuts(cell) else ""
            return image(drawing, f"interval {cell.text}{beyond}")
        case Reading():
            mark = f"{cell.mark} " if cell.mark else ""
            return _span(Span(f"{mark}{cell.text}", strong=cell.tone != "quiet", tone=cell.tone))
        case Figure():
            inside = _span(Span(cell.text, strong=cell.strong, quiet=cell.quiet))
        case Text():
            inside = _span(
                Span(cell.text, cell.strong, quiet=cell.quiet, code=cell.code, tone=cell.tone)
            )
    if cell.note:
        inside += f'<div style="font-size:11px;{_QUIET}">{set_text(cell.note)}</div>'
    return inside


def _diff(diff: Diff, gap: str) -> str:
    rows = "".join(_diff_line(line) for line in diff.lines)
    return _scrolling(f"{_caption(diff.caption, titled=False)}<tbody>{rows}</tbody>", gap)


def _diff_line(line: DiffLine) -> str:
    cell = f"{_CELL};text-align:left"
    # A description may be long: its words wrap, where a number's column would scroll.
    side = cell.replace("white-space:nowrap", "white-space:normal;max-width:520px")
    head = (
        f'<tr style="background:none"><th scope="row" style="{cell};font-weight:400;{_QUIET}">'
        f"{set_text(line.label)}</th>"
    )
    if line.unchanged:
        stays = f'{set_text(line.before or "")} <span style="{_QUIET}">(unchanged)</span>'
        return f'{head}<td colspan="3" style="{side}">{stays}</td></tr>'
    before = (
        f'<span style="{_QUIET}">nothing</span>'
        if line.before is None
        else f'<del style="{_QUIET}">{set_text(line.before)}</del>'
    )
    after = (
        f'<span style="{_QUIET}">nothing</span>'
        if line.after is None
        else f'<ins style="font-weight:600;text-decoration:none">{set_text(line.after)}</ins>'
    )
    return (
        f'{head}<td style="{side}">{before}</td><td style="{cell}">→</td>'
        f'<td style="{side}">{after}</td></tr>'
    )
