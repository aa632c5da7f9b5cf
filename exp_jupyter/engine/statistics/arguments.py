"""Refuse arguments that cannot be used, in words that name the argument and what is expected."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Mapping, Sequence, Set

from exp_jupyter.engine.statistics.quoting import described, plain
from exp_jupyter.errors import InputError, StatisticsError


def choose(name: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse a word that is not among ``allowed``."""
    if not isinstance(value, str) or value not in allowed:
        raise InputError(f"{name} is {described(value)}; expected one of {', '.join(allowed)}.")


def switch(name: str, value: object) -> bool:
    """Return a yes or a no; refuse anything else."""
    own = plain(value)
    if isinstance(own, bool) or (isinstance(own, int) and own in (0, 1)):
        return bool(own)
    raise InputError(f"{name} is {described(value)}; expected True or False.")


def by_name(name: str, value: object) -> None:
    """Refuse what does not say which variant each of its values belongs to."""
    if not isinstance(value, Mapping):
        raise InputError(
            f"{name} is {described(value)}; expected a value for each variant by its name.",
            hint=f"Give for example {name}={{'control': …, 'test': …}}.",
        )


def variant_names(name: str, value: object) -> tuple[str, ...]:
    """Return names of variants; refuse anything else, a single word too."""
    if isinstance(value, (list, tuple, Set)):
        names = tuple(value)
        if all(isinstance(each, str) for each in names):
            return names
    raise InputError(
        f"{name} is {described(value)}; expected names of variants.",
        hint=f"Give for example {name}=['test'].",
    )


def instance(name: str, value: object, kind: type | tuple[type, ...], expected: str) -> None:
    """Refuse what is not of a kind; ``expected`` says how such a value is made."""
    if not isinstance(value, kind):
        raise InputError(f"{name} is {described(value)}; expected {expected}.")


def number(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    closed: bool = False,
    hint: str = "",
) -> float:
    """Return one finite number between bounds; refuse anything else, a list of numbers too.

    Parameters
    ----------
    low, high
        The bounds, which are outside.
    closed
        Whether the lower bound is inside.
    """
    own = plain(value)
    if isinstance(own, bool) or not isinstance(own, numbers.Real):
        raise InputError(f"{name} is {described(value)}; expected a number.", hint=hint)
    try:
        found = float(own)
    except OverflowError:
        found = math.inf
    inside(name, found, low, high, closed=closed, hint=hint)
    return found


def real(name: str, value: object) -> None:
    """Refuse what is no number; NaN and infinity are numbers here."""
    own = plain(value)
    if isinstance(own, bool) or not isinstance(own, numbers.Real):
        raise InputError(f"{name} is {described(value)}; expected a number.")
    try:
        float(own)
    except OverflowError:
        raise InputError(f"{name} is too large to compute with.") from None


def whole(name: str, value: object, least: int, *, hint: str = "") -> int:
    """Return one whole number from ``least`` on; refuse anything else."""
    found = number(name, value, least, closed=True, hint=hint)
    if found != int(found):
        raise InputError(f"{name} is {found:g}; expected a whole number.", hint=hint)
    return int(found)


def pair(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    closed: bool = False,
    hint: str = "",
) -> tuple[float, float]:
    """Return two finite numbers between bounds; refuse anything else."""
    unordered = isinstance(value, (str, bytes, Mapping, Set))
    if unordered or not isinstance(value, Collection) or getattr(value, "ndim", 1) != 1:
        raise InputError(f"{name} is {described(value)}; expected two numbers.", hint=hint)
    if len(value) != 2:
        raise InputError(f"{name} holds {len(value)} values; expected two numbers.", hint=hint)
    first, second = (number(name, each, low, high, closed=closed, hint=hint) for each in value)
    return first, second


def level(name: str, value: object, code: str, hint: str) -> float:
    """Return one number strictly between 0 and 1; refuse anything else under ``code``."""
    try:
        return number(name, value, 0, 1)
    except InputError as error:
        raise StatisticsError(
            code,
            f"{name} is {described(value)}; expected a number above 0 and below 1",
            hint=hint,
        ) from error


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
    if isinstance(value, float):
        smallest = largest = value
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
    own = plain(value)
    if own is None or isinstance(own, (bool, numbers.Real)):
        only = number(name, own)
        return only, only
    from exp_jupyter.engine.statistics.arrays import floats

    array = floats(value, name)
    if array.size == 0:
        raise InputError(f"{name} is empty; expected at least one number.")
    return float(array.min()), float(array.max())
