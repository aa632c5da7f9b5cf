"""A cell's body as options: TOML, one option a key, for lines that would scroll away.

A body says what the line's options say, by their names without the hyphens in front, and is read
by the same arguments. What is wrong is said with the number of its line in the body.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import ExpError, InputError
from exp_jupyter.magic_line import word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exp_jupyter.magics.line.arguments import Arguments


def with_body(arguments: Arguments, line: str, body: str, variables: Mapping[str, Any]) -> str:
    """Return the line with what its cell's body adds.

    Parameters
    ----------
    arguments
        The magic's arguments, which know its options.
    line
        What stands behind the magic's name.
    body
        The cell below that line, in TOML: ``metric = ["purchase:conversion"]``.
    variables
        What a name in the line can mean.

    Raises
    ------
    exp_jupyter.errors.InputError
        The body is no TOML, names an option there is none of, or holds a value no option takes;
        the message says on which line of the body.
    """
    try:
        told = tomllib.loads(body)
    except tomllib.TOMLDecodeError as wrong:
        raise InputError(
            f"The cell's body is no TOML: {wrong}.",
            hint='Write one option a line, such as start = "2026-03-02".',
        ) from None
    arguments.read(line, variables)  # what is wrong with the line is not the body's
    known = arguments.option_names()
    whole = line
    for key, value in told.items():
        option = f"--{key.replace('_', '-')}"
        place = f"line {_line_of(body, key)} of the body"
        if option not in known:
            raise InputError(
                f"There is no option {key!r} ({place}).",
                hint=f"Its options are {', '.join(name.lstrip('-') for name in sorted(known))}.",
            )
        whole = f"{whole} {_words(option, value, place)}".rstrip()
        try:
            arguments.read(whole, variables)
        except ExpError as wrong:
            raise InputError(f"{wrong.message.rstrip('.')} ({place}).", hint=wrong.hint) from None
    return whole


def _line_of(body: str, key: str) -> int:
    """Return the number of the line that sets a key, from 1."""
    named = re.compile(rf"""^\s*\[?\s*["']?{re.escape(key)}["']?\s*[.=\]]""")
    lines = body.splitlines()
    return next((place for place, text in enumerate(lines, 1) if named.match(text)), 1)


def _words(option: str, value: Any, place: str) -> str:
    if value is True:
        return option
    if value is False:
        return ""
    if isinstance(value, dict):
        texts = [f"{name}={_text(one)}" for name, one in value.items()]
    else:
        texts = [_text(one) for one in (value if isinstance(value, list) else [value])]
    words = [word(text) for text in texts]
    if None in words:
        raise InputError(
            f"A value of {option.lstrip('-')} holds what no line can hold ({place}).",
            hint="Line breaks and control characters are not allowed in it.",
        )
    return " ".join((option, *(one for one in words if one is not None)))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)
