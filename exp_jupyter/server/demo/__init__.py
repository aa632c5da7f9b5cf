"""The demo project: a small coffee shop with experiments, people and events, ready in a moment."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.server.demo.opening import Demo, close_demo, open_demo

__all__ = ["Demo", "close_demo", "open_demo"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("exp_jupyter.server.demo.opening"), name)
    raise AttributeError(f"module 'exp_jupyter.server.demo' has no attribute {name!r}")
