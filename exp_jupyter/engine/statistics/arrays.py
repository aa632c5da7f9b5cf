"""One number or an array of them: the types of the engine and the steps in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError

Floats: TypeAlias = NDArray[np.float64]
"""What the engine computes with: an array, with no axis for a single number."""

Booleans: TypeAlias = NDArray[np.bool_]

Numbers: TypeAlias = float | Floats
"""What the engine takes and gives: a number for one comparison, an array for many."""

Flags: TypeAlias = bool | Booleans


def floats(value: object, name: str = "value") -> Floats:
    """Return ``value`` as an array of floats, without copying one that is that already.

    Raises
    ------
    exp_jupyter.errors.InputError
        ``value`` is not numeric.
    """
    if isinstance(value, float):
        return np.array(value, dtype=np.float64)
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return value
    try:
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            return array.astype(np.float64)
        if array.dtype.kind == "O" and not isinstance(value, Mapping):
            return _of_objects(array)
    except (TypeError, ValueError, OverflowError) as error:
        raise _not_numeric(name, value) from error
    raise _not_numeric(name, value)


def _of_objects(array: NDArray[Any]) -> Floats:
    """Return decimals, fractions, great integers and missing values as floats."""
    for each in array.flat:
        if isinstance(each, (str, bytes)):
            raise TypeError("text is no number")
    return array.astype(np.float64)


def _not_numeric(name: str, value: object) -> InputError:
    return InputError(
        f"{name} must be a number or an array of numbers, not {described(value)}",
        hint="Pass the sums of one arm, or arrays of them with one element per comparison.",
    )


def numbers(value: Floats) -> Numbers:
    """Return a plain float for an array with no axis, the array itself otherwise."""
    return float(value) if value.ndim == 0 else value


def flags(value: Booleans) -> Flags:
    """Return a plain bool for an array with no axis, the array itself otherwise."""
    return bool(value) if value.ndim == 0 else value


def element(array: NDArray[Any], index: Any) -> Any:
    """Return one element, or a part, of a comparison of arrays.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such element.
    """
    try:
        return array[index]
    except (IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"there is no element {described(index)} among comparisons of shape {array.shape}",
            hint="Elements are counted from 0; give one number for each axis.",
        ) from error


_BLOCK = 8192


def blockwise(function: Callable[..., Floats], *arrays: Floats) -> Floats:
    """Return an element-by-element function of arrays, worked out in blocks that fit a cache.

    A long formula over a hundred thousand elements spends most of its time fetching memory for
    its intermediate results; in blocks they stay where they are.
    """
    same = np.broadcast_arrays(*arrays)
    if same[0].size <= _BLOCK:
        return function(*same)
    (result,) = _in_blocks(lambda *parts: (function(*parts),), same, 1)
    return result


def blockwise_pair(
    function: Callable[..., tuple[Floats, Floats]], *arrays: Floats
) -> tuple[Floats, Floats]:
    """Return the two results of an element-by-element function, worked out in blocks likewise."""
    same = np.broadcast_arrays(*arrays)
    if same[0].size <= _BLOCK:
        return function(*same)
    first, second = _in_blocks(function, same, 2)
    return first, second


def _in_blocks(
    function: Callable[..., tuple[Floats, ...]], same: Sequence[Floats], results: int
) -> list[Floats]:
    shape, size = same[0].shape, same[0].size
    # A number that was broadcast stays one: copying it out would fetch memory for nothing.
    flat = [
        array.reshape(-1) if any(array.strides) else np.broadcast_to(array.flat[0], size)
        for array in same
    ]
    found = [np.empty(size) for _ in range(results)]
    for start in range(0, size, _BLOCK):
        part = slice(start, start + _BLOCK)
        for result, value in zip(found, function(*(array[part] for array in flat)), strict=True):
            result[part] = value
    return [result.reshape(shape) for result in found]
