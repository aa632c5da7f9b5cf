"""Moments from days as people write them: midnights and last instants in a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.days import Days

When = str | date | datetime
"""A day, or a moment; text is ISO 8601. What has no time zone of its own is in the project's."""


def zone_of(timezone: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is none of that name.
    """
    return Days(datetime.now(UTC), datetime.now(UTC), timezone).tz


def beginning(when: When, timezone: str, what: str) -> datetime:
    """Return the moment a day begins, or the moment given, in UTC.

    Examples
    --------
    >>> beginning("2026-03-02", "Europe/Berlin", "start").isoformat()
    '2026-03-01T23:00:00+00:00'
    """
    read = _read(when, what)
    if not isinstance(read, datetime):
        read = datetime.combine(read, time())
    return _in_zone(read, timezone)


def ending(when: When, timezone: str, what: str) -> datetime:
    """Return the last instant of a day, or the moment given, in UTC.

    Examples
    --------
    >>> ending(date(2026, 3, 2), "UTC", "end").isoformat()
    '2026-03-02T23:59:59.999999+00:00'
    """
    read = _read(when, what)
    if isinstance(read, datetime):
        return _in_zone(read, timezone)
    # The last instant of the day: the next midnight would begin one more.
    midnight = datetime.combine(read + timedelta(days=1), time(), zone_of(timezone))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)


def _in_zone(moment: datetime, timezone: str) -> datetime:
    zone = zone_of(timezone)
    moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
    return moment.astimezone(UTC)


def _read(when: When, what: str) -> date | datetime:
    if isinstance(when, (date, datetime)):
        return when
    try:
        return date.fromisoformat(when)
    except (TypeError, ValueError):
        pass
    try:
        return datetime.fromisoformat(when)
    except (TypeError, ValueError):
        raise InputError(
            f"{what} is {when!r}; expected a day or a moment.",
            hint="Write it as 2026-03-02, or 2026-03-02T09:15+01:00.",
        ) from None
