"""How a line of text is set: where it may break, and how wide it is in a terminal."""

from __future__ import annotations

import re
import unicodedata

_TOGETHER = re.compile(
    r"(?<=[\d∞]) (?=%)|(?<=[<>]) (?=\d)|(?<=\bp) (?=[=<\d])|(?<=\bp =) |(?<=[▲▼✓✕●○■◔]) "
)


def unbroken(text: str) -> str:
    r"""Return text in which no line ends inside a number or after a mark: no-break spaces there.

    Examples
    --------
    >>> unbroken("up 4.3 %, p < 0.001").replace("\xa0", "~")
    'up 4.3~%, p~<~0.001'
    """
    return _TOGETHER.sub("\u00a0", text)


def edges(text: str) -> tuple[str, str]:
    """Return the spaces around a run of words, which separate one voice from the next.

    Examples
    --------
    >>> edges(" and "), edges("then"), edges(" ")
    ((' ', ' '), ('', ''), (' ', ''))
    """
    trail = " " if text[-1:] == " " and text.strip() else ""
    return (" " if text[:1] == " " else ""), trail


def columns_of(text: str) -> int:
    r"""Return how many terminal columns a text takes.

    Examples
    --------
    >>> columns_of("abc"), columns_of("実験"), columns_of("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
