"""One number per unit in a stream: what its events of a source amount to, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.warehouse.stream.event_batches import AFTER, BEFORE, EventBatch
from exp_jupyter.warehouse.stream.exposed_units import Units
from exp_jupyter.warehouse.stream.unit_arrays import Clock, Dense, Floats, Ints


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


@dataclass(frozen=True)
class Changes:
    """What a batch changes in a number per unit.

    Parameters
    ----------
    key
        The keys of units and days, in order, none twice; see ``EventBatch``.
    index
        The units' positions.
    day
        The days from which on the new values hold.
    old, new
        The values before and after.
    """

    key: Ints
    index: Ints
    day: Ints
    old: Floats
    new: Floats

    def at(self, key: Ints, index: Ints, now: Floats) -> tuple[Floats, Floats]:
        """Return the values before and after at any keys, ``now`` where nothing changes.

        Parameters
        ----------
        key, index
            Keys and their units.
        now
            What the units have after the batch.
        """
        if self.key.size == 0:
            return now, now
        after = self._known(np.searchsorted(self.key, key, side="right"), index, now)
        return self._known(np.searchsorted(self.key, key, side="left"), index, now), after

    def _known(self, place: Ints, index: Ints, now: Floats) -> Floats:
        """Return units' values between their changes ``place - 1`` and ``place``."""
        before, here = np.maximum(place - 1, 0), np.minimum(place, self.key.size - 1)
        later = np.where(self.index[here] == index, self.old[here], now)
        return np.where((place > 0) & (self.index[before] == index), self.new[before], later)


def starts_of(values: Ints) -> Ints:
    """Return where runs of equal values begin."""
    if not values.size:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))


def _running(first: NDArray[np.bool_], state: Floats, amounts: Floats, add: np.ufunc) -> Floats:
    """Return running totals that begin anew, from ``state``, where ``first`` says so.

    They are added up one by one, so that they do not depend on how days fall into batches.
    """
    rank = np.arange(first.size) - np.maximum.accumulate(np.where(first, np.arange(first.size), 0))
    new: Floats = add(state, amounts)  # right for the first of each, and replaced for the others
    later = np.flatnonzero(rank)
    if not later.size:
        return new
    order = later[np.argsort(rank[later].astype(np.uint16), kind="stable")]
    bounds = np.searchsorted(rank[order], np.arange(1, int(rank.max()) + 2))
    for i, j in pairwise(bounds):
        at = order[i:j]
        new[at] = add(new[at - 1], amounts[at])
    return new


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
            return _average(held, dense[f"{key} n"][index])
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

    def take(self, held: Held, events: EventBatch) -> Changes:
        """Take a batch in; return what it changes, with a window on the units' days of entry."""
        found: Changes | None = events.cache.get(self.key)
        if found is None:
            rows = events.rows(self.match) if self.window else events.rows(self.match, AFTER)
            if self.window:
                since = events.us[rows] - held.units.first[events.u[rows]]
                rows = rows[(since >= 0) & (since < self.window)]
            found = self._write(held, self.key, events, rows, daily=not self.window)
            events.cache[self.key] = found
        return found

    def take_before(self, held: Held, events: EventBatch) -> None:
        """Take the events before the exposures into the covariate."""
        if self.covariate not in events.cache:
            rows = events.rows(self.match, BEFORE)
            self._write(held, self.covariate, events, rows, daily=False)
            events.cache[self.covariate] = True

    def _write(
        self, held: Held, key: str, events: EventBatch, rows: Ints, *, daily: bool
    ) -> Changes:
        """Bring the arrays up to date, by days or all at once."""
        keys = events.key[rows]
        if not daily:
            keys = keys >> events.day_bits << events.day_bits
        starts = starts_of(keys)
        keys = keys[starts]
        index = keys >> events.day_bits
        day = events.day(keys) if daily else held.units.entry[index]
        counts = np.diff(starts, append=rows.size).astype(np.float64)
        amounts = self._amounts(events, rows, starts, counts)
        first = np.ones(index.size, dtype=bool)
        first[1:] = index[1:] != index[:-1]
        last = np.ones(index.size, dtype=bool)
        last[:-1] = first[1:]
        held_before = held.dense[key][index]
        add = _ADDS[self.math]
        totals = _running(first, held_before, amounts, add)
        held.dense.put(key, index[last], totals[last])
        before = np.where(first, held_before, np.concatenate(([0.0], totals[:-1]))[: index.size])
        if self.math == "sum":
            return Changes(keys, index, day, before, totals)
        if self.math == "avg":
            numbers = held.dense[f"{key} n"][index]
            running = _running(first, numbers, counts, np.add)
            held.dense.put(f"{key} n", index[last], running[last])
            less = np.where(first, numbers, np.concatenate(([0.0], running[:-1]))[: index.size])
            return Changes(keys, index, day, _average(before, less), _average(totals, running))
        return Changes(keys, index, day, np.where(np.isnan(before), 0.0, before), totals)

    def _amounts(self, events: EventBatch, rows: Ints, starts: Ints, counts: Floats) -> Floats:
        """Return what the events of each run amount to."""
        if self.column is None:
            return counts if self.math in ("sum", "avg") else np.ones(starts.size)
        if not starts.size:
            return np.zeros(0)
        values = events.columns[self.column][rows]
        if not events.ordered and self.math in ("sum", "avg"):
            # Sums must not depend on the order in which an engine happens to give the rows.
            values = values[np.lexsort((values, events.key[rows]))]
        amounts: Floats = _ADDS[self.math].reduceat(values, starts)
        return amounts


_ADDS = {"sum": np.add, "avg": np.add, "min": np.fmin, "max": np.fmax}


def _average(total: Floats, count: Floats) -> Floats:
    return np.where(count > 0, total, 0.0) / np.where(count > 0, count, 1.0)
