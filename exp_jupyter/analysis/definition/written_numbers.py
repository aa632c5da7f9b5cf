"""What to say of text that stands for no number: how much of it, an example, what would read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.number_text import USUAL, NumberFormat

TOLERATED = 0.01
"""Share of the values that may be unreadable; from there on nothing is computed."""


@dataclass(frozen=True)
class Unread:
    """Values of one column or property that stand for no number.

    Attributes
    ----------
    what
        The column or property, for a sentence.
    who
        The metric that reads it, for a sentence.
    values, unread
        How many values there are, and how many of them stand for no number.
    example
        One of these.
    """

    what: str
    who: str
    values: int
    unread: int
    example: str


def about_unread(
    found: Unread, readable: Mapping[NumberFormat, int], used: NumberFormat, consequence: str
) -> str:
    """Return what to say of a few unreadable values.

    Parameters
    ----------
    found
        What was found.
    readable
        How many of the values each way of writing numbers reads.
    used
        The way they were read.
    consequence
        What becomes of them, for example ``count as 0``.

    Raises
    ------
    exp_jupyter.errors.InputError
        They are more than a hundredth of the values.

    Examples
    --------
    >>> few = Unread("column 'price'", "metric 'price:mean'", 900, 2, "n/a")
    >>> about_unread(few, {}, NumberFormat(), "are left out")
    "2 of 900 values of column 'price' stand for no number, such as 'n/a', and are left out"
    """
    say = (
        f"{found.unread:,} of {found.values:,} values of {found.what} stand for no number, such as "
        f"{found.example[:60]!r}"
    )
    hint = _hint(found, readable, used)
    if found.unread == found.values and not hint:
        raise InputError(
            f"{found.what[:1].upper()}{found.what[1:]}, {found.who}, holds text, not numbers: for "
            f"example {found.example[:60]!r}.",
            hint="Convert it, or choose another column.",
        )
    if found.unread > TOLERATED * found.values:
        raise InputError(
            f"{found.who[:1].upper()}{found.who[1:]}: {say}.",
            hint=hint or "Convert it to numbers first, or leave those rows out.",
        )
    if not hint:
        return f"{say}, and {consequence}"
    return f"{say}, and {consequence}; {hint[:1].lower()}{hint[1:].rstrip('.')}"


def _hint(found: Unread, readable: Mapping[NumberFormat, int], used: NumberFormat) -> str:
    if found.example.strip().lower() in ("true", "false"):
        return "Yes and no are no amounts: count where it is true, or convert it to 1 and 0."
    now = found.values - found.unread
    best = [style for style in USUAL if style != used and readable.get(style, 0) > now]
    if not best:
        return ""
    most = max(readable[style] for style in best)
    ways = [style.options or "decimal='.'" for style in best if readable[style] == most]
    reads = "all of them" if most == found.values else f"{most:,} of them"
    return f"{' or '.join(ways[:2])} reads {reads}."


def formats_to_try(used: NumberFormat) -> Sequence[NumberFormat]:
    """Return the ways of writing numbers to try where one did not read everything."""
    return [style for style in USUAL if style != used]
