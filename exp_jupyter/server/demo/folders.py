"""The demo's temporary folders: locked while their process lives, swept when it died untidily.

A kernel that is killed removes nothing. So every demo holds a lock on its folder, which the
operating system lets go of in any case, and the next demo removes what nobody holds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "exp-jupyter-demo-"
_LOCK = ".lock"
_YOUNG_SECONDS = 600.0  # somebody may be about to lock it


class LockedFolder:
    """A new temporary folder that belongs to this process.

    Attributes
    ----------
    path
        The folder.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.owner = os.getpid()
        self._handle = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        _lock(self._handle)

    def remove(self) -> None:
        """Remove the folder; a forked child leaves it to its parent."""
        if os.getpid() == self.owner:
            shutil.rmtree(self.path, ignore_errors=True)
            with contextlib.suppress(OSError):
                os.close(self._handle)


def sweep() -> None:
    """Remove folders of demos whose process ended without doing so."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if _abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    about = folder.lstat()
    if folder.is_symlink() or about.st_uid != _user() or _age(about.st_mtime) < _YOUNG_SECONDS:
        return False
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        return _lock(handle)
    finally:
        os.close(handle)


def _age(moment: float) -> float:
    return time.time() - moment


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else -1


def _lock(handle: int) -> bool:
    """Lock a file without waiting; False when somebody else has, or nobody can here."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
