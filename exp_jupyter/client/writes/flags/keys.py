"""Keys of flags: which text can be one, and the one that the project makes of a name."""

from __future__ import annotations

import re
import unicodedata

from exp_jupyter.errors import InputError

_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_KEY = 200


def checked_key(flag_key: str | None) -> str:
    """Return the key of a flag; empty when none was given.

    Raises
    ------
    exp_jupyter.errors.InputError
        No flag can have this key.
    """
    key = (flag_key or "").strip()
    if key and not _KEY.fullmatch(key):
        raise InputError(
            f"flag_key {key!r} is not usable.",
            hint="Use letters, digits, hyphens and underscores only.",
        )
    return key


def slug(name: str) -> str:
    """Return the project's default flag key for a name.

    Examples
    --------
    >>> slug("support-reply: v3, v5, v6 (cost, eval_pass_rate)")
    'support-reply-v3-v5-v6-cost-eval_pass_rate'
    """
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^\w\s-]", "", ascii_only.lower())
    joined = re.sub(r"[-\s]+", "-", kept).strip("-_")
    return joined[:_LONGEST_KEY] or "experiment"
