"""Whatever nobody has described: its class, and its fields in a plain table."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from exp_jupyter.display.content import numbers
from exp_jupyter.display.content.blocks import (
    Block,
    Cell,
    Column,
    Description,
    Figure,
    Heading,
    Row,
    Sentence,
    Table,
    Text,
    fields,
)

_MOST_ROWS, _MOST_COLUMNS = 50, 6
_LONGEST = 120


def any_object(subject: Any) -> Description:
    """Describe an object by what it tells about itself."""
    name = type(subject).__name__
    title = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    told = _told(subject)
    blocks: list[Block] = [Heading(title)]
    rows = told.get("results")
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        blocks.append(_rows(title, rows) if rows else Sentence("Nothing is in this list."))
    elif told:
        blocks.append(fields("Fields", {_label(key): cell(value) for key, value in told.items()}))
    else:
        blocks.append(Sentence("It has no fields to show."))
    kind = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return Description(kind or "object", title, tuple(blocks))


def _told(subject: Any) -> dict[str, Any]:
    if hasattr(subject, "to_dict"):
        told = subject.to_dict()
        if isinstance(told, dict):
            return told
        return {"results": told} if isinstance(told, list) else {"value": told}
    if isinstance(subject, dict):
        return {str(key): value for key, value in subject.items()}
    return {key: value for key, value in vars(subject).items() if not key.startswith("_")}


def _label(key: str) -> str:
    return str(key).replace("_", " ")


def cell(value: Any) -> Cell:
    """Return a cell for a JSON-like value."""
    match value:
        case None:
            return Text(numbers.MISSING, quiet=True)
        case bool():
            return Text("yes" if value else "no")
        case int() | float():
            return Figure(value, numbers.number(value, 6))
        case datetime():
            return Text(numbers.moment(value))
        case date():
            return Text(value.isoformat())
        case list() | tuple():
            return Text(_short(", ".join(cell(item).text for item in value)))
        case dict():
            return Text(_short(", ".join(f"{key}: {cell(v).text}" for key, v in value.items())))
        case _:
            return Text(_short(str(value)))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _rows(title: str, rows: list[dict[str, Any]]) -> Table:
    names = list(dict.fromkeys(key for row in rows for key in row))[:_MOST_COLUMNS]
    numeric = {name: all(isinstance(row.get(name), (int, float)) for row in rows) for name in names}
    columns = tuple(
        Column(_label(name), "right" if numeric[name] else "left", (name,)) for name in names
    )
    shown = tuple(Row(tuple(cell(row.get(n)) for n in names)) for row in rows[:_MOST_ROWS])
    note = f", the first {_MOST_ROWS} of {len(rows)}" if len(rows) > _MOST_ROWS else ""
    return Table(f"{title}{note}", columns, shown)
