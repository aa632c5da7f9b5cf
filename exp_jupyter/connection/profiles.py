"""Projects with a name, kept in the settings, so that a notebook can say which one it means.

In the nearest ``pyproject.toml``, or without the first two words in the user's settings file::

    [tool.exp_jupyter]
    target = "growth"

    [tool.exp_jupyter.projects.growth]
    origin = "https://eu.posthog.com"
    project = 123

    [tool.exp_jupyter.projects.sandbox]
    folder = "./sandbox"
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exp_jupyter.connection import settings
from exp_jupyter.errors import InputError

_FIELDS = ("origin", "project", "folder", "key_variable")


@dataclass(frozen=True)
class Profile:
    """One named project.

    Attributes
    ----------
    name
        What people call it.
    origin, project
        For a project elsewhere: its address, and its number or None for the key's own.
    folder
        For a project in a folder; relative to the file that names it.
    key_variable
        The environment variable that holds its key, when that is not the usual one.
    source
        The file that names it.
    mine
        Whether that is the user's own settings file. Other people's files may choose a project,
        but not to whom the key in the environment is sent.
    """

    name: str
    origin: str = ""
    project: int | None = None
    folder: str = ""
    key_variable: str = ""
    source: str = ""
    mine: bool = False


def profiles(
    folder: Path | None = None, environment: Mapping[str, str] = os.environ
) -> dict[str, Profile]:
    """Return the projects that the settings name; the user's own file has the last word.

    Parameters
    ----------
    folder
        Where the search for the nearest ``pyproject.toml`` begins; the working folder when None.

    Raises
    ------
    exp_jupyter.errors.InputError
        A file is not TOML, or an entry is not usable.
    """
    known: dict[str, Profile] = {}
    for path, table in settings.tables(folder or Path.cwd(), environment):
        named = table.get("projects", {})
        if not isinstance(named, dict):
            raise _unusable("projects", path, "it is no table")
        for name, entry in named.items():
            known[name] = _profile(str(name), entry, path)
    return known


def configured_target(
    folder: Path | None = None, environment: Mapping[str, str] = os.environ
) -> tuple[str, bool]:
    """Return what to connect when nothing is named, and whether the user chose it.

    Raises
    ------
    exp_jupyter.errors.InputError
        A file is not TOML.
    """
    names = frozenset({"target"})
    chosen = settings.found(names, folder=folder or Path.cwd(), environment=environment)
    value, source = chosen.get("target", ("demo", "default"))
    return str(value), source != settings.PROJECT_FILE


def named_by_me(
    address: str, folder: Path | None = None, environment: Mapping[str, str] = os.environ
) -> bool:
    """Return whether the user's own settings file names this address, whoever chose it here.

    Raises
    ------
    exp_jupyter.errors.ExpError
        A file or the address is not usable.
    """
    from exp_jupyter.client.http.origin import checked_address

    root = checked_address(address).root
    known = profiles(folder, environment).values()
    return any(checked_address(one.origin).root == root for one in known if one.mine and one.origin)


def _profile(name: str, entry: Any, path: Path) -> Profile:
    if not isinstance(entry, dict):
        raise _unusable(name, path, "it is no table")
    for field in entry:
        if field not in _FIELDS:
            raise _unusable(name, path, f"{field!r} is none of {', '.join(_FIELDS)}")
    if name == "demo":
        raise _unusable(name, path, "demo is always the embedded demo")
    mine = path.name != settings.PROJECT_FILE
    if entry.get("key_variable") and not mine:
        raise _unusable(name, path, "key_variable belongs in your own settings file")
    origin, place = entry.get("origin", ""), entry.get("folder", "")
    if not isinstance(origin, str) or not isinstance(place, str) or bool(origin) == bool(place):
        raise _unusable(name, path, "it needs either an origin or a folder")
    number = entry.get("project")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or place):
        raise _unusable(name, path, "project is the number of a project at an origin")
    return Profile(
        name=name,
        origin=origin,
        project=number,
        folder=str(path.parent / Path(place).expanduser()) if place else "",
        key_variable=str(entry.get("key_variable", "")),
        source=path.name,
        mine=mine,
    )


def _unusable(name: str, path: Path, why: str) -> InputError:
    return InputError(
        f"The project {name!r} in {path.name} is not usable: {why}.",
        hint='Write it as [projects.NAME] with origin = "https://…" and project = 123, or with '
        'folder = "…".',
    )
