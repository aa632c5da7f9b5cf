"""How a message quotes a value that was given: short ones as they are, others by their type."""

from __future__ import annotations

import numbers

_LONGEST = 40
"""Characters of a value that a message quotes."""


def described(value: object) -> str:
    """Return a value as a message quotes it: a short one as it is, anything else by its type."""
    written = plain(value)
    if written is None or isinstance(written, (bool, numbers.Number, str, bytes)):
        try:
            quoted = repr(written)
        except ValueError:  # an integer with more digits than Python writes out
            return "too large"
        return quoted if len(quoted) <= _LONGEST else f"{quoted[:_LONGEST]}…"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def plain(value: object) -> object:
    """Return the Python number inside a numpy scalar or an array without axes."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    return value
