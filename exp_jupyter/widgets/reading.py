"""Numbers and names as a person types them, in a form's field or on a magic's line."""

from __future__ import annotations

import math
import re

from exp_jupyter.errors import InputError


def number(text: str) -> float:
    """Read a finite number; ``12%`` is 0.12, and ``1,800`` and ``1_800`` are 1800.

    Raises
    ------
    exp_jupyter.errors.InputError
        The text is no finite number.

    Examples
    --------
    >>> number("0.12"), number("12%"), number("1,800")
    (0.12, 0.12, 1800.0)
    """
    digits = text.strip().removesuffix("%").strip()
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", digits):
        digits = digits.replace(",", "")
    try:
        value = float(digits)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{text!r} is not a number.")
    return value / 100 if text.rstrip().endswith("%") else value


def percent(text: str) -> float:
    """Read a number of percent, with or without its sign: ``5`` and ``5%`` are both 5.

    Raises
    ------
    exp_jupyter.errors.InputError
        The text is no finite number.
    """
    return number(text.rstrip().removesuffix("%"))


def whole(text: str) -> int:
    """Read a whole number.

    Raises
    ------
    exp_jupyter.errors.InputError
        The text is no whole number.
    """
    value = number(text)
    if value != int(value):
        raise InputError(f"{text!r} is not a whole number.")
    return int(value)


def whole_numbers(text: str) -> list[int]:
    """Read whole numbers separated by blanks or commas.

    Raises
    ------
    exp_jupyter.errors.InputError
        One of them is no whole number.

    Examples
    --------
    >>> whole_numbers("1, 2 3")
    [1, 2, 3]
    """
    return [whole(part) for part in re.split(r"[\s,]+", text) if part]
