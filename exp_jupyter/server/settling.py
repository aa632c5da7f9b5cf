"""Files that are in their place whole or not at all, and those a crash left on the way there."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path

_ORPHAN_AGE_SECONDS = 24 * 3600.0


@contextlib.contextmanager
def draft_in(folder: Path) -> Iterator[Path]:
    """Lend the path of a new Parquet file, which is removed unless it was settled."""
    draft = folder / f".draft-{uuid.uuid4().hex}.parquet"
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def settle(draft: Path, file: Path, *, durable: bool) -> None:
    """Give a file that is finished its name.

    Parameters
    ----------
    draft
        The file.
    file
        Its name, in the same folder.
    durable
        Whether it must outlive a loss of power from here on.
    """
    if durable:
        _sync(draft)
    draft.rename(file)
    if durable:
        _sync(file.parent)


def age(file: Path) -> None:
    """Let a file that nothing lists any more begin to age: somebody may still be reading it."""
    with contextlib.suppress(OSError):
        os.utime(file)


def sweep(folder: Path, listed: Collection[str]) -> None:
    """Remove the files of a folder that are not listed and older than a day.

    Another kernel may be between a file's name and its listing; what is a day old is nobody's.
    """
    for file in (*folder.glob("*.parquet"), *folder.glob(".draft-*")):
        with contextlib.suppress(OSError):
            old = time.time() - file.stat().st_mtime > _ORPHAN_AGE_SECONDS
            if old and file.name not in listed:
                file.unlink()


def _sync(path: Path) -> None:
    # A folder is synced too, or the new name could be lost with the power.
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
