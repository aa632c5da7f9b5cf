"""A page's rows as a pandas DataFrame: tidy columns of numbers, not of written numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exp_jupyter.display.content.blocks import Description, Table, walk
from exp_jupyter.shown import plain

if TYPE_CHECKING:
    import pandas as pd


def rows(table: Table) -> list[dict[str, Any]]:
    """Return a table's rows as dictionaries of the values behind its cells."""
    found = []
    for row in table.rows:
        values: dict[str, Any] = {}
        for column, cell in zip(table.columns, row.cells, strict=True):
            behind = cell.values if len(cell.values) == len(column.names) else None
            for place, name in enumerate(column.names):
                values[name] = behind[place] if behind else None
        found.append(values)
    return found


def packed(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows for a front end: each name once, instead of beside every value.

    Examples
    --------
    >>> packed([{"n": 1, "value": 0.5}, {"n": 2, "value": None}])
    {'columns': ['n', 'value'], 'rows': [[1, 0.5], [2, None]]}
    """
    columns = list(records[0]) if records else []
    return {
        "columns": columns,
        "rows": [[plain(record.get(name)) for name in columns] for record in records],
    }


def records(description: Description) -> list[dict[str, Any]]:
    """Return the rows of the data frame: the description's own, else its first table's."""
    if description.records is not None:
        return description.records()
    tables = [block for block in walk(description.blocks) if isinstance(block, Table)]
    # A table under headings says more than a list of fields.
    tables.sort(key=lambda table: not table.headed)
    return rows(tables[0]) if tables else []


def render(description: Description) -> pd.DataFrame:
    """Return the rows as a DataFrame; empty when there are none."""
    import pandas as pd

    return pd.DataFrame.from_records(records(description))
