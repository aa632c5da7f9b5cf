"""The API's results, one a day, as the table of sums that every series is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from exp_jupyter.analysis.definition.experiment import as_mapping
from exp_jupyter.analysis.posthog.sums import CUBES, Kind, Sums, SumsTable
from exp_jupyter.engine.posthog.named_sums import COVARIATE_SUMS, RATIO_SUMS, SUMS

_OPTIONAL = (*COVARIATE_SUMS, CUBES)


def read_results(
    results: Mapping[date, Any], kind: Kind, errors: Mapping[date, str] | None = None
) -> SumsTable:
    """Read the results of a metric's days.

    Parameters
    ----------
    results
        By day the result as the API writes it, typed or as a dictionary; None where there is none.
    kind
        The metric's kind.
    errors
        By day why it has no result.

    Returns
    -------
    SumsTable
        Without variants where no day has a result. The first is the baseline of each day, by the
        newest day's name.

    Examples
    --------
    >>> rows = [{"key": key, "number_of_samples": 80, "sum": 9} for key in ("control", "test")]
    >>> day = {"baseline": rows[0], "variant_results": rows[1:]}
    >>> read_results({date(2026, 3, 2): day}, "funnel").values["sum"]
    array([[9.],
           [9.]])
    """
    dates = tuple(sorted(results))
    days = [_rows(results[day]) for day in dates]
    newest_first = [list(arms) for arms in reversed(days) if arms]
    # What was the baseline on one day may be an arm on another: its places are two.
    arms = list(dict.fromkeys(key for keys in newest_first for key in keys[1:]))
    variants = (*(keys[0] for keys in newest_first[:1]), *arms)
    stated = {
        (1 + arms.index(key) if place else 0, day): row
        for day, rows in enumerate(days)
        for place, (key, row) in enumerate(rows.items())
    }
    names = (*SUMS, *RATIO_SUMS, *_OPTIONAL)
    values = {name: np.full((len(variants), len(dates)), math.nan) for name in names}
    for place, row in stated.items():
        for name in names:
            if row.get(name) is not None or name not in _OPTIONAL:
                values[name][place] = float(row.get(name) or 0.0)
    reasons = {dates.index(day): text for day, text in (errors or {}).items() if day in results}
    return SumsTable(kind, variants, dates, values, stated=stated, errors=reasons)


def _rows(result: Any) -> dict[str, Sums]:
    """Return a day's rows by variant, the baseline first; none where it has no result."""
    body = {} if result is None else as_mapping(result)
    if not body.get("baseline"):
        return {}
    rows = [as_mapping(row) for row in (body["baseline"], *(body.get("variant_results") or ()))]
    return {str(row["key"]): row for row in rows}
