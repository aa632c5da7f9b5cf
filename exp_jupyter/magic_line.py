"""Magic lines that are offered to a person: any text becomes one word of a line, or no line at all.

What is offered can be run with one click, and its words come from a project, from a recording
somebody else made, from a file. So a line is never put together by hand: its words are made here.

A word that is offered is read back by the magic as exactly the text it was made of. Inside single
quotes nothing stands for a variable, and neither quote knows an escape; a text that holds both is
written as quoted parts side by side. See
:mod:`exp_jupyter.magics.line.words` for how a line is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from exp_jupyter.sanitize import is_plain

NO_LINE = ""
"""What is offered where no line can say what is meant."""

_BARE = re.compile(r"\w[\w.:=/()>,+-]*")
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SINGLE, _DOUBLE = "'", '"'


@dataclass(frozen=True)
class MetricName:
    """A metric's name and uuid, and nothing else of it."""

    name: str
    uuid: str


class NamedMetric(Protocol):
    """A metric as a line may name it."""

    @property
    def name(self) -> str:
        """Its name, which need not be its own alone."""

    @property
    def uuid(self) -> str | None:
        """Its uuid, if it has one; the API keeps any text here."""


def word(text: str) -> str | None:
    r"""Return text as one word of a magic line, or None where no line can hold it.

    Parameters
    ----------
    text
        Any text. What is not shown as itself is refused: line breaks of every kind, control
        characters, marks that reorder text, and blanks other than the plain one.

    Returns
    -------
    str or None
        The word, in quotes where it needs them; in single quotes where it could be taken for a
        variable.

    Examples
    --------
    >>> word("search"), word("Checkout conversion"), word("costs {fee}"), word("-1")
    ('search', '"Checkout conversion"', "'costs {fee}'", '"-1"')
    >>> print(word("it's {fee}"))
    'it'"'"'s {fee}'
    >>> word("two\nlines") is None
    True
    """
    if text == "--" or not is_plain(text):
        return None
    if _BARE.fullmatch(text):
        return text
    if not set(text) & {_DOUBLE, "{", "}", "$"}:
        return f"{_DOUBLE}{text}{_DOUBLE}"
    parts = (f"{_SINGLE}{part}{_SINGLE}" if part else "" for part in text.split(_SINGLE))
    return f"{_DOUBLE}{_SINGLE}{_DOUBLE}".join(parts)


def id_word(text: str | int) -> str | None:
    r"""Return an id or a uuid as a word of a magic line, or None where it is no such thing.

    Parameters
    ----------
    text
        ASCII letters, digits, ``_``, ``.`` and ``-``, with no ``-`` or ``.`` in front.

    Examples
    --------
    >>> id_word("019cc1f0-4d0e-7c33"), id_word(42), id_word("\n!touch x"), id_word("a b")
    ('019cc1f0-4d0e-7c33', '42', None, None)
    """
    shown = str(text)
    return shown if _ID.fullmatch(shown) else None


def metric_word(metric: NamedMetric, metrics: Sequence[NamedMetric]) -> str | None:
    """Return the word that names one of an experiment's metrics, or None where none does.

    Parameters
    ----------
    metric
        One of ``metrics``.
    metrics
        All metrics of the experiment.

    Returns
    -------
    str or None
        Its name, where that names it alone; else its uuid, where that does.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> paid, again = (SimpleNamespace(name="Paid", uuid=uuid) for uuid in ("u-1", "u-2"))
    >>> metric_word(paid, [paid]), metric_word(again, [paid, again])
    ('Paid', 'u-2')
    """
    others = [other for other in metrics if other is not metric]
    name, uuid = metric.name, metric.uuid or ""
    # A metric is looked up by uuid first, then by name, and blanks around either do not count.
    alone = all(name not in (other.name, other.uuid) for other in others)
    if name and alone and name == name.strip() and (found := word(name)) is not None:
        return found
    return id_word(uuid) if all(uuid != other.uuid for other in others) else None


def magic_line(magic: str, *words: str | None) -> str:
    r"""Return a whole line, or :data:`NO_LINE` where one of its words could not be made.

    Parameters
    ----------
    magic
        The magic with its ``%``, and whatever of the line we wrote ourselves.
    words
        What :func:`word`, :func:`id_word` and :func:`metric_word` returned, and our own words.

    Examples
    --------
    >>> magic_line("%exp_ship", id_word(42), word("test"))
    '%exp_ship 42 test'
    >>> magic_line("%exp_ship", id_word(42), word("test\n!touch x"))
    ''
    """
    known = [one for one in words if one is not None]
    return " ".join((magic, *known)) if len(known) == len(words) else NO_LINE
