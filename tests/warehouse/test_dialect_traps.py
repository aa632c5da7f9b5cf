"""What engines read differently in the same words; each was a wrong number or a refusal once."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from oracle import World
from worlds import request_of

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse import daily_sums
from exp_jupyter.warehouse.events.statements import cells_statement, units_statement, walk_statement
from exp_jupyter.warehouse.sources.engines import ConnectedSource, client_of
from exp_jupyter.warehouse.sql.dialects import ENGINES, rendered

START = datetime(2026, 3, 27, tzinfo=UTC)
WORLD = World([], START, None, START.replace(day=30), lookback_days=2)
OTHERS = [engine for engine in ENGINES if engine != "duckdb"]


def node(event, **more):
    return {"kind": "EventsNode", "event": event, **more}


METRICS = {
    "mean": {"metric_type": "mean", "source": node("a", math="avg", math_property="v")},
    "ratio": {"metric_type": "ratio", "numerator": node("a"), "denominator": node("b")},
    "funnel": {"metric_type": "funnel", "series": [node("a"), node("b")]},
    "retention": {
        "metric_type": "retention",
        "start_event": {"kind": "ExperimentExposureNode"},
        "completion_event": node("b"),
        "retention_window_start": 1,
        "retention_window_end": 2,
        "retention_window_unit": "day",
        "start_handling": "first_seen",
    },
}


def source(connection=None, **more):
    connection = connection or duckdb.connect()
    connection.execute(
        "CREATE TABLE events (uuid TEXT, event TEXT, distinct_id TEXT, person_id BIGINT, "
        "timestamp TIMESTAMP, flag TEXT, response TEXT, v TEXT)"
    )
    typed = {"$feature_flag": "flag", "$feature_flag_response": "response", "v": "v"}
    return ConnectedSource(connection, "events", properties=None, typed=typed, **more)


def request(kind="mean", **more):
    return request_of(WORLD, [{"kind": "ExperimentMetric", **METRICS[kind], **more}])


def said(statement, engine):
    place = {"postgres": "%({})s", "spark": ":{}"}.get(engine, "${}")
    return rendered(
        statement.sql, statement.parameters, engine, lambda name, _: place.format(name)
    )[0]


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("kind", METRICS)
def test_no_word_of_duckdbs_own_is_left(engine, kind):
    text = said(cells_statement(source(), request(kind)), engine).upper()
    for word in ("EPOCH_US", "JSON_EXTRACT", "ISFINITE", "IGNORE NULLS", "FIRST(", " // "):
        assert word not in text
    assert ("AS MATERIALIZED" in text) == (engine == "postgres")


@pytest.mark.parametrize("kind", METRICS)
def test_nothing_aggregates_with_a_condition_of_its_own(kind):
    # ClickHouse's minIf of no row is 1970 or 0, not NULL.
    text = cells_statement(source(), request(kind)).sql.upper()
    assert "FILTER" not in text
    assert not re.search(r"\b(MIN|MAX)_?IF\(", text)


def test_clickhouse_is_told_what_no_row_and_a_columns_name_mean():
    text = said(cells_statement(source(), request()), "clickhouse")
    settings = text.partition(" SETTINGS ")[2]
    for name in (
        "join_use_nulls",
        "aggregate_functions_null_for_empty",
        "prefer_column_name_to_alias",
    ):
        assert f"{name} = 1" in settings


@pytest.mark.parametrize("kind", METRICS)
def test_the_outputs_have_names_that_no_input_has(kind):
    statement = cells_statement(source(), request(kind))
    last = statement.sql[statement.sql.rindex(") SELECT ") :]
    outputs = set(re.findall(r" AS (o_\w+)", last))
    assert {"o_s", "o_ss", "o_x", "o_xy"} <= outputs
    assert not any(f"({name}" in statement.sql for name in outputs)


def test_a_unit_has_one_number_however_often_an_engine_runs_its_table():
    # A window without an order may number the rows differently each time.
    for make in (cells_statement, units_statement):
        assert "OVER ()" not in make(source(), request()).sql
    unordered = request("funnel", funnel_order_type="unordered")
    assert "OVER ()" not in walk_statement(source(), unordered).sql


def test_without_ids_a_metric_that_needs_them_is_refused():
    with pytest.raises(InputError, match="identifies an event"):
        cells_statement(source(uuid=None), request("retention"))


def test_nulls_stand_nowhere_in_an_order():
    # Engines put them first or last; so no window orders by a column that can be NULL.
    text = cells_statement(source(), request("ratio")).sql
    assert set(re.findall(r"ORDER BY ([\w, ]+?)(?: ROWS| RANGE|\))", text)) <= {"t, v", "day"}


def test_a_percent_sign_is_doubled_for_a_driver_that_reads_it():
    text, *_ = rendered("SELECT a % 5 FROM t WHERE b = $p0", {"p0": 1}, "postgres", _pyformat)
    assert text == "SELECT a %% 5 FROM t WHERE b = %(p0)s"
    text, *_ = rendered("SELECT a % 5 FROM t WHERE b = $p0", {"p0": 1}, "spark", _colon)
    assert text == "SELECT a % 5 FROM t WHERE b = :p0"


def _pyformat(name, _):
    return f"%({name})s"


def _colon(name, _):
    return f":{name}"


@pytest.mark.parametrize("engine", ENGINES)
def test_values_are_bound_and_never_pasted(engine):
    evil = "x'; DROP TABLE events; --"
    wanted = request(source=node(evil))
    statement = cells_statement(source(), wanted)
    text, values, order = rendered(
        statement.sql, statement.parameters, engine, lambda name, _: f":{name}"
    )
    assert "DROP" not in text
    assert evil in values.values()
    assert set(order) == set(values)


def test_a_property_in_json_is_found_by_its_bare_key_on_postgres():
    sql = "SELECT json_extract_string(e.properties, $p0) FROM events AS e"
    text, values, order = rendered(sql, {"p0": "/a~1b~0c"}, "postgres", _pyformat)
    assert text == (
        "SELECT (CAST(e.properties AS JSON) ->> CAST(%(p0_key)s AS TEXT)) FROM events AS e"
    )
    assert values == {"p0_key": "a/b~c"}
    assert order == ["p0_key"]


@pytest.mark.parametrize("engine", ["clickhouse", "datafusion", "spark"])
def test_where_json_is_read_differently_columns_are_asked_for(engine):
    with pytest.raises(InputError, match="columns of their own"):
        rendered("SELECT json_extract_string(e.p, $p0) FROM e", {"p0": "/a"}, engine, _colon)


@pytest.mark.parametrize("engine", OTHERS)
def test_months_are_counted_without_the_engines_own_calendar(engine):
    monthly = request("retention", retention_window_unit="month")
    text = said(cells_statement(source(), monthly), engine).upper()
    for word in ("INTERVAL", "MONTH", "MAKE_"):
        assert word not in text


def test_unknown_engines_are_refused_by_name():
    with pytest.raises(InputError, match="never tested there"):
        rendered("SELECT 1", {}, "oracle", _colon)


# ---------------------------------------------------------------- connections


class Cursorless:
    """An Ibis-like backend over DuckDB: no values can be bound."""

    name = "duckdb"

    def __init__(self, connection):
        self.connection = connection

    def raw_sql(self, sql):
        return self.connection.execute(sql)


class Alchemy:
    """A connection that can do what SQLAlchemy's can."""

    class dialect:
        name = "duckdb"
        paramstyle = "qmark"

    def __init__(self, connection):
        self.connection = connection

    def exec_driver_sql(self, sql, values):
        self.found = self.connection.execute(sql, list(values))
        return self

    def keys(self):
        return [column[0] for column in self.found.description]

    def fetchall(self):
        return self.found.fetchall()


class Engine(Alchemy):
    """An engine that can do what SQLAlchemy's can: it opens connections."""

    exec_driver_sql = property(lambda self: (_ for _ in ()).throw(AttributeError()))

    def connect(self):
        return self

    def __enter__(self):
        return Alchemy(self.connection)

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("kind", [lambda c: c, Cursorless, Alchemy, Engine])
def test_every_kind_of_connection_gives_the_same_numbers(kind):
    connection = duckdb.connect()
    plain = source(connection)
    for hours in range(0, 96, 24):
        for person, variant in ((1, "control"), (2, "test"), (3, "it's")):
            moment = START.replace(tzinfo=None) + timedelta(hours=hours)
            later = moment + timedelta(hours=1)
            connection.execute(
                "INSERT INTO events VALUES (?, '$feature_flag_called', 'd', ?, ?, 'flag', ?, NULL)",
                [f"e{hours}{person}", person, moment, variant],
            )
            connection.execute(
                "INSERT INTO events VALUES (?, 'a', 'd', ?, ?, NULL, NULL, '2.5')",
                [f"a{hours}{person}", person, later],
            )
    there = replace(plain, connection=kind(connection))
    for name in METRICS:
        (found,) = daily_sums(there, request(name))
        (expected,) = daily_sums(plain, request(name))
        assert (found.values == expected.values).all()
        assert name == "retention" or found.values.sum() > 0


def test_what_is_no_connection_is_refused():
    with pytest.raises(InputError, match="no connection"):
        client_of(object())
    with pytest.raises(InputError, match="duckdb refuses the statement"):
        replace(source(), relation="nowhere").columns  # noqa: B018
