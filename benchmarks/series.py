"""Thirty days of five metrics in one pass, against three other ways to the same numbers.

Run with ``python -m benchmarks.series 10M [FOLDER]`` from the repository (``1M``, ``100M`` and, for
a first look, ``100k``). Each way runs in a process of its own, in turn, on the same files; FOLDER
keeps them. Goals: at most three times one scan with a hash join and a group-by of the same rows; at
least fifteen times faster than one query per day and metric (10M and 100M), and ten times faster
than tea-tasting over the same series; under 2 GB at 100M; one more day under 5 % of the series.
The last two ways are run for some of the days and counted up to thirty; the script says for which.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks import events

SAMPLE = (4, 14, 24, 29)
LOOKBACK = 14


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
    from exp_jupyter.schema.metric import parse_metric
    from exp_jupyter.warehouse import Covariates, EventSource, Population, Request
    from exp_jupyter.warehouse.days import Days

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
    result, wall, cpu = timed(lambda: daily_sums(source, request), 3)
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


def _one_more_day(pattern: str, *, covariates: bool) -> dict[str, Any]:
    """Compute a series up to a midnight, then a day later, each from the events there were."""
    from dataclasses import replace

    from exp_jupyter.warehouse import daily_sums
    from exp_jupyter.warehouse.refresh import refresh

    def known(days: int) -> tuple[Any, Any]:
        midnight = events.START + timedelta(days=days)
        source, request = prepared(pattern, FIVE, midnight)
        end = midnight.replace(tzinfo=None)
        relation = f"(SELECT * FROM events WHERE timestamp < TIMESTAMP '{end}')"
        request = request if covariates else replace(request, covariates=None)
        return replace(source, relation=relation), request

    _, kept = refresh(*known(events.DAYS - 1))
    (sums, _), wall, cpu = timed(lambda: refresh(*known(events.DAYS), kept))
    full, whole_wall, whole_cpu = timed(lambda: daily_sums(*known(events.DAYS)), 2)
    for one, other in zip(sums, full, strict=True):
        assert np.allclose(one.values, other.values, rtol=1e-9)
    return {"wall": wall, "cpu": cpu, "full": whole_wall, "full_cpu": whole_cpu}


def day(pattern: str) -> dict[str, Any]:
    return _one_more_day(pattern, covariates=False)


def day_cuped(pattern: str) -> dict[str, Any]:
    return _one_more_day(pattern, covariates=True)


def scan(pattern: str) -> dict[str, Any]:
    connection = connected(pattern)
    start, stop = (moment.replace(tzinfo=None) for moment in (events.START, events.STOP))
    connection.execute(f"CREATE TABLE x AS {_UNITS}", {"start": start, "stop": stop})
    _, wall, cpu = timed(
        lambda: connection.execute(
            "SELECT x.v, e.event, COUNT(*), SUM(e.revenue) FROM events AS e "
            "JOIN x ON x.person_id = e.person_id GROUP BY x.v, e.event"
        ).fetchall(),
        3,
    )
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
        for day in SAMPLE[1:]:
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
    share = events.DAYS / len(SAMPLE[1:])
    return {"wall": wall * share, "cpu": cpu * share}


WAYS = {
    "five": five,
    "twenty_five": twenty_five,
    "scan": scan,
    "day": day,
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
        return {"failed": ran.stderr.strip().splitlines()[-1]}
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def main(size: str, folder: Path) -> dict[str, float]:
    pattern = events.files(size, folder)
    found = {}
    for way in WAYS:
        found[way] = run(way, pattern)
        told = found[way]
        line = told.get("failed") or (
            f"{told['wall']:.2f} s wall, {told['cpu']:.2f} s processor, {told['peak']:.0f} MB"
        )
        print(f"{size} {way}: {line}", flush=True)
    ratios: dict[str, float] = {}
    one = found["five"]
    assert np.allclose(one["check"], found["naive"]["check"], rtol=1e-9), "the numbers differ"
    for kind in ("wall", "cpu"):
        ratios[f"series to scan, {kind}"] = one[kind] / found["scan"][kind]
        ratios[f"naive to series, {kind}"] = found["naive"][kind] / one[kind]
        ratios[f"25 metrics to 5, {kind}"] = found["twenty_five"][kind] / one[kind]
        if "failed" not in found["tasting"]:
            ratios[f"tea-tasting to series, {kind}"] = found["tasting"][kind] / one[kind]
    for name in ("day", "day_cuped"):
        ratios[f"one more {name} to series, wall"] = found[name]["wall"] / found[name]["full"]
        ratios[f"one more {name} to series, cpu"] = found[name]["cpu"] / found[name]["full_cpu"]
    for name, value in ratios.items():
        print(f"{size} {name}: {value:.3g}")
    print(
        f"naive: days {[day + 1 for day in SAMPLE]} of {events.DAYS}, counted up; "
        f"tea-tasting: days {[day + 1 for day in SAMPLE[1:]]}, without the retention"
    )
    return ratios


if __name__ == "__main__":
    if sys.argv[1] == "--way":
        told = WAYS[sys.argv[2]](sys.argv[3])
        told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(told))
    elif len(sys.argv) > 2:
        main(sys.argv[1], Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(sys.argv[1], Path(folder))
