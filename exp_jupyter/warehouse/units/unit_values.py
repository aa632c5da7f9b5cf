"""The units' own values of a table with one row a unit, for what sums cannot answer."""

# ruff: noqa: S608 - names are quoted; no value is written into a statement
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sources.open_units import UnitSource, quoted
from exp_jupyter.warehouse.units.sums import Missing, UnitValue, key_of, value_parts

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class UnitValues:
    """One metric's values of the units of one variant, in an order that the data alone decides.

    Parameters
    ----------
    values
        One value per unit that has one.
    denominator, covariate
        Its denominator and its covariate, in the same order; None where the metric has none. A
        unit without a covariate stands at the mean of all units.
    missing
        Units without a value.
    """

    values: Floats
    denominator: Floats | None = None
    covariate: Floats | None = None
    missing: int = 0


def unit_values(
    source: UnitSource, value: UnitValue, *, variant: str | None = None, missing: Missing = "refuse"
) -> dict[str, UnitValues]:
    """Return a metric's values per variant; without a variant's column under the name ``""``.

    Parameters
    ----------
    source
        The table.
    value
        The metric's columns, and the bounds its values are clamped to.
    variant
        The column of the variant; None takes all units together.
    missing
        ``zero`` counts a missing value as 0; otherwise its unit is left out.

    Raises
    ------
    exp_jupyter.errors.InputError
        A value is infinite.

    Examples
    --------
    >>> from exp_jupyter.warehouse.sources.open_units import unit_source
    >>> table = unit_source({"variant": ["a", "b", "a"], "spent": [3.0, 2.0, 1.0]})
    >>> unit_values(table, UnitValue("spent"), variant="variant")["a"].values
    array([1., 3.])
    """
    parts = value_parts(source, value, missing)
    selected = ", ".join(f"{sql} AS {part}" for part, sql in parts.items())
    by = "NULL" if variant is None else quoted(variant)
    rows = source.rows(f"SELECT {by} AS v, {selected} FROM {source.relation}")
    keys = np.array([key_of(row[0]) or "" for row in rows])
    columns = np.array([row[1:] for row in rows], dtype=np.float64).reshape(len(rows), len(parts))
    counted = ~np.isnan(columns[:, 0])
    if np.isinf(columns).any():
        names = " or ".join(repr(name) for name in value.columns)
        raise InputError(
            f"Column {names} holds values that are not finite.",
            hint="Replace infinite values.",
        )
    if "x" in parts:
        place = list(parts).index("x")
        known = columns[counted, place]
        known = known[~np.isnan(known)]
        stand = known.mean() if known.size else 0.0
        columns[:, place] = np.where(np.isnan(columns[:, place]), stand, columns[:, place])
    found = {}
    for key in sorted(set(keys.tolist())):
        own = keys == key
        chosen = columns[own & counted]
        # Another engine may return rows in any order; a seed has to mean the same for each.
        chosen = chosen[np.lexsort(chosen.T[::-1])]
        named = dict(zip(parts, chosen.T, strict=True))
        found[key] = UnitValues(
            named["a"], named.get("b"), named.get("x"), int((own & ~counted).sum())
        )
    return found
