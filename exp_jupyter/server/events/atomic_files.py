"""Files that are in their place whole or not at all, and those a crash left on the way there."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import time
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

_locks: Any = None
"""The module of file locks; Windows has none of this kind."""
with contextlib.suppress(ImportError):
    _locks = importlib.import_module("fcntl")

SET_ASIDE = "lost+found"
"""The folder, inside that of the files, for those which nothing lists."""

DAY_SECONDS = 24 * 3600.0
_UNLISTED_SECONDS = 120.0  # without locks: how long a file may stand in its place unlisted


@contextlib.contextmanager
def draft_in(folder: Path) -> Iterator[Path]:
    """Lend the path of a new Parquet file, which is removed unless it was settled."""
    draft = folder / f".draft-{uuid.uuid4().hex}.parquet"
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def settled(draft: Path, file: Path, *, durable: bool) -> Iterator[None]:
    """Give a file that is finished its name; inside, it is listed, and nobody sets it aside.

    Parameters
    ----------
    draft
        The file.
    file
        Its name, in the same folder.
    durable
        Whether it must outlive a loss of power from here on.
    """
    handle = os.open(draft, os.O_RDONLY)
    try:
        if _locks is not None:
            _locks.flock(handle, _locks.LOCK_SH)
        else:
            os.close(handle)  # an open file could not be renamed
            handle = -1
        if durable:
            _sync(draft)
        draft.rename(file)
        if durable:
            _sync(file.parent)
        yield
    finally:
        if handle >= 0:
            os.close(handle)


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with file.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()


def age(file: Path) -> None:
    """Let a file that nothing lists any more begin to age: somebody may still be reading it."""
    with contextlib.suppress(OSError):
        os.utime(file)


def is_aged(file: Path) -> bool:
    """Whether nobody can be reading or writing a file any more: it is more than a day old."""
    return time.time() - file.stat().st_mtime > DAY_SECONDS


def remove_old_drafts(folder: Path) -> None:
    """Remove drafts that a crash left behind: they were never finished, and nothing lists them."""
    for file in folder.glob(".draft-*"):
        with contextlib.suppress(OSError):
            if is_aged(file):
                file.unlink()


def unlisted(folder: Path, listed: Collection[str]) -> list[Path]:
    """Return the Parquet files of a folder that are not listed and that nobody is just listing."""
    strays = (file for file in sorted(folder.glob("[!.]*.parquet")) if file.name not in listed)
    return [file for file in strays if not _is_claimed(file)]


def set_aside(file: Path) -> Path:
    """Move a file that nothing lists to the folder for such files, and return its new path."""
    place = file.parent / SET_ASIDE
    place.mkdir(exist_ok=True)
    target = place / file.name
    while target.exists():
        target = target.with_name(f"{uuid.uuid4().hex[:8]}-{file.name}")
    file.rename(target)
    return target


def _is_claimed(file: Path) -> bool:
    """Whether another kernel is between giving a file its name and listing it."""
    try:
        if _locks is None:
            return time.time() - file.stat().st_mtime < _UNLISTED_SECONDS
        handle = os.open(file, os.O_RDONLY)
    except OSError:
        return False  # gone meanwhile, or unreadable: nobody is listing it
    try:
        _locks.flock(handle, _locks.LOCK_EX | _locks.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _sync(path: Path) -> None:
    # A folder is synced too, or the new name could be lost with the power.
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
