"""The pass over slices of days says what the naive analysis says, however the slices fall."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_daily_sums import agree, small
from worlds import funnels, means, ratios, request_of, retentions, source_of, worlds

from exp_jupyter.schema.metrics.metric import parse_metric
from exp_jupyter.warehouse import Covariates, EventSource, Population, Request, daily_sums
from exp_jupyter.warehouse.request.days import Days
from exp_jupyter.warehouse.stream import event_batches, one_pass
from exp_jupyter.warehouse.stream.exposed_units import Places


def text_ids(source):
    """The same events with ids of text, out of the order of time."""
    source.connection.execute(
        "CREATE VIEW told AS SELECT * REPLACE ('id ' || person_id AS person_id) FROM events "
        "ORDER BY md5(uuid)"
    )
    source.connection.execute(
        "CREATE VIEW people AS SELECT * REPLACE ('id ' || person_id AS person_id) FROM persons"
    )
    cohorts = f"(SELECT 'id ' || person_id AS person_id, cohort_id FROM {source.cohorts})"
    tables = {  # one of their keys is a person's id
        name: f"(SELECT * REPLACE ('id ' || person AS person) FROM {table})"
        for name, table in source.tables.items()
    }
    return replace(source, relation="told", persons="people", cohorts=cohorts, tables=tables)


def cut_small(monkeypatch, rows, part=5, shard=3):
    """Have the few events of a world fall into many slices, parts and shards."""
    monkeypatch.setattr(one_pass, "ROWS", rows)
    monkeypatch.setattr(one_pass, "PART", part)
    monkeypatch.setattr(event_batches, "SHARD", shard)


@pytest.mark.parametrize("rows", [1, 40, 1000])
def test_slices_parts_and_shards_of_any_size_say_the_same(rows, monkeypatch):
    cut_small(monkeypatch, rows)

    @settings(small, max_examples=15)
    @given(worlds(), st.one_of(means(), ratios(), funnels(), retentions()))
    def same(world, metric):
        agree(world, [metric], daily_sums(source_of(world), request_of(world, [metric])))

    same()


@pytest.mark.parametrize("rows", [40, 1000])
def test_metrics_that_share_slices_parts_and_shards(rows, monkeypatch):
    cut_small(monkeypatch, rows)

    @settings(small, max_examples=10)
    @given(
        worlds(),
        st.lists(st.one_of(means(), ratios(), funnels(), retentions()), min_size=2, max_size=5),
    )
    def same(world, metrics):
        agree(world, metrics, daily_sums(source_of(world), request_of(world, metrics)))

    same()


@settings(small, max_examples=20)
@given(worlds(), st.lists(st.one_of(means(), ratios(), funnels(), retentions()), max_size=3))
def test_ids_of_text_in_no_order(world, metrics):
    told = text_ids(source_of(world))
    agree(world, metrics, daily_sums(told, request_of(world, metrics)))


def shop(unit, connection=None, order="i"):
    """Many events of units that ``unit`` writes from a number, with prices that do not add up."""
    connection = connection or duckdb.connect()
    connection.execute(
        "CREATE TABLE events AS SELECT CASE i % 5 WHEN 0 THEN '$feature_flag_called' WHEN 1 THEN "
        f"'cart' ELSE 'buy' END AS event, {unit.format('(i // 25 % 9000)')} AS person_id, "
        "TIMESTAMP '2026-03-01' + to_seconds(CAST(hash(i) % 345600 AS BIGINT)) AS timestamp, "
        "'flag' AS flag, CASE WHEN hash(i // 25 % 9000) % 2 = 0 OR i % 7919 = 0 THEN 'control' "
        "ELSE 'test' END AS variant, "
        f"hash(i) % 1000003 / 7.0 AS price FROM range(400000) AS r(i) ORDER BY {order}"
    )
    source = EventSource(
        connection,
        "events",
        uuid=None,
        distinct_id=None,
        properties=None,
        typed={"$feature_flag": "flag", "$feature_flag_response": "variant", "price": "price"},
    )
    buys = {"kind": "EventsNode", "event": "buy", "math": "sum", "math_property": "price"}
    cart, paid = ({"kind": "EventsNode", "event": name} for name in ("cart", "buy"))
    kind = {"kind": "ExperimentMetric"}
    metrics = (
        {**kind, "metric_type": "mean", "source": buys},
        {**kind, "metric_type": "mean", "source": {**buys, "math": "avg"}},
        {**kind, "metric_type": "mean", "source": buys, **hours(30)},
        {**kind, "metric_type": "ratio", "numerator": buys, "denominator": cart},
        {**kind, "metric_type": "funnel", "series": [cart, paid]},
    )
    request = Request(
        Population("flag", ("control", "test")),
        tuple(parse_metric(metric) for metric in metrics),
        Days(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)),
        Covariates(1),
    )
    return source, request


def hours(number):
    return {"conversion_window": number, "conversion_window_unit": "hour"}


NUMBERS, TEXT = "CAST(hash({}) >> 1 AS BIGINT)", "'id ' || hash({})"


@pytest.mark.parametrize("unit", [NUMBERS, TEXT], ids=["whole numbers", "text"])
def test_sums_are_the_same_to_the_bit_on_any_number_of_threads(unit, monkeypatch):
    monkeypatch.setattr(one_pass, "ROWS", 90_000)
    monkeypatch.setattr(one_pass, "PART", 7_000)
    monkeypatch.setattr(event_batches, "SHARD", 4_000)
    source, request = shop(unit)
    found = {}
    for threads in (1, 2, 4, 16):
        source.connection.execute(f"SET threads = {threads}")
        found[threads] = daily_sums(source, request)
    assert found[1][0].values[..., -1, 1].min() > 1e6
    for threads in (2, 4, 16):
        for one, other in zip(found[1], found[threads], strict=True):
            assert np.array_equal(one.values, other.values), threads
            assert np.array_equal(one.heaviest, other.heaviest) or one.heaviest is None


def test_the_order_in_which_an_engine_gives_rows_changes_no_bit(monkeypatch):
    monkeypatch.setattr(one_pass, "PART", 7_000)
    monkeypatch.setattr(event_batches, "SHARD", 4_000)
    found = []
    for order in ("i", "hash(i + 1)"):
        source, request = shop(NUMBERS, order=order)
        source.connection.execute("SET preserve_insertion_order = false")
        found.append(daily_sums(source, request))
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one.values, other.values)


def test_without_arrow_the_sums_are_the_same_to_the_bit(monkeypatch):
    monkeypatch.setattr(one_pass, "ROWS", 90_000)
    monkeypatch.setattr(one_pass, "PART", 7_000)
    source, request = shop(NUMBERS)
    expected = daily_sums(source, request)
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    for one, other in zip(expected, daily_sums(source, request), strict=True):
        assert np.array_equal(one.values, other.values)


@pytest.mark.parametrize("size", [0, 1, 2, 1000, 70_000])
def test_every_id_has_its_place_and_no_other_has_one(size):
    rng = np.random.default_rng(size)
    ids = np.unique(rng.integers(-(2**63), 2**63 - 1, 2 * size))
    rng.shuffle(ids)
    places = Places(ids[: ids.size // 2])
    assert np.array_equal(places.of(ids[: ids.size // 2]), np.arange(ids.size // 2))
    assert np.all(places.of(ids[ids.size // 2 :]) == -1)


@settings(small, max_examples=4)
@given(worlds(), st.lists(means(), min_size=1, max_size=2))
def test_it_leaves_nothing_in_the_connection(world, metrics):
    told = text_ids(source_of(world))
    daily_sums(told, request_of(world, metrics))
    left = told.connection.execute(
        "SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views()"
    ).fetchall()
    assert not [name for (name,) in left if name.startswith("exp_jupyter")]
