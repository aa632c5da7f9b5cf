"""The pass over slices of days says what the naive analysis says, however the slices fall."""

from __future__ import annotations

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
from exp_jupyter.warehouse import EventSource, Population, Request, daily_sums
from exp_jupyter.warehouse.request.days import Days
from exp_jupyter.warehouse.stream import one_pass as stream
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


@pytest.mark.parametrize("rows", [1, 40])
def test_slices_of_any_size_say_the_same(rows, monkeypatch):
    monkeypatch.setattr(stream, "ROWS", rows)

    @settings(small, max_examples=15)
    @given(worlds(), st.one_of(means(), ratios(), funnels(), retentions()))
    def same(world, metric):
        agree(world, [metric], daily_sums(source_of(world), request_of(world, [metric])))

    same()


@settings(small, max_examples=20)
@given(worlds(), st.lists(st.one_of(means(), ratios(), funnels(), retentions()), max_size=3))
def test_ids_of_text_in_no_order(world, metrics):
    told = text_ids(source_of(world))
    agree(world, metrics, daily_sums(told, request_of(world, metrics)))


def test_many_ids_of_text_have_the_same_sums_to_the_bit_on_every_run():
    connection = duckdb.connect()
    connection.execute("SET threads = 4")
    connection.execute(
        "CREATE TABLE events AS SELECT CASE i % 4 WHEN 0 THEN '$feature_flag_called' ELSE 'buy' "
        "END AS event, 'id ' || hash(i // 4) AS person_id, "
        "TIMESTAMP '2026-03-02' + to_seconds(i // 4 % 9 * 3600 + i % 4) AS timestamp, "
        "'flag' AS flag, CASE WHEN hash(i // 4) % 2 = 0 THEN 'control' ELSE 'test' END AS variant, "
        "hash(i) % 1000003 / 7.0 AS price FROM range(400000) AS r(i)"
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
    metric = {"kind": "ExperimentMetric", "metric_type": "mean", "source": buys}
    request = Request(
        Population("flag", ("control", "test")),
        (parse_metric(metric),),
        Days(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)),
    )
    first, *others = (daily_sums(source, request)[0].values for _ in range(4))
    assert first[..., 0].max() > 40_000
    assert all(np.array_equal(first, other) for other in others)


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
