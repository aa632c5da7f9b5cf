"""Insert and Copy for each magic line that a form shows.

The text of a line is never code: it stands escaped in an attribute, and the buttons' own code is
the same for every line. Copy works wherever widgets do. Insert is shown by the front end's half of
exp_jupyter, which puts the line into a new cell.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"<pre [^>]*>(?P<line>%+exp[^<\n]*)</pre>")
_COPY = (
    "navigator.clipboard.writeText(this.dataset.expLine);"
    "this.textContent='Copied';setTimeout(()=>{this.textContent='Copy'},1500)"
)


def with_buttons(html: str) -> str:
    """Return HTML with two buttons behind each magic line.

    Parameters
    ----------
    html
        What :mod:`exp_jupyter.display.render.html` made.
    """
    return _LINE.sub(_row, html)


def _row(match: re.Match[str]) -> str:
    line = match["line"].replace('"', "&quot;")
    return (
        f'<div class="exp-line">{match[0]}'
        f'<button type="button" class="exp-insert" data-exp-line="{line}">Insert</button>'
        f'<button type="button" class="exp-copy" data-exp-line="{line}" onclick="{_COPY}">'
        "Copy</button></div>"
    )
