"""How many units, how long, how small an effect."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.engine.planning.sample_size import SizePlan, sample_size

__all__ = ["SizePlan", "sample_size"]

_HOME = {"SizePlan": "sample_size", "sample_size": "sample_size"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
