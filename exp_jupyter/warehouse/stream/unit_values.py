"""One number per unit in a stream: what its events of a source amount to, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.warehouse.stream.exposed_units import Units
from exp_jupyter.warehouse.stream.unit_arrays import Clock, Dense, Floats, Ints

BEFORE, AFTER = "before", "after"
"""The flags of rows before the unit's first exposure, and from it on within the window."""


@dataclass
class Slice:
    """The events of one day.

    Parameters
    ----------
    low, high
        The instants it spans, the first included.
    u, us, mask
        Per event the unit's position, the instant and the bits of what it matches.
    columns
        Values, by name.
    bits
        The bit of every match and flag, by name.
    """

    low: int
    high: int
    u: NDArray[np.int32]
    us: Ints
    mask: Ints
    columns: dict[str, Floats]
    bits: dict[str, int]
    kept: dict[str, tuple[Ints, Floats, Floats]] = field(default_factory=dict)

    def rows(self, *names: str) -> Ints:
        """Return the positions of the events with all of these bits."""
        bits = self.mask.dtype.type(sum(1 << self.bits[name] for name in names))
        return np.flatnonzero((self.mask & bits) == bits)

    def day(self, clock: Clock) -> int:
        """Return the day whose point is the first to see all of its events."""
        return int(clock.before(np.array([self.low]))[0])


@dataclass
class Held:
    """What the tallies share: units, their arrays, the calendar."""

    units: Units
    dense: Dense
    clock: Clock

    @cached_property
    def arrived(self) -> tuple[tuple[Ints, Ints, int], ...]:
        """Units, their cells and a sign: those that come into an arm, and those that leave it."""
        units, days = self.units, self.clock.number
        came = np.flatnonzero((units.entry < days) & (units.entry < units.leave))
        left = units.leavers[units.leave[units.leavers] < days]
        left = left[units.entry[left] < units.leave[left]]
        return (
            (came, units.variant[came] * days + units.entry[came], 1),
            (left, units.variant[left] * days + units.leave[left], -1),
        )


def _added(index: NDArray[np.int32], weights: Floats | None, size: int) -> tuple[Ints, Floats]:
    """Return the units that occur and the sums of their weights, or how often they occur."""
    if index.size * 64 < size:
        order = np.argsort(index, kind="stable")
        found = index[order]
        starts = np.flatnonzero(np.r_[True, found[1:] != found[:-1]]) if found.size else order
        if weights is None:
            sums = np.diff(np.r_[starts, found.size]).astype(np.float64)
        else:
            sums = np.add.reduceat(weights[order], starts) if found.size else np.zeros(0)
        return found[starts].astype(np.int64), sums
    totals = np.bincount(index, weights=weights, minlength=size)
    touched = np.flatnonzero(totals != 0)  # truth values are found several times as fast
    return touched, totals[touched].astype(np.float64, copy=False)


def _extreme(index: NDArray[np.int32], values: Floats, *, largest: bool) -> tuple[Ints, Floats]:
    order = np.argsort(index, kind="stable")
    found = index[order]
    starts = np.flatnonzero(np.r_[True, found[1:] != found[:-1]]) if found.size else order
    reduce = np.maximum if largest else np.minimum
    held = reduce.reduceat(values[order], starts) if found.size else np.zeros(0)
    return found[starts].astype(np.int64), held


@dataclass(frozen=True)
class Value:
    """One number per unit: what its events of a source amount to so far.

    Parameters
    ----------
    match
        The bit of the events.
    column
        Their values, or None for ones.
    math
        ``sum``, ``avg``, ``min`` or ``max``.
    window
        The conversion window in microseconds, 0 for none.
    """

    match: str
    column: str | None
    math: str
    window: int

    @property
    def key(self) -> str:
        """A name under which its arrays are kept."""
        return f"{self.match} {self.column} {self.math} {self.window}"

    @property
    def covariate(self) -> str:
        """The name of the same value before the exposure, whatever the window."""
        return f"{self.match} {self.column} {self.math} {BEFORE}"

    def now(self, dense: Dense, key: str, index: Ints | slice) -> Floats:
        """Return the value of units."""
        held: Floats = dense[key][index]
        if self.math == "avg":
            count: Floats = dense[f"{key} n"][index]
            return np.where(count > 0, held, 0.0) / np.where(count > 0, count, 1.0)
        if self.math == "sum":
            return held
        return np.where(np.isnan(held), 0.0, held)

    def prepare(self, dense: Dense, key: str) -> None:
        """Add the arrays."""
        dense.array(key, np.nan if self.math in ("min", "max") else 0.0)
        if self.math == "avg":
            dense.array(f"{key} n", 0.0)

    def forget(self, dense: Dense, index: Ints) -> None:
        """Set the covariates of units back to nothing."""
        for name in (self.covariate, f"{self.covariate} n"):
            if name in dense.arrays:
                dense.put(name, index, dense.blanks[name])

    def take(self, held: Held, events: Slice) -> tuple[Ints, Floats, Floats]:
        """Take a slice in; return the units it concerns, their old values and their new ones."""
        if self.key not in events.kept:
            rows = events.rows(self.match, AFTER) if not self.window else events.rows(self.match)
            if self.window:
                since = events.us[rows] - held.units.first[events.u[rows]]
                rows = rows[(since >= 0) & (since < self.window)]
            events.kept[self.key] = self._write(held.dense, self.key, events, rows)
        return events.kept[self.key]

    def take_before(self, held: Held, events: Slice) -> None:
        """Take the events before the exposures into the covariate."""
        if self.covariate not in events.kept:
            rows = events.rows(self.match, BEFORE)
            events.kept[self.covariate] = self._write(held.dense, self.covariate, events, rows)

    def _write(
        self, dense: Dense, key: str, events: Slice, rows: Ints
    ) -> tuple[Ints, Floats, Floats]:
        index = events.u[rows]
        weights = None if self.column is None else events.columns[self.column][rows]
        if self.math in ("min", "max"):
            values = np.ones(index.size) if weights is None else weights
            touched, found = _extreme(index, values, largest=self.math == "max")
            old = self.now(dense, key, touched)
            pick = np.fmax if self.math == "max" else np.fmin
            dense.put(key, touched, pick(dense[key][touched], found))
            return touched, old, self.now(dense, key, touched)
        if self.math == "avg":
            touched, count = _added(index, None, dense.size)
            totals: Floats = count
            if weights is not None:
                whole = np.bincount(index, weights=weights, minlength=dense.size)
                totals = whole[touched].astype(np.float64)
            old = self.now(dense, key, touched)
            dense.put(f"{key} n", touched, dense[f"{key} n"][touched] + count)
            dense.put(key, touched, dense[key][touched] + totals)
            return touched, old, self.now(dense, key, touched)
        touched, added = _added(index, weights, dense.size)
        old = dense[key][touched]
        new = old + added
        dense.put(key, touched, new)
        return touched, old, new
