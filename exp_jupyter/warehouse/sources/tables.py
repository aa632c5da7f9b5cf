"""What people have their data in: frames, files, and tables behind a connection."""

# ruff: noqa: S608 - names are quoted, and nothing else is written into a statement
from __future__ import annotations

import csv
import glob
import gzip
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sources.frames import check_names, readable

CSV = (".csv", ".csv.gz", ".tsv")
FILES = (".parquet", ".pq", *CSV)
"""How the names of files end that are read."""

_CHEAP = 1 << 28  # bytes of CSV that are looked at twice


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
        # A column's index says nothing: its first value belongs to the table's first row.
        columns = {str(name): getattr(held, "array", held) for name, held in source.items()}
        check_names([str(name) for name in source], "mapping of columns")
        return pd.DataFrame(columns), "mapping of columns"
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
    frame = readable(frame, label)
    try:
        connection.register(name, frame)
        connection.execute(f"SELECT * FROM {name} LIMIT 0")
    except (duckdb.Error, TypeError, ValueError, NotImplementedError) as error:
        if (column := _unreadable(frame)) is not None:
            raise InputError(
                f"Column {column!r} of the {label} cannot be read: {first_line(error)}",
                hint="Convert it to numbers, text or times, or leave it out.",
            ) from error
        raise InputError(
            f"The {label} cannot be read as a table: {first_line(error)}",
            hint=f"Give a DataFrame, LazyFrame or Arrow table with one row a {row}.",
        ) from error
    return label


def _unreadable(frame: Any) -> str | None:
    """Return the first column of a frame that cannot be read on its own; None for none."""
    import duckdb

    names: Any = getattr(frame, "column_names", None) or getattr(frame, "columns", ())
    for name in names:
        try:
            part = frame.select([name]) if hasattr(frame, "select") else frame[[name]]
            with duckdb.connect() as connection:
                connection.register("part", part)
                connection.execute("SELECT * FROM part LIMIT 0")
        except Exception:  # noqa: BLE001 - whatever an engine or a frame says of it
            return str(name)
    return None


def first_line(error: Exception) -> str:
    """Return what an engine says is wrong, without the statement it repeats."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def file_reader(path: str, *, text: Collection[str] = (), answers: bool = True) -> str:
    """Return DuckDB's SQL that reads Parquet or CSV files.

    Parameters
    ----------
    path
        The path, or a glob.
    text
        Columns of a CSV file to read as the text they are, where they are there.
    answers
        Whether its columns of ``t`` and ``f`` or ``yes`` and ``no`` are read as booleans; those of
        ``true`` and ``false`` are.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such file, it cannot be read, or two of its columns have one name.
    """
    written = path.lower().endswith(CSV)
    if "://" not in path and not _matches(path):
        raise InputError(
            f"No file matches {path!r}.",
            hint="Give a Parquet file, or a glob such as data/*.parquet.",
        )
    literal = "'" + path.replace("'", "''") + "'"
    if not written:
        check_names(_parquet_names(path, literal), f"file {path!r}")
        return f"read_parquet({literal})"
    return _csv_reader(path, literal, text, answers=answers)


def _csv_reader(path: str, literal: str, text: Collection[str], *, answers: bool) -> str:
    import duckdb

    # The types are told from every row where that is cheap, else from the first 20,480.
    sample = ", sample_size = -1" if _bytes(path) <= _CHEAP else ""
    with duckdb.connect() as connection:
        try:
            described = connection.execute(
                f"DESCRIBE SELECT * FROM read_csv({literal}{sample})"
            ).fetchall()
            check_names(_header(connection, path, literal, len(described)), f"file {path!r}")
            types = {str(row[0]): str(row[1]) for row in described}
            kept = [name for name in types if name in text]
            guessed = [n for n, kind in types.items() if kind == "BOOLEAN" and n not in kept]
            if guessed and not answers:
                names = ", ".join(_text(name) + ": 'VARCHAR'" for name in guessed)
                tests = ", ".join(
                    f"BOOL_AND(LOWER({_name(name)}) IN ('true', 'false'))" for name in guessed
                )
                plain = connection.execute(
                    f"SELECT {tests} FROM read_csv({literal}{sample}, types = {{{names}}})"
                ).fetchone()
                kept += [n for n, yes in zip(guessed, plain or (), strict=True) if yes is False]
        except duckdb.Error:
            kept, sample = [], ""  # whoever reads it says what is wrong
    forced = ", ".join(_text(name) + ": 'VARCHAR'" for name in kept)
    return f"read_csv({literal}{sample}{f', types = {{{forced}}}' if forced else ''})"


def _header(connection: Any, path: str, literal: str, columns: int) -> list[str]:
    """Return the names in a file's first line; nothing where they cannot be told."""
    if "*" in path or "://" in path:
        return []
    sniffed = connection.execute(
        f"SELECT Delimiter, Quote, HasHeader, SkipRows FROM sniff_csv({literal})"
    ).fetchone()
    if sniffed is None or not sniffed[2]:
        return []
    sign, quote, _, skipped = sniffed
    opened = gzip.open if path.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(
            file, delimiter=sign or ",", quotechar=quote if quote and len(quote) == 1 else '"'
        )
        names = next((row for place, row in enumerate(rows) if place == skipped), [])
    return [name for name in names if name] if len(names) == columns else []


def _parquet_names(path: str, literal: str) -> list[str]:
    """Return the names of a file's columns; nothing where some are nested, or there are files."""
    import duckdb

    if "*" in path or "://" in path:
        return []
    with duckdb.connect() as connection:
        try:
            rows = connection.execute(
                f"SELECT name, num_children FROM parquet_schema({literal})"
            ).fetchall()
        except duckdb.Error:
            return []  # whoever reads it says what is wrong
    return [] if any(children for _, children in rows[1:]) else [str(name) for name, _ in rows[1:]]


def _bytes(path: str) -> int:
    if "://" in path:
        return _CHEAP + 1
    found = [Path(path)] if Path(path).exists() else map(Path, _matching(path))
    return sum(file.stat().st_size for file in found)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _matches(path: str) -> bool:
    return Path(path).exists() or any(True for _ in _matching(path))


def _matching(path: str) -> Iterator[str]:
    # Path.glob takes no absolute pattern.
    return glob.iglob(path, recursive=True)  # noqa: PTH207
