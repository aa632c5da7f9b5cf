"""httpx without its command line, which brings rich, click and pygments: most of its import."""

from __future__ import annotations

import sys
from typing import Any

_COMMAND_LINE = "httpx._main"


def _import_lean() -> None:
    # httpx itself does without its command line where that cannot be imported. Whoever has
    # imported httpx before us keeps what they have, and the module stays importable afterwards.
    modules: dict[str, Any] = sys.modules
    if "httpx" in modules or _COMMAND_LINE in modules:
        return
    modules[_COMMAND_LINE] = None
    try:
        import httpx  # noqa: F401 - imported for its effect on sys.modules
    finally:
        del modules[_COMMAND_LINE]


_import_lean()

import httpx  # noqa: E402 - after the above, on purpose

__all__ = ["httpx"]
