"""How a field and its value are written in a plan's before and after."""

from __future__ import annotations

import json
from typing import Any

_LONGEST = 120


def label(name: str) -> str:
    """Return a field's name as a reader knows it.

    Examples
    --------
    >>> label("holdout_id"), label("metrics_secondary")
    ('Holdout', 'Secondary metrics')
    """
    words = {"metrics": "primary metrics", "metrics_secondary": "secondary metrics"}
    text = words.get(name, name.removesuffix("_id").replace("_", " "))
    return text[:1].upper() + text[1:]


def cell(value: Any) -> str | None:
    """Return a field's value in one line; None where there is nothing.

    Examples
    --------
    >>> cell(True), cell(""), cell({"alpha": 0.05})
    ('yes', None, '{"alpha": 0.05}')
    """
    if value is None or value == "" or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
