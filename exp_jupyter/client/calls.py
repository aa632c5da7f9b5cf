"""The Python call that makes a result again, as a reader would type it."""

from __future__ import annotations

from typing import Any


class _Nothing:
    def __repr__(self) -> str:
        return "None"


NOTHING = _Nothing()
"""Stands for a None that is written out, because there it means something."""


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
