"""Metrics of a stream: what each keeps per unit, and what a slice of events changes in its sums.

Any state per unit works, because only ``f(new) - f(old)`` is summed. A tally adds these changes to
its cells; when a unit leaves its arm, what the tally holds of it is taken out again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.schema.metrics.metric import SECONDS, RetentionMetric
from exp_jupyter.warehouse.request.days import DAY, HOUR, UNKNOWN
from exp_jupyter.warehouse.stream.event_batches import AFTER, EventBatch
from exp_jupyter.warehouse.stream.unit_arrays import Cells, Clock, Dense, Floats, Ints
from exp_jupyter.warehouse.stream.unit_values import Changes, Held, Value, starts_of


class Tally(ABC):
    """One metric's sums."""

    names: tuple[str, ...]

    def __init__(self, window: int, covariate: Value | None, ripe: int | None) -> None:
        self.window = window
        self.covariate = covariate
        self.ripe = ripe  # the latest first exposure whose window is over, where that matters

    def prepare(self, dense: Dense) -> None:
        """Add the arrays."""
        if self.covariate is not None:
            self.covariate.prepare(dense, self.covariate.covariate)

    @abstractmethod
    def take(self, held: Held, events: EventBatch, cells: Cells) -> None:
        """Take a batch in."""

    @abstractmethod
    def parts(self, held: Held, index: Ints) -> dict[str, Floats]:
        """Return what the sums hold of units."""

    def heaviest(self, held: Held, number: int) -> Floats | None:
        """Return, by variant, the largest square of a unit's deviation, and the sum of all.

        Parameters
        ----------
        held
            The units and their values, when everything has been taken in.
        number
            How many variants there are.
        """
        del held, number
        return None

    def _present(self, held: Held) -> Ints:
        """Return the units that are in an arm at the end."""
        units, days = held.units, held.clock.number
        return self._ripe(held, np.flatnonzero((units.entry < days) & (units.leave >= days)))

    def counted(self, held: Held, cells: Cells) -> None:
        """Add to finished cells what follows from who is exposed: units and covariates."""
        for index, place, sign in self._arrived(held):
            sums: dict[str, Floats | None] = {"n": None}
            if self.covariate is not None:
                x = self._x(held, index)
                sums |= {"x": x, "xx": x * x}
            cells.add_at(place, sums, sign)

    def _arrived(self, held: Held) -> Iterator[tuple[Ints, Ints, int]]:
        for index, place, sign in held.arrived:
            if self.ripe is None:
                yield index, place, sign
            else:
                ripe = held.units.first[index] <= self.ripe
                yield index[ripe], place[ripe], sign

    def leave(self, held: Held, gone: Ints, cells: Cells) -> None:
        """Take out units that leave in a slice, before the slice is taken in."""
        units = held.units
        gone = self._ripe(held, gone)
        cells.add(units.variant[gone], units.leave[gone], self.parts(held, gone), -1)

    def _ripe(self, held: Held, index: Ints) -> Ints:
        return index if self.ripe is None else index[held.units.first[index] <= self.ripe]

    def _x(self, held: Held, index: Ints) -> Floats:
        if self.covariate is None:
            return np.zeros(index.size)
        return self.covariate.now(held.dense, self.covariate.covariate, index)

    def _change(
        self,
        held: Held,
        events: EventBatch,
        cells: Cells,
        index: Ints,
        day: Ints,
        sums: dict[str, Floats],
    ) -> None:
        """Add changes of units; those that have left only to the days before they did."""
        units = held.units
        keep = np.ones(index.size, dtype=bool)
        if self.ripe is not None:
            keep = units.first[index] <= self.ripe
        gone = units.second[index] < events.high
        keep &= ~gone | (day < units.leave[index])
        if not keep.all():
            index, day, gone = index[keep], day[keep], gone[keep]
            sums = {name: amounts[keep] for name, amounts in sums.items()}
        cells.add(units.variant[index], day, sums)
        if gone.any():
            again = {name: amounts[gone] for name, amounts in sums.items()}
            cells.add(units.variant[index[gone]], units.leave[index[gone]], again, -1)


class MeanTally(Tally):
    """A mean: Σy, Σy², Σy³, Σxy."""

    names = ("s", "ss", "sss", "xy")

    def __init__(
        self,
        value: Value,
        threshold: float | None,
        covariate: Value | None,
        ripe: int | None,
    ) -> None:
        super().__init__(value.window, covariate, ripe)
        self.value = value
        self.threshold = threshold

    def prepare(self, dense: Dense) -> None:
        """Add the arrays."""
        super().prepare(dense)
        self.value.prepare(dense, self.value.key)

    def take(self, held: Held, events: EventBatch, cells: Cells) -> None:
        """Take a batch in."""
        if self.covariate is not None:
            self.covariate.take_before(held, events)
        changes = self.value.take(held, events)
        index, old, new = changes.index, self._y(changes.old), self._y(changes.new)
        sums = {
            "s": new - old,
            "ss": new * new - old * old,
            "sss": new * new * new - old * old * old,
        }
        if self.covariate is not None:
            sums["xy"] = (new - old) * self._x(held, index)
        self._change(held, events, cells, index, changes.day, sums)

    def parts(self, held: Held, index: Ints) -> dict[str, Floats]:
        """Return what the sums hold of units."""
        y = self._y(self.value.now(held.dense, self.value.key, index))
        return {"s": y, "ss": y * y, "sss": y * y * y, "xy": y * self._x(held, index)}

    def heaviest(self, held: Held, number: int) -> Floats | None:
        """Return, by variant, the largest square of a unit's deviation, and the sum of all."""
        if self.threshold is not None:
            return None
        index = self._present(held)
        y = self.value.now(held.dense, self.value.key, index)
        return _largest(held.units.variant[index], y, np.ones(index.size), number)

    def _y(self, y: Floats) -> Floats:
        return y if self.threshold is None else (y >= self.threshold).astype(np.float64)


class RatioTally(Tally):
    """A ratio: Σa, Σa², Σa³, Σb, Σb², Σab."""

    names = ("s", "ss", "sss", "b", "bb", "ab")

    def __init__(self, above: Value, below: Value, ripe: int | None) -> None:
        super().__init__(above.window, None, ripe)
        self.above, self.below = above, below

    def prepare(self, dense: Dense) -> None:
        """Add the arrays."""
        for value in (self.above, self.below):
            value.prepare(dense, value.key)

    def take(self, held: Held, events: EventBatch, cells: Cells) -> None:
        """Take a batch in."""
        above, below = (value.take(held, events) for value in (self.above, self.below))
        if np.array_equal(above.key, below.key):
            key, index, day = above.key, above.index, above.day
            old, new = (above.old, below.old), (above.new, below.new)
        else:
            key, index, day = _either(above, below)
            now = self._values(held, index)
            parts = [
                changes.at(key, index, value)
                for changes, value in zip((above, below), now, strict=True)
            ]
            old, new = zip(*parts, strict=True)
        was = _products(*old)
        sums = {name: amounts - was[name] for name, amounts in _products(*new).items()}
        self._change(held, events, cells, index, day, sums)

    def heaviest(self, held: Held, number: int) -> Floats | None:
        """Return, by variant, the largest square of a unit's deviation, and the sum of all."""
        index = self._present(held)
        parts = self.parts(held, index)
        return _largest(held.units.variant[index], parts["s"], parts["b"], number)

    def parts(self, held: Held, index: Ints) -> dict[str, Floats]:
        """Return what the sums hold of units."""
        return _products(*self._values(held, index))

    def _values(self, held: Held, index: Ints) -> list[Floats]:
        return [value.now(held.dense, value.key, index) for value in (self.above, self.below)]


def _products(a: Floats, b: Floats) -> dict[str, Floats]:
    return {"s": a, "ss": a * a, "sss": a * a * a, "b": b, "bb": b * b, "ab": a * b}


def _either(one: Changes, other: Changes) -> tuple[Ints, Ints, Ints]:
    """Return the keys, units and days on which either changes."""
    keys, first = np.unique(np.concatenate((one.key, other.key)), return_index=True)
    index = np.concatenate((one.index, other.index))[first]
    return keys, index, np.concatenate((one.day, other.day))[first]


def _firsts(u: Ints, us: Ints) -> tuple[Ints, Ints]:
    """Return the units that occur, in their order, and each one's earliest instant."""
    starts = starts_of(u)
    return u[starts], np.minimum.reduceat(us, starts) if starts.size else us


class FunnelTally(Tally):
    """An ordered funnel without a window: when a unit first did each step after the one before."""

    def __init__(self, name: str, steps: list[str], covariate: Value | None) -> None:
        super().__init__(0, covariate, None)
        self.steps = steps
        self.arrays = [f"{name} step {k}" for k in range(1, len(steps) + 1)]
        self.names = ("s", "ss", "sss", "xy", *(f"k{k}" for k in range(1, len(steps) + 1)))

    def prepare(self, dense: Dense) -> None:
        """Add the arrays."""
        super().prepare(dense)
        for name in self.arrays:
            dense.array(name, UNKNOWN)

    def take(self, held: Held, events: EventBatch, cells: Cells) -> None:
        """Take a batch in."""
        if self.covariate is not None:
            self.covariate.take_before(held, events)
        before = held.units.first
        for k, (step, name) in enumerate(zip(self.steps, self.arrays, strict=True), 1):
            rows = events.rows(step)
            reached = held.dense[name]
            u, us = events.u[rows], events.us[rows]
            fits = (us >= before[u]) & (reached[u] == UNKNOWN) & (us <= held.clock.stop)
            index, when = _firsts(u[fits], us[fits])
            if index.size:
                held.dense.put(name, index, when)
                ones = np.ones(index.size)
                sums = {f"k{k}": ones}
                if k == len(self.steps):
                    sums |= {"s": ones, "ss": ones, "sss": ones, "xy": self._x(held, index)}
                self._change(held, events, cells, index, held.clock.until(when), sums)
            before = reached

    def parts(self, held: Held, index: Ints) -> dict[str, Floats]:
        """Return what the sums hold of units."""
        reached = [(held.dense[name][index] < UNKNOWN).astype(np.float64) for name in self.arrays]
        done = reached[-1]
        sums = {f"k{k}": column for k, column in enumerate(reached, 1)}
        return sums | {"s": done, "ss": done, "sss": done, "xy": done * self._x(held, index)}


class RetentionTally(Tally):
    """Retention from the first start, or from the exposure: who came back in the window."""

    names = ("n", "s", "ss", "sss", "b", "bb", "ab")

    def __init__(
        self, name: str, metric: RetentionMetric, start: str | None, back: str, now: int | None
    ) -> None:
        super().__init__(0, None, None)
        self.metric = metric
        self.start, self.back = start, back
        self.began, self.returned = f"{name} start", f"{name} back"
        self.now = now  # the wall clock, where only those whose window is over count

    @cached_property
    def _reach(self) -> int:
        metric = self.metric
        return metric.retention_window_end * SECONDS[metric.retention_window_unit] * 1_000_000

    def prepare(self, dense: Dense) -> None:
        """Add the arrays."""
        if self.start is not None:
            dense.array(self.began, UNKNOWN)
        dense.array(self.returned, 0.0)

    def take(self, held: Held, events: EventBatch, cells: Cells) -> None:
        """Take a batch in."""
        if self.start is not None:
            rows = events.rows(self.start, AFTER)
            u = events.u[rows]
            fresh = held.dense[self.began][u] == UNKNOWN
            index, when = _firsts(u[fresh], events.us[rows][fresh])
            held.dense.put(self.began, index, when)
            started = _started(self._counts(held, index))
            self._change(held, events, cells, index, self._entered(held, index), started)
        began = self._began(held)
        rows = events.rows(self.back)
        u, us = events.u[rows], events.us[rows]
        since = began[u]
        fits = (us >= since) & (held.dense[self.returned][u] == 0)
        u, us, since = u[fits], us[fits], since[fits]
        fits = self._inside(held.clock, since, us) & (us - self._reach < held.clock.stop)
        index, when = _firsts(u[fits], us[fits])
        if not index.size:
            return
        held.dense.put(self.returned, index, 1.0)
        entered = self._entered(held, index)
        day = np.maximum(entered, held.clock.before(when - self._reach))
        y = self._counts(held, index)
        self._change(held, events, cells, index, day, {"s": y, "ss": y, "sss": y, "ab": y})

    def parts(self, held: Held, index: Ints) -> dict[str, Floats]:
        """Return what the sums hold of units."""
        ones = self._counts(held, index)
        y = held.dense[self.returned][index] * ones
        sums = {"s": y, "ss": y, "sss": y, "ab": y}
        if self.start is not None:
            sums |= _started(ones * (held.dense[self.began][index] < UNKNOWN))
        return sums

    def counted(self, held: Held, cells: Cells) -> None:
        """Add those whose exposure is the start; of the others the events have told."""
        for index, place, sign in self._arrived(held) if self.start is None else ():
            cells.add_at(place, _started(self._counts(held, index)), sign)

    def _began(self, held: Held) -> Ints:
        if self.start is None:
            return held.units.first
        began: Ints = held.dense[self.began]
        return began

    def _entered(self, held: Held, index: Ints) -> Ints:
        entry = held.units.entry[index]
        if self.start is None:
            return entry
        return np.maximum(entry, held.clock.before(held.dense[self.began][index]))

    def _counts(self, held: Held, index: Ints) -> Floats:
        if self.now is None:
            return np.ones(index.size)
        return (self._began(held)[index] <= self.now - self._reach).astype(np.float64)

    def _inside(self, clock: Clock, start: Ints, us: Ints) -> NDArray[np.bool_]:
        metric = self.metric
        unit = metric.retention_window_unit
        low, high = metric.retention_window_start, metric.retention_window_end
        if unit == "day":
            passed, step = clock.local(us) // DAY - clock.local(start) // DAY, 1
        elif unit == "hour":
            passed = _hour(clock, us) - _hour(clock, start)
            step = HOUR
        elif unit == "week":
            passed, step = clock.local(us) - clock.local(start), 7 * DAY
        else:
            passed, step = us - start, SECONDS[unit] * 1_000_000
        slack = {"day": DAY, "hour": HOUR}.get(unit, 0)
        inside: NDArray[np.bool_] = (passed >= low * step) & (passed <= high * step)
        return inside & (us <= start + self._reach + slack)


def _started(ones: Floats) -> dict[str, Floats]:
    return {"n": ones, "b": ones, "bb": ones}


def _hour(clock: Clock, us: Ints) -> Ints:
    """Return the instants at which the local hours of instants began."""
    return us - clock.local(us) % HOUR


def _largest(variant: Ints, above: Floats, below: Floats, number: int) -> Floats:
    """Return the largest square of a − R·b and the sum of all, R the ratio of the variant's sums.

    With ones below, R is the mean.
    """
    totals, counts = (
        np.bincount(variant, weights=part, minlength=number) for part in (above, below)
    )
    ratio = np.divide(totals, counts, out=np.zeros(number), where=counts != 0)
    squares = (above - ratio[variant] * below) ** 2
    most = np.zeros(number)
    np.maximum.at(most, variant, squares)
    return np.stack((most, np.bincount(variant, weights=squares, minlength=number)), axis=1)
