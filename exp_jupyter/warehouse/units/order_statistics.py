"""Order statistics of a table with one row a unit, taken in the engine that holds it."""

# ruff: noqa: S608 - names are quoted; the ranks are whole numbers
from __future__ import annotations

from collections.abc import Collection, Sequence

from exp_jupyter.warehouse.sources.open_units import UnitSource, quoted
from exp_jupyter.warehouse.units.sums import Key, Missing, as_number, key_of


def order_statistics(
    source: UnitSource,
    column: str,
    ranks: Collection[int],
    *,
    variant: str,
    breakdown: Sequence[str] = (),
    missing: Missing = "refuse",
) -> dict[Key, dict[int, float]]:
    """Return the values at these ranks, 0 the smallest, within every variant and breakdown value.

    Parameters
    ----------
    source
        The table.
    column
        A column of numbers; missing values have no rank unless they count as 0.
    ranks
        The ranks wanted, the same in every cell; a cell has those it is large enough for.
    variant, breakdown, missing
        As for ``unit_sums``.

    Examples
    --------
    >>> from exp_jupyter.warehouse.sources.open_units import unit_source
    >>> table = unit_source({"variant": ["a", "a", "b"], "seconds": [3.0, 1.0, 2.0]})
    >>> order_statistics(table, "seconds", [0], variant="variant")[("a", ())]
    {0: 1.0}
    """
    value = as_number(source, column)
    value = f"COALESCE({value}, 0.0)" if missing == "zero" else value
    cells = ["v", *(f"g{i}" for i in range(len(breakdown)))]
    selected = [f"{quoted(variant)} AS v", f"{value} AS y"]
    selected += [f"{quoted(name)} AS g{i}" for i, name in enumerate(breakdown)]
    wanted = ", ".join(str(int(rank)) for rank in sorted(set(ranks))) or "-1"
    listed = ", ".join(cells)
    rows = source.rows(
        f"WITH exp_units AS (SELECT {', '.join(selected)} FROM {source.relation}), "
        f"exp_ranked AS (SELECT {listed}, y, "
        f"ROW_NUMBER() OVER (PARTITION BY {listed} ORDER BY y) - 1 AS place "
        "FROM exp_units WHERE y IS NOT NULL) "
        f"SELECT {listed}, place, y FROM exp_ranked WHERE place IN ({wanted})"
    )
    found: dict[Key, dict[int, float]] = {}
    for row in rows:
        key = (key_of(row[0]) or "", tuple(key_of(part) for part in row[1:-2]))
        found.setdefault(key, {})[int(row[-2])] = float(row[-1])
    return found


def interpolated(values: dict[int, float], n: int, level: float) -> float:
    """Return the quantile at ``level`` of n values from the two around it, as NumPy's default.

    Examples
    --------
    >>> interpolated({1: 2.0, 2: 4.0}, 4, 0.5)
    3.0
    """
    low, share = rank_below(n, level)
    left = values[low]
    right = values[min(low + 1, n - 1)]
    gap = right - left
    return left + gap * share if share < 0.5 else right - gap * (1 - share)


def rank_below(n: int, level: float) -> tuple[int, float]:
    """Return the rank at or below the quantile, and how far the quantile lies above it."""
    place = (n - 1) * level
    low = min(int(place), n - 1)
    return low, place - low
