"""Small random worlds and metrics: ties, late events, two variants, leavers, nulls, time zones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import duckdb
from hypothesis import strategies as st
from oracle import EPOCH, Event, World

from exp_jupyter.schema.metrics.exposure import parse_exposure
from exp_jupyter.schema.metrics.metric import parse_metric
from exp_jupyter.warehouse import Covariates, EventSource, Population, Request
from exp_jupyter.warehouse.request.days import Days

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "America/Los_Angeles")
DAY = timedelta(days=1)
# The night of 29 March 2026 is an hour short in Berlin.
ORIGIN = datetime(2026, 3, 27, tzinfo=UTC)
NAMES = ("$feature_flag_called",) * 4 + ("a", "a", "a", "b", "b", "c", "signup", "signup")
NAMES += ("$pageview",)

VALUES = (None, 0, 1, 2, 2.5, -1, 7, "3", "x", "12.5", True, "", 1e6)


def events(random: Random, number: int) -> list[Event]:
    """Dense rather than shrinkable: a few units with many events, most exposed to one variant.

    Whole half hours make ties and events at midnight likely; the odd microsecond breaks them.
    """
    found = []
    for i in range(number):
        name = random.choice(NAMES)
        person = random.choice((1, 2, 3, 4, 5, 6, 7, None))
        half = random.randrange(-2 * 48, 6 * 48)
        moment = ORIGIN + timedelta(
            minutes=30 * half, microseconds=random.choice((0, 0, 0, 0, 0, 1, -1, 1_000_000))
        )
        properties: dict[str, Any] = {"v": random.choice(VALUES)}
        if random.random() < 0.6:
            properties["$session_id"] = random.choice(("s1", "s2", "s3", "s4", "", None))
        usual_key = f"k{person}" if person else None
        properties["customer"] = random.choice((usual_key,) * 5 + ("k1", 12, "13", "", None))
        properties["$group_1"] = random.choice(("g1", "g2", "g3", "g4", "", None))
        if random.random() < 0.6:
            properties["plan"] = random.choice(("pro", "pro", "free", None))
        if name in ("$feature_flag_called", "signup", "c"):
            usual = ("control", "test")[(person or 0) % 2]
            response = usual
            if random.random() < 0.15:
                response = random.choice(("control", "test", "other", False))
            properties["$feature_flag"] = "flag" if random.random() < 0.9 else "another"
            properties["$feature_flag_response"] = response
            properties["$feature/flag"] = response
        at = (moment - EPOCH) // timedelta(microseconds=1)
        found.append(Event(f"u{i:03d}", name, person, at, properties))
        if random.random() < 0.15:  # a second event at the very same instant
            twin = random.choice(("a", "b", "c"))
            found.append(Event(f"w{i:03d}", twin, person, at, dict(properties)))
    return found


TABLES = {
    "orders": {
        "customer": "VARCHAR",
        "person": "BIGINT",
        "placed_at": "TIMESTAMP",
        "amount": "DOUBLE",
        "kind": "VARCHAR",
        "paid": "BOOLEAN",
    },
    "refunds": {
        "customer": "DOUBLE",
        "person": "BIGINT",
        "placed_at": "TIMESTAMP",
        "amount": "VARCHAR",
        "kind": "VARCHAR",
        "paid": "BOOLEAN",
    },
}
"""The columns of the warehouse tables; ``placed_at`` is a row's instant."""


def tables(random: Random, number: int) -> dict[str, list[Event]]:
    """Rows for the units' keys, several a key, some for nobody, many at one instant."""
    found: dict[str, list[Event]] = {}
    for name in TABLES:
        found[name] = []
        for _ in range(number):
            half = random.randrange(-2 * 48, 8 * 48)
            moment = ORIGIN + timedelta(
                minutes=30 * half, microseconds=random.choice((0, 0, 0, 0, 1, -1))
            )
            texts = ("k1", "k2", "k3", "k4", "k5", "k6", "k7", "12", "", None)
            keys = (12.0, 13.0, 2.5, None) if name == "refunds" else texts
            amounts = ("3", "2.5", "x", "", None) if name == "refunds" else (1.0, 2.5, 7.0, None)
            row = {
                "customer": random.choice(keys),
                "person": random.choice((1, 2, 3, 4, 5, 6, 7, None)),
                "amount": random.choice(amounts),
                "kind": random.choice(("x", "x", "y", "", None)),
                "paid": random.choice((True, False, None)),
            }
            at = (moment - EPOCH) // timedelta(microseconds=1)
            found[name].append(Event("", name, None, at, row))
            if random.random() < 0.2:
                found[name].append(Event("", name, None, at, {**row, "kind": "y"}))
    return found


SESSIONS = {
    "$session_duration": "DOUBLE",
    "pageview_count": "BIGINT",  # without the dollar sign, as some warehouses have it
    "$num_uniq_urls": "VARCHAR",
    "$is_bounce": "BOOLEAN",
}
"""The columns of a relation of sessions, beside ``session_id``."""


def sessions(random: Random) -> dict[str, dict[str, Any]]:
    """What a relation of sessions says of some of them."""
    return {
        name: {
            "$session_duration": random.choice((None, 0.0, 12.5, 3600.0)),
            "$pageview_count": random.choice((None, 0, 3)),
            "$num_uniq_urls": random.choice((None, "2", "x")),
            "$is_bounce": random.choice((None, True, False)),
        }
        for name in ("s1", "s2", "s3", "s9", "")
    }


@st.composite
def worlds(draw: st.DrawFn) -> World:
    start = ORIGIN + timedelta(minutes=draw(st.sampled_from((0, 0, 555, 1380))))
    # Hypothesis prefers what comes first: the rich choices do.
    as_of = start + timedelta(hours=draw(st.sampled_from((100, 130, 75, 49, 20))))
    if draw(st.booleans()):
        as_of = as_of.replace(hour=0, minute=0)
        as_of = max(as_of, start)
    random = Random(draw(st.integers(0, 2**32)))
    number = draw(st.sampled_from((200, 140, 60, 0)))
    return World(
        events=events(random, number),
        tables=tables(random, number // 2),
        sessions=draw(st.sampled_from((None, None, sessions(random)))),
        start=start,
        end=draw(st.sampled_from((None, None, start + 2 * DAY, start + 9 * DAY))),
        as_of=as_of,
        zone=draw(st.sampled_from(ZONES)),
        excluded=draw(st.sampled_from(((), (), ("other",)))),
        variants=draw(st.sampled_from((("control", "test"), ("test", "control", "other")))),
        handling=draw(st.sampled_from((None, "exclude", "first_seen"))),
        filter_test=draw(st.sampled_from((None, True, False))),
        test_filters=draw(
            st.sampled_from(
                (
                    (),
                    (
                        {
                            "key": "email",
                            "type": "person",
                            "operator": "not_icontains",
                            "value": "@Test",
                        },
                    ),
                )
            )
        ),
        exposure_config=draw(
            st.sampled_from(
                (
                    None,
                    None,
                    {"event": "signup"},
                    {"event": "signup", "properties": [{"key": "plan", "value": ["pro"]}]},
                    {"kind": "ActionsNode", "id": 9},
                    {
                        "event": "$feature_flag_called",
                        "properties": [{"key": "plan", "operator": "is_not", "value": "free"}],
                    },
                )
            )
        ),
        group=draw(st.sampled_from((None, None, None, 1))),
        matured=draw(st.sampled_from((False, False, True))),
        lookback_days=draw(st.sampled_from((None, 1, 3))),
        emails={1: "ada@example.com", 2: "bob@test.example", 3: "eve@example.com"},
        actions={9: [{"event": "signup"}, {"event": "c", "properties": []}]},
        exclusions=draw(exclusions),
        activation=draw(activations),
        cohorts={3: {2, 5}, 4: {1, 2, 3, 4, 5, 6, 7}, 5: set()},
    )


MEMBERS = {"key": "id", "type": "cohort", "operator": "in", "value": 3}
OTHERS = {"key": "id", "type": "cohort", "operator": "not_in", "value": 3}
EMAIL = {"key": "email", "type": "person", "operator": "icontains", "value": "bob"}
activations = st.sampled_from(
    (
        None,
        None,
        {"event": "a"},
        {"event": "b", "properties": [{"key": "plan", "operator": "is_not", "value": "free"}]},
        {"kind": "ActionsNode", "id": 9},
        {"event": "$feature_flag_called"},
        {"event": "c", "properties": [OTHERS]},
        {"event": "nothing"},
    )
)
exclusions = st.sampled_from(
    (
        (),
        (),
        (MEMBERS,),
        (EMAIL, {**MEMBERS, "value": 5}),
        (OTHERS,),
        ({"key": "email", "type": "person", "operator": "is_not_set", "value": None}, MEMBERS),
        ({**MEMBERS, "value": 4},),
    )
)
filters = st.sampled_from(
    (
        None,
        None,
        [{"key": "plan", "operator": "exact", "type": "event", "value": ["pro", "x"]}],
        [{"key": "plan", "operator": "is_not", "type": "event", "value": "pro"}],
        [{"key": "v", "operator": "gte", "type": "event", "value": 2}],
        [{"key": "v", "operator": "exact", "type": "event", "value": 2.5}],
        [{"key": "v", "operator": "lt", "type": "event", "value": "7"}],
        [{"key": "plan", "operator": "is_set", "type": "event", "value": None}],
        [MEMBERS],
        [OTHERS, {"key": "v", "operator": "gte", "type": "event", "value": 1}],
        [{"key": "plan", "operator": "not_icontains", "type": "event", "value": "PR"}],
    )
)


table_filters = st.sampled_from(
    (
        {},
        {},
        {"properties": [{"key": "kind", "type": "data_warehouse", "value": ["x"]}]},
        {"properties": [{"key": "amount", "type": "event", "operator": "gte", "value": 2}]},
        {"fixedProperties": [{"key": "kind", "type": "data_warehouse", "operator": "is_set"}]},
        {
            "properties": [{"key": "kind", "operator": "is_not", "value": "y"}],
            "fixedProperties": [{"key": "amount", "operator": "lt", "value": "7"}],
        },
    )
)


@st.composite
def table_nodes(draw: st.DrawFn, *, plain: bool = False, key: str | None = None) -> dict[str, Any]:
    keys = ("properties.customer", "properties.customer", "person_id")
    key = key or draw(st.sampled_from(keys))
    node: dict[str, Any] = {
        "kind": "ExperimentDataWarehouseNode",
        "table_name": draw(st.sampled_from(("orders", "orders", "refunds"))),
        "timestamp_field": "placed_at",
        "events_join_key": key,
        "data_warehouse_join_key": "person" if key == "person_id" else "customer",
        **draw(table_filters),
    }
    if not plain:
        node["math"] = draw(
            st.sampled_from((None, "total", "sum", "sum", "avg", "min", "max", "dau"))
        )
        texts = [None, "amount", "amount", "if(kind = 'x', amount, 1)", "paid", "kind"]
        if node["table_name"] == "orders":
            texts.append("orders.amount * 2")
        node["math_property"] = draw(st.sampled_from(texts))
    return node


@st.composite
def nodes(draw: st.DrawFn, *, plain: bool = False, tables: bool = True) -> dict[str, Any]:
    if tables and draw(st.integers(0, 3)) == 3:
        return draw(table_nodes(plain=plain))
    node: dict[str, Any] = {
        "kind": "EventsNode",
        "event": draw(st.sampled_from(("a", "a", "b", "c", "$feature_flag_called", None))),
        "properties": draw(filters),
    }
    if draw(st.integers(0, 9)) == 0:
        node = {"kind": "ActionsNode", "id": 9}
    if not plain:
        node |= draw(
            st.sampled_from(
                (
                    {},
                    {"math": "total"},
                    {"math": "sum", "math_property": "v"},
                    {"math": "sum", "math_property": "v"},
                    {"math": "avg", "math_property": "v"},
                    {"math": "min", "math_property": "v"},
                    {"math": "max", "math_property": "v"},
                    {"math": "avg"},
                    {"math": "dau"},
                    {"math": "unique_session"},
                    {"math": "unique_group", "math_group_type_index": 1},
                )
            )
        )
    return node


@st.composite
def session_nodes(draw: st.DrawFn) -> dict[str, Any]:
    node = draw(nodes(plain=True, tables=False))
    return node | {
        "math": draw(st.sampled_from((None, "total", "sum", "avg", "min", "max"))),
        **draw(
            st.sampled_from(
                (
                    {"math_property": "$session_duration"},
                    {
                        "math_property": "$pageview_count",
                        "math_property_type": "session_properties",
                    },
                )
            )
        ),
    }


windows = st.sampled_from(
    (
        {},
        {},
        {"conversion_window": 1, "conversion_window_unit": "day"},
        {"conversion_window": 5, "conversion_window_unit": "hour"},
        {"conversion_window": 90, "conversion_window_unit": "minute"},
        {"conversion_window": 1, "conversion_window_unit": "week"},
    )
)
outliers = st.sampled_from(
    (
        {"upper_bound_percentile": 0.5},
        {"lower_bound_percentile": 0.25, "upper_bound_percentile": 0.75},
        {"upper_bound_percentile": 0.6, "ignore_zeros": True},
        {"lower_bound_percentile": 1.0},
        {"lower_bound_percentile": 0.3, "upper_bound_percentile": 1.0, "ignore_zeros": True},
    )
)
breakdowns = st.sampled_from(
    (
        {},
        {},
        {},
        {"breakdownFilter": {"breakdowns": [{"property": "plan", "type": "event"}]}},
        {
            "breakdownFilter": {
                "breakdowns": [
                    {"property": "plan", "type": "event"},
                    {"property": "$session_id", "type": "event"},
                ]
            }
        },
    )
)


@st.composite
def means(draw: st.DrawFn) -> dict[str, Any]:
    metric = _metric(draw, "mean")
    metric["source"] = draw(st.one_of(nodes(), nodes(), nodes(), session_nodes()))
    if draw(st.booleans()):
        metric |= draw(outliers)
    elif metric["source"].get("math") in (None, "total", "sum") and draw(st.booleans()):
        metric["threshold"] = draw(st.sampled_from((1, 2.5)))
    return metric


@st.composite
def ratios(draw: st.DrawFn) -> dict[str, Any]:
    metric = _metric(draw, "ratio")
    metric |= {"numerator": draw(nodes()), "denominator": draw(nodes())}
    for part in ("numerator", "denominator"):
        if draw(st.integers(0, 3)) == 0:
            metric[f"{part}_outlier_handling"] = draw(outliers)
    return metric


@st.composite
def funnels(draw: st.DrawFn) -> dict[str, Any]:
    metric = _metric(draw, "funnel")
    if draw(st.booleans()):  # one step per event: the form that SQL walks
        names = draw(st.permutations(("a", "b", "c")))[: draw(st.integers(1, 3))]
        metric["series"] = [
            {"kind": "EventsNode", "event": name, "properties": draw(filters)} for name in names
        ]
    else:
        steps = nodes(plain=True, tables=False)
        if draw(st.booleans()):
            key = draw(st.sampled_from(("properties.customer", "person_id")))
            steps = st.one_of(steps, table_nodes(plain=True, key=key))
        metric["series"] = draw(st.lists(steps, min_size=1, max_size=3))
    metric["funnel_order_type"] = draw(st.sampled_from((None, "ordered", "ordered", "unordered")))
    return metric


@st.composite
def retentions(draw: st.DrawFn) -> dict[str, Any]:
    metric = _metric(draw, "retention")
    start = draw(nodes(plain=True))
    handling = draw(st.sampled_from(("first_seen", "last_seen")))
    if draw(st.integers(0, 4)) == 0:
        start, handling = {"kind": "ExperimentExposureNode"}, "first_seen"
        metric.pop("conversion_window", None)
    low = draw(st.integers(0, 2))
    unit = draw(st.sampled_from(("minute", "hour", "hour", "day", "day", "day", "week", "month")))
    return metric | {
        "start_event": start,
        "completion_event": draw(nodes(plain=True)),
        "retention_window_start": low * (20 if unit in ("minute", "hour") else 1),
        "retention_window_end": (low + draw(st.integers(0, 3))) * (20 if unit == "minute" else 1)
        + (40 if unit == "hour" else 0),
        "retention_window_unit": unit,
        "start_handling": handling,
    }


def _metric(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    return {
        "kind": "ExperimentMetric",
        "metric_type": kind,
        "name": f"some {kind}",
        **draw(windows),
        **draw(breakdowns),
    }


# ---------------------------------------------------------------- the same world for the compiler


def members(world: World) -> str | None:
    """The world's cohorts as SQL that any engine reads; every member is there twice."""
    rows = [
        f"SELECT CAST({person} AS BIGINT) AS person_id, {cohort} AS cohort_id"
        for cohort, persons in world.cohorts.items()
        for person in [*sorted(persons), *sorted(persons)] or ["NULL"]
    ]
    return f"({' UNION ALL '.join(rows)})" if rows else None


def source_of(world: World, *, typed: bool = False) -> EventSource:
    """The world as tables; ``typed`` gives some properties columns of their own."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE events (uuid VARCHAR, event VARCHAR, distinct_id VARCHAR, person_id BIGINT, "
        "timestamp TIMESTAMP, properties VARCHAR)"
    )
    connection.execute("CREATE TABLE persons (person_id BIGINT, properties VARCHAR)")
    if world.events:
        connection.execute(
            "INSERT INTO events SELECT j->>'u', j->>'e', 'd' || (j->>'p'), "
            "CAST(j->>'p' AS BIGINT), make_timestamp(CAST(j->>'t' AS BIGINT)), j->>'props' "
            "FROM (SELECT unnest(CAST(? AS JSON[])) AS j)",
            [
                [
                    json.dumps(
                        {
                            "u": e.uuid,
                            "e": e.event,
                            "p": e.person,
                            "t": e.at,
                            "props": json.dumps(e.properties),
                        }
                    )
                    for e in world.events
                ]
            ],
        )
    for person, email in world.emails.items():
        connection.execute(
            "INSERT INTO persons VALUES (?, ?)", [person, json.dumps({"email": email})]
        )
    load_tables(world, connection)
    names = {name: name for name in TABLES}
    known = None if world.sessions is None else "sessions"
    if not typed:
        return EventSource(
            connection,
            "events",
            persons="persons",
            cohorts=members(world),
            sessions=known,
            tables=names,
        )
    connection.execute(
        "CREATE VIEW wide AS SELECT *, properties->>'/$feature_flag' AS flag_key, "
        "properties->>'/plan' AS plan, properties->>'/v' AS v FROM events"
    )
    return EventSource(
        connection,
        "wide",
        persons="persons",
        cohorts=members(world),
        typed={"$feature_flag": "flag_key", "plan": "plan", "v": "v"},
        sessions=known,
        tables=names,
    )


def load_tables(world: World, connection: duckdb.DuckDBPyConnection) -> None:
    for name, columns in TABLES.items():
        listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        connection.execute(f"CREATE TABLE {name} ({listed})")
        rows = [{**row.properties, "placed_at": row.at} for row in world.tables.get(name, ())]
        values = ", ".join(
            f"make_timestamp(CAST(j->>'{column}' AS BIGINT))"
            if column == "placed_at"
            else f"CAST(j->>'{column}' AS {kind})"
            for column, kind in columns.items()
        )
        connection.execute(
            f"INSERT INTO {name} SELECT {values} FROM (SELECT unnest(CAST(? AS JSON[])) AS j)",
            [[json.dumps(row) for row in rows]],
        )
    listed = ", ".join(f'"{column}" {kind}' for column, kind in SESSIONS.items())
    connection.execute(f"CREATE TABLE sessions (session_id VARCHAR, {listed})")
    for name, held in (world.sessions or {}).items():
        values = [held[f"${column.removeprefix('$')}"] for column in SESSIONS]
        connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", [name, *values])


def request_of(world: World, metrics: list[dict[str, Any]]) -> Request:
    stop = world.as_of if world.end is None else min(world.as_of, world.end)
    criteria: dict[str, Any] = {"filterTestAccounts": world.filter_test}
    criteria["multiple_variant_handling"] = world.handling
    criteria["exposure_config"] = world.exposure_config
    criteria["exclusions"] = world.exclusions
    criteria["activation_config"] = world.activation
    return Request(
        Population(
            flag_key="flag",
            variants=tuple(v for v in world.variants if v not in world.excluded),
            criteria=parse_exposure(criteria),
            test_account_filters=world.test_filters,
            group_index=world.group,
            actions=world.actions,
            matured_only=world.matured,
        ),
        tuple(parse_metric(metric) for metric in metrics),
        Days(world.start, stop, world.zone),
        None if world.lookback_days is None else Covariates(world.lookback_days),
        (world.as_of - EPOCH) // timedelta(microseconds=1),
        window_rule="recommended" if world.one_window else "compat",
    )
