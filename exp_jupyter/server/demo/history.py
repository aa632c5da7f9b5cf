"""The demo's events: drawn, given names, and stored in the project's event store."""

# ruff: noqa: S608 - every word in the statement is this module's own
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from exp_jupyter.server.demo.draws import Draws, Ints, scrambled
from exp_jupyter.server.demo.people import PEOPLE, people, visits
from exp_jupyter.server.demo.rows import Rows
from exp_jupyter.server.demo.setting import EVENTS, FIRST_DAY, STAFF_DOMAIN, TRIALS
from exp_jupyter.server.demo.shop import Shop, open_shop
from exp_jupyter.server.demo.support import PROMPTS, open_support
from exp_jupyter.server.events.event_store import EventStore

SEED = 20260481
_NEVER = np.iinfo(np.int64).max
_LATE_PER_MILLE = 7  # phones that were offline and sent their events after the others

_DEVICES = ("Mobile", "Desktop", "Tablet")
_COUNTRIES = ("DE", "FR", "NL", "AT", "IT", "DK")
_PAGES = ("/", "/subscriptions", "/coffee/", "/gear", "/stories")
_TERMS = (
    *("decaf", "filter", "espresso", "grinder", "gift", "kettle"),
    *("ethiopia", "beans", "pods", "mug", "subscription", "milk frother"),
)
_TOPICS = ("delivery", "return", "subscription", "brewing", "invoice")


def record_history(events: EventStore, *, seed: int = SEED) -> int:
    """Draw the demo's whole history into an event store and return how many events it has.

    Parameters
    ----------
    events
        The event store of a new project.
    seed
        Another seed is another history of the same shop.
    """
    columns = drawn(seed)
    late = columns.pop("late").astype(np.bool_)
    added = 0
    with events.cursor() as cursor:
        for arrived in (~late, late):
            cursor.register("drawn", {name: column[arrived] for name, column in columns.items()})
            added += events.append_query(cursor, _NAMED, ordered=True)
    return added


def drawn(seed: int = SEED) -> dict[str, Ints]:
    """Return the history as columns of integers, in time order.

    Parameters
    ----------
    seed
        The seed of all draws.

    Returns
    -------
    dict
        The event's code, its milliseconds since the first day, its slots, and what its visit and
        person say; ``late`` is 1 for what arrived after everything else.
    """
    draws = Draws(seed)
    who = people(draws)
    visited = visits(draws, who)
    rows = Rows()
    shop = Shop(draws, who, visited, rows)
    open_shop(shop)
    open_support(shop)
    columns: Mapping[str, Ints] = rows.columns()

    visit = columns["visit"]
    person = visited.person[visit]
    identified = columns["event"] == EVENTS.index("$identify")
    known_since = np.full(PEOPLE, _NEVER, dtype=np.int64)
    known_since[person[identified]] = columns["at"][identified]
    device = who.device[person]
    late = (draws.below(1000, len(visit)) < _LATE_PER_MILLE) & (device == 0)
    serial = np.arange(len(visit)) + (seed << 24)
    return {
        **{name: column for name, column in columns.items() if name != "visit"},
        # A version 4 UUID in two halves; of the first, one bit is set so that it has 16 digits.
        "uuid_high": (scrambled(serial, 1) & ~0xF000) | 0x4000 | (1 << 62),
        "uuid_low": (scrambled(serial, 2) & (2**62 - 1)) | -(2**63),
        "session": visited.key[visit],
        "person": person,
        "anonymous": who.anonymous[person],
        "known": (columns["at"] >= known_since[person]).astype(np.int64),
        "staff": who.employee[person].astype(np.int64),
        "device": device,
        "country": who.country[person],
        "late": late.astype(np.int64),
    }


def _of(names: Sequence[str], code: str) -> str:
    """Return the SQL that looks a code up in names."""
    return f"[{', '.join(repr(name) for name in names)}][{code} + 1]"


def _decimal(expression: str, places: int) -> str:
    """Return the SQL for an integer count of the last of ``places`` decimals, as exact text."""
    return f"CAST({expression} AS DECIMAL(18, 0)) * CAST(1e-{places} AS DECIMAL(9, {places}))"


def _event(name: str) -> str:
    return f"event = {EVENTS.index(name)}"


_CALLED = _event("$feature_flag_called")
_GENERATED = _event("$ai_generation")
_FLAG = _of([trial.key for trial in TRIALS], "a")
_VARIANTS = (
    "['false', NULL, 'control', CASE WHEN flag = 'free-shipping-banner' THEN 'test-1' "
    "ELSE 'test' END, 'test-2']"
)
_PROMPT = _of(PROMPTS, "(a // 100)")
_MICRO_USD = "((25 * c + 100 * d) // 10)"  # 2.50 and 10 dollars per million tokens


def _seen_variant(flag: str, slot: str) -> str:
    """Return the SQL for the property an SDK adds to an event when its flag was asked before."""
    answer = f"[NULL, 'control', 'test'][{slot} + 2]"
    return f"',\"$feature/{flag}\":\"' || {answer} || '\"'"


_AI_PROMPT = (
    '\',"$ai_prompt_name":"\', prompt, \'","$ai_prompt_version":\', a % 100, '
    f"{_seen_variant(TRIALS[-1].key, 'b')}"
)

_KNOWN_AS = f"""concat('{{"email":"',
    CASE WHEN staff = 1 THEN concat('staff-', person, '@{STAFF_DOMAIN}')
    ELSE concat('customer-', person, '@mail.example') END,
    '","plan":"', {_of(("free", "club"), "a")}, '","country":"', {_of(_COUNTRIES, "country")},
    '"}}')"""

_DETAILS = f"""CASE event
    WHEN {EVENTS.index("$pageview")} THEN concat(',"$pathname":"', {_of(_PAGES, "a")},
        CASE WHEN a = 2 THEN 'blend-' || b END, '"')
    WHEN {EVENTS.index("$feature_flag_called")} THEN concat(',"$feature_flag":"', flag,
        '","$feature_flag_response":',
        CASE WHEN response = 'false' THEN 'false' ELSE '"' || response || '"' END)
    WHEN {EVENTS.index("$identify")} THEN concat(',"$anon_distinct_id":"', to_hex(anonymous),
        '","$set":', known_as)
    WHEN {EVENTS.index("signup")} THEN concat(',"plan":"', {_of(("free", "club"), "a")}, '"')
    WHEN {EVENTS.index("search")} THEN concat(',"term":"', {_of(_TERMS, "a")}, '"')
    WHEN {EVENTS.index("add_to_cart")} THEN concat(',"product":"blend-', a,
        '","price":', {_decimal("b", 2)})
    WHEN {EVENTS.index("checkout_started")} THEN concat(',"cart_value":', {_decimal("b", 2)},
        ',"items":', c, {_seen_variant("checkout-redesign", "a")})
    WHEN {EVENTS.index("purchase")} THEN concat(',"revenue":', {_decimal("b", 2)},
        ',"currency":"EUR","items":', c, {_seen_variant("checkout-redesign", "a")})
    WHEN {EVENTS.index("support_chat_started")} THEN concat(',"topic":"', {_of(_TOPICS, "a")}, '"')
    WHEN {EVENTS.index("$ai_generation")} THEN concat({_AI_PROMPT}, ',"$ai_input_tokens":', c,
        ',"$ai_output_tokens":', d, ',"$ai_total_cost_usd":', {_decimal(_MICRO_USD, 6)},
        ',"$ai_latency":', {_decimal("e", 3)})
    WHEN {EVENTS.index("$ai_evaluation")} THEN concat({_AI_PROMPT},
        ',"$ai_evaluation_name":"answers the question"',
        CASE WHEN d < 2 THEN concat(',"$ai_evaluation_result":', c = 1,
            ',"$ai_evaluation_applicable":', d = 0, ',"$ai_evaluation_result_type":"boolean"')
        ELSE concat(',"$ai_evaluation_result":', e, ',"$ai_evaluation_result_type":"numeric"') END)
    END"""

_NAMED = f"""
WITH coded AS (
    SELECT *,
        CASE WHEN {_CALLED} THEN {_FLAG} END AS flag,
        CASE WHEN {_CALLED} THEN {_VARIANTS}[b + 3] END AS response,
        CASE WHEN event >= {EVENTS.index("$ai_generation")} THEN {_PROMPT} END AS prompt,
        CASE WHEN {_event("$identify")} THEN {_KNOWN_AS} END AS known_as,
        to_hex(session) AS session_id
    FROM drawn
)
SELECT
    CAST(to_hex(uuid_high) || to_hex(uuid_low) AS UUID) AS uuid,
    {_of(EVENTS, "event")} AS event,
    CASE WHEN known = 1 THEN 'customer-' || person ELSE to_hex(anonymous) END AS distinct_id,
    person AS person_id,
    make_timestamp({round(FIRST_DAY.timestamp() * 1000)}000 + "at" * 1000) AS timestamp,
    concat('{{"$session_id":"', session_id, '","$device_type":"', {_of(_DEVICES, "device")}, '"',
        {_DETAILS}, '}}') AS properties,
    flag AS "$feature_flag",
    response AS "$feature_flag_response",
    session_id AS "$session_id",
    CASE WHEN {_event("purchase")} THEN b / 100.0::DOUBLE END AS revenue,
    prompt AS "$ai_prompt_name",
    CASE WHEN {_GENERATED} THEN {_MICRO_USD} / 1e6::DOUBLE END AS "$ai_total_cost_usd",
    CASE WHEN {_GENERATED} THEN e / 1e3::DOUBLE END AS "$ai_latency",
    known_as AS "$set",
    NULL::VARCHAR AS "$set_once"
FROM coded"""
