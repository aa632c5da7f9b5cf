"""Retention metrics: did a unit that started come back in a window after its start."""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from dataclasses import dataclass

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import SECONDS, ExposureNode, RetentionMetric
from exp_jupyter.warehouse.events.scan import Scan
from exp_jupyter.warehouse.request.days import DAY, HOUR

_SECOND = 1_000_000


@dataclass(frozen=True)
class Retention:
    """The tables of a retention metric; the last, ``name``, has the changes ``(u, day, i, y)``.

    ``i`` says whether the unit counts from that day on, ``y`` whether it has come back.
    """

    tables: list[tuple[str, str]]
    name: str


def retention(scan: Scan, metric: RetentionMetric, name: str, where: str) -> Retention:
    """Compile a retention metric.

    A unit's starts are those the day's point can see. With ``first_seen`` the start never moves;
    with ``last_seen`` it moves to a later one, and with it whether the unit has come back.

    A conversion window lets the start be up to its length after the first exposure, that instant
    included as in PostHog, or excluded with the request's ``window_rule`` ``recommended``.
    """
    scan.needs_id = True
    window = metric.window_seconds * _SECOND
    reach = metric.retention_window_end * SECONDS[metric.retention_window_unit] * _SECOND
    completed = scan.match(metric.completion_event, where)
    begun, back = "ev", scan.rows(completed)
    shift = f"us - {window}" if window else "us"
    if isinstance(metric.start_event, ExposureNode):
        tables = _exposure_start(scan, metric, name, where)
    else:
        started = scan.match(metric.start_event, where)
        begun = scan.rows(started)
        # Of a table's rows at one instant none comes first, so one that is no return starts.
        own = f"CASE WHEN {completed} THEN 1 ELSE 0 END" if begun == back != "ev" else "0"
        # The scan ends before the point's own end plus the window, whoever the unit is.
        inside = f"us >= e0 AND {shift} < {scan.request.days.stop_us}"
        if window:
            sign = "<" if scan.request.window_rule == "recommended" else "<="
            inside += f" AND us {sign} e0 + {window}"
        day = f"GREATEST(d0, {scan.calendar.before(f'({shift})')})"
        last = metric.start_handling == "last_seen"
        group, order = ("u, cday", "s DESC, own, sid DESC") if last else ("u", "s, own, sid")
        tables = [
            (
                f"{name}_s",
                (
                    f"SELECT u, us AS s, id AS sid, {own} AS own, {day} AS cday FROM {begun} "
                    f"WHERE {started} AND {inside}"
                ),
            ),
            (
                f"{name}_r",
                (
                    f"SELECT *, ROW_NUMBER() OVER (PARTITION BY {group} ORDER BY {order}) AS rn "
                    f"FROM {name}_s"
                ),
            ),
            (
                f"{name}_c",
                (
                    "SELECT u, s, sid, cday, "
                    "LEAD(cday) OVER (PARTITION BY u ORDER BY cday) AS nday "
                    f"FROM {name}_r WHERE rn = 1"
                ),
            ),
        ]
    # A row of a table is never an event, nor a row of another table.
    other = "ev.id <> c.sid" if begun == back else "TRUE"
    late = f"ev.us - {window + reach}"
    seen = scan.calendar.before(f"({late})")
    counted = "1"
    if scan.request.population.matured_only:
        counted = f"CASE WHEN c.s + {reach} <= {scan.request.clock} THEN 1 ELSE 0 END"
    tables += [
        (
            f"{name}_b",
            (
                f"SELECT c.u AS u, c.cday AS cday, MIN({seen}) AS rday "
                f"FROM {name}_c AS c JOIN {back} AS ev ON ev.u = c.u "
                f"WHERE ev.{completed} AND ev.us >= c.s AND {other} "
                f"AND {late} < {scan.request.days.stop_us} AND {_inside(scan, metric, reach)} "
                "GROUP BY c.u, c.cday"
            ),
        ),
        (
            f"{name}_o",
            (
                "SELECT c.u AS u, c.cday AS cday, c.nday AS nday, b.rday AS rday, "
                f"{counted} AS i FROM {name}_c AS c "
                f"LEFT JOIN {name}_b AS b ON b.u = c.u AND b.cday = c.cday"
            ),
        ),
        (
            name,
            (
                "SELECT u, cday AS day, i, CASE WHEN rday <= cday THEN i ELSE 0 END AS y "
                f"FROM {name}_o UNION ALL SELECT u, rday AS day, i, i AS y FROM {name}_o "
                "WHERE rday > cday AND (nday IS NULL OR rday < nday)"
            ),
        ),
    ]
    return Retention(tables, name)


def _exposure_start(
    scan: Scan, metric: RetentionMetric, name: str, where: str
) -> list[tuple[str, str]]:
    if metric.window_seconds or metric.start_handling == "last_seen":
        raise InputError(
            f"{where}: a retention that starts with the exposure takes neither a conversion "
            "window nor the last start.",
            hint="Leave out conversion_window and use start_handling first_seen.",
        )
    scan.needs_exposure_id = True
    return [
        (
            f"{name}_c",
            "SELECT u, e0 AS s, xid AS sid, d0 AS cday, CAST(NULL AS BIGINT) AS nday FROM x",
        )
    ]


def _inside(scan: Scan, metric: RetentionMetric, reach: int) -> str:
    """Return the condition that a completion falls into the window after its start."""
    unit = metric.retention_window_unit
    low, high = metric.retention_window_start, metric.retention_window_end
    calendar = scan.calendar
    # The rough bound counts a month as 30 days, also where the exact one is longer.
    slack = {"day": DAY, "hour": HOUR}.get(unit, 0)
    rough = f"ev.us <= c.s + {reach + slack}"
    if unit == "day":
        passed = f"({calendar.local_day('ev.us')} - {calendar.local_day('c.s')})"
        return f"{rough} AND {passed} >= {low} AND {passed} <= {high}"
    if unit == "hour":
        passed = f"({calendar.hour_start('ev.us')} - {calendar.hour_start('c.s')})"
        return f"{rough} AND {passed} >= {low * HOUR} AND {passed} <= {high * HOUR}"
    if unit == "month":
        here = calendar.local("ev.us")
        first, last = (calendar.months_later("c.s", months) for months in (low, high))
        return f"{rough} AND {here} >= {first} AND {here} <= {last}"
    if unit == "week":
        passed = f"({calendar.local('ev.us')} - {calendar.local('c.s')})"
    else:
        passed = "(ev.us - c.s)"
    step = SECONDS[unit] * _SECOND
    return f"{rough} AND {passed} >= {low * step} AND {passed} <= {high * step}"
