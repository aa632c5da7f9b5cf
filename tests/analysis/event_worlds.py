"""The random worlds of the warehouse's tests as tables, in every form in which people have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
from oracle import EPOCH, World

from exp_jupyter.analysis import ExperimentSpec

NAMES = {"event": "name", "person_id": "user", "timestamp": "at", "uuid": "id"}
"""The columns of the tables, by what they hold."""

paramstyle = "qmark"  # what a driver's module says of `Driver`


def frame(world: World) -> pd.DataFrame:
    """Return a world's events with columns of other names."""
    rows = [
        (e.uuid, e.event, e.person, EPOCH + timedelta(microseconds=e.at), json.dumps(e.properties))
        for e in world.events
    ]
    table = pd.DataFrame(rows, columns=["id", "name", "user", "at", "properties"])
    table["user"] = table["user"].astype("Int64")
    table["at"] = pd.to_datetime(table["at"], utc=True).dt.tz_localize(None)
    return table.astype({"id": str, "name": str, "properties": str})


def spec(world: World) -> ExperimentSpec:
    """Return a world's experiment."""
    return ExperimentSpec(
        flag_key="flag",
        variants=world.variants,
        split=dict.fromkeys(world.variants, 1.0),
        start=world.start,
        end=world.end,
        exposure_criteria={
            "filterTestAccounts": world.filter_test,
            "multiple_variant_handling": world.handling,
            "exposure_config": world.exposure_config,
            "exclusions": world.exclusions,
            "activation_config": world.activation,
        },
        excluded_variants=world.excluded,
        test_account_filters=world.test_filters,
        group_index=world.group,
        timezone=world.zone,
        only_count_matured_users=world.matured,
        actions=world.actions,
        stats_config={"method": "frequentist"},
    )


Form = tuple[Any, dict[str, Any]]
"""What is given to ``analyze_events``, and the options it needs."""


def _parquet(table: pd.DataFrame, folder: Path) -> str:
    for part in range(2):
        table[part::2].to_parquet(folder / f"part-{part}.parquet", index=False)
    return str(folder / "part-*.parquet")


def _csv(table: pd.DataFrame, folder: Path) -> str:
    table.to_csv(folder / "events.csv", index=False)
    return str(folder / "events.csv")


opened: list[duckdb.DuckDBPyConnection] = []
"""The connection of the last form that has one, for the tables beside its events."""


def in_duckdb(table: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    """Return a connection with the events in a table."""
    connection = duckdb.connect()
    opened[:] = [connection]
    connection.register("frame", table)
    connection.execute("CREATE TABLE happened AS SELECT * FROM frame")
    connection.unregister("frame")
    return connection


def _ibis(table: pd.DataFrame) -> Any:
    connection = ibis.duckdb.connect()
    opened[:] = [connection.con]
    connection.con.register("frame", table)
    connection.raw_sql("CREATE TABLE happened AS SELECT * FROM frame")
    connection.con.unregister("frame")
    return connection


class Driver:
    """DuckDB's DB-API behind a class of its own, as other drivers come."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.connection = in_duckdb(table)

    def cursor(self) -> Any:
        return self.connection.cursor()


def _zoned(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(at=table["at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata"))


def _text(table: pd.DataFrame) -> pd.DataFrame:
    moments = table["at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata")
    return table.assign(at=[moment.isoformat() for moment in moments])


FORMS: dict[str, Callable[[pd.DataFrame, Path], Form]] = {
    "pandas": lambda table, _: (table, {}),
    "pandas-with-a-zone": lambda table, _: (_zoned(table), {}),
    "pandas-with-text": lambda table, _: (_text(table), {}),
    "pandas-nanoseconds": lambda table, _: (table.astype({"at": "datetime64[ns]"}), {}),
    "pandas-categories": lambda table, _: (table.astype({"name": "category"}), {}),
    "pandas-people-as-text": lambda table, _: (table.astype({"user": "string"}), {}),
    "polars": lambda table, _: (pl.from_pandas(table), {}),
    "polars-lazy": lambda table, _: (pl.from_pandas(table).lazy(), {}),
    "arrow": lambda table, _: (pa.Table.from_pandas(table), {}),
    "parquet": lambda table, folder: (_parquet(table, folder), {}),
    "csv": lambda table, folder: (_csv(table, folder), {}),
    "duckdb": lambda table, _: (in_duckdb(table), {"table": "happened"}),
    "duckdb-select": lambda table, _: (in_duckdb(table), {"table": "SELECT * FROM happened"}),
    "duckdb-relation": lambda table, _: (in_duckdb(table).table("happened"), {}),
    "dbapi": lambda table, _: (Driver(table), {"table": "happened", "dialect": "duckdb"}),
    "ibis": lambda table, _: (_ibis(table), {"table": "happened"}),
}
