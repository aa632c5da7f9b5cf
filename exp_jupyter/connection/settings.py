"""Where settings come from: pyproject, user file, environment; later ones win."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exp_jupyter.errors import InputError

PREFIX = "EXP_JUPYTER_"
PROJECT_FILE = "pyproject.toml"
_TRUE = frozenset({"1", "true", "yes", "on"})


def user_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the place of the user's own settings file."""
    home = environment.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "exp_jupyter" / "settings.toml"


def found(
    names: frozenset[str], *, folder: Path, environment: Mapping[str, str] = os.environ
) -> dict[str, tuple[Any, str]]:
    """Return each setting that is set somewhere, with the words for where.

    Parameters
    ----------
    names
        The settings there are.
    folder
        Where the search for the nearest ``pyproject.toml`` begins; it goes upwards.

    Returns
    -------
    dict
        ``{name: (value, source)}``; a later source replaces an earlier one.

    Raises
    ------
    exp_jupyter.errors.InputError
        A file is not TOML.
    """
    settings: dict[str, tuple[Any, str]] = {}
    for path, table in tables(folder, environment):
        for name, value in table.items():
            if name.replace("-", "_") in names:
                settings[name.replace("-", "_")] = (value, path.name)
    for name in names:
        value = environment.get(f"{PREFIX}{name.upper()}")
        if value is not None:
            settings[name] = (_parsed(value), f"environment ({PREFIX}{name.upper()})")
    return settings


def tables(
    folder: Path, environment: Mapping[str, str] = os.environ
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each settings file there is with its table: the project's first, then the user's.

    Raises
    ------
    exp_jupyter.errors.InputError
        A file is not TOML.
    """
    nearest = next((path / PROJECT_FILE for path in (folder, *folder.parents) if _has(path)), None)
    for path, keys in ((nearest, ("tool", "exp_jupyter")), (user_file(environment), ())):
        if path is not None and path.is_file():
            yield path, _table(path, keys)


def _has(folder: Path) -> bool:
    return (folder / PROJECT_FILE).is_file()


def _table(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    import tomllib

    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The settings in {path.name} cannot be read: {error}.") from error
    for key in keys:
        table = table.get(key, {}) if isinstance(table, dict) else {}
    return table if isinstance(table, dict) else {}


def _parsed(text: str) -> Any:
    """Return an environment value as the type it looks like."""
    if text.lower() in _TRUE - {"1"}:
        return True
    if text.lower() in {"false", "no", "off"}:
        return False
    try:
        return float(text)
    except ValueError:
        return text
