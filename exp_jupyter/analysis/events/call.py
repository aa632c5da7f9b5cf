"""The Python call that asks a question to events again, as text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Name:
    """A variable in the call, for what has no short writing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def plainly(given: Any, name: str) -> Any:
    """Return an argument as it can be written: a table becomes a variable of that name."""
    if isinstance(given, Mapping):
        own = "assignments" if name == "assignments" else ""
        return {key: plainly(value, own or str(key)) for key, value in given.items()}
    if given is None or isinstance(given, (str, bool, int, float, list, tuple)):
        return given
    if isinstance(given, Path):
        return str(given)
    if hasattr(given, "judge"):
        return Name(f"exp_jupyter.engine.{given!r}")
    return Name(name)


def written(when: Any) -> Any:
    """Return a day or a moment as text."""
    return when if when is None or isinstance(when, str) else when.isoformat()


def call_text(events: Any, **options: tuple[Any, Any]) -> str:
    """Return the call with the options that are not as usual.

    Examples
    --------
    >>> call_text("events.parquet", flag=("checkout", None), timezone=("UTC", "UTC"))
    "exp_jupyter.analyze_events('events.parquet', flag='checkout')"
    """
    said = [repr(str(events)) if isinstance(events, (str, Path)) else "events"]
    said += [f"{name}={given!r}" for name, (given, usual) in options.items() if given != usual]
    return f"exp_jupyter.analyze_events({', '.join(said)})"
