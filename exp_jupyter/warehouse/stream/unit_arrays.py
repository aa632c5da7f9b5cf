"""What a stream holds: a number per unit, which can be taken back slice by slice, and its sums.

Arrays have one element per unit and grow when units appear. Every write notes what it replaces, so
that the last days can be undone when late events change them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.warehouse.request.days import Days, microseconds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Clock:
    """The days of instants, for arrays.

    Parameters
    ----------
    days
        The window.
    low, high
        The instants that occur, in microseconds.
    """

    def __init__(self, days: Days, low: int, high: int) -> None:
        self.number = len(days.dates)
        self.stop = days.stop_us
        self._ends = np.array([microseconds(days.end_of(day)) for day in days.dates])
        starts, offsets = zip(*days.offsets(low, high), strict=True)
        self._starts, self._offsets = np.array(starts[1:]), np.array(offsets)

    def before(self, us: Ints) -> Ints:
        """Return the first day whose point sees an event at ``us`` (strictly before its end)."""
        return np.searchsorted(self._ends, us, side="right")

    def before_each(self, us: Ints) -> Ints:
        """Return what ``before`` does, the faster where the instants stand in order of time."""
        if us.size < 64 or np.any(us[1:] < us[:-1]):
            return self.before(us)
        bounds = np.searchsorted(us, self._ends)
        return np.repeat(np.arange(self.number + 1), np.diff(bounds, prepend=0, append=us.size))

    def until(self, us: Ints) -> Ints:
        """Return the first day whose point sees an exposure at ``us`` (its end included)."""
        return np.searchsorted(self._ends, us, side="left")

    def day(self, us: Ints) -> Ints:
        """Return the local calendar day of instants in the window; midnight begins one."""
        return np.minimum(self.before(us), self.number - 1)

    def local(self, us: Ints) -> Ints:
        """Return the local time of instants, in microseconds."""
        found: Ints = us + self._offsets[np.searchsorted(self._starts, us, side="right")]
        return found


class Dense:
    """Named arrays with one element per unit, and what they held before.

    Examples
    --------
    >>> dense = Dense(3)
    >>> total = dense.array("total", 0.0)
    >>> dense.mark(100)
    >>> dense.put("total", np.array([1]), np.array([5.0]))
    >>> dense["total"].tolist()
    [0.0, 5.0, 0.0]
    >>> dense.back_to(100)
    >>> dense["total"].tolist()
    [0.0, 0.0, 0.0]
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.arrays: dict[str, NDArray[Any]] = {}
        self.blanks: dict[str, float] = {}
        self.notes: list[tuple[int, list[tuple[str, Ints, NDArray[Any]]]]] = []

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def array(self, name: str, blank: float) -> NDArray[Any]:
        """Add an array that holds ``blank`` everywhere, unless there is one of that name."""
        if name not in self.arrays:
            self.arrays[name] = np.full(self.size, blank)
            self.blanks[name] = blank
        return self.arrays[name]

    def grow(self, size: int) -> None:
        """Make room for new units."""
        for name, old in self.arrays.items():
            more = np.full(size - self.size, self.blanks[name], dtype=old.dtype)
            self.arrays[name] = np.concatenate((old, more))
        self.size = size

    def put(self, name: str, index: Ints, values: Any) -> None:
        """Write elements, noting what they replace once there is a mark."""
        array = self.arrays[name]
        if self.notes:
            self.notes[-1][1].append((name, index.astype(np.int32), array[index]))
        array[index] = values

    def mark(self, instant: int) -> None:
        """Begin a slice: from here on writes can be taken back to ``instant``."""
        self.notes.append((instant, []))

    def back_to(self, instant: int) -> None:
        """Take back every slice that began at ``instant`` or later."""
        while self.notes and self.notes[-1][0] >= instant:
            for name, index, old in reversed(self.notes.pop()[1]):
                self.arrays[name][index] = old

    def forget_before(self, instant: int) -> None:
        """Keep no notes of slices that began before ``instant``."""
        self.notes = [note for note in self.notes if note[0] >= instant]


@dataclass
class Cells:
    """A metric's changes per variant and day, of shape (variants × days,) for every sum."""

    names: Sequence[str]
    variants: int
    days: int
    values: dict[str, Floats] = field(init=False)

    def __post_init__(self) -> None:
        self.values = {name: np.zeros(self.variants * self.days) for name in self.names}

    def add(self, variant: Ints, day: Ints, sums: Mapping[str, Floats], sign: int = 1) -> None:
        """Add amounts to the cells of variants and days."""
        self.add_at(variant * self.days + day, sums, sign)

    def add_at(self, place: Ints, sums: Mapping[str, Floats | None], sign: int = 1) -> None:
        """Add amounts, None for ones, to cells by their position in the arrays."""
        found: dict[int, Any] = {}  # an array may stand for several sums
        for name, amounts in sums.items():
            cell = self.values[name]
            if id(amounts) not in found:
                found[id(amounts)] = np.bincount(place, weights=amounts, minlength=cell.size)
            cell += sign * found[id(amounts)]

    def add_all(self, other: Cells) -> None:
        """Add another's sums."""
        for name, flat in other.values.items():
            self.values[name] += flat

    def copied(self) -> dict[str, Floats]:
        """Return a copy of the sums."""
        return {name: flat.copy() for name, flat in self.values.items()}

    def restore(self, values: Mapping[str, Floats]) -> None:
        """Set the sums to copied ones, which may know fewer days."""
        for name, flat in values.items():
            old = flat.reshape(self.variants, -1)
            wide = np.zeros((self.variants, self.days))
            wide[:, : min(self.days, old.shape[1])] = old[:, : self.days]
            self.values[name] = wide.ravel()
