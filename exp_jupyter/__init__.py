"""Experiments in the notebook: plan, watch, analyse and decide A/B tests without leaving Jupyter.

Every name below is imported at its first use, so ``import exp_jupyter`` and
``%load_ext exp_jupyter`` cost next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from exp_jupyter._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from exp_jupyter.analysis.counts.compare import compare
    from exp_jupyter.analysis.events.analyze import analyze_events
    from exp_jupyter.analysis.events.plan_from_history import plan_from_history
    from exp_jupyter.analysis.simulation.simulate import simulate
    from exp_jupyter.analysis.units.analyze import analyze
    from exp_jupyter.client.project import replay
    from exp_jupyter.connection import connect, import_events, import_table
    from exp_jupyter.engine.planning.sample_size import sample_size

__all__ = [
    "__version__",
    "analyze",
    "analyze_events",
    "compare",
    "connect",
    "import_events",
    "import_table",
    "load_ipython_extension",
    "plan_from_history",
    "replay",
    "sample_size",
    "simulate",
    "unload_ipython_extension",
]

_HOME = {
    "analyze": "exp_jupyter.analysis.units.analyze",
    "analyze_events": "exp_jupyter.analysis.events.analyze",
    "compare": "exp_jupyter.analysis.counts.compare",
    "connect": "exp_jupyter.connection",
    "import_events": "exp_jupyter.connection",
    "import_table": "exp_jupyter.connection",
    "plan_from_history": "exp_jupyter.analysis.events.plan_from_history",
    "replay": "exp_jupyter.client.project",
    "sample_size": "exp_jupyter.engine.planning.sample_size",
    "simulate": "exp_jupyter.analysis.simulation.simulate",
}
_PACKAGES = frozenset(
    {"analysis", "client", "connection", "display", "engine", "errors", "schema", "server"}
    | {"warehouse"}
)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"exp_jupyter.{name}")
    raise AttributeError(f"module 'exp_jupyter' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_PACKAGES})


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Add the ``%exp`` magics, their completion and the panel's comm target to ``ipython``."""
    importlib.import_module("exp_jupyter.magics").load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take away exactly what loading added."""
    importlib.import_module("exp_jupyter.magics").unload(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "_labextension", "dest": "exp-jupyter"}]
