"""Whether a unit came back in time: the 0/1 outcome behind a retention metric."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from exp_jupyter.engine.statistics.arguments import choose
from exp_jupyter.errors import InputError

UNITS = ("second", "minute", "hour", "day", "week", "month")


def retention_outcome(
    start: datetime,
    completions: Iterable[datetime],
    *,
    unit: str,
    window_start: int,
    window_end: int,
    timezone: tzinfo | None = None,
) -> int:
    """Return 1 when a completion falls into the window after the start, else 0.

    Parameters
    ----------
    start
        When the start event happened, with a time zone.
    completions
        When the other events that match the completion happened, with a time zone.
    unit
        ``"second"``, ``"minute"``, ``"hour"``, ``"day"``, ``"week"`` or ``"month"``.
    window_start, window_end
        The window in whole units after the start, both ends included. Days and hours compare
        calendar days and hours; the other units compare exact times.
    timezone
        The project's time zone, whose days and hours count; by default that of each timestamp.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> start = datetime(2025, 3, 3, 17, 27, tzinfo=UTC)
    >>> back = datetime(2025, 3, 4, 8, 0, tzinfo=UTC)
    >>> retention_outcome(start, [back], unit="day", window_start=1, window_end=3)
    1
    """
    choose("unit", unit, UNITS)
    begin = _truncated(start, unit, timezone)
    low, high = _moved(begin, unit, window_start), _moved(begin, unit, window_end)
    return int(
        any(
            moment >= start and low <= _truncated(moment, unit, timezone) <= high
            for moment in completions
        )
    )


def _truncated(moment: datetime, unit: str, timezone: tzinfo | None) -> datetime:
    if moment.tzinfo is None:
        raise InputError(
            f"the time {moment} has no time zone",
            hint="Give every time with its zone, for example datetime(..., tzinfo=UTC).",
        )
    local = moment if timezone is None else moment.astimezone(timezone)
    if unit == "day":
        return local.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "hour":
        return local.replace(minute=0, second=0, microsecond=0)
    return local


def _moved(moment: datetime, unit: str, count: int) -> datetime:
    if unit == "month":
        months = moment.month - 1 + count
        year, month = moment.year + months // 12, months % 12 + 1
        last = calendar.monthrange(year, month)[1]
        return moment.replace(year=year, month=month, day=min(moment.day, last))
    step = timedelta(**{f"{unit}s": count})
    if unit in ("day", "week"):
        return moment + step  # a step on the calendar, whatever the clock did in between
    # Elapsed time: across a change of the clock only UTC measures it.
    return (moment.astimezone(UTC) + step).astimezone(moment.tzinfo)
