"""Events as an engine gives them, sorted by unit and day and cut into shards of units.

Sorting and cutting need nothing but the events, so parts of a slice are prepared side by side; the
shards that come out have no unit in common, so they are taken in side by side too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.warehouse.stream.exposed_units import Units
from exp_jupyter.warehouse.stream.unit_arrays import Clock, Floats, Ints

BEFORE, AFTER = "before", "after"
"""The flags of rows before the unit's first exposure, and from it on within the window."""

PART = 1 << 18
"""How many rows are sorted at a time: what fits a core's cache."""
SHARD = 1 << 15
"""How many events a shard should have at least, so that a call of NumPy is worth its while."""
SHARDS = 16
"""The most shards of a slice. They depend on the events alone: sums must not on the machine."""

_STEPS = 1024  # how finely units are told apart to cut them


@dataclass
class EventBatch:
    """Events between two instants, in the order of their units and days.

    Parameters
    ----------
    low, high
        The instants, the first included.
    key
        Per event its unit's position and its day; see ``u`` and ``day``.
    day_bits
        How many of the key's bits are the day's.
    us, mask
        Per event the instant and the bits of what it matches.
    columns
        Values, by name.
    bits
        The bit of every match and flag, by name.
    ordered
        Whether events of one unit and day stand in an order that no run changes.
    units
        The units it may speak of: from the first position to before the second.
    """

    low: int
    high: int
    key: Ints
    day_bits: int
    us: Ints
    mask: NDArray[Any]
    columns: dict[str, Floats]
    bits: dict[str, int]
    ordered: bool
    units: tuple[int, int]
    cache: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def u(self) -> Ints:
        """The positions of the events' units."""
        return self.key >> self.day_bits

    def day(self, key: Ints) -> Ints:
        """Return the first days whose points see the events of keys."""
        return key & ((1 << self.day_bits) - 1)

    def rows(self, *names: str) -> Ints:
        """Return the positions of the events with all of these bits."""
        bits = self.mask.dtype.type(sum(1 << self.bits[name] for name in names))
        return np.flatnonzero((self.mask & bits) == bits)


class BatchSorter:
    """Sorts rows into batches.

    Parameters
    ----------
    units
        Who is exposed.
    clock
        The days.
    lookback
        How long before its exposure a unit's events matter, in microseconds.
    bits
        The bit of every match and flag, by name.
    values
        The columns with values.
    ordered
        Whether the engine gives rows in an order that no run changes.
    """

    def __init__(
        self,
        units: Units,
        clock: Clock,
        lookback: int,
        bits: dict[str, int],
        values: Sequence[str],
        *,
        ordered: bool,
    ) -> None:
        self.units, self.clock, self.lookback = units, clock, lookback
        self.bits, self.values, self.ordered = bits, values, ordered
        self.day_bits = clock.number.bit_length()

    def batch(self, rows: Mapping[str, Any], low: int, high: int) -> EventBatch:
        """Return the events of exposed units that are not too long before the exposure."""
        u = rows["u"] if "u" in rows else self.units.of(rows["unit"])
        u = u.astype(np.int64)  # NumPy finds elements by 64 bits several times as fast
        us = rows["us"]
        since = us - self.units.first[u]
        early = since < 0
        late = ~early & (us < self.clock.stop)
        flags = early.view(np.int8) << self.bits[BEFORE] | late.view(np.int8) << self.bits[AFTER]
        kept = np.flatnonzero((u >= 0) & (since >= -self.lookback))
        key = u[kept] << self.day_bits | self.clock.before_each(us)[kept]
        key, order = _sorted(key)
        order = kept[order]
        return EventBatch(
            low,
            high,
            key,
            self.day_bits,
            us[order],
            (rows["mask"] | flags)[order],
            {name: rows[name][order] for name in self.values},
            self.bits,
            self.ordered,
            (0, self.units.size),
        )


def _sorted(key: Ints) -> tuple[Ints, Ints]:
    """Return keys in order, and where each was; equal ones stay in theirs."""
    bits = int(key.size).bit_length()
    if key.size and int(key.max()).bit_length() + bits > 63:
        order = np.argsort(key, kind="stable")
        return key[order], order
    # Numbers alone are sorted several times as fast as positions are.
    packed = key << bits | np.arange(key.size)
    packed.sort()
    return packed >> bits, packed & ((1 << bits) - 1)


def shards(parts: Sequence[EventBatch]) -> list[list[EventBatch]]:
    """Cut the parts of a slice by units, so that shards have about as many events each.

    Returns
    -------
    list of list of EventBatch
        By shard, what the parts have of it; ``merged`` makes one batch of it.
    """
    total = sum(part.key.size for part in parts)
    number = min(SHARDS, max(1, total // SHARD))
    shift = parts[0].day_bits
    first, last = parts[0].units
    # Counted rather than drawn, so that the order of the events has no part in it.
    places = np.unique(np.linspace(first, last, _STEPS + 1).astype(np.int64))
    before = np.sum([np.searchsorted(part.key, places << shift) for part in parts], axis=0)
    inner = places[np.searchsorted(before, np.arange(1, number) * (total // number))]
    edges = np.array([first, *np.unique(inner[(inner > first) & (inner < last)]), last])
    cut: list[list[EventBatch]] = [[] for _ in range(edges.size - 1)]
    for part in parts:
        bounds = np.searchsorted(part.key, edges << shift)
        for shard, (i, j) in enumerate(pairwise(bounds)):
            units = int(edges[shard]), int(edges[shard + 1])
            cut[shard].append(_piece(part, slice(int(i), int(j)), units))
    return cut


def merged(parts: Sequence[EventBatch]) -> EventBatch:
    """Return one batch of several of the same units, those of earlier ones first."""
    first = parts[0]
    if len(parts) == 1:
        return first
    key, order = _sorted(np.concatenate([part.key for part in parts]))

    def joined(columns: list[Any]) -> Any:
        return np.concatenate(columns)[order]

    return EventBatch(
        first.low,
        first.high,
        key,
        first.day_bits,
        joined([part.us for part in parts]),
        joined([part.mask for part in parts]),
        {name: joined([part.columns[name] for part in parts]) for name in first.columns},
        first.bits,
        first.ordered,
        first.units,
    )


def _piece(part: EventBatch, where: slice, units: tuple[int, int]) -> EventBatch:
    return EventBatch(
        part.low,
        part.high,
        part.key[where],
        part.day_bits,
        part.us[where],
        part.mask[where],
        {name: column[where] for name, column in part.columns.items()},
        part.bits,
        part.ordered,
        units,
    )
