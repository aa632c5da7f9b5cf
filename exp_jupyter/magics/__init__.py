"""The %exp magics: parse, call the twin, return its object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load", "unload"]

# What loading replaced, kept with the shell it was loaded in, so that unloading can put it back.
_KEY = "_exp_jupyter_loaded"


def load(ipython: InteractiveShell) -> None:
    """Add the magics, their settings, their completion and the panel's comm target to a shell.

    Loading twice changes nothing.
    """
    if hasattr(ipython, _KEY):
        return
    from exp_jupyter.errors import ExpError
    from exp_jupyter.magics.extension import ExpMagics
    from exp_jupyter.magics.line.completion import matcher
    from exp_jupyter.magics.panel import Panel

    debug = ExpError.debug
    configurables = list(ipython.configurables)
    try:
        magics = ExpMagics(ipython)
    except ExpError:
        ipython.configurables[:] = configurables
        raise
    kinds = ipython.magics_manager.magics
    replaced = {
        kind: {name: known[name] for name in magics.session.magics if name in known}
        for kind, known in kinds.items()
    }
    registered = ipython.magics_manager.registry.get("ExpMagics")
    ipython.register_magics(magics)
    complete = matcher(magics)
    if ipython.Completer is not None:
        ipython.Completer.custom_matchers.append(complete)
    panel = Panel(magics.session)
    magics.session.on_change.append(panel.push)
    panel.open()
    loaded: dict[str, Any] = {
        "magics": magics,
        "replaced": replaced,
        "registered": registered,
        "matcher": complete,
        "panel": panel,
        "debug": debug,
    }
    ipython.__dict__[_KEY] = loaded


def unload(ipython: InteractiveShell) -> None:
    """Take away exactly what loading added, and put back what it replaced."""
    from exp_jupyter.errors import ExpError

    loaded = ipython.__dict__.pop(_KEY, None)
    if loaded is None:
        return
    magics = loaded["magics"]
    for kind, known in ipython.magics_manager.magics.items():
        for name in magics.session.magics:
            known.pop(name, None)
        known.update(loaded["replaced"][kind])
    ipython.magics_manager.registry.pop("ExpMagics", None)
    if loaded["registered"] is not None:
        ipython.magics_manager.registry["ExpMagics"] = loaded["registered"]
    if magics in ipython.configurables:
        ipython.configurables.remove(magics)
    if ipython.Completer is not None and loaded["matcher"] in ipython.Completer.custom_matchers:
        ipython.Completer.custom_matchers.remove(loaded["matcher"])
    loaded["panel"].close()
    ExpError.debug = loaded["debug"]
