"""The project API client: what a person uses from Python, and what magics and forms stand on."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exp_jupyter.client.http.credentials import Secret, find_key
    from exp_jupyter.client.http.origin import EMBEDDED_ORIGIN
    from exp_jupyter.client.http.retry import Pace
    from exp_jupyter.client.http.transport import Bounds, Transport
    from exp_jupyter.client.project import Project, open_project, replay
    from exp_jupyter.client.resources.approvals import Approvals
    from exp_jupyter.client.resources.experiments import Experiments
    from exp_jupyter.client.resources.flags import Flags
    from exp_jupyter.client.resources.prompts import Prompts
    from exp_jupyter.client.writes.base import Write

_HOME = {
    "Approvals": "resources.approvals",
    "Bounds": "http.transport",
    "EMBEDDED_ORIGIN": "http.origin",
    "Experiments": "resources.experiments",
    "Flags": "resources.flags",
    "Pace": "http.retry",
    "Project": "project",
    "Prompts": "resources.prompts",
    "Secret": "http.credentials",
    "Transport": "http.transport",
    "Write": "writes.base",
    "find_key": "http.credentials",
    "open_project": "project",
    "replay": "project",
}

__all__ = [
    "EMBEDDED_ORIGIN",
    "Approvals",
    "Bounds",
    "Experiments",
    "Flags",
    "Pace",
    "Project",
    "Prompts",
    "Secret",
    "Transport",
    "Write",
    "find_key",
    "open_project",
    "replay",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"exp_jupyter.client.{_HOME[name]}"), name)
    raise AttributeError(f"module 'exp_jupyter.client' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
