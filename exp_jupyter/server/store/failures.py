"""What SQLite's errors mean for a project's folder, and what to do about each."""

from __future__ import annotations

import shlex
import sqlite3
from pathlib import Path

from exp_jupyter.errors import StoreDamagedError, StoreError, StoreFullError

_FULL = {sqlite3.SQLITE_FULL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_NOT_WRITTEN = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_NOMEM}
"""Errors of the disk that leave the record of a transaction incomplete, so that it never counts."""


def may_be_written(error: sqlite3.Error) -> bool:
    """Whether a transaction may take effect after all, although its COMMIT failed.

    Its record may lie in the database's log whole when making it safe failed; then whoever opens
    the database next finds the transaction written.

    >>> may_be_written(sqlite3.OperationalError("disk I/O error"))
    True
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR)
    return code & 0xFF == sqlite3.SQLITE_IOERR and code not in _NOT_WRITTEN


def check_command(folder: Path) -> str:
    """Return the command that looks at a folder.

    >>> check_command(Path("my growth"))
    "exp-jupyter check 'my growth'"
    """
    return f"exp-jupyter check {shlex.quote(str(folder))}"


def damaged(folder: Path, what: str) -> StoreDamagedError:
    """Return the error of a folder that does not hold what was written there."""
    return StoreDamagedError(
        f"The project in {str(folder)!r} is damaged: {what}.",
        hint=f"Put the folder back from a copy, or run {check_command(folder)}: it lists what is "
        "wrong, and repairs it with --repair.",
    )


def full(folder: Path, why: object) -> StoreFullError:
    """Return the error of a disk without room."""
    return StoreFullError(
        f"The disk of the project in {str(folder)!r} is full; nothing was written ({why}).",
        hint="Make room on the disk, then repeat.",
    )


def store_error(error: sqlite3.Error, folder: Path, doing: str) -> StoreError:
    """Return what to raise in the place of an error of SQLite.

    Parameters
    ----------
    error
        What SQLite raised.
    folder
        The project's folder.
    doing
        What could not be done: ``opened``, ``read``, ``written`` or ``repaired``.
    """
    # The low byte is the kind of error; the rest says where it came from.
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if kind in _FULL:
        return full(folder, error)
    if kind in _DAMAGED:
        return damaged(folder, f"its database cannot be read ({error})")
    if kind in _UNWRITABLE:
        hint = "Check the folder's permissions, and that its disk is there and can be written."
    elif kind in _BUSY:
        hint = "Try again; if it stays so, close the other programs that use this folder."
    elif kind == sqlite3.SQLITE_IOERR:
        hint = "Check the disk: the room left on it, its quota, and whether it works."
    else:
        hint = f"Try again; if it stays so, run {check_command(folder)}."
    return StoreError(f"The project in {str(folder)!r} cannot be {doing}: {error}.", hint=hint)
