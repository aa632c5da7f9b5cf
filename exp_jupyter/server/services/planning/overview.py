"""How much a team experiments, and whether its events say which flag people saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from exp_jupyter.server.clock import stored_time
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.store import Document, Work

SAMPLE_LIMIT = 20
SAMPLE_WINDOW = timedelta(days=7)
FLAG_PROPERTY = "$feature/"
_MOST_SAMPLED = 1000


def stats(work: Work) -> Document:
    """Return how many experiments were launched, run and ended in the last months.

    The windows begin at midnights, read as UTC, of days of the project's time zone.
    """
    today = work.now().astimezone(ZoneInfo(work.project["timezone"])).date()

    def midnight(days: int) -> str:
        day = today + timedelta(days=days)
        return stored_time(datetime.combine(day, time(), UTC))

    def dated(column: str, first: int, last: int) -> int:
        return work.experiments.count(
            f"NOT deleted AND NOT archived AND {column} >= ? AND {column} < ?",
            [midnight(first), midnight(last)],
        )

    launched, before = dated("start_date", -30, 1), dated("start_date", -60, -30)
    grown = 100.0 if launched else 0.0
    change = round((launched - before) / before * 100, 1) if before else grown
    return {
        "launched_last_30d": launched,
        "launched_previous_30d": before,
        "percent_change": change,
        "active_experiments": work.experiments.count(
            "NOT deleted AND NOT archived AND start_date IS NOT NULL AND end_date IS NULL"
        ),
        "completed_last_30d": dated("end_date", -30, 1),
    }


def sampled_events(work: Work, query: Mapping[str, str]) -> tuple[list[str], int]:
    """Return the events to look at, those behind actions included, and how many of each.

    Parameters
    ----------
    query
        The request's ``events``, ``actions`` and ``limit``.
    """
    names = [str(entry["id"]) for entry in _entries(query, "events") if entry.get("id")]
    for entry in _entries(query, "actions"):
        action = work.actions.get(_action_id(entry))
        if action is None or action["deleted"]:
            raise invalid(f"Action {entry.get('id')!r} does not exist.", attr="actions")
        names += [step["event"] for step in action["steps"] if step.get("event")]
    try:
        limit = int(query.get("limit", SAMPLE_LIMIT))
    except ValueError:
        raise invalid("A valid integer is required.", attr="limit") from None
    if not 0 < limit <= _MOST_SAMPLED:
        raise invalid(f"limit must be between 1 and {_MOST_SAMPLED}.", attr="limit")
    return list(dict.fromkeys(names)), limit


def _action_id(entry: Document) -> int:
    try:
        return int(entry.get("id", -1))
    except (TypeError, ValueError, OverflowError):
        return -1


def _entries(query: Mapping[str, str], name: str) -> list[Document]:
    try:
        listed = json.loads(query.get(name) or "[]")
    except (ValueError, RecursionError):
        raise invalid(f"{name} must be a JSON list.", attr=name) from None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise invalid(f"{name} must be a JSON list of objects.", attr=name)
    return listed


def carries_flag(properties: Mapping[str, Any]) -> bool:
    """Tell whether an event says which variant of a flag its sender saw."""
    return any(name.startswith(FLAG_PROPERTY) for name in properties)
