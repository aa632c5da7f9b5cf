"""Thirty days of five metrics in one pass, against three other ways to the same numbers.

Run with ``python -m benchmarks.series FOLDER 1M 10M 100M`` from the repository, or for a first look
``… FOLDER 100k``. FOLDER keeps the events; each way runs in a process of its own, in turn, on the
same files. With all three sizes the table ``series.md`` beside this file is written anew, with the
goals and what is missed. Needs the extra ``bench``.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks import events
from benchmarks.series_table import table

SAMPLE = (3, 11, 18, 26)
"""Days that the slow ways are run for and counted up from; their mean is that of all days."""
LOOKBACK = 14
RUNS = 3


def node(event: str, **more: Any) -> dict[str, Any]:
    return {"kind": "EventsNode", "event": event, **more}


def revenue(math: str = "sum") -> dict[str, Any]:
    return node("purchase", math=math, math_property="revenue")


def mean(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "ExperimentMetric", "metric_type": "mean", "source": source, **more}


def funnel(*steps: str) -> dict[str, Any]:
    series = [node(step) for step in steps]
    return {"kind": "ExperimentMetric", "metric_type": "funnel", "series": series}


def ratio(above: dict[str, Any], below: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "ExperimentMetric",
        "metric_type": "ratio",
        "numerator": above,
        "denominator": below,
    }


def retention(start: str, back: str, low: int, high: int) -> dict[str, Any]:
    return {
        "kind": "ExperimentMetric",
        "metric_type": "retention",
        "start_event": node(start),
        "completion_event": node(back),
        "retention_window_start": low,
        "retention_window_end": high,
        "retention_window_unit": "day",
        "start_handling": "first_seen",
    }


FIVE = [
    mean(revenue()),
    mean(node("$pageview")),
    funnel("add_to_cart", "purchase"),
    ratio(revenue(), node("purchase")),
    retention("session_start", "purchase", 1, 7),
]
MORE = [
    *(mean(node(name)) for name in ("session_start", "add_to_cart", "search", "signup")),
    mean(revenue("max")),
    mean(revenue("avg")),
    mean(revenue(), threshold=50),
    mean(node("$pageview"), threshold=3),
    mean(node("purchase", math="dau")),
    mean(revenue(), conversion_window=7, conversion_window_unit="day"),
    ratio(node("add_to_cart"), node("session_start")),
    ratio(node("purchase"), node("session_start")),
    ratio(revenue(), node("session_start")),
    ratio(node("search"), node("$pageview")),
    funnel("signup", "purchase"),
    funnel("session_start", "add_to_cart", "purchase"),
    funnel("search", "add_to_cart"),
    retention("session_start", "add_to_cart", 1, 7),
    retention("session_start", "search", 1, 14),
    retention("$pageview", "purchase", 1, 3),
]


def connected(pattern: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet('{pattern}')")
    return connection


def prepared(
    pattern: str, metrics: list[dict[str, Any]], stop: datetime = events.STOP
) -> tuple[Any, Any]:
    from exp_jupyter.schema.metrics.metric import parse_metric
    from exp_jupyter.warehouse import Covariates, EventSource, Population, Request
    from exp_jupyter.warehouse.request.days import Days

    source = EventSource(
        connected(pattern),
        "events",
        uuid=None,
        distinct_id=None,
        properties=None,
        typed={
            "$feature_flag": "flag",
            "$feature_flag_response": "response",
            "revenue": "revenue",
        },
    )
    request = Request(
        Population(events.FLAG, events.VARIANTS),
        tuple(parse_metric(metric) for metric in metrics),
        Days(events.START, stop),
        Covariates(LOOKBACK),
    )
    return source, request


def timed(call: Callable[[], Any], runs: int = 1) -> tuple[Any, float, float]:
    """Return the result with the wall and processor seconds of the fastest run."""
    best = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        result = call()
        best.append((time.perf_counter() - wall, time.process_time() - cpu))
    return result, *min(best)


# ---------------------------------------------------------------- the ways


def ours(pattern: str, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    from exp_jupyter.warehouse import daily_sums

    source, request = prepared(pattern, metrics)
    result, wall, cpu = timed(lambda: daily_sums(source, request), RUNS)
    check = [
        [sums.of(0, v, day)[name] for name in ("n", "s", "ss")]
        for sums in result[:5]
        for day in SAMPLE
        for v in range(len(events.VARIANTS))
    ]
    return {"wall": wall, "cpu": cpu, "check": check}


def five(pattern: str) -> dict[str, Any]:
    return ours(pattern, FIVE)


def twenty_five(pattern: str) -> dict[str, Any]:
    return ours(pattern, [*FIVE, *MORE])


_UNITS = """SELECT person_id, MIN(response) AS v, MIN(timestamp) AS e0 FROM events
    WHERE event = '$feature_flag_called' AND flag = 'benchmark' AND timestamp >= $start
    AND timestamp < $stop GROUP BY person_id HAVING MIN(response) = MAX(response)"""


def _one_more_day(
    pattern: str, *, covariates: bool, late_days: int | None = None
) -> dict[str, Any]:
    """Compute a series up to a midnight, then a day later, each from the events there were."""
    from exp_jupyter.warehouse import daily_sums
    from exp_jupyter.warehouse.refresh import LATE_DAYS, refresh

    late = LATE_DAYS if late_days is None else late_days

    def known(days: int) -> tuple[Any, Any]:
        midnight = events.START + timedelta(days=days)
        source, request = prepared(pattern, FIVE, midnight)
        end = midnight.replace(tzinfo=None)
        relation = f"(SELECT * FROM events WHERE timestamp < TIMESTAMP '{end}')"
        request = request if covariates else replace(request, covariates=None)
        return replace(source, relation=relation), request

    _, kept = refresh(*known(events.DAYS - 1), late_days=late)
    # A refresh moves the state on, so every run has a copy of its own, made before the clock runs.
    copies = [deepcopy(kept) for _ in range(RUNS)]
    again = timed(lambda: refresh(*known(events.DAYS), copies.pop(), late_days=late)[0], RUNS)
    full = timed(lambda: daily_sums(*known(events.DAYS)), RUNS)
    for one, other in zip(again[0], full[0], strict=True):
        assert np.allclose(one.values, other.values, rtol=1e-9)
    return {"wall": again[1], "cpu": again[2], "full": full[1], "full_cpu": full[2]}


def day(pattern: str) -> dict[str, Any]:
    return _one_more_day(pattern, covariates=False)


def day_alone(pattern: str) -> dict[str, Any]:
    """Without a second look at the last days for late events."""
    return _one_more_day(pattern, covariates=False, late_days=0)


def day_cuped(pattern: str) -> dict[str, Any]:
    return _one_more_day(pattern, covariates=True)


def floor(connection: duckdb.DuckDBPyConnection) -> Callable[[], Any]:
    """Return one scan, join and group-by of the events: what one metric of one day takes."""
    start, stop = (moment.replace(tzinfo=None) for moment in (events.START, events.STOP))
    connection.execute(f"CREATE TABLE x AS {_UNITS}", {"start": start, "stop": stop})
    return lambda: connection.execute(
        "SELECT x.v, e.event, COUNT(*), SUM(e.revenue) FROM events AS e "
        "JOIN x ON x.person_id = e.person_id GROUP BY x.v, e.event"
    ).fetchall()


def scan(pattern: str) -> dict[str, Any]:
    _, wall, cpu = timed(floor(connected(pattern)), RUNS)
    return {"wall": wall, "cpu": cpu}


_LATER = "e.person_id = x.person_id AND e.timestamp >= x.e0 AND e.timestamp < $stop"
_NAIVE = (
    f"""SELECT v, COUNT(*), SUM(y), SUM(y * y) FROM (SELECT x.person_id, MIN(x.v) AS v,
    COALESCE(SUM(e.revenue), 0) AS y FROM x LEFT JOIN events AS e ON {_LATER}
    AND e.event = 'purchase' GROUP BY x.person_id) GROUP BY v ORDER BY v""",
    f"""SELECT v, COUNT(*), SUM(y), SUM(y * y) FROM (SELECT x.person_id, MIN(x.v) AS v,
    COUNT(e.event) AS y FROM x LEFT JOIN events AS e ON {_LATER}
    AND e.event = '$pageview' GROUP BY x.person_id) GROUP BY v ORDER BY v""",
    f"""SELECT v, COUNT(*), SUM(y), SUM(y) FROM (SELECT x.person_id, MIN(x.v) AS v,
    CASE WHEN MAX(CASE WHEN e.event = 'purchase' THEN e.timestamp END)
    >= MIN(CASE WHEN e.event = 'add_to_cart' THEN e.timestamp END) THEN 1 ELSE 0 END AS y
    FROM x LEFT JOIN events AS e ON {_LATER} AND e.event IN ('add_to_cart', 'purchase')
    GROUP BY x.person_id) GROUP BY v ORDER BY v""",
    f"""SELECT v, COUNT(*), SUM(a), SUM(a * a), SUM(b), SUM(b * b), SUM(a * b) FROM (
    SELECT x.person_id, MIN(x.v) AS v, COALESCE(SUM(e.revenue), 0) AS a, COUNT(e.event) AS b
    FROM x LEFT JOIN events AS e ON {_LATER} AND e.event = 'purchase' GROUP BY x.person_id)
    GROUP BY v ORDER BY v""",
    f"""SELECT v, COUNT(*), SUM(y), SUM(y) FROM (SELECT s.person_id, MIN(s.v) AS v,
    MAX(CASE WHEN e.event IS NOT NULL THEN 1 ELSE 0 END) AS y FROM (
        SELECT x.person_id, MIN(x.v) AS v, MIN(e.timestamp) AS began FROM x JOIN events AS e
        ON {_LATER} AND e.event = 'session_start' GROUP BY x.person_id) AS s
    LEFT JOIN events AS e ON e.person_id = s.person_id AND e.event = 'purchase'
    AND e.timestamp >= date_trunc('day', s.began) + INTERVAL 1 DAY
    AND e.timestamp < date_trunc('day', s.began) + INTERVAL 8 DAY
    GROUP BY s.person_id) GROUP BY v ORDER BY v""",
)


def naive(pattern: str) -> dict[str, Any]:
    """One query per day and metric, as a dashboard asks them; no covariates, in its favour."""
    connection = connected(pattern)
    start = events.START.replace(tzinfo=None)

    def sampled() -> list[list[float]]:
        found: dict[tuple[int, int], list[Any]] = {}
        for day in SAMPLE:
            values = {"start": start, "stop": start + timedelta(days=day + 1)}
            for i, sql in enumerate(_NAIVE):
                statement = f"WITH x AS ({_UNITS}) {sql}"
                found[i, day] = connection.execute(statement, values).fetchall()
        order = [sorted(events.VARIANTS).index(key) for key in events.VARIANTS]
        return [
            [float(value) for value in found[i, day][v][1:4]]
            for i in range(len(_NAIVE))
            for day in SAMPLE
            for v in order
        ]

    check, wall, cpu = timed(sampled)
    share = events.DAYS / len(SAMPLE)
    return {"wall": wall * share, "cpu": cpu * share, "check": check}


def tasting(pattern: str) -> dict[str, Any]:
    """tea-tasting on a table of units per day, drawn from the events by one scan a day."""
    import tea_tasting as tea

    connection = connected(pattern)
    start = events.START.replace(tzinfo=None)
    experiment = tea.Experiment(
        {
            "revenue": tea.Mean("revenue", "revenue_before"),
            "views": tea.Mean("views", "views_before"),
            "bought": tea.Mean("bought"),
            "basket": tea.RatioOfMeans("revenue", "purchases"),
        },
        variant="v",
    )

    def sampled() -> None:
        for day in SAMPLE:
            table = connection.execute(
                f"""WITH x AS ({_UNITS}) SELECT MIN(x.v) AS v,
                SUM(CASE WHEN t >= 0 AND event = 'purchase' THEN revenue ELSE 0 END) AS revenue,
                SUM(CASE WHEN t >= 0 AND event = 'purchase' THEN 1e0 ELSE 0e0 END) AS purchases,
                SUM(CASE WHEN t >= 0 AND event = '$pageview' THEN 1e0 ELSE 0e0 END) AS views,
                SUM(CASE WHEN t < 0 AND event = 'purchase' THEN revenue ELSE 0 END)
                    AS revenue_before,
                SUM(CASE WHEN t < 0 AND event = '$pageview' THEN 1e0 ELSE 0e0 END) AS views_before,
                CASE WHEN MAX(CASE WHEN t >= 0 AND event = 'purchase' THEN t END)
                    >= MIN(CASE WHEN t >= 0 AND event = 'add_to_cart' THEN t END)
                    THEN 1e0 ELSE 0e0 END AS bought
                FROM (SELECT x.person_id, x.v, e.event, e.revenue,
                    epoch_us(e.timestamp) - epoch_us(x.e0) AS t
                    FROM x LEFT JOIN events AS e ON e.person_id = x.person_id
                    AND e.timestamp < $stop AND e.timestamp >= x.e0 - INTERVAL 14 DAY) AS x
                GROUP BY person_id""",
                {"start": start, "stop": start + timedelta(days=day + 1)},
            ).to_arrow_table()
            experiment.analyze(table, control="control", all_variants=True)

    _, wall, cpu = timed(sampled)
    share = events.DAYS / len(SAMPLE)
    return {"wall": wall * share, "cpu": cpu * share}


WAYS = {
    "five": five,
    "twenty_five": twenty_five,
    "scan": scan,
    "day": day,
    "day_alone": day_alone,
    "day_cuped": day_cuped,
    "naive": naive,
    "tasting": tasting,
}


def run(way: str, pattern: str) -> dict[str, Any]:
    """Run one way in a process of its own; its peak memory is that of the whole process."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.series", "--way", way, pattern],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
        env=os.environ,
    )
    if ran.returncode:
        sys.exit(f"{way} failed: {ran.stderr.strip().splitlines()[-1]}")
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def measured(size: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Run every way on the events of one size, and check that the numbers are the same."""
    pattern = events.files(size, folder)
    found = {}
    for way in WAYS:
        found[way] = told = run(way, pattern)
        print(
            f"{size} {way}: {told['wall']:.2f} s, {told['cpu']:.2f} s of processor, "
            f"{told['peak']:.0f} MB",
            flush=True,
        )
    assert np.allclose(found["five"]["check"], found["naive"]["check"], rtol=1e-9)
    return found


def main(folder: Path, sizes: list[str]) -> None:
    text = table({size: measured(size, folder) for size in sizes}, [day + 1 for day in SAMPLE])
    print(text)
    if sizes == ["1M", "10M", "100M"]:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        told = WAYS[sys.argv[2]](sys.argv[3])
        told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(told))
    elif len(sys.argv) > 2 and set(sys.argv[2:]) <= set(events.SIZES):
        main(Path(sys.argv[1]), sys.argv[2:])
    else:
        sys.exit("Usage: python -m benchmarks.series FOLDER SIZE…, SIZE of 100k, 1M, 10M, 100M")
