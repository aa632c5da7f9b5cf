"""The words of a magic's line: quotes, comments, and what stands for a variable of the notebook.

IPython's own expansion is switched off for our magics: it runs whatever stands in braces anywhere
in the line, also in text that was only pasted. Here a variable is looked up and no code is run.

==================  ============================================================================
not in quotes       ``{name}``, ``$name``, and arithmetic with numbers: ``{effect * 100}``
in double quotes    ``{name}`` and ``$name`` where there is such a variable, else as it stands
in single quotes    as it stands
==================  ============================================================================

A variable's value is one word or a part of one, whatever is in it; it is never an option. A list
or a tuple that stands alone gives a word each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from exp_jupyter.magics.line.variables import Place, place_in, value_of

COMMENT = "#"
VARIABLES_HELP = (
    "{name} and $name stand for variables of the notebook, in double quotes too; 'single quotes'\n"
    "keep text as it is. A value is one word, whatever is in it; a list gives a word each."
)

_DOLLAR = re.compile(r"\$(?P<twice>\$?)(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_DOUBLED = re.compile(r"\{\{(?P<inside>[^{}]*)\}\}")


class Text(str):
    """A word that was quoted or came from a variable: never an option."""

    __slots__ = ()


class Word(NamedTuple):
    """One word of a magic's line."""

    text: str
    """The word without its quotes."""
    start: int
    """Where it begins in the line, its quotes included."""
    open_quote: str
    """The quote that was never closed, or an empty string."""


def words(line: str, variables: Mapping[str, Any] | None = None) -> list[Word]:
    r"""Split a magic's line as a shell would, except that a backslash is only a backslash.

    Either quote groups a name with blanks; a word that begins with ``#`` begins a comment.

    Parameters
    ----------
    variables
        The notebook's variables by name; without them what stands for one is left as it is.

    Returns
    -------
    list of Word
        A word whose beginning was quoted or came from a variable has a :class:`Text`.

    Raises
    ------
    exp_jupyter.errors.InputError
        What stands in braces outside quotes is no variable, or a variable lacks what is asked of
        it.

    Examples
    --------
    >>> [word.text for word in words('42 "Checkout conversion" --mde 3  # percent')]
    ['42', 'Checkout conversion', '--mde', '3']
    >>> [word.text for word in words(r"C:\growth 'two words'")]
    ['C:\\growth', 'two words']
    >>> name = "Two words --yes"
    >>> [word.text for word in words('$name "{name}!" \'{name}\'', {"name": name})]
    ['Two words --yes', 'Two words --yes!', '{name}']
    """
    return [*_Reader(line, variables).words()]


class _Reader:
    """Reads one line from left to right."""

    def __init__(self, line: str, variables: Mapping[str, Any] | None) -> None:
        self._line = line
        self._variables = variables
        self._place = 0

    def words(self) -> Iterator[Word]:
        while (start := self._next_word()) is not None:
            yield from self._word(start)

    def _next_word(self) -> int | None:
        rest = self._line[self._place :]
        self._place += len(rest) - len(rest.lstrip())
        ended = self._place >= len(self._line) or self._line[self._place] == COMMENT
        return None if ended else self._place

    def _word(self, start: int) -> Iterator[Word]:
        parts: list[str] = []
        values: list[Any] = []
        quote, fixed = "", False
        while self._place < len(self._line):
            character = self._line[self._place]
            if not quote and character.isspace():
                break
            fixed = fixed or (self._place == start and character in "\"'")
            if character == quote or (not quote and character in "\"'"):
                quote = "" if quote else character
                self._place += 1
                continue
            found = None if quote == "'" else self._variable(quote)
            if found is None:
                parts.append(character)
                self._place += 1
                continue
            stood_first = self._place == start
            self._place = found.end
            if isinstance(found.value, _AsWritten):
                parts.append(found.value)
            else:
                fixed = fixed or stood_first
                values.append(found.value)
                parts.append(str(found.value))
            if stood_first and self._alone() and isinstance(found.value, list | tuple):
                yield from (Word(Text(item), start, "") for item in found.value)
                return
        text = "".join(parts)
        yield Word(Text(text) if fixed else text, start, quote)

    def _alone(self) -> bool:
        return self._place >= len(self._line) or self._line[self._place].isspace()

    def _variable(self, quote: str) -> _Found | None:
        """Return what begins here and stands for something else, or None."""
        line, place = self._line, self._place
        if line[place] == "{":
            if doubled := _DOUBLED.match(line, place):
                return _Found(_AsWritten(f"{{{doubled['inside']}}}"), doubled.end())
            return self._braces(place_in(line, place, whole=bool(quote)))
        if line[place] == "$" and (named := _DOLLAR.match(line, place)):
            return self._dollar(named)
        return None

    def _braces(self, found: Place | None) -> _Found | None:
        if found is None:
            return None
        written = self._line[self._place : found.end]
        if self._variables is None:
            return _Found(_AsWritten(written), found.end)
        if found.quiet and not found.names <= self._variables.keys():
            return None
        return _Found(value_of(found, written, self._variables), found.end)

    def _dollar(self, named: re.Match[str]) -> _Found | None:
        if named["twice"]:
            return _Found(_AsWritten(f"${named['name']}"), named.end())
        first, *steps = named["name"].split(".")
        if self._variables is None or first not in self._variables:
            return None
        value, end = self._variables[first], named.start() + 1 + len(first)
        for step in steps:
            # What is no attribute is text behind the variable: $name.parquet.
            try:
                value, end = getattr(value, step), end + 1 + len(step)
            except AttributeError:
                break
        return _Found(value, end)


class _AsWritten(str):
    """Text of the line itself."""

    __slots__ = ()


class _Found(NamedTuple):
    """What stands in the line's place, and where the line goes on."""

    value: Any
    end: int
