"""What people have their data in: frames, files, and tables behind a connection."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exp_jupyter.errors import InputError

FILES = (".parquet", ".pq", ".csv", ".csv.gz", ".tsv")
"""How the names of files end that are read."""


def relation_of(table: str) -> str:
    """Return a table's name, or a ``SELECT`` in parentheses, as what may stand after ``FROM``."""
    text = table.strip().rstrip(";")
    if text.split(None, 1)[0].lower() in ("select", "with", "from"):
        return f"({text})"
    return text


def named_table(source: Any, table: str | None, example: str) -> str:
    """Return the table of a connection as what may stand after ``FROM``.

    Raises
    ------
    exp_jupyter.errors.InputError
        No table was named.
    """
    if not table or not table.strip():
        raise InputError(
            f"A {type(source).__name__} holds many tables; none was named.",
            hint=f"Say which: table={example!r}, or a SELECT.",
        )
    return relation_of(table)


def no_table(table: str | None, what: str) -> None:
    """Refuse a table's name for something that is one table itself."""
    if table is not None:
        raise InputError(
            f"table={table!r} was given with {what}, which is one table itself.",
            hint="Leave table out, or give a connection.",
        )


def short(table: str | None) -> str:
    """Return a table's name, or the beginning of a ``SELECT``, for the small print.

    Examples
    --------
    >>> short("SELECT *   FROM events")
    'SELECT * FROM events'
    """
    words = " ".join((table or "").split())
    return words if len(words) <= 60 else f"{words[:57]}…"


def is_frame(source: Any) -> bool:
    """Whether something is a pandas or polars frame, an Arrow table or a mapping of columns."""
    room = type(source).__module__.split(".")[0]
    return room in ("pandas", "polars", "pyarrow") or isinstance(source, Mapping)


def frame_of(source: Any, row: str) -> tuple[Any, str]:
    """Return a frame that DuckDB reads, and what to call it.

    Parameters
    ----------
    source
        A frame, an Arrow table or a mapping of columns.
    row
        What one row is, for a refusal.

    Raises
    ------
    exp_jupyter.errors.InputError
        The columns of a mapping are not of one length.
    """
    if not isinstance(source, Mapping):
        return source, f"{type(source).__module__.split('.')[0]} {type(source).__name__}"
    import pandas as pd

    try:
        return pd.DataFrame(dict(source)), "a mapping of columns"
    except ValueError as error:
        raise InputError(
            f"The columns do not make a table: {error}",
            hint=f"Give sequences of one length, one value a {row}.",
        ) from error


def register(connection: Any, name: str, source: Any, row: str) -> str:
    """Let a DuckDB connection read a frame under a name, without copying it; return its label.

    Raises
    ------
    exp_jupyter.errors.InputError
        It cannot be read as a table.
    """
    import duckdb

    frame, label = frame_of(source, row)
    try:
        connection.register(name, frame)
    except (duckdb.Error, TypeError) as error:
        raise InputError(
            f"The {label} cannot be read as a table: {error}",
            hint=f"Give a DataFrame, LazyFrame or Arrow table with one row a {row}.",
        ) from error
    return label


def file_reader(path: str) -> str:
    """Return DuckDB's SQL that reads Parquet or CSV files.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such file.
    """
    reader = "read_csv" if path.lower().endswith((".csv", ".csv.gz", ".tsv")) else "read_parquet"
    if "://" not in path and not Path(path).exists() and not _matches(path):
        raise InputError(
            f"No file matches {path!r}.",
            hint="Give a Parquet file, or a glob such as data/*.parquet.",
        )
    literal = "'" + path.replace("'", "''") + "'"
    return f"{reader}({literal})"


def _matches(path: str) -> bool:
    # Path.glob takes no absolute pattern.
    return any(True for _ in glob.iglob(path, recursive=True))  # noqa: PTH207
