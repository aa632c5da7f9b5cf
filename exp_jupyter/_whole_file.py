"""A file that is replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from exp_jupyter.errors import StoreError, StoreFullError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_whole(path: Path, content: bytes, *, what: str, new: bool = False) -> None:
    """Write a file, so that there is a whole one at any instant, the old one or the new one.

    Parameters
    ----------
    path
        The file.
    content
        Its bytes.
    what
        What the file is, for the message of an error: ``report``.
    new
        Whether the file must not be there yet.

    Raises
    ------
    exp_jupyter.errors.StoreFullError
        The disk has no room for it; what was there is still there.
    exp_jupyter.errors.StoreError
        The file cannot be written, or is there although it must not be.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "report.md")
    >>> write_whole(path, b"# Report", what="report")
    >>> path.read_bytes()
    b'# Report'
    >>> folder.cleanup()
    """
    beside = path if new else path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}")
    try:
        # Not tempfile's: what is handed on must be readable by whom the umask lets read it.
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            if not new:
                beside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except FileExistsError as error:
        raise StoreError(
            f"{str(path)!r} is there already; it was left as it is.", hint="Name another file."
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFullError(
                f"The {what} {str(path)!r} was not written: the disk has no room for it.",
                hint="Make room on the disk, or name a file on another one, then repeat.",
            ) from error
        raise StoreError(
            f"The {what} {str(path)!r} cannot be written: {error.strerror}.",
            hint="Name a file in a folder that exists and that you may write to.",
        ) from error


_BINARY = getattr(os, "O_BINARY", 0)
"""Windows alone would write other line ends."""
