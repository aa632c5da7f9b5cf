"""Funnel metrics: how far a unit walked, and by which day.

An ordered funnel whose events match one step each is nested running maxima in SQL: ``a_k`` is the
exposure that the latest arrival at step k within the window started from. Where one event can
match two steps, and for unordered funnels, the units' events are walked one by one instead
(``exp_jupyter.warehouse.walk``).
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from dataclasses import dataclass

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metric import FunnelMetric
from exp_jupyter.warehouse.scan import Scan

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
    """Whether the funnel needs the walk: unordered, or an event may match two of its steps."""
    if metric.funnel_order_type == "unordered":
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
            f"{where}: strict order is not supported.",
            hint="Use funnel_order_type ordered or unordered.",
        )
    return [scan.match(step, where) for step in metric.series]


def last_step_before(scan: Scan, match: str, name: str) -> tuple[str, str]:
    """Return the covariate's table: 1 for a unit that did the last step in the lookback."""
    rows = f"{match} AND us >= e0 - {scan.lookback} AND us < e0"
    return (f"{name}_x", f"SELECT DISTINCT u, 1e0 AS xv FROM ev WHERE {rows}")


def ordered(scan: Scan, metric: FunnelMetric, name: str, where: str, *, covariate: bool) -> Funnel:
    """Compile an ordered funnel whose events match one step each."""
    steps = matches(scan, metric, where)
    window = metric.window_seconds * 1_000_000
    until = scan.calendar.until
    if window:
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
