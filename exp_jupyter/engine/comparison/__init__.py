"""A treatment against a control: one call for one pair of arms or a hundred thousand."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.engine.comparison.compare import compare
    from exp_jupyter.engine.comparison.effect import Effect

__all__ = ["Effect", "compare"]

_HOME = {"compare": "compare", "Effect": "effect"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
