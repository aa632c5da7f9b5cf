"""What a stream holds: its units and a number per unit, which can be taken back slice by slice.

Units have positions from 0. Arrays have one element per unit and grow when units appear. Every
write notes what it replaces, so that the last days can be undone when late events change them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.warehouse.days import Days, microseconds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNKNOWN = np.iinfo(np.int64).max
"""The instant of what has not happened, and the day on which nobody leaves."""


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

    def until(self, us: Ints) -> Ints:
        """Return the first day whose point sees an exposure at ``us`` (its end included)."""
        return np.searchsorted(self._ends, us, side="left")

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


class Places:
    """Where whole-number ids stand in a list: a hash table of arrays.

    A joining engine takes about five times as long: it copies what it joins, and here one probe
    in an array that fits a cache is nearly always enough.

    Examples
    --------
    >>> places = Places(np.array([50, 7, 1 << 59]))
    >>> places.of(np.array([7, 8, 1 << 59, 50, 7])).tolist()
    [1, -1, 2, 0, 1]
    """

    def __init__(self, ids: Ints) -> None:
        self._ids = np.append(ids, -1)
        self._levels: list[tuple[np.uint64, np.uint64, NDArray[np.int32]]] = []
        left = np.arange(ids.size, dtype=np.int32)
        factor = np.uint64(0x9E3779B97F4A7C15)
        while left.size:
            shift = np.uint64(64 - max(4, (4 * left.size).bit_length()))
            table = np.full(1 << (64 - int(shift)), -1, dtype=np.int32)
            slots = _slots(ids[left], factor, shift)
            table[slots] = left
            self._levels.append((factor, shift, table))
            left = left[table[slots] != left]
            factor = np.uint64((int(factor) * 0xBF58476D1CE4E5B9 | 1) % (1 << 64))

    def of(self, ids: Ints) -> NDArray[np.int32]:
        """Return the position of every id, -1 where it is not in the list."""
        if not self._levels:
            return np.full(ids.size, -1, dtype=np.int32)
        (factor, shift, table), *later = self._levels
        found = table[_slots(ids, factor, shift)]
        wrong = self._ids[found] != ids
        rows = np.flatnonzero(wrong & (found >= 0))
        found[wrong] = -1
        for factor, shift, table in later:
            part = ids[rows]
            place = table[_slots(part, factor, shift)]
            hit = (self._ids[place] == part) & (place >= 0)
            found[rows[hit]] = place[hit]
            rows = rows[~hit & (place >= 0)]
        return found


def _slots(ids: Ints, factor: np.uint64, shift: np.uint64) -> NDArray[np.int64]:
    return ((ids.view(np.uint64) * factor) >> shift).astype(np.int64)


@dataclass
class Units:
    """Who is exposed, and when to what.

    Parameters
    ----------
    names
        The units' ids as the engine has them, by position.
    seen
        When each unit was first shown each variant, of shape (units, variants), in microseconds.
    active
        When each unit was first active after that; None where being shown is being exposed.
    """

    names: NDArray[Any]
    seen: Ints
    active: Ints | None = None
    variant: Ints = field(init=False)
    first: Ints = field(init=False)
    second: Ints = field(init=False)
    entry: Ints = field(init=False)
    leave: Ints = field(init=False)
    leavers: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.leavers = np.zeros(0, np.int64)
        self.variant = self.first = self.second = np.zeros(0, np.int64)
        self.entry = self.leave = self.variant

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.seen.shape[0])

    def merge(self, names: NDArray[Any], seen: Ints) -> None:
        """Add exposures; a unit known already keeps its position and its earlier instants."""
        if not self.size:
            self.names, self.seen = names, seen.copy()
            self._grow()
            return
        order = np.argsort(self.names)
        found = np.searchsorted(self.names, names, sorter=order)
        found = order[np.minimum(found, order.size - 1)]
        known = self.names[found] == names
        at = found[known]
        self.seen[at] = np.minimum(self.seen[at], seen[known])
        self.names = np.concatenate((self.names, names[~known]))
        self.seen = np.concatenate((self.seen, seen[~known]))
        self._grow()

    def _grow(self) -> None:
        if self.active is not None:
            more = np.full(self.size - self.active.size, UNKNOWN)
            self.active = np.concatenate((self.active, more))

    @property
    def shown(self) -> Ints:
        """When each unit was first shown a variant."""
        first: Ints = self.seen.min(axis=1)
        return first

    def activate(self, index: Ints, us: Ints) -> None:
        """Note activations of units, none twice, at instants at which they were shown a variant."""
        if self.active is not None:
            self.active[index] = np.minimum(self.active[index], us)

    def forget_from(self, instant: int) -> None:
        """Forget the exposures at ``instant`` or later; the units keep their positions."""
        self.seen[self.seen >= instant] = UNKNOWN
        if self.active is not None:
            self.active[self.active >= instant] = UNKNOWN

    def place(self, clock: Clock, *, exclude: bool) -> None:
        """Work out variants and the days of entry and exit."""
        size = self.size
        ordered = np.sort(self.seen, axis=1)
        self.variant = np.argmin(self.seen, axis=1) if size else np.zeros(0, np.int64)
        self.first = ordered[:, 0] if self.active is None else self.active
        several = exclude and ordered.shape[1] > 1
        self.second = ordered[:, 1] if several else np.full(size, UNKNOWN)
        self.leavers = np.flatnonzero(self.second < UNKNOWN)
        self.entry, self.leave = (
            np.where(us == UNKNOWN, UNKNOWN, clock.until(us)) for us in (self.first, self.second)
        )

    def leaving(self, low: int, high: int) -> Ints:
        """Return the units whose second variant appears from ``low`` to before ``high``."""
        when = self.second[self.leavers]
        return self.leavers[(when >= low) & (when < high)]


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
        target = variant * self.days + day
        for name, amounts in sums.items():
            cell = self.values[name]
            cell += sign * np.bincount(target, weights=amounts, minlength=cell.size)

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
