"""The reference of the Python API: every public name, read from its docstring."""

from __future__ import annotations

import importlib
import inspect

PACKAGES = {
    "exp_jupyter": "What a notebook calls.",
    "exp_jupyter.client": "A project, its resources, and the calls that change it.",
    "exp_jupyter.analysis": "Analyses and what came out of them.",
    "exp_jupyter.engine": "Sums in, effects out.",
    "exp_jupyter.warehouse": "Events to sums.",
    "exp_jupyter.schema": "The API's objects.",
    "exp_jupyter.display": "Pages.",
    "exp_jupyter.errors": "Every error.",
}
_SKIPPED = {"__version__", "load_ipython_extension", "unload_ipython_extension"}


def public_names(package: str) -> list[str]:
    """Return the public names of a package, in the order of the alphabet."""
    module = importlib.import_module(package)
    if package == "exp_jupyter.errors":
        return sorted(
            name
            for name, thing in vars(module).items()
            if inspect.isclass(thing) and thing.__module__ == package
        )
    return sorted(set(module.__all__) - _SKIPPED)


def page(package: str) -> str:
    """Return the page of a package."""
    module = importlib.import_module(package)
    parts = [f"# {package}", PACKAGES[package]]
    for name in public_names(package):
        thing = getattr(module, name)
        home = getattr(thing, "__module__", package)
        parts.append(f"## {name}")
        if home.startswith("exp_jupyter"):
            # Where it is defined: lazy packages hold no names that could be read without import.
            parts.append(
                f"::: {home}.{getattr(thing, '__qualname__', name)}\n    options:\n"
                "      show_root_heading: false\n      show_root_toc_entry: false"
            )
        else:
            parts.append(f"`{thing!r}`")
    return "\n\n".join(parts) + "\n"
