"""The days of a series as arithmetic on microseconds, so that one statement knows them all.

A day's point is the analysis with ``as_of`` at the project's next midnight, capped at the end of
the window. Instants are whole microseconds since 1970 in UTC. The project's local time is the
instant plus an offset that is constant between its few changes, so the day of an instant is an
addition and a division: nothing an engine's own calendar could read differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from exp_jupyter.errors import InputError

DAY = 86_400_000_000
HOUR = 3_600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN = 2**63 - 1
"""The instant of what has not happened, and the day on which nobody leaves."""


def microseconds(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970 in UTC.

    Examples
    --------
    >>> microseconds(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return (moment - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Days:
    """The days of an analysis window in the project's time zone.

    Parameters
    ----------
    start, stop
        The window: from the experiment's start to the earlier of its end and the moment of the
        analysis, as aware datetimes.
    zone
        The project's time zone, an IANA name.

    Examples
    --------
    >>> start, stop = datetime(2026, 3, 28, 9, tzinfo=UTC), datetime(2026, 3, 30, 9, tzinfo=UTC)
    >>> days = Days(start, stop, "Europe/Paris")
    >>> [day.isoformat() for day in days.dates]
    ['2026-03-28', '2026-03-29', '2026-03-30']
    """

    start: datetime
    stop: datetime
    zone: str = "UTC"

    @property
    def tz(self) -> ZoneInfo:
        """The time zone."""
        try:
            return ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InputError(
                f"There is no time zone {self.zone!r}.", hint="Use an IANA name: Europe/Paris."
            ) from error

    @property
    def first(self) -> date:
        """The local date of the start."""
        return self.start.astimezone(self.tz).date()

    @property
    def dates(self) -> list[date]:
        """The local dates from the start to the stop, both included."""
        last = self.stop.astimezone(self.tz).date()
        return [self.first + timedelta(days=i) for i in range((last - self.first).days + 1)]

    @property
    def start_us(self) -> int:
        """The start in microseconds."""
        return microseconds(self.start)

    @property
    def stop_us(self) -> int:
        """The stop in microseconds."""
        return microseconds(self.stop)

    def midnight(self, day: date) -> datetime:
        """Return the moment a local day begins."""
        return datetime.combine(day, time(), tzinfo=self.tz).astimezone(UTC)

    def end_of(self, day: date) -> datetime:
        """Return the moment a day's point is taken: the next local midnight, or the stop."""
        midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=self.tz)
        return min(midnight.astimezone(UTC), self.stop.astimezone(UTC))

    def offsets(self, low: int, high: int) -> list[tuple[int, int]]:
        """Return ``(from, offset)`` in microseconds: what to add to an instant for local time.

        The first entry holds from the beginning of time; ``low`` and ``high`` bound the instants
        that occur.
        """

        def offset(us: int) -> int:
            moment = (EPOCH + timedelta(microseconds=us)).astimezone(self.tz)
            return (moment.utcoffset() or timedelta()) // timedelta(microseconds=1)

        found = [(low, offset(low))]
        step = 7 * DAY  # no zone changes its offset twice within a week and comes back
        left = low
        while left < high:
            right = min(left + step, high)
            if offset(right) != found[-1][1]:
                a, b = left, right
                while b - a > 1:
                    middle = (a + b) // 2
                    a, b = (middle, b) if offset(middle) == found[-1][1] else (a, middle)
                found.append((b, offset(b)))
                left = b
            else:
                left = right
        return found


def _start(day: date) -> int:
    """Return a day, counted from 1970."""
    return (day - EPOCH.date()).days


def _month_after(first: date, months: int) -> date:
    """Return the first day of a month that comes months after another."""
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


@dataclass(frozen=True)
class Calendar:
    """SQL for the days of instants.

    Parameters
    ----------
    days
        The window.
    low, high
        The instants that occur, in microseconds.
    """

    days: Days
    low: int
    high: int

    def offset(self, us: str) -> str:
        """Return SQL for what to add to the instant ``us`` for local time."""
        (_, first), *later = self.days.offsets(self.low, self.high)
        if not later:
            return str(first)
        starts = [start for start, _ in later]
        offsets = [first, *(offset for _, offset in later)]
        whens = " ".join(
            f"WHEN {us} < {start} THEN {offset}"
            for start, offset in zip(starts, offsets, strict=False)
        )
        return f"(CASE {whens} ELSE {offsets[-1]} END)"

    def local(self, us: str) -> str:
        """Return SQL for the local time of the instant ``us``, in microseconds."""
        return f"({us} + {self.offset(us)})"

    def hour_start(self, us: str) -> str:
        """Return SQL for the instant at which the local hour of ``us`` began."""
        return f"({us} - {self.local(us)} % {HOUR})"

    def local_day(self, us: str) -> str:
        """Return SQL for the local day of ``us``, counted from 1970."""
        return f"({self.local(us)} // {DAY})"

    def months_later(self, us: str, months: int) -> str:
        """Return SQL for the local time ``months`` after the instant ``us``, in microseconds.

        A day that the later month does not have becomes its last one.
        """
        local = self.local(us)
        low, high = self.low - DAY, self.high + DAY  # local time is at most a day away
        first = (EPOCH + timedelta(microseconds=low)).date().replace(day=1)
        cases: list[str] = []
        while not cases or _start(first) * DAY < high:
            later = _month_after(first, months)
            last = (_month_after(later, 1) - later).days - 1
            day = f"LEAST({local} // {DAY} - {_start(first)}, {last}) + {_start(later)}"
            first = _month_after(first, 1)
            cases.append(f"WHEN {local} < {_start(first) * DAY} THEN {day}")
        return f"((CASE {' '.join(cases)} END) * {DAY} + {local} % {DAY})"

    @property
    def _origin(self) -> int:
        return _start(self.days.first)

    def before(self, us: str) -> str:
        """Return SQL for the first day whose point sees an event at ``us`` (strictly before)."""
        return f"GREATEST(0, {self.local_day(us)} - {self._origin})"

    def until(self, us: str) -> str:
        """Return SQL for the first day whose point sees an exposure at ``us`` (inclusively)."""
        return self.before(f"({us} - 1)")
