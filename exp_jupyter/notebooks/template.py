"""A new notebook: the analysis of one experiment, from the template that comes with the package."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exp_jupyter._whole_file import write_whole
from exp_jupyter.errors import InputError, StoreError

TEMPLATE = "analysis_template.ipynb"


def template() -> dict[str, Any]:
    """Return the analysis template as a notebook without outputs.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The package was installed without it.

    Examples
    --------
    >>> template()["cells"][0]["metadata"]["tags"]
    ['parameters']
    """
    here = Path(__file__).resolve().parent
    # In a wheel it lies beside this module; in the source tree among the other notebooks.
    places = (here / TEMPLATE, here.parents[1] / "notebooks" / TEMPLATE)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise StoreError(
            "The analysis template is not where the package keeps it.",
            hint="Install exp_jupyter again: pip install --force-reinstall exp-jupyter.",
        )
    notebook: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return {
        "cells": [_unrun(cell) for cell in notebook["cells"]],
        "metadata": {"kernelspec": notebook["metadata"]["kernelspec"]},
        "nbformat": notebook["nbformat"],
        "nbformat_minor": notebook["nbformat_minor"],
    }


def _unrun(cell: Mapping[str, Any]) -> dict[str, Any]:
    tags = cell["metadata"].get("tags")
    fresh = {**cell, "metadata": {"tags": tags} if tags else {}}
    if cell["cell_type"] == "code":
        fresh |= {"execution_count": None, "outputs": []}
    return fresh


def new_analysis(path: str | Path, **parameters: Any) -> Path:
    """Write a notebook that analyses one experiment.

    Parameters
    ----------
    path
        The notebook, a file that is not there yet.
    **parameters
        Values of the template's first cell: ``target``, ``experiment``, ``metric``, ``method``,
        ``guardrails``, ``report_to``, ``record`` and ``replay``.

    Returns
    -------
    pathlib.Path
        The notebook.

    Raises
    ------
    exp_jupyter.errors.InputError
        The file does not end in ``.ipynb``, or the template has no such parameter.
    exp_jupyter.errors.StoreError
        The file is there already, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> new_analysis(Path(folder.name, "checkout.ipynb"), experiment="4").name
    'checkout.ipynb'
    >>> folder.cleanup()
    """
    target = Path(path).expanduser()
    if target.suffix != ".ipynb":
        raise InputError(
            f"{str(target)!r} is no notebook.",
            hint=f"End the file's name in .ipynb: {target.stem or 'analysis'}.ipynb.",
        )
    notebook = template()
    first = notebook["cells"][0]
    first["source"] = _with_values("".join(first["source"]), parameters)
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    write_whole(target, text.encode(), what="notebook", new=True)
    return target


def _with_values(source: str, parameters: Mapping[str, Any]) -> str:
    """Return the parameters' cell with other values; what a comment says of them stays."""
    lines = source.splitlines()
    places = {
        target.id: statement
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for name, value in parameters.items():
        if name not in places:
            raise InputError(
                f"The template has no parameter {name!r}.",
                hint=f"It has {', '.join(places)}.",
            )
        written = places[name].value
        line = lines[written.lineno - 1].encode()
        end = written.end_col_offset or len(line)
        fresh = line[: written.col_offset] + repr(value).encode() + line[end:]
        lines[written.lineno - 1] = fresh.decode()
    return "\n".join(lines)
