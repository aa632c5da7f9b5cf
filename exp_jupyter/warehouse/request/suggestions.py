"""What somebody may have meant by a word that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST = 20
"""How many words a message lists."""


def meant(wrong: str, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'? `` for a misspelt word, or an empty string.

    Examples
    --------
    >>> meant("Purchase_", ["purchase", "$pageview"])
    "Did you mean 'purchase'? "
    """
    by_folded = {word.casefold(): word for word in known}
    close = difflib.get_close_matches(wrong.casefold(), list(by_folded), n=1, cutoff=0.6)
    return f"Did you mean {by_folded[close[0]]!r}? " if close else ""


def listed(known: Iterable[str]) -> str:
    """Return words for a message, the first of them if they are many.

    Examples
    --------
    >>> listed(["a", "b"])
    'a, b'
    """
    words = list(known)
    more = f" and {len(words) - MOST:,} more" if len(words) > MOST else ""
    return ", ".join(words[:MOST]) + more
