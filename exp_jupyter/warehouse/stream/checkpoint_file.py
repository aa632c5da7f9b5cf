"""Arrays that mostly hold one value, written as what differs from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def packed(name: str, array: NDArray[Any], blank: float) -> dict[str, NDArray[Any]]:
    """Return what holds an array, by names that begin with its own, in few bytes.

    Parameters
    ----------
    name
        The array's name.
    array
        Of any shape; fewer than 2³¹ elements.
    blank
        The value that most of them are expected to have.

    Examples
    --------
    >>> held = packed("total", np.array([0.0, 0.0, 7.5, 0.0]), 0.0)
    >>> sorted(held)
    ['total at', 'total is']
    >>> unpacked(held, "total", (4,), 0.0, float)
    array([0. , 0. , 7.5, 0. ])
    """
    flat = array.reshape(-1)
    at = np.flatnonzero(flat != blank).astype(np.int32)
    if at.size * (at.itemsize + array.itemsize) >= array.nbytes:
        return {name: array}
    return {f"{name} at": at, f"{name} is": flat[at]}


def unpacked(
    held: Mapping[str, NDArray[Any]],
    name: str,
    shape: tuple[int, ...],
    blank: float,
    kind: DTypeLike,
) -> NDArray[Any]:
    """Return the array that ``packed`` took.

    Raises
    ------
    KeyError
        It is not there.
    ValueError
        It has another shape or type, or places outside it.
    """
    if name in held:
        array = held[name]
    else:
        at, values = held[f"{name} at"], held[f"{name} is"]
        array = np.full(shape, blank, dtype=kind)
        if at.dtype != np.int32 or at.shape != values.shape or values.dtype != array.dtype:
            raise ValueError(name)
        if at.size and (at.min() < 0 or at.max() >= array.size):
            raise ValueError(name)
        array.reshape(-1)[at] = values
    if array.shape != shape or array.dtype != np.dtype(kind):
        raise ValueError(name)
    return array
