"""Make text from outside safe to show: it may not steer a terminal, a browser or the reader."""

from __future__ import annotations

import re
import unicodedata

# Marks that reorder text on screen, so that what is read is not what is written.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_REPLACEMENT = "\ufffd"
_TOGETHER = re.compile(
    r"(?<=[\d∞]) (?=%)|(?<=[<>]) (?=\d)|(?<=\bp) (?=[=<\d])|(?<=\bp =) |(?<=[▲▼✓✕●○■◔]) "
)


def legible(text: str) -> str:
    r"""Return text on one line without control or reordering characters.

    Examples
    --------
    >>> legible("red \x1b[31malert\n"), legible(" two\nlines ")
    ('red �[31malert', 'two lines')
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(map(_legible, text)).strip()


def legible_lines(text: str) -> list[str]:
    """Return text that stands exactly as it is, line by line, indentation kept."""
    return [line[: len(line) - len(line.lstrip(" "))] + legible(line) for line in text.splitlines()]


def _legible(char: str) -> str:
    if char.isspace():
        return " "
    hidden = char in _REORDERING or unicodedata.category(char) in {"Cc", "Cs"}
    return _REPLACEMENT if hidden else char


def unbroken(text: str) -> str:
    r"""Return text in which no line ends inside a number or after a mark: no-break spaces there.

    Examples
    --------
    >>> unbroken("up 4.3 %, p < 0.001").replace("\xa0", "~")
    'up 4.3~%, p~<~0.001'
    """
    return _TOGETHER.sub("\u00a0", text)


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
