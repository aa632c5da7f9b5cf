"""Engines to run the statement on, each started here.

Where one is not installed its tests are skipped with the reason; with
``EXP_JUPYTER_REQUIRE_ENGINES=1`` they fail.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pytest
from oracle import EPOCH, as_text
from worlds import SESSIONS, TABLES

from exp_jupyter.warehouse.sources.engines import ConnectedSource

PROPERTIES = {
    "$feature_flag": "flag_key",
    "$feature_flag_response": "response",
    "$feature/flag": "variant",
    "$session_id": "session",
    "$group_1": "company",
    "plan": "plan",
    "customer": "customer",
    "v": "v",
}
START_SECONDS = 90
COLUMNS = ("uuid", "event", "distinct_id", "person_id", "timestamp", *PROPERTIES.values())


def rows_of(world):
    """The world's events as rows of `COLUMNS`, times in UTC without a zone."""
    return [
        (
            e.uuid,
            e.event,
            f"d{e.person}",
            e.person,
            (EPOCH + timedelta(microseconds=e.at)).replace(tzinfo=None),
            *(as_text(e.properties.get(key)) for key in PROPERTIES),
        )
        for e in world.events
    ]


def relations_of(world):
    """What lies beside the events: name, columns with their kinds, and rows."""
    for name, columns in TABLES.items():
        rows = []
        for row in world.tables.get(name, []):
            at = (EPOCH + timedelta(microseconds=row.at)).replace(tzinfo=None)
            rows.append([{**row.properties, "placed_at": at}[column] for column in columns])
        yield name, columns, rows
    if world.sessions is not None:
        rows = [
            [name, *(held[f"${column.removeprefix('$')}"] for column in SESSIONS)]
            for name, held in world.sessions.items()
        ]
        yield "sessions", {"session_id": "VARCHAR", **SESSIONS}, rows


class Engine:
    """One engine: `load` puts a world into it and returns the source."""

    name = ""
    properties = PROPERTIES

    def frame(self, world):
        """The same events as a frame of this process."""
        import pandas as pd

        return pd.DataFrame(rows_of(world), columns=COLUMNS)

    def beside(self, world):
        """Put the tables and sessions of a world beside its events; what the source says of it."""
        for name, columns, rows in relations_of(world):
            self.put(name, columns, rows)
        known = None if world.sessions is None else self.called("sessions")
        return {"tables": {name: self.called(name) for name in TABLES}, "sessions": known}

    def called(self, name):
        return name

    def source(self, connection, relation, **more):
        return ConnectedSource(
            connection,
            relation,
            properties=None,
            typed=PROPERTIES,
            groups={1: "company"},
            **more,
        )


def missing(reason):
    if os.environ.get("EXP_JUPYTER_REQUIRE_ENGINES") == "1":
        pytest.fail(f"every engine is mandatory here: {reason}")
    pytest.skip(reason)


def needs(package):
    if importlib.util.find_spec(package) is None:
        missing(f"{package} is not installed")


# ---------------------------------------------------------------- PostgreSQL


def postgres_programs():
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return Path(found).parent if found else folders[-1] if folders else None


class Postgres(Engine):
    name = "postgres"

    def __init__(self):
        needs("psycopg")
        programs = postgres_programs()
        if programs is None:
            missing("PostgreSQL is not installed")
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        self.programs = programs
        self.as_user = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            if shutil.which("runuser") is None:
                missing("PostgreSQL does not run as root, and there is no runuser")
            shutil.chown(self.folder, "postgres", "postgres")
            self.as_user = ["runuser", "-u", "postgres", "--"]
        data = str(self.folder / "data")
        self.call("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N")
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off"
        self.call("pg_ctl", "-D", data, "-w", "-o", options, "-l", f"{data}/log", "start")
        import psycopg

        self.address = f"host={self.folder} user=postgres dbname=postgres"
        self.connection = psycopg.connect(self.address, autocommit=True)

    def call(self, program, *arguments):
        subprocess.run(
            [*self.as_user, str(self.programs / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            timeout=120,
        )

    def execute(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def load(self, world):
        texts = ", ".join(f"{name} TEXT" for name in PROPERTIES.values())
        with self.connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS events")
            cursor.execute(
                "CREATE TABLE events (uuid TEXT, event TEXT, distinct_id TEXT, person_id BIGINT, "
                f"timestamp TIMESTAMP, {texts})"
            )
            with cursor.copy(f"COPY events ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                for row in rows_of(world):
                    copy.write_row(row)
        return self.source(self.connection, "events", **self.beside(world))

    def put(self, name, columns, rows):
        kinds = {"DOUBLE": "DOUBLE PRECISION"}
        listed = ", ".join(
            f'"{column}" {kinds.get(kind, kind)}' for column, kind in columns.items()
        )
        with self.connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
            cursor.execute(f"CREATE TABLE {name} ({listed})")
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)

    def close(self):
        self.connection.close()
        self.call("pg_ctl", "-D", str(self.folder / "data"), "-m", "fast", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


# ---------------------------------------------------------------- in this process


def arrow(world):
    import pyarrow as pa

    columns = list(zip(*rows_of(world), strict=True)) or [() for _ in COLUMNS]
    kinds = {"person_id": pa.int64(), "timestamp": pa.timestamp("us")}
    return pa.table(
        {
            name: pa.array(column, kinds.get(name, pa.string()))
            for name, column in zip(COLUMNS, columns, strict=True)
        }
    )


def whole(table):
    """A table as batches, one without rows when it has none."""
    import pyarrow as pa

    empty = pa.RecordBatch.from_pylist([], schema=table.schema)
    return table.to_batches() or [empty]


class DataFusion(Engine):
    name = "datafusion"

    def __init__(self):
        needs("datafusion")
        needs("pyarrow")

    def load(self, world):
        import datafusion

        self.context = datafusion.SessionContext()
        self.context.register_record_batches("events", [whole(arrow(world))])
        return self.source(self.context, "events", **self.beside(world))

    def put(self, name, columns, rows):
        import pyarrow as pa

        kinds = {
            "VARCHAR": pa.string(),
            "BIGINT": pa.int64(),
            "DOUBLE": pa.float64(),
            "BOOLEAN": pa.bool_(),
            "TIMESTAMP": pa.timestamp("us"),
        }
        held = list(zip(*rows, strict=True)) or [() for _ in columns]
        table = {
            column: pa.array(values, kinds[kind])
            for (column, kind), values in zip(columns.items(), held, strict=True)
        }
        self.context.register_record_batches(name, [whole(pa.table(table))])

    def close(self):
        pass


class ChDB(Engine):
    name = "chdb"

    def __init__(self):
        needs("chdb")
        from chdb import session

        self.session = session.Session()

    def load(self, world):
        texts = ", ".join(f"{name} Nullable(String)" for name in PROPERTIES.values())
        for sql in (
            "CREATE DATABASE IF NOT EXISTS world",
            "DROP TABLE IF EXISTS world.events",
            (
                "CREATE TABLE world.events (uuid String, event String, distinct_id String, "
                f"person_id Nullable(Int64), timestamp DateTime64(6, 'UTC'), {texts}) "
                "ENGINE = MergeTree ORDER BY timestamp"
            ),
        ):
            self.session.query(sql)
        rows = ", ".join(f"({', '.join(map(self.literal, row))})" for row in rows_of(world))
        if rows:
            self.session.query(f"INSERT INTO world.events VALUES {rows}")
        return self.source(self.session, "world.events", **self.beside(world))

    def called(self, name):
        return f"world.{name}"

    def put(self, name, columns, rows):
        kinds = {
            "VARCHAR": "String",
            "BIGINT": "Int64",
            "DOUBLE": "Float64",
            "BOOLEAN": "Bool",
            "TIMESTAMP": "DateTime64(6, 'UTC')",
        }
        listed = ", ".join(
            f"`{column}` Nullable({kinds[kind]})" for column, kind in columns.items()
        )
        self.session.query(f"DROP TABLE IF EXISTS world.{name}")
        self.session.query(
            f"CREATE TABLE world.{name} ({listed}) ENGINE = MergeTree ORDER BY tuple()"
        )
        values = ", ".join(f"({', '.join(map(self.literal, row))})" for row in rows)
        if values:
            self.session.query(f"INSERT INTO world.{name} VALUES {values}")

    def literal(self, value):
        if value is None or isinstance(value, (int, float)):
            return "NULL" if value is None else str(value)
        return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"

    def close(self):
        self.session.close()


# ---------------------------------------------------------------- Spark


class Spark(Engine):
    """A master and two workers in processes of their own, on loopback."""

    name = "spark"

    def __init__(self):
        needs("pyspark")
        if shutil.which("java") is None:
            missing("Spark needs a Java runtime")
        import pyspark

        self.home = Path(pyspark.__file__).parent
        self.folder = Path(tempfile.mkdtemp(prefix="spark"))
        self.processes = []
        self.environment = {
            **os.environ,
            "SPARK_HOME": str(self.home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.folder),
            "SPARK_DAEMON_MEMORY": "256m",
            "PYSPARK_PYTHON": sys.executable,
        }
        master = self.start("master", "Master", "--port", "0", "--webui-port", "0")
        address = self.wait_for(master, r"Starting Spark master at (spark://\S+)")
        for i in range(2):
            log = self.start(
                f"worker{i}",
                "worker.Worker",
                *("--port", "0", "--webui-port", "0", "--cores", "1", "--memory", "700m"),
                *("--work-dir", str(self.folder / f"work{i}"), address),
            )
            self.wait_for(log, r"(Successfully registered) with master")
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        from pyspark.sql import SparkSession

        self.session = (
            SparkSession.builder.master(address)
            .appName("exp_jupyter")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.memory", "600m")
            .config("spark.executor.memory", "512m")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.codegen.wholeStage", "false")  # compiling outlasts these few rows
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .getOrCreate()
        )
        self.session.sparkContext.setLogLevel("ERROR")

    def start(self, name, role, *arguments):
        log = self.folder / f"{name}.log"
        kind = f"org.apache.spark.deploy.{'master.' if role == 'Master' else ''}{role}"
        with log.open("w") as output:
            self.processes.append(
                subprocess.Popen(
                    [str(self.home / "bin/spark-class"), kind, "--host", "127.0.0.1", *arguments],
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self.environment,
                )
            )
        return log

    def wait_for(self, log, pattern):
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(pattern, log.read_text())):
            if time.monotonic() > deadline:
                missing(f"Spark did not start here: {log.read_text()[-300:]}")
            time.sleep(0.2)  # the only sign of readiness is a line in the log
        return found[1]

    def load(self, world):
        texts = ", ".join(f"{name} STRING" for name in PROPERTIES.values())
        schema = (
            "uuid STRING, event STRING, distinct_id STRING, person_id BIGINT, "
            f"timestamp TIMESTAMP_NTZ, {texts}"
        )
        rows = rows_of(world)
        self.session.createDataFrame(rows, schema).createOrReplaceTempView("events")
        return self.source(self.session, "events", **self.beside(world))

    def put(self, name, columns, rows):
        kinds = {"VARCHAR": "STRING", "TIMESTAMP": "TIMESTAMP_NTZ"}
        schema = ", ".join(
            f"`{column}` {kinds.get(kind, kind)}" for column, kind in columns.items()
        )
        self.session.createDataFrame(rows, schema).createOrReplaceTempView(name)

    def close(self):
        gateway = self.session.sparkContext._gateway
        self.session.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()  # the driver's own process ends with it
        gateway.proc.wait(30)
        gc.collect()  # sockets that nobody closed, before another test is blamed for them
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


ENGINES = {kind.name: kind for kind in (Postgres, DataFusion, ChDB, Spark)}
