"""The files that a project's database lists, those it has done with, and strays in between.

A file is deleted only where the database itself says that it was replaced. One that the database
does not know may hold events of a database that was lost since: it is set aside, never deleted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from exp_jupyter.server.events.atomic_files import (
    SET_ASIDE,
    age,
    is_aged,
    remove_old_drafts,
    set_aside,
    unlisted,
)
from exp_jupyter.server.store import ProjectStore, Work, check_command

LISTS = {"events": "event_parts", "tables": "warehouse_tables"}
"""The folders of files, each with the table that lists its files."""


def retire(work: Work, folder: str, names: Iterable[str]) -> None:
    """Write down that files were replaced, in the transaction that replaces them."""
    now = work.stamp()
    work.connection.executemany(
        "INSERT OR REPLACE INTO retired_files (file, retired_at) VALUES (?, ?)",
        [(f"{folder}/{name}", now) for name in names],
    )


def begin_to_age(store: ProjectStore, folder: str, names: Iterable[str]) -> None:
    """Let replaced files age from now on; they are removed when nobody can be reading them."""
    for name in names:
        age(store.folder / folder / name)


def tidy(store: ProjectStore, folder: str) -> list[Path]:
    """Remove what the project has done with, and set strays aside.

    Parameters
    ----------
    store
        The project.
    folder
        ``events`` or ``tables``.

    Returns
    -------
    list of Path
        Where the files lie that were set aside, now or earlier.
    """
    place = store.folder / folder
    if not place.is_dir():
        return []
    remove_old_drafts(place)
    with store.read() as work:
        known = _listed(work, folder) | _retired(work, folder)
        over = [name for name in _retired(work, folder) if _is_over(place / name)]
    # Looked at without a lock first: the folder is nearly always in order.
    if over or unlisted(place, known):
        with store.write() as work:
            _remove_retired(work, folder, place)
            known = _listed(work, folder) | _retired(work, folder)
            for file in unlisted(place, known):
                with contextlib.suppress(OSError):  # it stays where it is, and counts as little
                    set_aside(file)
    return sorted((place / SET_ASIDE).glob("*.parquet"))


def notice_of(store: ProjectStore, folder: str, files: list[Path]) -> str:
    """Return what to say about files that were set aside; empty for none."""
    if not files:
        return ""
    what = {"events": "with events", "tables": "of warehouse tables"}[folder]
    plural = len(files) > 1
    return (
        f"{len(files)} {'files' if plural else 'file'} {what} in {str(store.folder)!r} "
        f"{'are' if plural else 'is'} not in the project's database: an older copy of it was put "
        f"back, or a process was killed. Nothing was deleted; {'they lie' if plural else 'it lies'}"
        f" in {folder}/{SET_ASIDE}. Look with {check_command(store.folder)}; with --repair it "
        "takes in what the project lacks."
    )


def _listed(work: Work, folder: str) -> set[str]:
    rows = work.connection.execute(f"SELECT file FROM {LISTS[folder]}")  # noqa: S608 - constants
    return {str(name) for (name,) in rows}


def _retired(work: Work, folder: str) -> set[str]:
    rows = work.connection.execute(
        "SELECT file FROM retired_files WHERE file LIKE ?", [f"{folder}/%"]
    )
    return {str(name).partition("/")[2] for (name,) in rows}


def _remove_retired(work: Work, folder: str, place: Path) -> None:
    listed = _listed(work, folder)
    for name in sorted(_retired(work, folder)):
        file = place / name
        if name not in listed and not _is_over(file):
            continue
        if name not in listed:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
        if name in listed or not file.exists():
            work.connection.execute(
                "DELETE FROM retired_files WHERE file = ?", [f"{folder}/{name}"]
            )


def _is_over(file: Path) -> bool:
    """Whether a replaced file is gone, or nobody can be reading it any more."""
    try:
        return is_aged(file)
    except FileNotFoundError:
        return True
    except OSError:
        return False
