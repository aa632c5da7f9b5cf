"""One table with one row a unit, in every form in which people have it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

ROWS = 900


def units(seed: int = 7, rows: int = ROWS) -> pd.DataFrame:
    """Return three arms with a skewed amount, counts, a yes/no and a column from before."""
    draws = np.random.default_rng(seed)
    before = draws.gamma(2.0, 3.0, rows)
    variant = draws.choice(["control", "blue", "green"], rows)
    return pd.DataFrame(
        {
            "user": [f"u{place}" for place in range(rows)],
            "variant": variant,
            "revenue": before + draws.gamma(2.0, 5.0, rows) * (1 + 0.2 * (variant == "green")),
            "before": before,
            "paid": draws.random(rows) < 0.3,
            "orders": draws.poisson(2.0, rows),
            "sessions": draws.poisson(4.0, rows) + 1,
            "country": draws.choice(["DE", "FR", "NZ"], rows),
        }
    )


_opened: list[sqlite3.Connection] = []


def close_opened() -> None:
    """Close what the forms opened; newer Pythons complain about a database left open."""
    while _opened:
        _opened.pop().close()


def _sqlite(frame: pd.DataFrame) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    _opened.append(connection)
    frame.astype({"paid": int}).to_sql("units", connection, index=False)
    return connection


def _duckdb(frame: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("frame", frame)
    connection.execute("CREATE TABLE units AS SELECT * FROM frame")
    connection.unregister("frame")
    return connection


def _ibis(frame: pd.DataFrame) -> Any:
    connection = ibis.duckdb.connect()
    connection.con.register("frame", frame)
    connection.raw_sql("CREATE TABLE units AS SELECT * FROM frame")
    connection.con.unregister("frame")
    return connection


def _files(frame: pd.DataFrame, folder: Path) -> str:
    for part in range(2):
        frame[part::2].to_parquet(folder / f"part-{part}.parquet", index=False)
    return str(folder / "part-*.parquet")


def _csv(frame: pd.DataFrame, folder: Path) -> str:
    frame.to_csv(folder / "units.csv", index=False)
    return str(folder / "units.csv")


Form = tuple[Any, dict[str, Any]]
"""What is given to ``analyze``, and the options it needs."""

FORMS: dict[str, Callable[[pd.DataFrame, Path], Form]] = {
    "pandas": lambda frame, _: (frame, {}),
    "pandas-nullable": lambda frame, _: (frame.convert_dtypes(), {}),
    "pandas-arrow": lambda frame, _: (frame.convert_dtypes(dtype_backend="pyarrow"), {}),
    "pandas-categories": lambda frame, _: (
        frame.astype({"variant": "category", "country": "category", "orders": "uint8"}),
        {},
    ),
    "pandas-objects": lambda frame, _: (frame.astype(object), {}),
    "polars": lambda frame, _: (pl.from_pandas(frame), {}),
    "polars-lazy": lambda frame, _: (pl.from_pandas(frame).lazy(), {}),
    "arrow": lambda frame, _: (pa.Table.from_pandas(frame), {}),
    "mapping": lambda frame, _: ({name: list(frame[name]) for name in frame}, {}),
    "parquet": lambda frame, folder: (_files(frame, folder), {}),
    "csv": lambda frame, folder: (_csv(frame, folder), {}),
    "duckdb": lambda frame, _: (_duckdb(frame), {"table": "units"}),
    "duckdb-select": lambda frame, _: (_duckdb(frame), {"table": "SELECT * FROM units"}),
    "duckdb-relation": lambda frame, _: (_duckdb(frame).table("units"), {}),
    "dbapi": lambda frame, _: (_sqlite(frame), {"table": "units"}),
    "ibis": lambda frame, _: (_ibis(frame), {"table": "units"}),
}
