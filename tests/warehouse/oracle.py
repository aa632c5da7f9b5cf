"""The semantics of every metric in plain Python: one day, one metric, one unit at a time.

Slow and obvious on purpose. It shares nothing with the compiler but the words of the definitions.
Times are whole microseconds since 1970 in UTC.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 30 * 86400,
}


def us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@dataclass
class Event:
    uuid: str
    event: str
    person: int | None
    at: int
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    events: list[Event]
    start: datetime
    end: datetime | None
    as_of: datetime
    zone: str = "UTC"
    variants: tuple[str, ...] = ("control", "test")
    excluded: tuple[str, ...] = ()
    handling: str | None = None
    filter_test: bool | None = None
    test_filters: tuple[dict[str, Any], ...] = ()
    exposure_config: dict[str, Any] | None = None
    group: int | None = None
    matured: bool = False
    lookback_days: int | None = None
    emails: dict[int, str] = field(default_factory=dict)
    actions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    exclusions: tuple[dict[str, Any], ...] = ()
    cohorts: dict[int, set[int]] = field(default_factory=dict)
    activation: dict[str, Any] | None = None
    tables: dict[str, list[Event]] = field(default_factory=dict, repr=False)
    """Rows of warehouse tables: their columns are the properties."""
    one_window: bool = False
    """Whether a window is the same for every metric, rather than PostHog's by metric."""
    sessions: dict[str, dict[str, Any]] | None = None
    """What is known of sessions by their id; None to tell it from their events."""

    @cached_property
    def remaining(self) -> list[Event]:
        """The events of persons who are not excluded."""
        return [
            e
            for e in self.events
            if e.person is None or not any(holds(self, e, item) for item in self.exclusions)
        ]


def points(world: World) -> list[tuple[date, int]]:
    """Every local day with the moment its point is taken."""
    zone = ZoneInfo(world.zone)
    stop = world.as_of if world.end is None else min(world.as_of, world.end)
    day, last = world.start.astimezone(zone).date(), stop.astimezone(zone).date()
    found = []
    while day <= last:
        midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)
        found.append((day, us(min(midnight, stop))))
        day += timedelta(days=1)
    return found


# ---------------------------------------------------------------- matching


def as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def as_number(value: Any) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def holds(world: World, event: Event, item: dict[str, Any]) -> bool:
    if item.get("type") == "cohort":
        return (event.person in world.cohorts[item["value"]]) == (item["operator"] == "in")
    if item.get("type") == "person":
        value = {"email": world.emails.get(event.person or 0)}.get(item["key"])
    else:
        value = event.properties.get(item["key"])
    wanted = item.get("value")
    wanted = wanted if isinstance(wanted, list) else [wanted]
    text, number, operator = as_text(value), as_number(value), item.get("operator", "exact")
    exact = any(
        number == w
        if isinstance(w, (int, float)) and not isinstance(w, bool)
        else text == as_text(w)
        for w in wanted
    )
    contains = text is not None and any(str(as_text(w)).lower() in text.lower() for w in wanted)
    if operator in ("exact", "is_not"):
        return exact == (operator == "exact")
    if operator in ("icontains", "not_icontains"):
        return contains == (operator == "icontains")
    if operator in ("is_set", "is_not_set"):
        return (text is not None) == (operator == "is_set")
    if number is None:
        return False
    bound = float(wanted[0])
    return {
        "gt": number > bound,
        "lt": number < bound,
        "gte": number >= bound,
        "lte": number <= bound,
    }[operator]


def matches(world: World, event: Event, node: dict[str, Any]) -> bool:
    filters = all(holds(world, event, item) for item in node.get("properties") or ())
    if node["kind"] == "ActionsNode":
        steps = world.actions.get(node["id"], [])
        return filters and any(
            matches(world, event, {"kind": "EventsNode", **step}) for step in steps
        )
    return filters and (not node.get("event") or event.event == node["event"])


def unit_of(world: World, event: Event) -> Any:
    if world.group is None:
        return event.person
    return event.properties.get(f"$group_{world.group}") or None


# ---------------------------------------------------------------- exposures


@dataclass
class Unit:
    key: Any
    variant: str
    first: int
    exposure: Event
    exposures: set[str]
    multiple: bool


def is_default(config: dict[str, Any] | None) -> bool:
    named = ("$feature_flag_called", "$experiment_exposure")
    return config is None or config.get("event") in named


def variant_of(world: World, event: Event) -> str | None:
    config = world.exposure_config
    if is_default(config):
        name = "$feature_flag_called" if config is None else config["event"]
        if event.event != name or event.properties.get("$feature_flag") != "flag":
            return None
        found = event.properties.get("$feature_flag_response")
    else:
        if not matches(world, event, {"kind": "EventsNode", **config, "properties": None}):
            return None
        found = event.properties.get("$feature/flag")
    if config is not None and not all(
        holds(world, event, item) for item in config.get("properties") or ()
    ):
        return None
    if of_test_account(world, event):
        return None
    kept = [key for key in world.variants if key not in world.excluded]
    return found if found in kept else None


def of_test_account(world: World, event: Event) -> bool:
    test = True if world.filter_test is None else world.filter_test
    return test and not all(holds(world, event, item) for item in world.test_filters)


def activated(world: World, key: Any, since: int, stop: int) -> list[Event]:
    """The activations of a unit that was shown a variant first at ``since``."""
    node = {"kind": "EventsNode", **(world.activation or {})}
    return [
        e
        for e in world.remaining
        if unit_of(world, e) == key
        and matches(world, e, node)
        and not of_test_account(world, e)
        and max(since, us(world.start)) <= e.at <= stop
    ]


def units(world: World, stop: int) -> list[Unit]:
    seen = defaultdict(list)
    for event in world.remaining:
        key = unit_of(world, event)
        variant = variant_of(world, event)
        if key is not None and variant is not None and us(world.start) <= event.at <= stop:
            seen[key].append((event, variant))
    found = []
    for key, pairs in seen.items():
        shown = min(event.at for event, _ in pairs)
        opening = [variant for event, variant in pairs if event.at == shown]
        exposing = [event for event, _ in pairs]
        if world.activation is not None and is_default(world.exposure_config):
            exposing = activated(world, key, shown, stop)
            if not exposing:
                continue
        first = min(event.at for event in exposing)
        found.append(
            Unit(
                key,
                min(opening, key=world.variants.index),
                first,
                min((e for e in exposing if e.at == first), key=lambda e: e.uuid),
                {event.uuid for event in exposing},
                len({variant for _, variant in pairs}) > 1,
            )
        )
    return found


def exposures(world: World, kept: list[str]) -> tuple[list[list[int]], list[int]]:
    """Per variant, and under several, the units first exposed on every local day or before it."""
    zone, days = ZoneInfo(world.zone), points(world)
    found = units(world, days[-1][1])
    exclude = world.handling != "first_seen"
    first = {
        unit.key: (EPOCH + timedelta(microseconds=unit.first)).astimezone(zone).date()
        for unit in found
    }
    several = {unit.key for unit in found if unit.multiple and exclude}
    lines = [{u.key for u in found if u.variant == v and u.key not in several} for v in kept]
    counted = [[sum(first[key] <= day for key in line) for day, _ in days] for line in lines]
    return counted, [sum(first[key] <= day for key in several) for day, _ in days]


# ---------------------------------------------------------------- warehouse tables

NO_UUID = "00000000-0000-0000-0000-000000000000"
EXPRESSIONS = {
    "amount": lambda row: row["amount"],
    "orders.amount * 2": lambda row: None if row["amount"] is None else row["amount"] * 2,
    "if(kind = 'x', amount, 1)": lambda row: row["amount"] if row["kind"] == "x" else 1,
    "paid": lambda row: bool(row["paid"]),
    "kind": lambda row: row["kind"],
}


def from_table(node: dict[str, Any]) -> bool:
    return node["kind"] == "ExperimentDataWarehouseNode"


def key_of(event: Event, name: str) -> str | None:
    if name == "person_id":
        return as_text(event.person)
    if name == "distinct_id":
        return None if event.person is None else f"d{event.person}"
    return as_text(event.properties.get(name.removeprefix("properties.")))


def key_of_row(row: Event, column: str) -> str | None:
    key = row.properties[column]
    return str(int(key)) if isinstance(key, float) and key.is_integer() else as_text(key)


def rows_of_unit(world: World, unit: Unit, node: dict[str, Any]) -> list[Event]:
    key = key_of(unit.exposure, node["events_join_key"])
    wanted = [*(node.get("properties") or ()), *(node.get("fixedProperties") or ())]
    return [
        row
        for row in world.tables[node["table_name"]]
        if key is not None
        and key_of_row(row, node["data_warehouse_join_key"]) == key
        and all(holds(world, row, item) for item in wanted)
    ]


# ---------------------------------------------------------------- sessions


def by_session(node: dict[str, Any]) -> bool:
    session = node.get("math_property_type") == "session_properties"
    return session or node.get("math_property") == "$session_duration"


def session_of(event: Event) -> str | None:
    return as_text(event.properties.get("$session_id")) or None


def session_value(world: World, session: str, name: str) -> float:
    if world.sessions is not None:
        return value_of_row(world.sessions.get(session, {}).get(name))
    own = [e for e in world.events if session_of(e) == session]
    if name == "$session_duration":
        return float(max(e.at for e in own) // SECOND - min(e.at for e in own) // SECOND)
    return float(sum(f"{e.event}_count" == name for e in own))


def of_sessions(
    world: World, metric: dict[str, Any], node: dict[str, Any], unit: Unit, stop: int
) -> float | None:
    """None for a unit without a session that counts."""
    window = window_us(metric)
    begun: dict[str, int] = {}
    for e in own_events(world, unit, node):
        session = session_of(e)
        if session is not None and us(world.start) <= e.at < stop + window:
            begun[session] = min(e.at, begun.get(session, e.at))
    counted = [
        session_value(world, session, node["math_property"])
        for session, at in begun.items()
        if at >= unit.first and (not window or at < unit.first + window)
    ]
    return summed_up(node.get("math") or "total", counted) if counted else None


# ---------------------------------------------------------------- values


def aggregated(world: World, node: dict[str, Any], events: list[Event]) -> float:
    math_name, key = node.get("math") or "total", node.get("math_property")
    if from_table(node):
        read = EXPRESSIONS[key] if key else lambda row: 1
        found = [read(event.properties) for event in events]
        if math_name in ("unique_session", "dau", "unique_group"):
            return float(len({as_text(value) for value in found} - {None, "", NO_UUID}))
        return summed_up(math_name, [value_of_row(value) for value in found])
    if math_name in ("unique_session", "dau", "unique_group"):
        if math_name == "unique_session":
            held = {as_text(e.properties.get("$session_id")) for e in events}
        elif math_name == "dau":
            held = {str(e.person) for e in events if e.person is not None}
        else:
            index = node["math_group_type_index"]
            held = {as_text(e.properties.get(f"$group_{index}")) for e in events}
        return float(len(held - {None, "", NO_UUID}))
    if math_name in ("sum", "avg", "min", "max") and key:
        values = [as_number(e.properties.get(key)) or 0.0 for e in events]
    else:
        values = [1.0 for _ in events]
    return summed_up(math_name, values)


def value_of_row(value: Any) -> float:
    return float(value) if isinstance(value, bool) else as_number(value) or 0.0


def summed_up(math_name: str, values: list[float]) -> float:
    if not values:
        return 0.0
    if math_name == "avg":
        return math.fsum(values) / len(values)
    if math_name in ("min", "max"):
        return min(values) if math_name == "min" else max(values)
    return math.fsum(values)


def window_us(metric: dict[str, Any]) -> int:
    if not metric.get("conversion_window") or not metric.get("conversion_window_unit"):
        return 0
    return metric["conversion_window"] * UNITS[metric["conversion_window_unit"]] * SECOND


def own_events(world: World, unit: Unit, node: dict[str, Any]) -> list[Event]:
    if from_table(node):
        return rows_of_unit(world, unit, node)
    return [e for e in world.remaining if unit_of(world, e) == unit.key and matches(world, e, node)]


def counted(world: World, metric: dict[str, Any], node: Any, unit: Unit, stop: int) -> float:
    window = window_us(metric)
    inside = [
        e
        for e in own_events(world, unit, node)
        if e.at >= unit.first
        and (e.at < unit.first + window if window else True)
        and us(world.start) <= e.at < stop + window
    ]
    return aggregated(world, node, inside)


def before(world: World, node: dict[str, Any], unit: Unit) -> float:
    lookback = (world.lookback_days or 0) * 86400 * SECOND
    inside = [
        e for e in own_events(world, unit, node) if unit.first - lookback <= e.at < unit.first
    ]
    return aggregated(world, node, inside)


# ---------------------------------------------------------------- funnels


def flagged(world: World, metric: dict[str, Any], unit: Unit, stop: int) -> list[Any]:
    window = window_us(metric)
    rows = []
    tabled = [node for node in metric["series"] if from_table(node)]
    for e in world.remaining:
        if e.at > stop + window or e.at < us(world.start) or not belongs(world, e, unit, tabled):
            continue
        exposes = exposes_anybody(world, e, stop) if tabled else e.uuid in unit.exposures
        steps = [0] if exposes else []
        steps += [
            k
            for k, node in enumerate(metric["series"], 1)
            if not from_table(node) and matches(world, e, node)
        ]
        if steps:
            rows.append((e.at, e.uuid, steps))
    for k, node in enumerate(metric["series"], 1):
        if from_table(node):
            own = rows_of_unit(world, unit, node)
            rows += [(row.at, NO_UUID, [k]) for row in own if row.at >= us(world.start)]
    if tabled:
        rows = [row for row in rows if unit.first <= row[0] < stop + window]
    return sorted(rows)


def belongs(world: World, event: Event, unit: Unit, tabled: list[dict[str, Any]]) -> bool:
    """With steps in tables all rows are told by the key, else by the unit."""
    if not tabled:
        return unit_of(world, event) == unit.key
    name = tabled[0]["events_join_key"]
    key = key_of(unit.exposure, name)
    return unit_of(world, event) is not None and key is not None and key_of(event, name) == key


def exposes_anybody(world: World, event: Event, stop: int) -> bool:
    if not us(world.start) <= event.at <= stop:
        return False
    if world.activation is not None and is_default(world.exposure_config):
        node = {"kind": "EventsNode", **world.activation}
        return matches(world, event, node) and not of_test_account(world, event)
    return variant_of(world, event) is not None


def ordered(rows: list[Any], steps: int, window: int) -> int:
    best, anchor, path = -1, {}, {}
    position = 0
    while position < len(rows):
        at = rows[position][0]
        group = [row for row in rows if row[0] == at]
        position += len(group)
        if len(group) == 1 or all(row[2] == group[0][2] for row in group):
            turns = [(k, name, False) for _, name, ks in group for k in sorted(ks, reverse=True)]
        else:
            turns = [(k, name, True) for _, name, ks in group for k in ks]
            turns.sort(key=lambda turn: turn[0])
        for k, name, careful in turns:
            if k == 0:
                anchor[0], path[0], best = at, [name], max(best, 0)
            elif (
                k - 1 in anchor
                and at - anchor[k - 1] <= window
                and not (careful and name in path[k - 1])
            ):
                anchor[k], path[k], best = anchor[k - 1], [*path[k - 1], name], max(best, k)
        if best == steps:
            return best
    return max(best, 0)


def unordered(rows: list[Any], steps: int, window: int) -> int:
    held: dict[int, list[int]] = {k: [] for k in range(steps + 1)}
    most = 0
    for at, _, ks in rows:
        for k in held:
            held[k] = [t for t in held[k] if t >= at - window]
        oldest = min(ks, key=lambda k: max(held[k], default=-1))
        held[oldest].append(at)
        most = max(most, sum(1 for k in held if held[k]))
    return max(most - 1, 0)


def reached(world: World, metric: dict[str, Any], unit: Unit, stop: int) -> int:
    rows = flagged(world, metric, unit, stop)
    if world.one_window and window_us(metric):
        rows = [row for row in rows if unit.first <= row[0] < unit.first + window_us(metric)]
    window = window_us(metric) or 3 * 365 * 86400 * SECOND
    if metric.get("funnel_order_type") == "unordered":
        return unordered([r for r in rows if r[0] >= unit.first], len(metric["series"]), window)
    return ordered(rows, len(metric["series"]), window)


# ---------------------------------------------------------------- retention


def local(world: World, at: int) -> datetime:
    moment = (EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(world.zone))
    return moment.replace(tzinfo=None)


def month_later(moment: datetime, months: int) -> datetime:
    index = moment.year * 12 + moment.month - 1 + months
    year, month = index // 12, index % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return moment.replace(
        year=year, month=month, day=min(moment.day, (following - timedelta(days=1)).day)
    )


def came_back(world: World, metric: dict[str, Any], start: int, at: int) -> bool:
    unit, low, high = (metric[f"retention_window_{part}"] for part in ("unit", "start", "end"))
    slack = {"day": 86400, "hour": 3600}.get(unit, 0)
    if at > start + (high * UNITS[unit] + slack) * SECOND:
        return False
    begin, moment = local(world, start), local(world, at)
    if unit == "day":
        return low <= (moment.date() - begin.date()).days <= high
    if unit == "hour":

        def hour(instant: int) -> int:
            wall = local(world, instant)
            return instant - (wall.minute * 60 + wall.second) * SECOND - wall.microsecond

        return low * 3600 * SECOND <= hour(at) - hour(start) <= high * 3600 * SECOND
    if unit == "week":
        return timedelta(weeks=low) <= moment - begin <= timedelta(weeks=high)
    if unit == "month":
        return month_later(begin, low) <= moment <= month_later(begin, high)
    return low * UNITS[unit] * SECOND <= at - start <= high * UNITS[unit] * SECOND


def retained(world: World, metric: dict[str, Any], unit: Unit, stop: int, now: int) -> int | None:
    """None for a unit that does not count, else whether it came back."""
    window = window_us(metric)
    reach = metric["retention_window_end"] * UNITS[metric["retention_window_unit"]] * SECOND
    node, back = metric["start_event"], metric["completion_event"]
    returns = own_events(world, unit, back)
    if node["kind"] == "ExperimentExposureNode":
        started = unit.exposure
    else:
        starts = [
            e
            for e in own_events(world, unit, node)
            if e.at >= unit.first
            and (not window or e.at <= unit.first + window - world.one_window)
            and us(world.start) <= e.at < stop + window
        ]
        if not starts:
            return None
        last = metric.get("start_handling") == "last_seen"
        at = (max if last else min)(e.at for e in starts)
        starts = [e for e in starts if e.at == at]
        if from_table(node):
            # Of rows at one instant one starts that is no return itself, where there is one.
            started = min(starts, key=lambda e: any(e is other for other in returns))
        else:
            started = (max if last else min)(starts, key=lambda e: e.uuid)
    begin = started.at
    if world.matured and begin + reach > now:
        return None
    return int(
        any(
            e is not started
            and e.at >= begin
            and us(world.start) <= e.at < stop + window + reach
            and came_back(world, metric, begin, e.at)
            for e in returns
        )
    )


# ---------------------------------------------------------------- values of metric events

NULL, OTHER = "$$_posthog_breakdown_null_$$", "$$_posthog_breakdown_other_$$"


def giving(world: World, metric: dict[str, Any], unit: Unit, stop: int) -> Event | None:
    """The event of the metric that gives a unit its breakdown values."""
    kind, window, first = metric["metric_type"], window_us(metric), unit.first
    attribution = metric.get("breakdownAttributionType")
    if kind == "funnel":
        place = {"last_touch": -1, "step": metric.get("breakdownAttributionValue")}
        node = metric["series"][place.get(attribution, 0)]
    else:
        names = {"mean": "source", "ratio": "numerator", "retention": "start_event"}
        node = metric[names[kind]]
    if node["kind"] == "ExperimentExposureNode":
        return None
    own = [e for e in own_events(world, unit, node) if e.at >= us(world.start)]
    begun = {id(e): e.at for e in own}
    if kind == "mean" and by_session(node):
        own = [e for e in own if session_of(e)]
        begun = {id(e): min(o.at for o in own if session_of(o) == session_of(e)) for e in own}
    last = {
        "funnel": lambda at: (
            at < first + window if world.one_window and window else at <= stop + window
        ),
        "retention": lambda at: (
            at < stop + window and (not window or at <= first + window - world.one_window)
        ),
    }.get(kind, lambda at: at < first + window if window else at < stop)
    own = [e for e in own if begun[id(e)] >= first and last(begun[id(e)])]
    if attribution == "last_touch":
        return max(own, key=lambda e: (e.at, e.uuid), default=None)
    return min(own, key=lambda e: (begun[id(e)], e.at, e.uuid), default=None)


def of_most_units(found: dict[Any, dict[str, Any]], limit: int) -> dict[Any, dict[str, Any]]:
    """The rows of the values that most units have; those of the others are added up."""
    units_of: dict[Any, int] = defaultdict(int)
    for (values, _), row in found.items():
        units_of[tuple(v if v is not None else NULL for v in values)] += row["n"]
    kept = sorted(units_of, key=lambda values: (-units_of[values], values))[:limit]
    answer: dict[Any, dict[str, Any]] = {}
    for (values, variant), row in found.items():
        named = tuple(v if v is not None else NULL for v in values)
        if not units_of[named]:
            continue
        key = named if named in kept else (OTHER,) * len(named), variant
        before = answer.get(key, {})
        answer[key] = {name: value + before.get(name, 0) for name, value in row.items()}
    return answer


def split_value(
    world: World, metric: dict[str, Any], stop: int, most: int
) -> dict[Any, tuple[int, float, float]]:
    """Per bucket and variant the units of the variant, and the sums of values and squares."""
    node, prop, window = metric["source"], metric["value_breakdown_property"], window_us(metric)

    def bucket(event: Event) -> str:
        text = as_text(event.properties.get(prop))
        return NULL if text is None else text

    def worth(event: Event) -> float:
        if node.get("math") != "sum" or not node.get("math_property"):
            return 1.0
        return as_number(event.properties.get(node["math_property"])) or 0.0

    size: dict[str, float] = defaultdict(float)
    for e in world.remaining:
        scanned = us(world.start) <= e.at < stop + window
        if scanned and unit_of(world, e) is not None and matches(world, e, node):
            size[bucket(e)] += abs(worth(e))
    kept = sorted(size, key=lambda key: (-size[key], key))[:most]
    arms: dict[str, list[dict[str, float]]] = defaultdict(list)
    for unit in units(world, stop):
        young = world.matured and window and unit.first + window > us(world.as_of)
        if young or (unit.multiple and world.handling != "first_seen"):
            continue
        spent: dict[str, float] = defaultdict(float)
        for e in own_events(world, unit, node):
            end = unit.first + window if window else stop
            if unit.first <= e.at < end:
                spent[bucket(e) if bucket(e) in kept else OTHER] += worth(e)
        arms[unit.variant].append(spent)
    keys = {key for arm in arms.values() for spent in arm for key in spent}
    return {
        (key, variant): (
            len(arm),
            math.fsum(spent.get(key, 0.0) for spent in arm),
            math.fsum(spent.get(key, 0.0) ** 2 for spent in arm),
        )
        for key in keys
        for variant, arm in arms.items()
    }


# ---------------------------------------------------------------- one day of one metric


def clamp(values: list[float], bounds: dict[str, Any] | None) -> list[float]:
    if not bounds or not values:
        return values
    low, high = bounds.get("lower_bound_percentile"), bounds.get("upper_bound_percentile")

    def element(pool: list[float], level: float) -> float:
        return sorted(pool)[min(math.floor(level * len(pool)), len(pool) - 1)]

    floor = element(values, low) if low is not None else min(values)
    pool = [v for v in values if v != 0] if bounds.get("ignore_zeros") else values
    ceiling = element(pool, high) if high is not None and pool else max(values)
    return [min(max(floor, v), ceiling) for v in values]


def result(
    world: World, metric: dict[str, Any], stop: int, *, by_metric_event: bool = False
) -> dict[Any, dict[str, Any]]:
    """The sums per (breakdown values, variant) of one day's point."""
    now = us(world.as_of)
    people = units(world, stop)
    window = window_us(metric)
    kind = metric["metric_type"]
    if world.matured and window and kind != "retention":
        people = [unit for unit in people if unit.first + window <= now]
    groups = defaultdict(list)
    for unit in people:
        filters = (metric.get("breakdownFilter") or {}).get("breakdowns") or []
        giver = giving(world, metric, unit, stop) if by_metric_event else unit.exposure
        found = giver.properties if giver else {}
        groups[tuple(as_text(found.get(b["property"])) for b in filters)].append(unit)
    answer: dict[Any, dict[str, Any]] = {}
    for values, members in groups.items():
        rows = [measured(world, metric, unit, stop, now) for unit in members]
        kept = [(unit, row) for unit, row in zip(members, rows, strict=True) if row is not None]
        if kind in ("mean", "ratio"):
            bounds = metric if kind == "mean" else metric.get("numerator_outlier_handling")
            for (_, row), y in zip(kept, clamp([r["y"] for _, r in kept], bounds), strict=True):
                row["y"] = y
            below = metric.get("denominator_outlier_handling")
            for (_, row), b in zip(kept, clamp([r["b"] for _, r in kept], below), strict=True):
                row["b"] = b
        for variant in world.variants:
            if variant in world.excluded:
                continue
            own = [
                row
                for unit, row in kept
                if unit.variant == variant
                and not (unit.multiple and world.handling != "first_seen")
            ]
            answer[values, variant] = {
                "n": len(own),
                **{
                    name: math.fsum(r[p] * r[q] for r in own)
                    for name, p, q in (
                        ("s", "y", "one"),
                        ("ss", "y", "y"),
                        ("b", "b", "one"),
                        ("bb", "b", "b"),
                        ("ab", "y", "b"),
                        ("x", "x", "one"),
                        ("xx", "x", "x"),
                        ("xy", "x", "y"),
                    )
                },
                "sss": math.fsum(r["y"] ** 3 for r in own),
                **{
                    f"k{k}": sum(r["level"] >= k for r in own)
                    for k in range(1, len(metric.get("series", ())) + 1)
                },
            }
    return answer


def measured(
    world: World, metric: dict[str, Any], unit: Unit, stop: int, now: int
) -> dict[str, float] | None:
    kind = metric["metric_type"]
    row = {"one": 1.0, "y": 0.0, "b": 0.0, "x": 0.0, "level": 0}
    cuped = world.lookback_days is not None
    sessions = kind == "mean" and by_session(metric["source"])
    if kind == "mean":
        if sessions:
            found = of_sessions(world, metric, metric["source"], unit, stop)
            if found is None:
                return None
            row["y"] = found
        else:
            row["y"] = counted(world, metric, metric["source"], unit, stop)
        if metric.get("threshold") is not None:
            row["y"] = float(row["y"] >= metric["threshold"])
        elif cuped and not sessions:
            row["x"] = before(world, metric["source"], unit)
    elif kind == "ratio":
        row["y"] = counted(world, metric, metric["numerator"], unit, stop)
        row["b"] = counted(world, metric, metric["denominator"], unit, stop)
    elif kind == "funnel":
        row["level"] = reached(world, metric, unit, stop)
        row["y"] = float(row["level"] >= len(metric["series"]))
        events_only = not any(from_table(node) for node in metric["series"])
        if cuped and events_only and metric.get("funnel_order_type") != "unordered":
            row["x"] = float(before(world, {**metric["series"][-1], "math": None}, unit) > 0)
    else:
        back = retained(world, metric, unit, stop, now)
        if back is None:
            return None
        row["y"], row["b"] = float(back), 1.0
    return row
