"""Bounds of the values of a table with one row a unit: quantiles of all units' values together."""

# ruff: noqa: S608 - names are quoted; ranks and bounds are numbers
from __future__ import annotations

import math

from exp_jupyter.warehouse.sources.open_units import UnitSource
from exp_jupyter.warehouse.units.sums import Bounds, Missing, as_number


def quantile_bounds(
    source: UnitSource, column: str, levels: Bounds, missing: Missing = "refuse"
) -> Bounds:
    """Return the values at two levels of a column, over the units of every variant.

    The value at level q of k sorted values is the one at position ⌊q·k⌋, the last at level 1:
    always one of the values.

    Parameters
    ----------
    source
        The table.
    column
        A column of numbers.
    levels
        The lower and the upper level, fractions from 0 to 1; None leaves a side open.
    missing
        ``zero`` counts a missing value as 0; otherwise it has no rank.

    Examples
    --------
    >>> from exp_jupyter.warehouse.sources.open_units import unit_source
    >>> table = unit_source({"variant": ["a", "a", "b", "b"], "revenue": [0.0, 1.0, 2.0, 90.0]})
    >>> quantile_bounds(table, "revenue", (None, 0.5))
    (None, 2.0)
    """
    number = as_number(source, column)
    value = f"COALESCE({number}, 0.0)" if missing == "zero" else number
    values = f"(SELECT {value} AS y FROM {source.relation}) AS t WHERE y IS NOT NULL"
    ((k,),) = source.rows(f"SELECT COUNT(*) FROM {values}")
    if not k:
        return None, None
    ranks = [
        None if level is None else min(math.floor(level * int(k)), int(k) - 1) for level in levels
    ]
    wanted = ", ".join(str(rank) for rank in ranks if rank is not None)
    rows = source.rows(
        "SELECT place, y FROM (SELECT y, ROW_NUMBER() OVER (ORDER BY y) - 1 AS place "
        f"FROM {values}) AS r WHERE place IN ({wanted})"
    )
    found = {int(place): float(y) for place, y in rows}
    low, high = (None if rank is None else found[rank] for rank in ranks)
    return low, high


def clamped_units(
    source: UnitSource, column: str, bounds: Bounds, missing: Missing = "refuse"
) -> int:
    """Return how many units have a value outside of the bounds."""
    number = as_number(source, column)
    value = f"COALESCE({number}, 0.0)" if missing == "zero" else number
    tests = [
        f"y {sign} {bound!r}" for sign, bound in zip("<>", bounds, strict=True) if bound is not None
    ]
    ((n,),) = source.rows(
        f"SELECT COUNT(*) FROM (SELECT {value} AS y FROM {source.relation}) AS t "
        f"WHERE {' OR '.join(tests) or 'FALSE'}"
    )
    return int(n)
