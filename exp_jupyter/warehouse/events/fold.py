"""Cells and unit changes folded into cumulative sums per variant and day."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.schema.metrics.metric import Outliers
from exp_jupyter.warehouse.events.statements import SUMS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = np.iinfo(np.int32).max
"""The exit day of a unit that stays."""


@dataclass(frozen=True)
class DailySums:
    """Cumulative sums of one metric.

    Parameters
    ----------
    names
        The sums: ``n``, ``s``, ``ss``, ``b``, ``bb``, ``ab``, ``x``, ``xx``, ``xy``, ``k1``….
    breakdowns
        The combinations of breakdown values; ``[()]`` without breakdowns.
    values
        Array of shape (breakdowns, variants, days, sums).
    heaviest
        By variant at the end: the largest square of one unit's deviation from the mean, and the sum
        of all; of a ratio R those of a − R·b. None where nobody has looked at single units.
    """

    names: tuple[str, ...]
    breakdowns: list[tuple[str | None, ...]]
    values: Floats
    heaviest: Floats | None = None

    def of(self, breakdown: int, variant: int, day: int) -> dict[str, float]:
        """Return the sums of one variant at the end of one day, by name."""
        return dict(zip(self.names, self.values[breakdown, variant, day].tolist(), strict=True))


def filled(column: Any, value: float) -> Any:
    """Return a result's column as a plain array, with ``value`` where it is NULL."""
    return column.filled(value) if isinstance(column, np.ma.MaskedArray) else column


def positions(
    rows: Mapping[str, Any], breakdowns: int
) -> tuple[list[tuple[str | None, ...]], Ints]:
    """Return the combinations of breakdown values of the rows, and each row's position in them."""
    size = len(rows["v"])
    if not breakdowns:
        return [()], np.zeros(size, dtype=np.int64)
    columns = []
    for i in range(breakdowns):
        column = rows[f"bd{i}"]
        mask = np.ma.getmaskarray(column)
        columns.append(
            [
                None if hidden else str(v)
                for v, hidden in zip(np.ma.getdata(column), mask, strict=True)
            ]
        )
    keys = list(zip(*columns, strict=True))
    known = sorted(set(keys), key=lambda key: [(part is None, part or "") for part in key])
    place = {key: i for i, key in enumerate(known)}
    return known, np.array([place[key] for key in keys], dtype=np.int64)


def fold_cells(
    rows: Mapping[str, Any],
    metric: int,
    *,
    variants: int,
    days: int,
    breakdowns: int,
    steps: int,
    exclude: bool,
) -> DailySums:
    """Fold one metric's cells.

    Parameters
    ----------
    rows
        The columns of ``cells_statement``.
    metric
        The metric's position in the request.
    variants, days, breakdowns, steps
        How many there are.
    exclude
        Whether units with several variants leave on the day of their second one; else their
        first variant keeps them.
    """
    names = (*SUMS, *(f"k{i}" for i in range(1, steps + 1)))
    known, place = positions(rows, breakdowns)
    chosen = np.asarray(rows["metric"]) == metric
    v = filled(rows["v"], 0).astype(np.int64)[chosen]
    day = filled(rows["day"], 0).astype(np.int64)[chosen]
    leave = filled(rows["exit_day"], NEVER).astype(np.int64)[chosen]
    place = place[chosen]
    amounts = np.stack(
        [filled(rows[f"o_{name}"], 0.0).astype(np.float64)[chosen] for name in names], axis=-1
    )
    values = np.zeros((len(known), variants, days, len(names)))
    if not exclude:
        np.add.at(values, (place, v, day), amounts)
    else:
        here = day < leave
        np.add.at(values, (place[here], v[here], day[here]), amounts[here])
        gone = here & (leave < days)
        np.add.at(values, (place[gone], v[gone], leave[gone]), -amounts[gone])
    return DailySums(names, known, np.cumsum(values, axis=2))


@dataclass(frozen=True)
class Clamp:
    """Bounds of a value as fractions of its pooled distribution; see ``Outliers``."""

    lower: float | None = None
    upper: float | None = None
    ignore_zeros: bool = False

    @classmethod
    def of(cls, bounds: Outliers | None) -> Clamp:
        """Read the bounds off a metric's definition."""
        if bounds is None:
            return cls()
        return cls(
            bounds.lower_bound_percentile, bounds.upper_bound_percentile, bool(bounds.ignore_zeros)
        )

    def applied(self, values: Floats) -> Floats:
        """Return the values clamped to elements ⌊level·k⌋ of the k sorted ones.

        ``ignore_zeros`` concerns the upper bound only. Without a non-zero value there is none.
        """
        if not values.size or (self.lower is None and self.upper is None):
            return values
        clamped = values
        if self.lower is not None:
            clamped = np.maximum(_element(values, self.lower), clamped)
        if self.upper is not None:
            pool = values[values != 0] if self.ignore_zeros else values
            if pool.size:
                clamped = np.minimum(clamped, _element(pool, self.upper))
        return clamped


def _element(values: Floats, level: float) -> float:
    index = min(math.floor(level * values.size), values.size - 1)
    return float(np.partition(values, index)[index])


def fold_units(
    rows: Mapping[str, Any],
    *,
    variants: int,
    days: int,
    breakdowns: int,
    exclude: bool,
    clamps: Sequence[Clamp],
) -> DailySums:
    """Fold a metric's unit changes, clamping every day's values to that day's own bounds.

    Parameters
    ----------
    rows
        The columns of ``units_statement``.
    variants, days, breakdowns, exclude
        As for ``fold_cells``.
    clamps
        The bounds of the value, and of the denominator.
    """
    known, place = positions(rows, breakdowns)
    u = np.asarray(rows["u"], dtype=np.int64)
    firsts = np.flatnonzero(np.r_[True, u[1:] != u[:-1]]) if u.size else np.zeros(0, np.int64)
    unit_of_row = np.cumsum(np.r_[0, (u[1:] != u[:-1]).astype(np.int64)]) if u.size else u
    v = filled(rows["v"], 0).astype(np.int64)[firsts]
    entry = filled(rows["d0"], 0).astype(np.int64)[firsts]
    leave = filled(rows["dm"], NEVER).astype(np.int64)[firsts]
    x = filled(rows["xv"], 0.0).astype(np.float64)[firsts]
    where = place[firsts]
    when = filled(rows["day"], -1).astype(np.int64)
    changes = {name: filled(rows[name], 0.0).astype(np.float64) for name in ("a", "b")}
    order = np.argsort(when, kind="stable")
    bounds = np.searchsorted(when[order], np.arange(days + 1))
    held = {name: np.zeros(firsts.size) for name in changes}
    values = np.zeros((len(known), variants, days, len(SUMS)))
    for day in range(days):
        changed = order[bounds[day] : bounds[day + 1]]
        for name, column in changes.items():
            held[name][unit_of_row[changed]] = column[changed]
        entered = entry <= day
        a, b = held["a"].copy(), held["b"].copy()
        for group in range(len(known)):
            pool = np.flatnonzero(entered & (where == group))
            # Units seen under several variants take part in the bounds even when they are left out.
            a[pool] = clamps[0].applied(a[pool])
            b[pool] = clamps[1].applied(b[pool])
        counted = np.flatnonzero(entered & (leave > day)) if exclude else np.flatnonzero(entered)
        ones = np.ones(counted.size)
        ya, yb, xs = a[counted], b[counted], x[counted]
        parts = [ones, ya, ya * ya, ya * ya * ya, yb, yb * yb, ya * yb, xs, xs * xs, xs * ya]
        target = where[counted] * variants + v[counted]
        for i, part in enumerate(parts):
            values[:, :, day, i] = np.bincount(
                target, weights=part, minlength=len(known) * variants
            ).reshape(len(known), variants)
    return DailySums(SUMS, known, values)
