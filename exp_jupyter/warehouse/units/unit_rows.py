"""The units of a table one by one, for what sums cannot answer: regressions and clusters."""

# ruff: noqa: S608 - names are quoted; no value is written into a statement
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sources.open_units import UnitSource, quoted
from exp_jupyter.warehouse.units.sums import Missing, UnitValue, as_number, key_of, value_parts

Floats = NDArray[np.float64]
Labels = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class UnitRows:
    """Every unit of a table, in an order that the data alone decides.

    Parameters
    ----------
    variant
        The variant of each unit.
    labels
        What columns of names hold for each unit, by column; None where a value is missing.
    covariates
        What columns of numbers hold for each unit, by column; NaN where a value is missing.
    values, denominators
        Per metric, each unit's value (of a ratio the numerator) and its denominator, or None
        without one; NaN where the unit does not count.
    """

    variant: Labels
    labels: dict[str, Labels]
    covariates: dict[str, Floats]
    values: list[Floats]
    denominators: list[Floats | None]


def unit_rows(
    source: UnitSource,
    metrics: Sequence[UnitValue],
    *,
    variant: str,
    labels: Sequence[str] = (),
    covariates: Sequence[str] = (),
    missing: Missing = "refuse",
) -> UnitRows:
    """Return the units, one row each.

    Parameters
    ----------
    source
        The table.
    metrics
        The metrics' columns, and the bounds their values are clamped to.
    variant
        The column of the variant.
    labels, covariates
        Columns of names (strata, clusters, segments) and of numbers.
    missing
        ``zero`` counts a missing value as 0.

    Raises
    ------
    exp_jupyter.errors.InputError
        A number is infinite.

    Examples
    --------
    >>> from exp_jupyter.warehouse.sources.open_units import unit_source
    >>> table = unit_source({"variant": ["a", "b"], "paid": [3.0, 2.0], "store": ["x", "y"]})
    >>> found = unit_rows(table, [UnitValue("paid")], variant="variant", labels=["store"])
    >>> found.values[0], found.labels["store"].tolist()
    (array([3., 2.]), ['x', 'y'])
    """
    names = list(dict.fromkeys(labels))
    columns = [f"{quoted(name)} AS l{i}" for i, name in enumerate([variant, *names])]
    numbers = [as_number(source, name) for name in covariates]
    about = [*covariates]
    for value in metrics:
        parts = value_parts(source, value, missing)
        numbers += [parts["a"], parts.get("b", "NULL")]
        about += [value.column, value.denominator or ""]
    columns += [f"{sql} AS n{i}" for i, sql in enumerate(numbers)]
    rows = source.rows(f"SELECT {', '.join(columns)} FROM {source.relation}")
    width = len(names) + 1
    read = list(zip(*rows, strict=True)) or [()] * (width + len(numbers))
    named = [_labels(column) for column in read[:width]]
    amounts = [np.array(column, dtype=np.float64) for column in read[width:]]
    for name, column in zip(about, amounts, strict=True):
        if np.isinf(column).any():
            raise InputError(
                f"Column {name!r} holds values that are not finite.",
                hint="Replace infinite values.",
            )
    # Another engine may return rows in any order; a seed has to mean the same for each.
    texts = [[label or "" for label in column] for column in named]
    ranks = [np.unique(text, return_inverse=True)[1] for text in texts]
    order = np.lexsort([*reversed(amounts), *reversed(ranks)])
    amounts = [column[order] for column in amounts]
    known, metric_columns = amounts[: len(covariates)], amounts[len(covariates) :]
    return UnitRows(
        variant=named[0][order],
        labels={name: column[order] for name, column in zip(names, named[1:], strict=True)},
        covariates=dict(zip(covariates, known, strict=True)),
        values=metric_columns[::2],
        denominators=[
            column if value.denominator else None
            for value, column in zip(metrics, metric_columns[1::2], strict=True)
        ],
    )


def _labels(column: Sequence[Any]) -> Labels:
    keys: dict[Any, str | None] = {}
    found = np.empty(len(column), dtype=np.object_)
    for place, value in enumerate(column):
        if value not in keys:
            keys[value] = key_of(value)
        found[place] = keys[value]
    return found
