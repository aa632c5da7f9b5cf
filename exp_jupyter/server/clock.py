"""What time it is in a project: the machine's clock, or one that stands still but never repeats."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time in UTC."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class FrozenClock:
    """A clock that stands still, except for one microsecond per reading.

    The microseconds keep "newest first" well defined: two things made one after the other differ
    in their creation times, and they do so in the same way on every machine.

    Parameters
    ----------
    start
        The first reading; aware.

    Examples
    --------
    >>> clock = FrozenClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    >>> clock.now().isoformat(), clock.now().isoformat()
    ('2026-03-02T09:00:00+00:00', '2026-03-02T09:00:00.000001+00:00')
    """

    def __init__(self, start: datetime) -> None:
        self._next = start.astimezone(UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the frozen moment, one microsecond later than the reading before."""
        with self._lock:
            moment = self._next
            self._next = moment + timedelta(microseconds=1)
            return moment

    def set(self, moment: datetime) -> None:
        """Move the clock to ``moment``, forwards or backwards."""
        with self._lock:
            self._next = moment.astimezone(UTC)

    def advance(self, step: timedelta) -> None:
        """Move the clock forwards by ``step``."""
        with self._lock:
            self._next += step


def stored_time(moment: datetime) -> str:
    """Return ``moment`` as the store keeps it: UTC with all six decimals, so text sorts as time.

    Examples
    --------
    >>> stored_time(datetime(2026, 3, 2, 9, 15, tzinfo=UTC))
    '2026-03-02T09:15:00.000000Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def read_time(text: str) -> datetime:
    """Return the aware UTC moment of ISO 8601 ``text``; UTC when it has no offset."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def wire_time(text: str | None) -> str | None:
    """Return a stored time as the API writes it: with decimals only when there are any.

    Examples
    --------
    >>> wire_time('2026-03-02T09:15:00.000000Z'), wire_time('2026-03-02T09:15:00.318822Z')
    ('2026-03-02T09:15:00Z', '2026-03-02T09:15:00.318822Z')
    """
    return None if text is None else text.replace(".000000Z", "Z")
