"""What a statement holds is bounded: it says the same numbers from its temporary files."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import numpy as np
import pytest

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import parse_metric
from exp_jupyter.warehouse import EventSource, Population, Request, daily_sums
from exp_jupyter.warehouse.request.days import Days
from exp_jupyter.warehouse.sql import memory

MIB = 1 << 20


def shop(tmp_path):
    connection = duckdb.connect(config={"temp_directory": str(tmp_path / "spilled"), "threads": 2})
    connection.execute(
        "CREATE VIEW events AS SELECT CASE i % 5 WHEN 0 THEN '$feature_flag_called' "
        "ELSE 'buy' END AS event, 'somebody with a long name ' || hash(i // 5) AS person_id, "
        "TIMESTAMP '2026-03-02' + to_seconds(i % 172800) AS timestamp, 'flag' AS flag, "
        "CASE WHEN hash(i // 5) % 2 = 0 THEN 'control' ELSE 'test' END AS variant, "
        "CAST(i % 7 AS DOUBLE) AS price FROM range(600000) AS r(i)"
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
        Days(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)),
    )
    return source, request


def limit_of(connection):
    return connection.execute("SELECT current_setting('memory_limit')").fetchall()


def test_a_statement_within_a_bound_says_the_same_and_puts_the_limit_back(tmp_path, monkeypatch):
    source, request = shop(tmp_path)
    expected = daily_sums(source, request, one_pass=False)
    before, inside = limit_of(source.connection), []
    rows = EventSource.rows

    def watched(self, sql, parameters):
        inside.append(limit_of(self.connection))
        return rows(self, sql, parameters)

    monkeypatch.setattr(EventSource, "rows", watched)
    monkeypatch.setattr(memory, "LIMIT", 200 * MIB)
    found = daily_sums(source, request, one_pass=False)
    assert inside == [[("200.0 MiB",)]]
    assert limit_of(source.connection) == before
    assert np.allclose(found[0].values, expected[0].values, rtol=1e-12)


def test_what_cannot_be_written_to_files_has_the_memory_it_had_before(tmp_path, monkeypatch):
    source, request = shop(tmp_path)
    expected = daily_sums(source, request, one_pass=False)
    monkeypatch.setattr(memory, "LIMIT", 2 * MIB)
    found = daily_sums(source, request, one_pass=False)
    assert np.allclose(found[0].values, expected[0].values, rtol=1e-12)


def test_a_lower_limit_of_somebodys_own_stays(tmp_path):
    source, _ = shop(tmp_path)
    source.connection.execute("SET memory_limit = '300MiB'")
    with memory.bounded(source.connection, 400 * MIB):
        assert limit_of(source.connection) == [("300.0 MiB",)]
    assert limit_of(source.connection) == [("300.0 MiB",)]


def test_a_database_without_temporary_files_keeps_its_limit(tmp_path):
    source, _ = shop(tmp_path)
    source.connection.execute("SET temp_directory = ''")
    before = limit_of(source.connection)
    with memory.bounded(source.connection, MIB):
        assert limit_of(source.connection) == before


def test_an_error_puts_the_limit_back(tmp_path):
    source, _ = shop(tmp_path)
    before = limit_of(source.connection)
    with pytest.raises(InputError, match="analysed"):
        memory.bounded_rows(source, "SELECT nothing FROM events", {})
    assert limit_of(source.connection) == before
