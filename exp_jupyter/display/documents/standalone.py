"""A page as a document of its own: one file that a browser opens, and that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exp_jupyter.display.content.blocks import Block, Description, Heading
from exp_jupyter.display.render.html import render_blocks, set_text

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root{color-scheme:light dark}
body{margin:0;background:#fff;color:#1d232a;font:14px/1.5 system-ui,-apple-system,'Segoe UI',
Helvetica,Arial,sans-serif}
main{max-width:860px;margin:0 auto;padding:28px 24px 48px}
h1,h2{font-size:inherit;font-weight:inherit;margin:0}
section{margin-top:26px;padding-top:14px;border-top:1px solid rgba(138,148,160,.4)}
main img{max-width:100%}
pre{white-space:pre-wrap!important}
code{overflow-wrap:anywhere;white-space:normal!important}
@media(prefers-color-scheme:dark){body{background:#14181d;color:#dfe4ea}}
@media(max-width:480px){main{padding:16px 14px 32px}}
@page{size:A4;margin:16mm 14mm}
@media print{
:root{color-scheme:light}
body{background:#fff;color:#1d232a;font-size:12px}
main{max-width:none;padding:0}
section{margin-top:16px;padding-top:10px}
h1,h2{break-after:avoid}
tr,img,section>div:first-of-type{break-inside:avoid}
main div{overflow:visible!important}
main img{min-width:0!important}
}
"""


def document(description: Description, *, printed: bool = False) -> str:
    """Return a page as a whole HTML document.

    Parameters
    ----------
    description
        The page.
    printed
        Whether it is going to paper, where nobody can open what is folded.
    """
    body = "".join(_section(blocks) for blocks in _sections(description.blocks))
    if printed:
        # Text is escaped, so only our own elements begin like this.
        body = body.replace("<details ", "<details open ")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{set_text(description.title)}</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _sections(blocks: Iterable[Block]) -> list[list[Block]]:
    """Return the blocks by section: what stands above the first one, then each with its title."""
    sections: list[list[Block]] = [[]]
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2:
            sections.append([])
        sections[-1].append(block)
    return [section for section in sections if section]


def _section(blocks: Sequence[Block]) -> str:
    first = blocks[0]
    if not isinstance(first, Heading):
        return render_blocks(blocks)
    level = first.level or 1
    head = f"<h{level}>{render_blocks([first])}</h{level}>"
    rest = render_blocks(blocks[1:])
    body = f'<div style="margin-top:8px">{rest}</div>'
    return f"<section>{head}{body}</section>" if level == 2 else f"<header>{head}{body}</header>"
