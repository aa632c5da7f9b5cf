"""A statement that somebody else's engine runs stops there when its reader does, whatever asks."""

from __future__ import annotations

import _thread
import sqlite3
import threading
from typing import Any

import duckdb
import pytest

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sources.open_units import unit_source

ENDLESS = (
    "SELECT COUNT(*) FROM units AS a, units AS b, units AS c, units AS d WHERE a.n < b.n + c.n"
)


class Driver:
    """DuckDB as a driver of its own, whose user presses Ctrl-C once the endless statement runs."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("CREATE TABLE units AS SELECT range AS n FROM range(2000)")
        self.cursor_ended = threading.Event()

    def cursor(self) -> Driver:
        return self

    def execute(self, sql: str) -> None:
        endless = sql.startswith("SELECT COUNT(*) FROM units AS a")
        if endless:
            threading.Timer(0.1, _thread.interrupt_main).start()
        try:
            self.connection.execute(sql)
        finally:
            if endless:
                self.cursor_ended.set()

    @property
    def description(self) -> Any:
        return self.connection.description

    def fetchall(self) -> list[Any]:
        return self.connection.fetchall()

    def interrupt(self) -> None:
        self.connection.interrupt()

    def close(self) -> None:
        pass


def test_a_units_statement_stops_in_the_engine() -> None:
    driver = Driver()
    source = unit_source(driver, table="units", dialect="duckdb")
    with pytest.raises(KeyboardInterrupt):
        source.rows(ENDLESS)
    assert driver.cursor_ended.is_set()
    assert source.rows("SELECT COUNT(*) FROM units") == [(2000,)]


def test_a_statement_of_sqlite_hears_of_an_interruption() -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("CREATE TABLE units (n INTEGER)")
    connection.executemany("INSERT INTO units VALUES (?)", [(n,) for n in range(2000)])
    source = unit_source(connection, table="units")
    timer = threading.Timer(0.2, connection.interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        source.rows(ENDLESS)
    timer.join()
    assert source.rows("SELECT COUNT(*) FROM units") == [(2000,)]
    connection.close()


def test_a_percent_sign_stays_what_it_is_where_nothing_is_bound() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE units (variant TEXT)")
    connection.execute("INSERT INTO units VALUES ('50%')")
    source = unit_source(connection, table="units")
    assert source.rows("SELECT variant FROM units WHERE variant LIKE '%\\%' ESCAPE '\\'") == [
        ("50%",)
    ]
    connection.close()


def test_what_the_engine_refuses_is_said_in_its_name() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(InputError, match="sqlite refuses the statement: no such table"):
        unit_source(connection, table="missing")
    connection.close()
