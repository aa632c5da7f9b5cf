"""How long to wait before asking again: what the project said, else a growing, jittered pause."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from exp_jupyter.client.http.cancellation import rest

_SECONDS = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_SECONDS_IN_DETAIL = re.compile(rf"available in ({_SECONDS}) seconds?", re.IGNORECASE)


@dataclass
class Pace:
    """Waiting, with clock, sleep and chance replaceable so that nothing has to be waited for.

    Attributes
    ----------
    sleep
        How to wait, in seconds.
    clock
        A steady clock, in seconds.
    chance
        Uniform numbers in [0, 1).
    attempts
        How often a read is tried in all.
    longest
        The longest single wait, in seconds; when the project asks for more the caller is told
        instead of kept waiting.
    base
        The first pause when nobody said how long, in seconds; doubled each time, and shortened
        by up to half at random so that many clients do not come back at once.
    """

    sleep: Callable[[float], None] = rest
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = field(default_factory=lambda: random.Random().random)  # noqa: S311
    attempts: int = 4
    longest: float = 60.0
    base: float = 0.5

    def pause(self, attempt: int) -> float:
        """Return the pause after the ``attempt``-th try (from 0), in seconds."""
        return float(min(self.longest, self.base * 2**attempt) * (1 - self.chance() / 2))


def asked_wait(headers: Mapping[str, str], detail: str) -> float | None:
    """Return how long the project asks to wait, in seconds; None when it does not say.

    ``Retry-After`` comes first, as seconds or as a date; then the seconds in ``detail``, which
    is where a throttled answer has them.

    Examples
    --------
    >>> asked_wait({}, "Request was throttled. Expected available in 1 second.")
    1.0
    """
    header = headers.get("retry-after", "").strip()
    if re.fullmatch(_SECONDS, header):
        return float(header)
    if header and (left := _until(header)) is not None:
        return left
    found = _SECONDS_IN_DETAIL.search(detail)
    return float(found.group(1)) if found else None


def _until(date: str) -> float | None:
    """Return the seconds until a date of a header; None when it is none."""
    try:
        moment = parsedate_to_datetime(date)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (aware - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
