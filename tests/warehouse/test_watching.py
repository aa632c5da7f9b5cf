"""Long statements say how far they are, and stop in the engine when their reader does."""

from __future__ import annotations

import _thread
import threading

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from worlds import means, request_of, source_of, worlds

from exp_jupyter.analysis import analyze
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse import daily_sums
from exp_jupyter.warehouse.sql.execution import expect, run, watched

ENDLESS = "SELECT sum(a.range * b.range % 7) FROM range(3000000) a, range(3000000) b"


def rows(found):
    return found.fetchall()


class Told:
    """Remembers what it was told."""

    def __init__(self):
        self.shares = []
        self.sentences = set()

    def __call__(self, share, sentence):
        self.shares.append(share)
        self.sentences.add(sentence)


def test_progress_starts_at_nothing_never_falls_and_ends_with_all():
    connection, told = duckdb.connect(), Told()
    with watched(told, "Adding up"):
        for _ in range(3):
            run(connection, "SELECT sum(range) FROM range(3000000)", {}, rows)
    assert told.shares[0] == 0
    assert told.shares == sorted(told.shares)
    assert told.shares[-1] == 1
    assert told.shares.count(1) == 1
    assert told.sentences == {"Adding up"}


def test_statements_share_the_line_evenly_once_their_number_is_known():
    connection, told = duckdb.connect(), Told()
    with watched(told, "Adding up"):
        expect(4)
        for _ in range(4):
            run(connection, "SELECT 1", {}, rows)
            told.shares.append(None)
    ends = [told.shares[i - 1] for i, share in enumerate(told.shares) if share is None]
    assert ends == [0.25, 0.5, 0.75, 1.0]


def test_a_reader_s_interruption_stops_the_statement_in_the_engine():
    connection = duckdb.connect()
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run(connection, ENDLESS, {}, rows)
    assert run(connection, "SELECT 42", {}, rows) == [(42,)]


def test_an_error_of_the_reader_stops_it_too():
    class Enough(Exception):
        pass

    def tell(share, sentence):
        if threading.active_count() > before:
            raise Enough

    before, connection = threading.active_count(), duckdb.connect()
    with pytest.raises(Enough), watched(tell, "Adding up"):
        run(connection, ENDLESS, {}, rows)
    assert run(connection, "SELECT 42", {}, rows) == [(42,)]


def test_watching_leaves_the_connection_s_settings_as_they_were():
    connection = duckdb.connect()
    asked = "SELECT name, value FROM duckdb_settings() WHERE name LIKE 'enable_progress%'"
    before = connection.execute(asked).fetchall()
    with watched(Told(), "Adding up"):
        run(connection, "SELECT 1", {}, rows)
    assert connection.execute(asked).fetchall() == before


def test_an_interrupted_analysis_leaves_nothing_behind():
    connection = duckdb.connect()
    connection.execute(
        "CREATE VIEW endless AS SELECT 'control' AS variant, (a.range * b.range % 7) AS y "
        "FROM range(3000000) a, range(3000000) b"
    )
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        analyze(connection, table="endless", metrics="y:mean")
    tables = "SELECT table_name FROM duckdb_tables() WHERE NOT internal"
    views = "SELECT view_name FROM duckdb_views() WHERE NOT internal"
    found = connection.execute(f"{tables} UNION ALL {views}").fetchall()
    assert found == [("endless",)]


@pytest.mark.parametrize("own", [False, True], ids=["default", "own"])
def test_an_interrupted_relation_stops_in_the_engine(own):
    connection = duckdb.connect() if own else duckdb.default_connection()
    if own and not hasattr(connection.sql("SELECT 1"), "_con"):
        pytest.skip("this version's relations do not know their connection")
    endless = connection.sql(
        "SELECT 'control' AS variant, (a.range * b.range % 7) AS y "
        "FROM range(3000000) a, range(3000000) b"
    )
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        analyze(endless, metrics="y:mean")
    assert connection.execute("SELECT 42").fetchall() == [(42,)]


def test_an_engine_s_refusal_comes_through():
    with pytest.raises(duckdb.Error, match="nowhere"):
        run(duckdb.connect(), "SELECT * FROM nowhere", {}, rows)
    with pytest.raises(InputError, match="nowhere"):
        analyze(duckdb.connect(), table="nowhere", metrics="y:mean")


def test_a_thread_of_its_own_is_not_needed_where_nobody_watches():
    found, names = [], []

    def read(result):
        names.append(threading.current_thread().name)
        return result.fetchall()

    thread = threading.Thread(
        target=lambda: found.append(run(duckdb.connect(), "SELECT 42", {}, read)), name="job"
    )
    thread.start()
    thread.join()
    assert (found, names) == ([[(42,)]], ["job"])


@given(worlds().flatmap(lambda world: means().map(lambda metric: (world, metric))))
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_daily_sums_are_watched(given):
    world, metric = given
    told = Told()
    with watched(told, "Adding up days"):
        daily_sums(source_of(world), request_of(world, [metric]))
    assert told.shares == sorted(told.shares)
    assert told.shares[-1] == 1
