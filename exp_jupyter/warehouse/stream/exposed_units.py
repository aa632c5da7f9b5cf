"""Who is exposed in a stream: positions from 0 for ids, and when each unit met which variant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.warehouse.request.days import UNKNOWN
from exp_jupyter.warehouse.stream.unit_arrays import Clock, Ints


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
        self._ids = np.array([-1])
        self._levels: list[tuple[np.uint64, np.uint64, NDArray[np.int32]]] = []
        self._roomy = 0  # up to how many a probe is nearly always enough
        self.add(ids)

    def add(self, ids: Ints) -> None:
        """Append ids that are not in the list."""
        size = self._ids.size - 1
        self._ids = np.concatenate((self._ids[:-1], ids, [-1]))
        left = np.arange(size, size + ids.size, dtype=np.int32)
        if size + ids.size > self._roomy:
            self._levels, self._roomy = [], 2 * (size + ids.size)
            left = np.arange(size + ids.size, dtype=np.int32)
        for factor, shift, table in self._levels:
            left = _inserted(self._ids[left], left, factor, shift, table)
        factor = self._levels[-1][0] if self._levels else np.uint64(1)
        while left.size:
            factor = np.uint64((int(factor) * 0xBF58476D1CE4E5B9 ^ 0x9E3779B97F4A7C15) % (1 << 64))
            factor |= np.uint64(1)
            shift = np.uint64(64 - max(12, (4 * left.size).bit_length()))
            table = np.full(1 << (64 - int(shift)), -1, dtype=np.int32)
            self._levels.append((factor, shift, table))
            left = _inserted(self._ids[left], left, factor, shift, table)

    def of(self, ids: Ints) -> NDArray[np.int32]:
        """Return the position of every id, -1 where it is not in the list."""
        if not self._levels:
            return np.full(ids.size, -1, dtype=np.int32)
        (factor, shift, table), *later = self._levels
        found = table[_slots(ids, factor, shift)]
        wrong = self._ids[found.astype(np.int64)] != ids  # found by 64 bits, several times as fast
        rows = np.flatnonzero(wrong & (found >= 0))
        found[wrong] = -1
        for factor, shift, table in later:
            part = ids[rows]
            place = table[_slots(part, factor, shift)]
            hit = (self._ids[place] == part) & (place >= 0)
            found[rows[hit]] = place[hit]
            rows = rows[~hit & (place >= 0)]
        return found


def _inserted(
    ids: Ints,
    places: NDArray[np.int32],
    factor: np.uint64,
    shift: np.uint64,
    table: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Write places to the free slots of their ids, and return those that found none."""
    slots = _slots(ids, factor, shift)
    free = table[slots] < 0
    table[slots[free]] = places[free]
    lost: NDArray[np.int32] = places[table[slots] != places]
    return lost


def _slots(ids: Ints, factor: np.uint64, shift: np.uint64) -> NDArray[np.int64]:
    return ((ids.view(np.uint64) * factor) >> shift).view(np.int64)


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
        self._places: Places | None = None
        # Those whose variants and days are not worked out yet.
        self._changed: list[NDArray[Any]] = [np.arange(self.size)]
        self.leavers = np.zeros(0, np.int64)
        self.variant = self.first = self.second = self.entry = self.leave = self.leavers

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.seen.shape[0])

    @property
    def whole(self) -> bool:
        """Whether their ids are whole numbers."""
        return self.names.dtype.kind == "i"

    def of(self, names: NDArray[Any]) -> NDArray[np.int32]:
        """Return the position of every id, -1 where it is not known."""
        if self.whole:
            if self._places is None:
                self._places = Places(self.names)
            return self._places.of(names)
        order = np.argsort(self.names)
        found = np.searchsorted(self.names, names, sorter=order)
        found = order[np.minimum(found, order.size - 1)]
        return np.where(self.names[found] == names, found, -1).astype(np.int32)

    def merge(self, names: NDArray[Any], seen: Ints) -> None:
        """Add exposures; a unit known already keeps its position and its earlier instants."""
        size = self.size
        if not size:
            self.names, self.seen = names, seen
        else:
            at = self.of(names)
            known = at >= 0
            at = at[known]
            self._changed.append(at)
            self.seen[at] = np.minimum(self.seen[at], seen[known])
            self.names = np.concatenate((self.names, names[~known]))
            self.seen = np.concatenate((self.seen, seen[~known]))
        fresh = np.arange(size, self.size)
        self._changed.append(fresh)
        if self.active is not None:
            self.active = np.concatenate((self.active, np.full(fresh.size, UNKNOWN)))
        if self._places is not None:
            self._places.add(self.names[size:])

    @property
    def shown(self) -> Ints:
        """When each unit was first shown a variant."""
        first: Ints = self.seen.min(axis=1)
        return first

    def activate(self, index: Ints, us: Ints) -> None:
        """Note activations of units, none twice, at instants at which they were shown a variant."""
        if self.active is not None:
            self.active[index] = np.minimum(self.active[index], us)
            self._changed.append(index)

    def forget_from(self, instant: int) -> None:
        """Forget the exposures at ``instant`` or later; the units keep their positions."""
        flat = self.seen.reshape(-1)
        late = np.flatnonzero((flat >= instant) & (flat < UNKNOWN))
        flat[late] = UNKNOWN
        self._changed.append(late // self.seen.shape[1])
        if self.active is not None:
            late = np.flatnonzero((self.active >= instant) & (self.active < UNKNOWN))
            self.active[late] = UNKNOWN
            self._changed.append(late)

    def place(self, clock: Clock, *, exclude: bool) -> None:
        """Work out variants and the days of entry and exit of those that have changed."""
        changed = np.zeros(self.size, dtype=bool)
        for index in self._changed:
            changed[index] = True
        at = np.flatnonzero(changed)
        self._changed = []
        more = np.zeros(self.size - self.variant.size, np.int64)
        variant = np.zeros(at.size, np.int64)
        first, second = np.full((2, at.size), UNKNOWN)
        for i, us in enumerate(self.seen[at].T):
            sooner = us < first
            second = np.where(sooner, first, np.minimum(second, us))
            first = np.where(sooner, us, first)
            variant[sooner] = i
        if self.active is not None:
            first = self.active[at]
        if not exclude:
            second[:] = UNKNOWN
        entry, leave = (_day_known(clock, us) for us in (first, second))
        for name, values in (
            ("variant", variant),
            ("first", first),
            ("second", second),
            ("entry", entry),
            ("leave", leave),
        ):
            array = np.concatenate((getattr(self, name), more))
            array[at] = values
            setattr(self, name, array)
        self.leavers = np.flatnonzero(self.second < UNKNOWN)

    def leaving(self, low: int, high: int) -> Ints:
        """Return the units whose second variant appears from ``low`` to before ``high``."""
        when = self.second[self.leavers]
        return self.leavers[(when >= low) & (when < high)]


def _day_known(clock: Clock, us: Ints) -> Ints:
    """Return the day of every instant, and UNKNOWN for what has not happened."""
    days = np.full(us.size, UNKNOWN)
    known = np.flatnonzero(us < UNKNOWN)
    days[known] = clock.until(us[known])
    return days
