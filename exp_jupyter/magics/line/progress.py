"""One line that says how far long work is, where a person can see it."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.magics.session import Session

PATIENCE = 0.4
"""Seconds after which work is long; what is over sooner shows no line."""


@contextmanager
def progress_line(session: Session) -> Iterator[Callable[[float, str], None] | None]:
    """Give long work a callback that keeps one line up to date, and take the line away after it.

    Without a front end there is no line and no callback: nothing but the result belongs into the
    output of a notebook that runs by itself.

    Parameters
    ----------
    session
        The notebook's session.
    """
    if not session.has_front_end:
        yield None
        return
    import IPython.display as shows

    started, before = time.monotonic(), ""
    display: Any = shows  # IPython's own functions are untyped
    line: Any = None

    def tell(share: float, sentence: str) -> None:
        nonlocal line, before
        text = written(share, sentence)
        if text == before or time.monotonic() - started < PATIENCE:
            return
        before, shown = text, display.HTML(text)
        if line is None:
            line = display.display(shown, display_id=True)
        else:
            line.update(shown)

    try:
        yield tell
    finally:
        if line is not None:
            line.update(display.HTML(""))


def counting(
    tell: Callable[[float, str], None] | None, words: str
) -> Callable[[int, int], None] | None:
    """Return a callback that takes how many are done and how many there are; None without a line.

    Examples
    --------
    >>> said = counting(lambda share, sentence: print(share, sentence), "Reading the metrics")
    >>> said(1, 4)
    0.25 Reading the metrics, 1 of 4
    """
    if tell is None:
        return None
    return lambda done, total: tell(done / max(total, 1), f"{words}, {done} of {total}")


def written(share: float, sentence: str) -> str:
    """Return the line: what is being done, a bar, and the share in percent.

    Examples
    --------
    >>> "42 %" in written(0.42, "Adding up the units")
    True
    """
    percent = round(100 * min(1.0, max(0.0, share)))
    bar = (
        '<span style="display:inline-block;width:10em;height:.5em;border-radius:3px;'
        'background:rgba(127,127,127,.25);vertical-align:middle;margin:0 .6em">'
        f'<span style="display:block;width:{percent}%;height:100%;border-radius:3px;'
        'background:rgba(66,118,197,.85)"></span></span>'
    )
    words = html.escape(sentence)
    return (
        f'<div role="progressbar" aria-label="{words}" aria-valuenow="{percent}" '
        f'aria-valuemin="0" aria-valuemax="100">{words} {bar}{percent} %</div>'
    )
