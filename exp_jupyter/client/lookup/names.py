"""Names: which one was meant, and which text is an id."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from exp_jupyter.errors import NotFoundError


def suggestion(wanted: str, known: Iterable[str]) -> str:
    """Return ``Did you mean …?`` for the names nearest to ``wanted``; empty when none is near.

    Examples
    --------
    >>> suggestion("chekout", ["Checkout", "Search"])
    'Did you mean "Checkout"?'
    """
    by_folded = {name.casefold(): name for name in known if name}
    near = difflib.get_close_matches(wanted.casefold(), by_folded, n=3, cutoff=0.5)
    if not near:
        inside = [folded for folded in by_folded if wanted.casefold() in folded]
        near = sorted(inside, key=len)[:3]
    quoted = [f'"{by_folded[folded]}"' for folded in near]
    return f"Did you mean {' or '.join(quoted)}?" if quoted else ""


def as_id(ref: Any) -> int | None:
    """Return ``ref`` as an id if it is one: a whole number, or text made of digits only."""
    if isinstance(ref, bool):
        return None
    if isinstance(ref, int):
        return ref
    if isinstance(ref, str) and ref.strip().isdecimal():
        return int(ref)
    return None


def not_there(miss: NotFoundError, message: str, hint: str) -> NotFoundError:
    """Return the project's refusal of what is not there, in words that say what is."""
    return NotFoundError(
        message,
        hint=hint,
        status=miss.status,
        kind=miss.kind,
        code=miss.code,
        attr=miss.attr,
        detail=miss.detail,
        body=miss.body,
    )
