"""What the demo is about: its days, its present moment, its events, how its flags behaved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

FIRST_DAY = datetime(2026, 2, 9, tzinfo=UTC)
"""The first day with events, a Monday."""

NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
"""The moment the demo's clock stands at, a Tuesday morning."""

SEED_OF_NAMES = 20260202
"""The seed of the project's UUIDs."""

DAYS = (NOW - FIRST_DAY).days + 1
"""How many days have events; the last one is not over."""

EVENTS = (
    "session_start",
    "$pageview",
    "$feature_flag_called",
    "signup",
    "$identify",
    "search",
    "add_to_cart",
    "checkout_started",
    "purchase",
    "support_chat_started",
    "$ai_generation",
    "$ai_evaluation",
)
"""The names of the demo's events; an event's code is its place here."""

STAFF_DOMAIN = "kettle-and-cup.example"
"""Where the people who work for the shop have their e-mail: its test accounts."""

WEEKDAY_WEIGHTS = (104, 108, 106, 102, 96, 78, 86)
"""How busy the days of a week are, Monday first."""

HOUR_WEIGHTS = (
    *(4, 2, 2, 1, 1, 3, 9, 22, 38, 45, 48, 47),  # the night and the morning
    *(52, 50, 46, 44, 45, 48, 52, 58, 62, 56, 36, 14),  # the afternoon and the evening
)
"""How busy the hours of a day are."""


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds from the first day's midnight to ``moment``."""
    seconds = (moment - FIRST_DAY).total_seconds()
    return round(seconds * 1000)


@dataclass(frozen=True)
class Trial:
    """How a feature flag behaved while the demo's events were recorded.

    Parameters
    ----------
    key
        The flag's key.
    variants, weights
        Its variants and their shares in percent.
    start
        When its experiment began; the flag was not asked before.
    stop
        When it was last asked, or None while it still is.
    rollout
        The share of people it is released to, in percent; the others get ``false``.
    """

    key: str
    variants: tuple[str, ...]
    weights: tuple[int, ...]
    start: datetime
    stop: datetime | None = None
    rollout: int = 100


CHECKOUT = Trial(
    "checkout-redesign", ("control", "test"), (50, 50), datetime(2026, 3, 9, 10, tzinfo=UTC)
)
BUNDLES = Trial(
    "bundle-pricing", ("control", "test"), (50, 50), datetime(2026, 3, 16, 8, 30, tzinfo=UTC)
)
SEARCH = Trial(
    "search-ranking", ("control", "test"), (50, 50), datetime(2026, 3, 12, 13, tzinfo=UTC)
)
BANNER = Trial(
    "free-shipping-banner",
    ("control", "test-1", "test-2"),
    (34, 33, 33),
    datetime(2026, 3, 18, 9, tzinfo=UTC),
    datetime(2026, 3, 26, 15, 20, tzinfo=UTC),
    rollout=60,
)
CHECKLIST = Trial(
    "welcome-checklist",
    ("control", "test"),
    (50, 50),
    datetime(2026, 2, 12, 9, tzinfo=UTC),
    datetime(2026, 3, 6, 10, tzinfo=UTC),
)
PHOTOS = Trial(
    "larger-photos",
    ("control", "test"),
    (50, 50),
    datetime(2026, 2, 16, 11, tzinfo=UTC),
    datetime(2026, 3, 9, 9, tzinfo=UTC),
)
SIGNUP = Trial(
    "one-step-signup",
    ("control", "test"),
    (50, 50),
    datetime(2026, 2, 11, 10, tzinfo=UTC),
    datetime(2026, 2, 25, 16, tzinfo=UTC),
)
REPLIES = Trial(
    "support-reply-v3-v4-cost-latency-eval_pass_rate",
    ("control", "test"),
    (50, 50),
    datetime(2026, 3, 13, 9, tzinfo=UTC),
)

TRIALS = (CHECKOUT, BUNDLES, SEARCH, BANNER, CHECKLIST, PHOTOS, SIGNUP, REPLIES)


class PastClock:
    """A clock that shows exactly the moment it was last set to.

    Things made in the past get round times; afterwards the project gets a clock that never
    repeats a moment.

    Attributes
    ----------
    moment
        What it shows; aware.
    """

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment
