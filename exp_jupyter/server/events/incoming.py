"""Tables on their way into a project: frames and files, opened with errors that name the column."""

# ruff: noqa: S608 - columns are quoted
from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import DataWarning, InputError
from exp_jupyter.server.events.columns import quoted
from exp_jupyter.warehouse.request.number_text import PLAIN, USUAL, NumberFormat
from exp_jupyter.warehouse.sources.tables import (
    FILES,
    file_reader,
    first_line,
    is_frame,
    register,
)

if TYPE_CHECKING:
    import duckdb

_SAMPLE = 1000  # texts of a column that tell whether they may be numbers

ARRIVED = "arrived"
"""The table of rows as they came, numbered from 1 in the column ``row_``."""


def arrive(
    cursor: duckdb.DuckDBPyConnection, source: Any, row: str, *, text: Collection[str] = ()
) -> dict[str, str]:
    """Read a frame or a file into the table `ARRIVED` of a connection.

    Parameters
    ----------
    cursor
        The connection.
    source
        A DataFrame, an Arrow table, a mapping of columns, or the path of a CSV or Parquet file.
    row
        What one row is, for a refusal.
    text
        Columns of a CSV file to read as the text they are, whatever they look like.

    Returns
    -------
    dict
        The columns' names and DuckDB's names of their types.

    Raises
    ------
    exp_jupyter.errors.InputError
        It cannot be read; the message names the file or the column.
    """
    import duckdb

    if isinstance(source, (str, Path)):
        relation, called = file_relation(Path(source), text=text), repr(Path(source).name)
    elif is_frame(source):
        relation, called = "given", register(cursor, "given", source, row)
    else:
        raise InputError(
            f"A {type(source).__name__} is no table.",
            hint=f"Give a DataFrame, or the path of a CSV or Parquet file, with one row a {row}.",
        )
    try:
        # Numbered in the order of the source, before anything is filtered.
        cursor.execute(
            f"CREATE TEMP TABLE {ARRIVED} AS SELECT row_number() OVER () AS row_, * FROM {relation}"
        )
    except duckdb.Error as error:
        raise InputError(
            f"{called} cannot be read as a table: {first_line(error)}",
            hint=f"Give a DataFrame, or a CSV or Parquet file with one row a {row}.",
        ) from error
    described = cursor.execute(f"DESCRIBE {ARRIVED}").fetchall()[1:]
    return {str(name): str(kind) for name, kind, *_ in described}


def file_relation(path: Path, *, text: Collection[str] = ()) -> str:
    """Return SQL text for the rows of a CSV or Parquet file, usable after FROM.

    Answers in words stay the text they are: ``t`` and ``f`` are names of arms as often as not.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such file, or it is of another kind.
    """
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}.")
    if not path.name.lower().endswith(FILES):
        raise InputError(
            f"{path.name!r} is neither .csv nor .parquet.",
            hint="Read it into a DataFrame and import that.",
        )
    return file_reader(str(path), text=text, answers=False)


def number_columns(
    cursor: duckdb.DuckDBPyConnection, kinds: Mapping[str, str], written: NumberFormat
) -> dict[str, str]:
    """Return the columns of text that are numbers, each with the SQL that reads it.

    A column is one of numbers when all its texts are, and one at least is not as engines write
    numbers: an id such as ``007`` stays the text it is.

    Parameters
    ----------
    cursor
        The connection that has `ARRIVED`.
    kinds
        The columns to look at and their types.
    written
        How numbers are written. As engines write them: nothing is read, and a column that another
        format would read is warned of.

    Raises
    ------
    exp_jupyter.errors.InputError
        Most of a column are numbers of the format and some are not; the message names a row.
    """
    found = {}
    for name in (name for name, kind in kinds.items() if kind == "VARCHAR"):
        if written.plain:
            _warn_of(cursor, name)
        elif _is_written(cursor, name, written):
            found[name] = written.sql(f"trim({quoted(name)})")
    return found


def _counts(
    cursor: duckdb.DuckDBPyConnection,
    name: str,
    formats: Collection[NumberFormat],
    most: int | None = None,
) -> list[int]:
    """Return how many texts a column has, and how many of them each format reads."""
    text = f"trim({quoted(name)})"
    read = "".join(f", count({form.sql(text)})" for form in formats)
    limit = "" if most is None else f" LIMIT {most}"
    row = cursor.execute(
        f"SELECT count(*){read} FROM (SELECT {quoted(name)} FROM {ARRIVED} "
        f"WHERE nullif({text}, '') IS NOT NULL{limit})"
    ).fetchone()
    return [int(count) for count in row or ()]


def _is_written(cursor: duckdb.DuckDBPyConnection, name: str, written: NumberFormat) -> bool:
    texts, read, plain = _counts(cursor, name, (written, PLAIN))
    if not read or plain == texts or read * 2 < texts:
        return False
    if read == texts:
        return True
    text = f"trim({quoted(name)})"
    row = cursor.execute(
        f"SELECT row_, {quoted(name)} FROM {ARRIVED} WHERE nullif({text}, '') IS NOT NULL "
        f"AND {written.sql(text)} IS NULL ORDER BY 1 LIMIT 1"
    ).fetchone()
    at, value = row or (0, "")
    raise InputError(
        f"Column {name!r} holds {texts - read:,} {'text' if texts - read == 1 else 'texts'} of "
        f"{texts:,} that {written.options} does not read: row {at} is {str(value)[:40]!r}. "
        "Nothing was added.",
        hint="Correct these cells, leave them empty, or leave the column out.",
    )


def _warn_of(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    texts, plain, *read = _counts(cursor, name, USUAL, _SAMPLE)
    if not texts or plain == texts or texts not in read:
        return  # words: no need to look at all of them
    texts, plain, *read = _counts(cursor, name, USUAL)
    reads = [form for form, count in zip(USUAL[1:], read, strict=True) if count == texts]
    if not reads:
        return
    row = cursor.execute(
        f"SELECT {quoted(name)} FROM {ARRIVED} WHERE {USUAL[0].sql(quoted(name))} IS NULL "
        f"AND nullif(trim({quoted(name)}), '') IS NOT NULL LIMIT 1"
    ).fetchone()
    options = " or ".join(dict.fromkeys(form.options for form in reads[:2]))
    warnings.warn(
        f"Column {name!r} holds text such as {str((row or ('',))[0])[:40]!r}, which is taken as "
        f"text, not as numbers. If they are numbers, import with {options}.",
        DataWarning,
        stacklevel=2,
    )
