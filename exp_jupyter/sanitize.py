"""Make text from outside safe to show: it may not steer a terminal, a browser or the reader."""

from __future__ import annotations

import unicodedata

# Marks that reorder or reshape text on screen, so that what is read is not what is written.
_REORDERING = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    "\u206a\u206b\u206c\u206d\u206e\u206f"
)
_REPLACEMENT = "\ufffd"
_HIDDEN = frozenset({"Cc", "Cs"})


def sanitize(text: str) -> str:
    r"""Return text on one line without control or reordering characters.

    Parameters
    ----------
    text
        Any text: a project's name, an answer's words, a file's content.

    Returns
    -------
    str
        The same, with a blank for each blank or line break and U+FFFD for each control
        character, lone surrogate and mark that reorders text; no blanks at its ends.

    Examples
    --------
    >>> sanitize("red \x1b[31malert\n"), sanitize(" two\nlines ")
    ('red �[31malert', 'two lines')
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(map(_shown, text)).strip()


def sanitize_lines(text: str) -> list[str]:
    r"""Return text that stands exactly as it is, line by line, indentation kept.

    Examples
    --------
    >>> sanitize_lines("for x in y:\n    print(x)\x07")
    ['for x in y:', '    print(x)�']
    """
    return [
        line[: len(line) - len(line.lstrip(" "))] + sanitize(line) for line in text.splitlines()
    ]


def is_plain(text: str) -> bool:
    r"""Return whether every character is shown as itself: what is read is what is there.

    Examples
    --------
    >>> is_plain("Größe, 実験"), is_plain("two\nlines"), is_plain("no-break\xa0space")
    (True, False, False)
    """
    return (text.isascii() and text.isprintable()) or all(_shown(char) == char for char in text)


def _shown(char: str) -> str:
    if char.isspace():
        return " "
    hidden = char in _REORDERING or unicodedata.category(char) in _HIDDEN
    return _REPLACEMENT if hidden else char
