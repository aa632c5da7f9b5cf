"""A mean's value split by a property of its own events: what each unit spent on which plan.

The units are not split: every bucket has all of a variant's, and a unit can be in several buckets.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import (
    NULL_LABEL,
    OTHER_LABEL,
    DataWarehouseNode,
    MeanMetric,
    Metric,
)
from exp_jupyter.warehouse.breakdowns.limit import joined_days
from exp_jupyter.warehouse.events.fold import DailySums
from exp_jupyter.warehouse.events.measures import additive
from exp_jupyter.warehouse.events.scan import Scan
from exp_jupyter.warehouse.events.sessions import by_session
from exp_jupyter.warehouse.events.statements import SUMS, Statement, label, matured, written
from exp_jupyter.warehouse.request.population import Request
from exp_jupyter.warehouse.sql.event_source import EventSource

MOST_BUCKETS = 20
"""Buckets that keep their name; the others are added up, unit by unit, as one."""


def splits_value(metric: Metric) -> bool:
    """Whether a metric's value is to be split by a property of its events."""
    return isinstance(metric, MeanMetric) and bool(metric.value_breakdown_property)


def check_value_split(metric: Metric) -> None:
    """Refuse a split that means nothing.

    Raises
    ------
    exp_jupyter.errors.InputError
        The metric is no count and no sum of events, or has bounds, a threshold or a breakdown.
    """
    if not isinstance(metric, MeanMetric) or not splits_value(metric):
        return
    against = [
        (metric.source.math not in (None, "total", "sum"), "math other than total and sum"),
        (isinstance(metric.source, DataWarehouseNode), "a data warehouse source"),
        (by_session(metric.source), "a session property"),
        (bool(metric.breakdowns), "breakdowns"),
        (metric.active, "outlier handling"),
        (metric.threshold is not None, "a threshold"),
    ]
    for wrong, what in against:
        if wrong:
            raise InputError(
                f"{label(metric)}: value_breakdown_property cannot be combined with {what}.",
                hint="Leave one of the two out.",
            )


def daily_value_split(source: EventSource, request: Request, wanted: Iterable[int]) -> DailySums:
    """Return the sums of a request's only metric by the buckets of its value.

    Parameters
    ----------
    source
        The events.
    request
        What to compute; its metric passes ``check_value_split``.
    wanted
        The places of the days that are asked for; each is a statement of its own, since the
        largest buckets can be others every day.

    Returns
    -------
    DailySums
        By bucket, with ``n`` all units of the variant. The 20 buckets with the largest total of
        absolute values, over all events in range whoever did them, keep their name.
    """
    window = request.days
    parts = {}
    for day in dict.fromkeys(wanted):
        stop = window.end_of(window.dates[day])
        part = replace(request, days=replace(window, stop=stop), now=request.clock, covariates=None)
        statement = split_statement(source, part)
        rows = source.rows(statement.sql, statement.parameters)
        parts[day] = _folded(rows, len(request.population.variants))
    return joined_days(parts, len(window.dates))


def split_statement(source: EventSource, request: Request) -> Statement:
    """Return the statement with the sums at the window's stop.

    Its columns: ``v`` (position of the variant), ``k`` (the bucket, NULL in the rows that count
    all units), ``n`` units, ``s`` and ``ss`` the sums of their values and squares.
    """
    (metric,) = request.metrics
    assert isinstance(metric, MeanMetric)  # noqa: S101 - the caller has looked
    scan, where = Scan(source, request), label(metric)
    found = additive(scan, metric.source, where)
    assert found is not None  # noqa: S101 - counts and sums of events are
    match, column, _ = found
    bind = scan.parameters.bind
    prop = scan.reader.text(str(metric.value_breakdown_property))
    bucket = scan.value(match, f"COALESCE({prop}, {bind(NULL_LABEL)})")
    other = bind(OTHER_LABEL)
    value, window = column or "1e0", metric.window_seconds * 1_000_000
    days = request.days
    end = f"e0 + {window}" if window else str(days.stop_us)
    counted = matured(scan, window)
    if request.population.criteria.handling == "exclude":
        counted += " AND x.dm IS NULL"
    tables = [
        *scan.tables(),
        (
            "vr",
            (
                f"SELECT {bucket} AS k, SUM(ABS({value})) AS t FROM base WHERE {match} "
                f"AND us >= {days.start_us} AND us < {days.stop_us + window} GROUP BY {bucket}"
            ),
        ),
        ("vt", "SELECT k, ROW_NUMBER() OVER (ORDER BY t DESC, k) AS rn FROM vr"),
        ("vk", f"SELECT k, CASE WHEN rn <= {MOST_BUCKETS} THEN k ELSE {other} END AS kept FROM vt"),
        (
            "vu",
            (
                f"SELECT ev.u AS u, vk.kept AS k, SUM({value}) AS y FROM ev JOIN vk "
                f"ON vk.k = ev.{bucket} WHERE {match} AND us >= e0 AND us < {end} "
                "GROUP BY ev.u, vk.kept"
            ),
        ),
    ]
    none = "CAST(NULL AS VARCHAR) AS k"
    final = (
        "SELECT x.v AS v, c.k AS k, COUNT(*) AS n, SUM(c.y) AS s, SUM(c.y * c.y) AS ss "
        f"FROM vu AS c JOIN x ON x.u = c.u WHERE {counted} GROUP BY x.v, c.k UNION ALL "
        f"SELECT x.v AS v, {none}, COUNT(*) AS n, 0e0 AS s, 0e0 AS ss FROM x WHERE {counted} "
        "GROUP BY x.v"
    )
    return written(scan, tables, final)


def _folded(rows: dict[str, np.ndarray], variants: int) -> DailySums:
    hidden = np.ma.getmaskarray(rows["k"])
    v = np.ma.getdata(rows["v"]).astype(np.int64)
    units = np.zeros(variants)
    np.add.at(units, v[hidden], np.ma.getdata(rows["n"])[hidden])
    keys = sorted({str(k) for k in np.ma.getdata(rows["k"])[~hidden]}, key=_order)
    place = {key: i for i, key in enumerate(keys)}
    values = np.zeros((len(keys), variants, 1, len(SUMS)))
    values[:, :, 0, SUMS.index("n")] = units
    for row in np.flatnonzero(~hidden):
        at = place[str(rows["k"][row])], v[row], 0
        values[at][SUMS.index("s")] = rows["s"][row]
        values[at][SUMS.index("ss")] = rows["ss"][row]
    return DailySums(SUMS, [(key,) for key in keys], values)


def _order(key: str) -> tuple[bool, str]:
    return key == OTHER_LABEL, key
