"""Numbers written as text: how they are written, as SQL that reads them, and what reads them all.

A text that is no number is none: nothing is guessed. ``2,800.00`` is read when the caller says that
the comma groups thousands.
"""

from __future__ import annotations

from dataclasses import dataclass

from exp_jupyter.errors import InputError

_SPACES = " \u00a0\u202f\u2009"
_MARKS = "'\u2019"


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written as text.

    Parameters
    ----------
    decimal
        The sign before the fraction: ``.`` or ``,``.
    thousands
        The sign that groups digits: ``,``, ``.``, a blank, ``'`` or ``_``; empty for none. It must
        stand between groups of two or three digits, the last of three.

    Raises
    ------
    exp_jupyter.errors.InputError
        A sign is none of these, or both are the same.

    Examples
    --------
    >>> NumberFormat(thousands=",").sql("price")[:35]
    "(CASE WHEN REGEXP_MATCHES(price, '^"
    >>> NumberFormat().sql("price")
    'TRY_CAST(price AS DOUBLE)'
    """

    decimal: str = "."
    thousands: str = ""

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise InputError(
                f"decimal is {self.decimal!r}; expected '.' or ','.",
                hint="For 2.800,00 give decimal=',' and thousands='.'.",
            )
        if self.thousands not in ("", ",", ".", "'", "_", " "):
            raise InputError(
                f"thousands is {self.thousands!r}; expected ',', '.', ' ', \"'\" or '_'.",
                hint="For 2,800.00 give thousands=','.",
            )
        if self.thousands == self.decimal:
            raise InputError(
                f"decimal and thousands are both {self.decimal!r}; they must differ.",
                hint="For 2.800,00 give decimal=',' and thousands='.'.",
            )

    @classmethod
    def of(cls, decimal: str | None, thousands: str | None) -> NumberFormat:
        """Return the format of two options, of which None is the usual one."""
        return cls("." if decimal is None else decimal, thousands or "")

    @property
    def plain(self) -> bool:
        """Whether numbers are written as engines write them."""
        return self == NumberFormat()

    @property
    def options(self) -> str:
        """The options that say it, as a call takes them."""
        given = [("decimal", self.decimal, "."), ("thousands", self.thousands, "")]
        return ", ".join(f"{name}={sign!r}" for name, sign, usual in given if sign != usual)

    def sql(self, text: str) -> str:
        """Return SQL for the number that a text is, NULL where it is none."""
        if self.plain:
            return f"TRY_CAST({text} AS DOUBLE)"
        bare = text
        for sign in self._grouping:
            bare = f"REPLACE({bare}, {_quoted(sign)}, '')"
        if self.decimal != ".":
            bare = f"REPLACE({bare}, '{self.decimal}', '.')"
        return (
            f"(CASE WHEN REGEXP_MATCHES({text}, {_quoted(self._pattern)}) "
            f"THEN TRY_CAST({bare} AS DOUBLE) END)"
        )

    @property
    def _grouping(self) -> str:
        return {" ": _SPACES, "'": _MARKS}.get(self.thousands, self.thousands)

    @property
    def _pattern(self) -> str:
        whole = "[0-9]+"
        if self.thousands:
            group = f"[{self._grouping}]"
            whole = f"([0-9]+|[0-9]{{1,3}}({group}[0-9]{{2,3}})*{group}[0-9]{{3}})"
        return f"^ *[-+]?{whole}([{self.decimal}][0-9]*)?([eE][-+]?[0-9]+)? *$"


PLAIN = NumberFormat()
"""Numbers as engines write them."""

USUAL = (
    PLAIN,
    NumberFormat(thousands=","),
    NumberFormat(decimal=",", thousands="."),
    NumberFormat(decimal=","),
    NumberFormat(decimal=",", thousands=" "),
    NumberFormat(thousands=" "),
    NumberFormat(thousands="'"),
)
"""How people write numbers, the likeliest first."""


def unread(text: str, number: str) -> str:
    """Return the SQL condition that a text is there and stands for no finite number.

    Parameters
    ----------
    text
        SQL for the text; blank and ``nan`` are missing.
    number
        SQL for the number that it is, NULL for none.
    """
    blank = f"TRIM({text}) IN ('', 'nan', 'NaN')"
    # To every engine NaN is not at most the largest number; of a text that is NULL it is unknown.
    return f"(CASE WHEN ABS({number}) <= 1.7976931348623157e308 THEN FALSE ELSE NOT ({blank}) END)"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
