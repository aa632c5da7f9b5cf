"""Data for front ends, the same bytes on every machine: rounded floats, moments to the second.

Nine significant digits are more than any screen shows and fewer than two processors or two
versions of a library disagree about, so a notebook that keeps the data can be compared strictly.
"""

from __future__ import annotations

import re
from typing import Any

_DIGITS = 9
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+(Z|[+-]\d\d:\d\d)?")


def steady(value: Any) -> Any:
    """Return JSON-ready ``value`` with its floats rounded and its moments cut to the second.

    Examples
    --------
    >>> steady({"p": 0.12345678901234, "at": "2026-03-31T09:00:00.000123Z", "n": 3})
    {'p': 0.123456789, 'at': '2026-03-31T09:00:00Z', 'n': 3}
    """
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, str):
        found = _MOMENT.fullmatch(value)
        return found[1] + (found[2] or "") if found else value
    if isinstance(value, dict):
        return {key: steady(item) for key, item in value.items()}
    if isinstance(value, list):
        return [steady(item) for item in value]
    return value
