"""The Python call that makes a result again, as a reader would type it."""

from __future__ import annotations

from typing import Any


def call(name: str, /, *given: Any, **named: Any) -> str:
    """Return the source of a call on ``project``; arguments left at None are not written.

    Examples
    --------
    >>> call("experiments.list", status="running", search=None)
    "project.experiments.list(status='running')"
    """
    arguments = [repr(value) for value in given]
    arguments += [f"{key}={value!r}" for key, value in named.items() if value is not None]
    return f"project.{name}({', '.join(arguments)})"
