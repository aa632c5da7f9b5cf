"""Arrays in a file that says whether it is whole: an archive of NumPy arrays and its digest.

What is read is what was written, or nothing: the digest is checked before any array is looked at.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_SEAL = b"exp_seal"  # then the SHA-256 of all before it
_LENGTH = len(_SEAL) + hashlib.sha256().digest_size
_CHUNK = 1 << 20
_ARCHIVE = b"PK\x03\x04"
_TOLD = "told"

_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,  # an encrypted archive, one packed in a way not known here, JSON too deep
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a file raises that is forged or something else."""


class NotWhole(ValueError):  # noqa: N818 - a state of a file, which the caller puts in words
    """A file does not hold what was written to it."""


class NoArrays(ValueError):  # noqa: N818
    """A file never held such arrays."""


def write_sealed(path: Path, told: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays and what JSON can hold to a file: the whole of it, or nothing.

    Parameters
    ----------
    path
        The file; what it held before is replaced in one step.
    told
        What JSON can hold.
    arrays
        By name.

    Raises
    ------
    OSError
        It cannot be written; what was there is still there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sums"
    ...     write_sealed(path, {"form": 1}, {"total": np.arange(3)})
    ...     told, arrays = read_sealed(path)
    >>> told, arrays["total"].tolist()
    ({'form': 1}, [0, 1, 2])
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with fresh.open("wb") as raw:
            members: dict[str, Any] = {_TOLD: np.array(json.dumps(told)), **arrays}
            np.savez(raw, **members)
        with fresh.open("r+b") as raw:
            digest = _digest(raw, fresh.stat().st_size)
            raw.write(_SEAL + digest)
            raw.flush()
            os.fsync(raw.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def read_sealed(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what `write_sealed` wrote.

    Raises
    ------
    NotWhole
        Something of it is missing or was changed.
    NoArrays
        It is some other file.
    OSError
        It cannot be read.
    """
    with path.open("rb") as raw:
        size = path.stat().st_size
        if raw.read(len(_ARCHIVE)) != _ARCHIVE:
            raise NoArrays
        if size < _LENGTH:
            raise NotWhole
        raw.seek(size - _LENGTH)
        seal = raw.read()
        raw.seek(0)
        if seal != _SEAL + _digest(raw, size - _LENGTH):
            raise NotWhole
        raw.seek(0)
        try:
            arrays = dict(_members(raw))
            told = json.loads(str(arrays.pop(_TOLD)))
        except _DAMAGE as error:
            raise NoArrays from error
        if not isinstance(told, dict):
            raise NoArrays
        return told, arrays


def told_of_unsealed(path: Path) -> dict[str, Any]:
    """Return what a file says of itself that has no seal, as older versions wrote it.

    Nothing is said where it cannot be read.
    """
    try:
        with path.open("rb") as raw:
            told = json.loads(str(dict(_members(raw, only=_TOLD))[_TOLD]))
    except (*_DAMAGE, OSError):
        return {}
    return told if isinstance(told, dict) else {}


def _digest(raw: IO[bytes], size: int) -> bytes:
    """Return the digest of the next bytes, and stay behind them."""
    found = hashlib.sha256()
    while size:
        chunk = raw.read(min(size, _CHUNK))
        if not chunk:
            raise NotWhole
        found.update(chunk)
        size -= len(chunk)
    return found.digest()


def _members(raw: IO[bytes], only: str | None = None) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the arrays of an archive by name; none takes more memory than its file has bytes."""
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if only is not None and name != only:
                continue
            if info.compress_type != zipfile.ZIP_STORED:
                raise ValueError(info.compress_type)
            with archive.open(info) as member:
                yield name, _array(member, info.file_size)


def _array(member: IO[bytes], size: int) -> NDArray[Any]:
    version = np.lib.format.read_magic(member)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, by_column, kind = read(member)
    if kind.hasobject or math.prod(shape) * kind.itemsize != size - member.tell():
        raise ValueError(shape)
    flat = np.frombuffer(bytearray(member.read()), dtype=kind)
    return flat.reshape(shape, order="F" if by_column else "C")
