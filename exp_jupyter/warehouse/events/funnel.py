"""Funnel metrics: how far a unit walked, and by which day.

An ordered funnel whose events match one step each is nested running maxima in SQL: ``a_k`` is the
exposure that the latest arrival at step k within the window started from. Where one event can
match two steps, for unordered funnels and for steps in warehouse tables, the units' events are
walked one by one instead (``exp_jupyter.warehouse.events.funnel_walk``).

A conversion window is counted from any exposure and includes its last instant, as PostHog counts
it; with the request's ``window_rule`` ``recommended`` from the first, without its end, as for every
other metric.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import FunnelMetric
from exp_jupyter.warehouse.events.scan import Scan

NO_UUID = "00000000-0000-0000-0000-000000000000"
"""The id of what is no event."""

LONGEST = 3 * 365 * 86_400 * 1_000_000
"""The window of a funnel without one, in microseconds."""
_SO_FAR = (
    "OVER (PARTITION BY u, b ORDER BY us, step ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
)


@dataclass(frozen=True)
class Funnel:
    """The tables of an ordered funnel; the last, ``name``, has ``(u, step, day)``: when reached.

    ``covariate`` names the table ``(u, xv)`` of the covariate, or is empty.
    """

    tables: list[tuple[str, str]]
    name: str
    covariate: str = ""


def walks(scan: Scan, metric: FunnelMetric) -> bool:
    """Whether the funnel needs the walk: unordered, in tables, or events may match two steps."""
    if metric.funnel_order_type == "unordered" or metric.table_steps:
        return True
    taken: set[str] = set()
    for names in (scan.exposure.events(), *(scan.events_of(step) for step in metric.series)):
        if names is None or taken & names:
            return True
        taken |= names
    return False


def matches(scan: Scan, metric: FunnelMetric, where: str) -> list[str]:
    """Return the match columns of the steps."""
    if metric.funnel_order_type == "strict":
        raise InputError(
            f"{where}: funnel_order_type 'strict' is not supported for experiments.",
            hint="Use 'ordered', which allows other events in between, or 'unordered'.",
        )
    return [scan.match(step, where) for step in metric.series]


def last_step_before(scan: Scan, match: str, name: str) -> tuple[str, str]:
    """Return the covariate's table: 1 for a unit that did the last step in the lookback."""
    rows = f"{match} AND us >= e0 - {scan.lookback} AND us < e0"
    return (f"{name}_x", f"SELECT DISTINCT u, 1e0 AS xv FROM ev WHERE {rows}")


def from_first(scan: Scan, metric: FunnelMetric) -> bool:
    """Whether the funnel has a window that is counted from the first exposure."""
    return bool(metric.window_seconds) and scan.request.window_rule == "recommended"


def walked(scan: Scan, metric: FunnelMetric, steps: Sequence[str]) -> str:
    """Return SQL for a walk's rows ``(u, us, eid, steps)``; bit k of ``steps`` stands for step k.

    Notes
    -----
    With steps in tables the events, too, belong to the units whose key is their own, and every row
    ends before the window does. A table's rows share one id, so of those at one instant a path
    takes one.
    """
    tests = {0: scan.exposes if metric.table_steps else "bv IS NOT NULL"}
    tests |= {k: match for k, match in enumerate(steps, 1) if scan.rows(match) == "ev"}
    bits = " + ".join(f"CASE WHEN {test} THEN {1 << k} ELSE 0 END" for k, test in tests.items())
    columns = f"us, CAST(id AS VARCHAR) AS eid, {bits} AS steps"
    window = metric.window_seconds * 1_000_000
    inside = f" AND us < e0 + {window}" if from_first(scan, metric) else ""
    if not metric.table_steps:
        return f"SELECT u, {columns} FROM ev WHERE us >= e0{inside}"
    first, *_ = metric.table_steps
    key = scan.joined.key(first.events_join_key, "")
    events = (
        "SELECT x.u AS u, b.us AS us, b.eid AS eid, b.steps AS steps FROM "
        f"(SELECT {key}, {columns} FROM base) AS b JOIN x ON x.{key} = b.{key} WHERE b.us >= x.e0"
        f"{inside}"
    )
    rows = [
        f"SELECT u, us, '{NO_UUID}' AS eid, {1 << k} AS steps FROM {scan.rows(match)} "
        f"WHERE {match} AND us >= e0{inside}"
        for k, match in enumerate(steps, 1)
        if k not in tests
    ]
    return " UNION ALL ".join([events, *rows])


def ordered(scan: Scan, metric: FunnelMetric, name: str, where: str, *, covariate: bool) -> Funnel:
    """Compile an ordered funnel whose events match one step each."""
    steps = matches(scan, metric, where)
    window = metric.window_seconds * 1_000_000
    until = scan.calendar.until
    first = from_first(scan, metric)
    if first:
        # The whole of it belongs to the unit's entry day, as a mean's value does.
        inside = f"us >= e0 AND us < e0 + {window}"
        tests = ["bv IS NOT NULL", *steps]
        rows = " UNION ALL ".join(
            f"SELECT u, d0 AS b, us, {k} AS step FROM ev WHERE {test} AND {inside}"
            for k, test in enumerate(tests)
        )
        tables = []
    elif window:
        # A day's point knows the exposures up to it but every step in their windows, so each
        # day's exposures are walked on their own: the unit has arrived on the first such day.
        exposures = f"SELECT u, {until('us')} AS b, us, 0 AS step FROM ev WHERE bv IS NOT NULL"
        spans = f"SELECT u, b, MIN(us) AS lo, MAX(us) AS hi FROM {name}_0 GROUP BY u, b"
        rows = " UNION ALL ".join(
            f"SELECT s.u AS u, s.b AS b, ev.us AS us, {k} AS step "
            f"FROM {name}_w AS s JOIN ev ON ev.u = s.u "
            f"WHERE ev.{match} AND ev.us >= s.lo AND ev.us <= s.hi + {window}"
            for k, match in enumerate(steps, 1)
        )
        tables = [(f"{name}_0", exposures), (f"{name}_w", spans)]
        rows = f"SELECT u, b, us, step FROM {name}_0 UNION ALL {rows}"
    else:
        rows = " UNION ALL ".join(
            f"SELECT u, 0 AS b, us, {k} AS step FROM ev WHERE {test}"
            for k, test in enumerate(
                [
                    "bv IS NOT NULL",
                    *(f"{m} AND us >= e0 AND us <= {scan.request.days.stop_us}" for m in steps),
                ]
            )
        )
        tables = []
    held = window or LONGEST
    tables.append(
        (
            f"{name}_a0",
            f"SELECT *, MAX(CASE WHEN step = 0 THEN us END) {_SO_FAR} AS a0 FROM ({rows}) AS r",
        )
    )
    for k in range(1, len(steps) + 1):
        arrived = f"CASE WHEN step = {k} AND us - a{k - 1} <= {held} THEN a{k - 1} END"
        tables.append(
            (f"{name}_a{k}", f"SELECT *, MAX({arrived}) {_SO_FAR} AS a{k} FROM {name}_a{k - 1}")
        )
    last = f"{name}_a{len(steps)}"
    reached = " UNION ALL ".join(
        f"SELECT u, {k} AS step, MIN({'b' if window else until('us')}) AS day FROM {last} "
        f"WHERE a{k} IS NOT NULL GROUP BY u"
        for k in range(1, len(steps) + 1)
    )
    tables.append((name, reached))
    if covariate:
        tables.append(last_step_before(scan, steps[-1], name))
    return Funnel(tables, name, f"{name}_x" if covariate else "")
