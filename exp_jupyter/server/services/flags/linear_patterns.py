"""Regular expressions of other people, matched in time that grows with the text and no faster.

Python's own engine tries every way in which a pattern may match: ``(a+)+$`` takes longer than
anybody lives on forty letters, and nothing else runs meanwhile. RE2, which DuckDB brings along and
which ClickHouse uses, does not, and leaves the interpreter to others while it works.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

LONGEST_PATTERN = 500
LONGEST_TEXT = 10_000
_KNOWN = 1024  # patterns whose check is remembered

_lock = threading.Lock()
_engines: list[duckdb.DuckDBPyConnection] = []


class PatternError(ValueError):
    """A pattern, or a text, that is not matched here; the message says why."""


def search(pattern: str) -> Callable[[str], bool] | None:
    """Return the test whether a pattern occurs in a text; None for what is no pattern.

    Raises
    ------
    PatternError
        The pattern is too long, or uses what only engines that try every way can do: looking
        around, and referring back. The test raises it for a text that is too long.

    Examples
    --------
    >>> test = search("(a+)+$")
    >>> test("a" * 40 + "!"), test("bana")
    (False, True)
    >>> search("[") is None
    True
    """
    if len(pattern) > LONGEST_PATTERN:
        raise PatternError(f"a pattern may have at most {LONGEST_PATTERN} characters")
    if not _is_pattern(pattern):
        if _is_pattern_elsewhere(pattern):
            raise PatternError("its pattern looks around or refers back, which is not done here")
        return None

    def test(text: str) -> bool:
        if len(text) > LONGEST_TEXT:
            raise PatternError(f"a text may have at most {LONGEST_TEXT:,} characters")
        return _matches(text, pattern)

    return test


@functools.lru_cache(maxsize=_KNOWN)
def _is_pattern(pattern: str) -> bool:
    import duckdb

    try:
        _matches("", pattern)
    except (duckdb.Error, UnicodeError):
        return False
    return True


def _is_pattern_elsewhere(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _matches(text: str, pattern: str) -> bool:
    with _lock:
        if not _engines:
            import duckdb

            _engines.append(duckdb.connect(config={"threads": 1}))
        cursor = _engines[0].cursor()
    try:
        row = cursor.execute("SELECT regexp_matches(?, ?)", [text, pattern]).fetchone()
        return bool(row and row[0])
    finally:
        cursor.close()
