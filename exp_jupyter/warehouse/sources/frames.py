"""A frame as DuckDB can read it: every column of one type, and what it holds kept as it is.

DuckDB looks at a sample of a pandas column of objects to tell its type, and stops at the first
value further down that is of another one, without naming the column. So such columns are looked
at in full here: numbers and text together become text, times of several zones become UTC, records
become JSON.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 2**63
"""Whole numbers from here on are read as the nearest number with a point."""


def readable(frame: Any, label: str) -> Any:
    """Return a frame that DuckDB reads whole, with the same rows and columns.

    Parameters
    ----------
    frame
        A pandas or polars frame or series, a LazyFrame, or an Arrow table.
    label
        What to call it in a refusal.

    Raises
    ------
    exp_jupyter.errors.InputError
        It has no columns, two columns that differ in nothing but case, or a column that cannot be
        read as one type; the message names the column as the frame does.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"revenue": [12.5, "2,800.00"]})
    >>> readable(frame, "pandas DataFrame")["revenue"].tolist()
    ['12.5', '2,800.00']
    """
    package = type(frame).__module__.split(".")[0]
    if package == "pandas":
        return _of_pandas(frame, label)
    check_names(_names(frame), label)
    return _of_polars(frame) if package == "polars" else frame


def check_names(names: Sequence[str], label: str) -> None:
    """Refuse columns whose names an engine cannot tell apart: it does not look at case.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message gives the names as the data has them.
    """
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        before = first.setdefault(name.casefold(), place)
        if before == place:
            continue
        other = names[before]
        twice = f"two columns called {name!r}"
        if other != name:
            twice = f"the columns {other!r} and {name!r}, which differ only in case"
        raise InputError(
            f"The {label} has {twice}: it is not known which is meant.",
            hint=f"Rename one of them, or leave it out: its columns are {', '.join(names)}.",
        )


def _names(frame: Any) -> list[str]:
    if hasattr(frame, "collect_schema"):
        return list(frame.collect_schema().names())
    names = getattr(frame, "column_names", None)
    if names is None and hasattr(frame, "schema"):
        names = getattr(frame.schema, "names", None)
    return [] if names is None else [str(name) for name in names]


# ---------------------------------------------------------------- polars


def _of_polars(frame: Any) -> Any:
    import polars as pl

    schema = frame.collect_schema() if hasattr(frame, "collect_schema") else {}
    objects = [name for name, kind in schema.items() if kind == pl.Object]
    if not objects:
        return frame
    whole = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    told = {name: _told(name, whole[name].to_list()) for name in objects}
    return whole.with_columns(**{name: pl.Series(name, list(v)) for name, v in told.items()})


# ---------------------------------------------------------------- pandas


def _of_pandas(frame: Any, label: str) -> Any:
    import pandas as pd

    if isinstance(frame, pd.Series):
        frame = frame.to_frame(frame.name if frame.name is not None else "value")
    if not isinstance(frame, pd.DataFrame):
        return frame
    if not frame.shape[1]:
        raise InputError(f"The {label} has no columns.", hint="Give one column a variable.")
    names = [str(name) for name in frame.columns]
    check_names(names, label)
    columns = {name: _column(name, frame.iloc[:, place]) for place, name in enumerate(names)}
    if names == list(frame.columns) and all(column is None for column in columns.values()):
        return frame
    kept = {
        name: frame.iloc[:, place].array if columns[name] is None else columns[name]
        for place, name in enumerate(names)
    }
    return pd.DataFrame(kept, copy=False)


def _column(name: str, values: pd.Series[Any]) -> Any:
    """Return a column's values as DuckDB reads them; None where it does as they are."""
    import numpy as np
    import pandas as pd

    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        own = kind.categories
        if own.dtype.kind in "iufb" or isinstance(own.dtype, pd.StringDtype):
            return None
        if pd.api.types.infer_dtype(own, skipna=True) == "string":
            return None
        written = pd.Index(_told(name, own.tolist()), dtype=object)
        return written.take(np.maximum(values.cat.codes, 0)).where(values.cat.codes >= 0, None)
    if isinstance(kind, pd.SparseDtype):
        dense = pd.Series(np.asarray(values))
        own = _column(name, dense)
        return dense.array if own is None else own
    if isinstance(kind, (pd.PeriodDtype, pd.IntervalDtype)) or kind.kind in "cSV":
        return _told(name, values.tolist())
    if isinstance(kind, pd.ArrowDtype) and kind.kind == "b":
        return values.astype("boolean").array
    if isinstance(kind, np.dtype) and kind.kind == "f":
        amounts = values.to_numpy(dtype="float64")
        whole = _whole(amounts)
        # Half floats are not read beside columns of Arrow, and longer ones never are.
        return amounts if whole is None and kind.itemsize not in (4, 8) else whole
    if kind.kind != "O" or not isinstance(kind, np.dtype):
        return None
    return _of_objects(name, values)


def _whole(amounts: Any) -> Any:
    """Return whole numbers with gaps as such: pandas writes 1.0 for 1 where others are missing."""
    import numpy as np
    import pandas as pd

    gaps = np.isnan(amounts)
    if not gaps.any() or gaps.all():
        return None
    known = amounts[~gaps]
    if not (np.abs(known) < 2**53).all() or (known != np.floor(known)).any():
        return None
    return pd.arrays.IntegerArray(np.where(gaps, 0, amounts).astype("int64"), gaps)


def _of_objects(name: str, values: pd.Series[Any]) -> Any:
    import numpy as np
    import pandas as pd

    found = pd.api.types.infer_dtype(values, skipna=True)
    if found in ("string", "empty"):
        return None
    if found == "boolean":
        return pd.array([None if _missing(v) else bool(v) for v in values], dtype="boolean")
    if found == "integer":
        whole = [None if _missing(value) else int(value) for value in values]
        if all(value is None or abs(value) < _LARGEST for value in whole):
            return pd.array(whole, dtype="Int64")
    if found in ("integer", "floating", "mixed-integer-float", "decimal"):
        # A column's decimals need not fit one scale.
        amounts = np.array([math.nan if _missing(v) else float(v) for v in values])
        return amounts if (whole_column := _whole(amounts)) is None else whole_column
    if found in ("datetime", "datetime64", "date"):
        return _moments(name, values)
    if found in ("timedelta", "timedelta64"):
        return pd.to_timedelta(values).array
    return _told(name, values.tolist())


def _moments(name: str, values: pd.Series[Any]) -> Any:
    """Return times without a zone, or in UTC; as text where some have a zone and some have none."""
    import numpy as np
    import pandas as pd

    zoned = {getattr(value, "tzinfo", None) is not None for value in values if not _missing(value)}
    if len(zoned) > 1:
        return np.array(
            [None if _missing(value) else value.isoformat() for value in values], dtype=object
        )
    try:
        return pd.to_datetime(values, utc=True in zoned).array
    except (ValueError, OverflowError):  # a year that nanoseconds do not reach
        return _told(name, values.tolist())


# ---------------------------------------------------------------- values of many types


def _missing(value: Any) -> bool:
    if value is None:
        return True
    import pandas as pd

    return value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _told(name: str, values: Iterable[Any]) -> Any:
    """Return values of several types as numbers where all are, else as text."""
    import numpy as np

    listed = [None if _missing(value) else value for value in values]
    known = [value for value in listed if value is not None]
    if known and all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in known):
        return np.array([math.nan if v is None else float(v) for v in listed])
    text = np.empty(len(listed), dtype=object)
    text[:] = [
        None if value is None else _text(name, place, value) for place, value in enumerate(listed)
    ]
    return text


def _text(name: str, place: int, value: Any) -> str:
    """Return a value as text; records and lists as JSON, yes and no as ``true`` and ``false``."""
    import numpy as np

    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (bytes, bytearray)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise InputError(
                f"Column {name!r} holds bytes that are no text: row {place + 1} is "
                f"{bytes(value[:20])!r}.",
                hint="Decode it first, or leave the column out.",
            ) from None
    if isinstance(value, (dict, list, tuple, np.ndarray)):
        return json.dumps(_plain(value), ensure_ascii=False, default=str)
    if isinstance(value, np.generic):
        value = value.item()
    return str(value)


def _plain(value: Any) -> Any:
    """Return a record or list as JSON can write it."""
    import numpy as np

    if isinstance(value, dict):
        return {str(key): _plain(own) for key, own in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(own) for own in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, decimal.Decimal):
        value = float(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else value
