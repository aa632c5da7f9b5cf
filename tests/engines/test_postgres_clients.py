"""PostgreSQL through the clients people have: the same numbers, a stop inside it, nothing left."""

from __future__ import annotations

import _thread
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from oracle import World
from running_engines import PROPERTIES, missing
from test_daily_sums import agree, small
from test_engines import START, loaded, without_persons
from worlds import DAY, means, ratios, request_of, worlds

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse import daily_sums
from exp_jupyter.warehouse.sources.engines import ConnectedSource

pytestmark = [
    pytest.mark.engines,
    pytest.mark.parametrize("engine", ["postgres"], indirect=True),
]

# Tens of billions of rows out of two hundred thousand.
ENDLESS = "(SELECT a.* FROM many AS a CROSS JOIN many AS b)"


@contextmanager
def psycopg_connection(engine):
    import psycopg

    with psycopg.connect(engine.address) as connection:
        yield connection


def alchemy_engine(engine):
    try:
        import sqlalchemy
    except ImportError:
        missing("SQLAlchemy is not installed")
    parts = {"drivername": "postgresql+psycopg", "username": "postgres", "database": "postgres"}
    url = sqlalchemy.URL.create(**parts, query={"host": str(engine.folder)})
    return sqlalchemy.create_engine(url)


@contextmanager
def alchemy(engine):
    opened = alchemy_engine(engine)
    yield opened
    opened.dispose()


@contextmanager
def alchemy_connection(engine):
    with alchemy(engine) as opened, opened.connect() as connection:
        yield connection


@contextmanager
def ibis_connection(engine):
    try:
        import ibis
    except ImportError:
        missing("Ibis is not installed")
    with psycopg_connection(engine) as connection:
        yield ibis.postgres.from_connection(connection)


CLIENTS = {
    "psycopg": psycopg_connection,
    "sqlalchemy engine": alchemy,
    "sqlalchemy connection": alchemy_connection,
    "ibis": ibis_connection,
}
clients = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


def ended(connection):
    """End the transaction in which a caller's connection has read."""
    for owner in (connection, getattr(connection, "con", None)):
        if hasattr(owner, "rollback"):
            owner.rollback()
            return


@clients
def test_every_client_gives_the_same_numbers(engine, client):
    @settings(small, max_examples=3)
    @given(worlds(), means(), ratios())
    def same(world, mean, ratio):
        world = without_persons(world)
        events = loaded(engine, world)
        with client(engine) as connection:
            there = replace(events, connection=connection)
            agree(world, [mean, ratio], daily_sums(there, request_of(world, [mean, ratio])))
            ended(connection)

    same()


def endless(engine):
    engine.execute("DROP TABLE IF EXISTS many")
    texts = ", ".join(f"NULL::text AS {name}" for name in PROPERTIES.values())
    engine.execute(
        "CREATE TABLE many AS SELECT i::text AS uuid, 'a' AS event, 'd' AS distinct_id, "
        f"i::bigint AS person_id, TIMESTAMP '2026-03-28' AS timestamp, {texts} "
        "FROM generate_series(1, 200000) AS i"
    )


def source(connection, relation):
    return ConnectedSource(connection, relation, properties=None, typed=PROPERTIES)


def request():
    world = World([], START, None, START + 3 * DAY)
    metric = {"kind": "EventsNode", "event": "a"}
    return request_of(
        world, [{"kind": "ExperimentMetric", "metric_type": "mean", "source": metric}]
    )


@clients
def test_an_interruption_stops_the_statement_in_the_engine_and_leaves_nothing(engine, client):
    endless(engine)
    with client(engine) as connection:
        events = source(connection, ENDLESS)
        assert events.columns["person_id"] == "BIGINT"
        timer = threading.Timer(0.5, _thread.interrupt_main)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            daily_sums(events, request())
        assert engine.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE 'WITH%'"
        ) == [(0,)]
        assert engine.execute("SELECT count(*) FROM pg_class WHERE relpersistence = 't'") == [(0,)]
        assert engine.execute("SELECT count(*) FROM pg_ls_tmpdir()") == [(0,)]
        assert source(connection, "many").columns["event"] == "VARCHAR"
        ended(connection)


@clients
def test_after_a_refusal_the_connection_still_reads(engine, client):
    endless(engine)
    with client(engine) as connection:
        with pytest.raises(InputError, match="nowhere"):
            source(connection, "nowhere").columns  # noqa: B018
        assert source(connection, "many").columns["event"] == "VARCHAR"
        ended(connection)
