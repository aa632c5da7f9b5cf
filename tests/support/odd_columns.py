"""Columns of every type that people have amounts and arms in, and what must come of each."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

Column = Callable[[np.ndarray], Any]

READ: dict[str, Column] = {
    "float64": lambda y: y,
    "float32": lambda y: y.astype("float32"),
    "float16": lambda y: y.astype("float16"),
    "longdouble": lambda y: y.astype("longdouble"),
    "int64": lambda y: y.astype("int64"),
    "int8": lambda y: y.astype("int8"),
    "uint64": lambda y: y.astype("uint64"),
    "big endian": lambda y: y.astype("float64").astype("<f8"),
    "nullable Int64": lambda y: pd.array(y.astype(int), dtype="Int64"),
    "nullable Float32": lambda y: pd.array(y, dtype="Float32"),
    "arrow int64": lambda y: pd.array(y.astype(int), dtype="int64[pyarrow]"),
    "arrow decimal": lambda y: pd.array(
        [decimal.Decimal(int(v)) for v in y], dtype=pd.ArrowDtype(pa.decimal128(12, 2))
    ),
    "sparse": lambda y: pd.arrays.SparseArray(y),
    "category of numbers": lambda y: pd.Categorical(y, categories=range(90)),
    "category of text": lambda y: pd.Categorical([f"{v:g}" for v in y]),
    "objects of floats": lambda y: np.array(list(y), dtype=object),
    "objects of int and float": lambda y: np.array(
        [int(v) if place % 2 else v for place, v in enumerate(y)], dtype=object
    ),
    "objects of numpy scalars": lambda y: np.array([np.int16(v) for v in y], dtype=object),
    "objects of decimals": lambda y: np.array([decimal.Decimal(str(v)) for v in y], dtype=object),
    "decimals of many scales": lambda y: np.array(
        [decimal.Decimal(int(v)) * (1 + decimal.Decimal(10) ** -25) for v in y], dtype=object
    ),
    "text": lambda y: [f"{v:.2f}" for v in y],
    "text with blanks around": lambda y: [f" {v:.2f} " for v in y],
    "numbers and text": lambda y: np.array(
        [f"{v}" if place % 3 else v for place, v in enumerate(y)], dtype=object
    ),
    "text far below": lambda y: np.array([*y[:-1], f"{y[-1]:g}"], dtype=object),
    "bytes": lambda y: [f"{v:g}".encode() for v in y],
    "string[pyarrow]": lambda y: pd.array([f"{v:g}" for v in y], dtype="string[pyarrow]"),
}
"""Columns that stand for the same numbers, and are read as these."""

REFUSED: dict[str, Column] = {
    "thousands": lambda y: [f"{1000 * v + 1000:,.2f}" for v in y],
    "a word far below": lambda y: np.array([*["n/a"] * 30, *y[30:]], dtype=object),
    "complex": lambda y: y.astype(complex),
    "lists": lambda y: [[v] for v in y],
    "records": lambda y: [{"amount": v} for v in y],
    "periods": lambda y: pd.period_range("2026-01-01", periods=len(y), freq="D"),
    "intervals": lambda y: pd.interval_range(0, len(y)),
    "times": lambda y: pd.Timestamp("2026-03-02") + pd.to_timedelta(y, "h"),
    "times of seconds": lambda y: (
        np.datetime64("2026-03-02", "s") + y.astype("timedelta64[s]")
    ).astype("datetime64[s]"),
    "times of two kinds": lambda y: np.array(
        [dt.datetime(2026, 3, 2, tzinfo=dt.UTC if place % 2 else None) for place in range(len(y))],
        dtype=object,
    ),
    "durations": lambda y: pd.to_timedelta(y, "h"),
    "dates": lambda y: np.array([dt.date(2026, 3, 2)] * len(y), dtype=object),
    "things": lambda y: np.array([object() for _ in y], dtype=object),
    "bytes that are no text": lambda y: [b"\xff\xfe"] * len(y),
    "yes and no in words": lambda y: ["yes" if v > 3 else "no" for v in y],
    "infinite": lambda y: np.where(np.arange(len(y)) == 7, np.inf, y),
    "nothing": lambda y: [None] * len(y),
}
"""Columns that are no numbers: the refusal names the column."""

FRAMES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "repeated index": lambda frame: frame.set_index(np.zeros(len(frame), dtype=int)),
    "arrow-backed": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "nullable": lambda frame: frame.convert_dtypes(),
    "polars": pl.from_pandas,
    "polars lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "arrow": lambda frame: pa.Table.from_pandas(frame),
    "arrow batch": lambda frame: pa.Table.from_pandas(frame).combine_chunks().to_batches()[0],
    "lists": lambda frame: {name: frame[name].tolist() for name in frame},
    "arrays": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "series of other indexes": lambda frame: {
        name: pd.Series(frame[name].to_numpy(), index=range(place, place + len(frame)))
        for place, name in enumerate(frame)
    },
}
"""Forms that hold the same table."""

ARMS: dict[str, tuple[Callable[[np.ndarray], Any], Any, list[str]]] = {
    "text": (lambda t: np.where(t, "test", "control"), "control", ["control", "test"]),
    "whole numbers": (lambda t: t.astype(int), 0, ["0", "1"]),
    "floats": (lambda t: t.astype(float), 0, ["0", "1"]),
    "booleans": (lambda t: t, False, ["false", "true"]),
    "nullable booleans": (lambda t: pd.array(t, dtype="boolean"), False, ["false", "true"]),
    "category with unused levels": (
        lambda t: pd.Categorical(np.where(t, "b", "a"), categories=["z", "a", "b"]),
        "a",
        ["a", "b"],
    ),
    "category of numbers": (lambda t: pd.Categorical(t.astype(int)), 0, ["0", "1"]),
    "category of intervals": (
        lambda t: pd.cut(t.astype(int), [-1, 0, 1]),
        "(-1, 0]",
        ["(-1, 0]", "(0, 1]"],
    ),
    "bytes": (lambda t: np.where(t, b"test", b"control"), "control", ["control", "test"]),
    "arrow text": (
        lambda t: pd.array(np.where(t, "b", "a"), dtype="string[pyarrow]"),
        "a",
        ["a", "b"],
    ),
    "decimals": (
        lambda t: np.array([decimal.Decimal(int(v)) for v in t], dtype=object),
        0,
        ["0", "1"],
    ),
    "unicode": (
        lambda t: np.where(t, "größe 🎉", "контроль"),
        "контроль",
        ["größe 🎉", "контроль"],
    ),
    "text of numbers": (lambda t: np.where(t, "01", "00"), "00", ["00", "01"]),
}
"""Columns of arms: what they are, the control, and the variants' names."""
