"""Refuse arguments outside their range, in words that name the argument and what is expected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from exp_jupyter.errors import InputError


def choose(name: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse a word that is not among ``allowed``."""
    if value not in allowed:
        raise InputError(f"{name} is {value!r}; expected one of {', '.join(allowed)}.")


def by_name(name: str, value: object) -> None:
    """Refuse what does not say which variant each of its values belongs to."""
    if not isinstance(value, Mapping):
        raise InputError(
            f"{name} is a {type(value).__name__}; expected a value for each variant by its name.",
            hint=f"Give for example {name}={{'control': …, 'test': …}}.",
        )


def inside(
    name: str,
    value: object,
    low: float,
    high: float,
    *,
    closed: bool = False,
    hint: str = "",
) -> None:
    """Refuse a number, or an array with a number, outside ``low`` to ``high`` or not finite."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        smallest = largest = float(value)
    else:
        smallest, largest = _extremes(name, value)
    # Written so that NaN, which compares false with everything, is refused too.
    above = low <= smallest if closed else low < smallest
    if above and largest < high:
        return
    given = smallest if not above else largest
    if not math.isfinite(given):
        raise InputError(f"{name} is {given}; expected a finite number.", hint=hint)
    if math.isinf(high):
        bound = f"at least {low:g}" if closed else f"above {low:g}"
    else:
        bound = f"strictly between {low:g} and {high:g}"
    raise InputError(f"{name} is {given:g}; expected a number {bound}.", hint=hint)


def _extremes(name: str, value: object) -> tuple[float, float]:
    import numpy as np

    if isinstance(value, (bool, str, bytes)) or value is None:
        raise InputError(f"{name} is {value!r}; expected a number.")
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {value!r}; expected a number.") from None
    if array.size == 0:
        raise InputError(f"{name} is empty; expected at least one number.")
    return float(array.min()), float(array.max())
