"""Metrics on sessions: each session that a unit begins after its exposure has one value.

A session is told by the property ``$session_id``. Its value comes from the source's relation of
sessions; without one it is derived from all events of the session, as far as these tell it.
"""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from typing import TYPE_CHECKING

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import DataWarehouseNode
from exp_jupyter.warehouse.events.matching import Node
from exp_jupyter.warehouse.sql.properties import PropertyReader, name_sql

if TYPE_CHECKING:
    from exp_jupyter.warehouse.events.scan import Scan

DURATION = "$session_duration"
"""Seconds from a session's first event to its last, each counted in whole ones."""

COUNTED = {
    "$pageview_count": "$pageview",
    "$screen_count": "$screen",
    "$autocapture_count": "$autocapture",
}
"""Session properties that count the session's events of a name."""

PROPERTIES = (DURATION, *COUNTED, "$num_uniq_urls", "$is_bounce")
"""The session properties that the API allows in a metric; a source must bring the last two."""

_SECOND = 1_000_000
_ID = "session_id"
_MATHS = (None, "total", "sum", "avg", "min", "max")


def by_session(node: Node) -> bool:
    """Whether a source's values are those of sessions, not of events."""
    if isinstance(node, DataWarehouseNode):
        return False
    return node.math_property == DURATION or (
        bool(node.math_property) and node.math_property_type == "session_properties"
    )


def session_rows(
    scan: Scan, node: Node, match: str, name: str, where: str
) -> list[tuple[str, str]]:
    """Return the tables of the exposed units' sessions.

    Parameters
    ----------
    scan
        The shared scan.
    node
        The source, ``by_session``.
    match
        The column that says whether an event is of the source.
    name
        The name of the last table: ``(u, e0, d0, us, v)``, one row per unit and session with the
        first matching event since the experiment's start and the session's value.
    where
        What to call the metric in a refusal.

    Raises
    ------
    exp_jupyter.errors.InputError
        The property is none of a session, cannot be derived, or has a math that makes no sense.
    """
    prop = str(node.math_property)
    if prop not in PROPERTIES:
        raise InputError(
            f"{where}: {prop!r} is no session property of metrics.",
            hint=f"Use one of {', '.join(PROPERTIES)}.",
        )
    if node.math not in _MATHS:
        raise InputError(
            f"{where}: math {node.math!r} makes nothing of a session property.",
            hint="Use sum, avg, min or max.",
        )
    session = scan.value(match, f"NULLIF({scan.reader.text('$session_id')}, '')")
    begun = (
        f"SELECT u, e0, d0, {session} AS sid, MIN(us) AS us FROM ev WHERE {match} "
        f"AND us >= {scan.request.days.start_us} AND {session} IS NOT NULL "
        f"GROUP BY u, e0, d0, {session}"
    )
    wanted = f"SELECT DISTINCT sid FROM {name}_b WHERE us >= e0"
    values = _given(scan, prop, wanted, where) if scan.source.sessions else None
    joined = (
        "SELECT b.u AS u, b.e0 AS e0, b.d0 AS d0, b.us AS us, COALESCE(s.v, 0) AS v "
        f"FROM {name}_b AS b LEFT JOIN {name}_s AS s ON s.sid = b.sid"
    )
    return [
        (f"{name}_b", begun),
        (f"{name}_s", values or _derived(scan.reader, prop, wanted, where)),
        (name, joined),
    ]


def _given(scan: Scan, prop: str, wanted: str, where: str) -> str:
    """Return SQL for the value ``v`` of sessions ``sid`` in the source's own relation of them."""
    columns = scan.source.session_columns
    found = next((name for name in (prop, prop.removeprefix("$")) if name in columns), None)
    if found is None or _ID not in columns:
        raise InputError(
            f"{where}: the sessions have no column {prop if _ID in columns else _ID!r}.",
            hint=f"They have: {', '.join(columns)}.",
        )
    read = f"e.{name_sql(found)}"
    if columns[found] == "BOOLEAN":
        number = f"CASE WHEN {read} THEN 1e0 WHEN NOT {read} THEN 0e0 END"
    else:
        number = f"TRY_CAST(CAST({read} AS VARCHAR) AS DOUBLE)"
    return (
        f"SELECT q.sid AS sid, MAX(q.v) AS v FROM (SELECT CAST(e.{name_sql(_ID)} AS VARCHAR) "
        f"AS sid, {number} AS v FROM {scan.source.sessions} AS e) AS q "
        f"JOIN ({wanted}) AS n ON n.sid = q.sid GROUP BY q.sid"
    )


def _derived(reader: PropertyReader, prop: str, wanted: str, where: str) -> str:
    """Return SQL for the value ``v`` of sessions ``sid``, from all events of each."""
    if prop == DURATION:
        read = f"epoch_us({reader.timestamp})"
        value = f"CAST(MAX(q.r) // {_SECOND} - MIN(q.r) // {_SECOND} AS DOUBLE)"
    elif prop in COUNTED:
        name = reader.parameters.bind(COUNTED[prop])
        read = f"CASE WHEN {reader.column(reader.source.event)} = {name} THEN 1e0 ELSE 0e0 END"
        value = "SUM(q.r)"
    else:
        raise InputError(
            f"{where}: {prop!r} cannot be told from the events of a session.",
            hint=f"Give sessions=…, a table with session_id and {prop!r}, or use "
            f"{', '.join((DURATION, *COUNTED))}.",
        )
    return (
        f"SELECT q.sid AS sid, {value} AS v FROM (SELECT {reader.text('$session_id')} AS sid, "
        f"{read} AS r FROM {reader.source.relation} AS e) AS q "
        f"JOIN ({wanted}) AS n ON n.sid = q.sid GROUP BY q.sid"
    )
