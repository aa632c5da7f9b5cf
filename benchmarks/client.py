"""What the client adds to the network, and what asking side by side saves, against a real server.

Run with ``python -m benchmarks.client`` from the repository. ``exp-jupyter serve`` runs on
loopback with an experiment of 30 metrics. Goals: at most 8 requests in flight; with 50 ms of
distance to the project, 30 metrics side by side take at most a quarter of the time they take one
by one; connecting and the first read, all imports included, take at most 400 ms of processor
beyond what the same requests take bare, in a new process and in one that holds IPython and
ipywidgets as a notebook's does, and at most half more than their floor: importing the HTTP library
and pydantic, making one model, and the same two requests, in the same run. Walls are told beside
them; on a quiet machine they are the same. On loopback the server's own work decides, so there the
ratio of the many metrics is only told.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from exp_jupyter.client import Project, open_project
from exp_jupyter.client.http import concurrency as side_by_side
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.serving import owner_key
from exp_jupyter.server.store import ProjectStore

METRICS, PEOPLE, DAYS, RUNS = 30, 2_000, 14, 3
DISTANCE = 0.05
IN_FLIGHT_GOAL, RATIO_GOAL, OVERHEAD_GOAL, FLOOR_GOAL = 8, 4.0, 0.4, 1.5

_BEYOND_THE_NETWORK = """
import http.client, importlib, json, os, sys, time, urllib.parse
for name in sys.argv[2:]:
    importlib.import_module(name)
origin = os.environ["BENCH_ORIGIN"]
key = {"Authorization": "Bearer " + os.environ["POSTHOG_PERSONAL_API_KEY"]}
questions = ["/api/projects/1/experiments/" + query for query in ("?limit=1", "")]
def ours():
    import exp_jupyter
    exp_jupyter.connect(origin, project=1).experiments.list()
def floor():
    sys.modules["httpx._main"] = None  # as the client does without httpx's command line
    import httpx, pydantic
    class Page(pydantic.BaseModel):
        count: int
        results: list[dict]
    with httpx.Client(verify=False) as client:
        for question in questions:
            Page.model_validate(client.get(origin + question, headers=key).json())
def now():
    return time.perf_counter(), time.process_time()
def since(began):
    return [b - a for a, b in zip(began, now())]
began = now()
globals()[sys.argv[1]]()
whole = since(began)
parts = urllib.parse.urlsplit(origin)
began = now()
line = http.client.HTTPConnection(parts.hostname, parts.port)
for question in questions:
    line.request("GET", question, headers=key)
    line.getresponse().read()
print(json.dumps([a - b for a, b in zip(whole, since(began))]))
"""

FIRST_READS = {
    "connect and first read": ("ours",),
    "the same beside IPython": ("ours", "IPython", "ipywidgets"),
    "their floor": ("floor",),
}


class Line(httpx.BaseTransport):
    """The network, longer by a fixed time, counting what is under way."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.most = 0
        self._under_way = 0
        self._lock = threading.Lock()
        self._wire = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=8))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        try:
            time.sleep(self.seconds)
            response = self._wire.handle_request(request)
            response.read()
            return response
        finally:
            with self._lock:
                self._under_way -= 1

    def close(self) -> None:
        self._wire.close()


def fill(folder: Path) -> str:
    """Make a project with one experiment in its folder, and return its owner's key."""
    chance = random.Random(7)
    store = ProjectStore(folder)
    events = EventStore(store)
    try:
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=DAYS)
        rows = []
        for person in range(PEOPLE):
            seen = start + timedelta(seconds=chance.random() * DAYS * 86_400)
            variant = chance.choice(["control", "test"])
            bag = {"$feature_flag": "many", "$feature_flag_response": variant}
            who = {"distinct_id": f"p{person}", "timestamp": seen.isoformat()}
            rows.append({"event": "$feature_flag_called", "properties": bag, **who})
            done = {**who, "timestamp": (seen + timedelta(minutes=5)).isoformat()}
            rows += [
                {"event": f"action {number}", "properties": {}, **done}
                for number in chance.sample(range(METRICS), 5)
            ]
        events.append(rows)
        key = owner_key(store, always=True)
        assert key is not None
        return key
    finally:
        events.close()
        store.close()


def experiment(project: Project) -> int:
    """Make the experiment through the client itself."""
    metrics = [
        {
            "kind": "ExperimentMetric",
            "metric_type": "mean",
            "name": f"Action {number}",
            "source": {"kind": "EventsNode", "event": f"action {number}"},
        }
        for number in range(METRICS)
    ]
    start = datetime.now(UTC) - timedelta(days=DAYS)
    write = project.experiments.create(
        "Many", metrics=metrics, start_date=start, allow_unknown_events=True
    )
    return int(write.send().result.id)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the folder and give its address."""
    command = [sys.executable, "-m", "exp_jupyter.command", "serve", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split(" at ")[1].strip()
    finally:
        process.terminate()
        process.communicate(timeout=30)


def alternating(call: Callable[[], object], runs: int = RUNS) -> tuple[float, float]:
    """Return the best wall time of ``call`` side by side and one by one, taken in turn."""
    best = {side_by_side.AT_ONCE: float("inf"), 1: float("inf")}
    usual = side_by_side.AT_ONCE
    try:
        for _ in range(runs):
            for at_once in best:
                side_by_side.AT_ONCE = at_once
                began = time.perf_counter()
                call()
                best[at_once] = min(best[at_once], time.perf_counter() - began)
    finally:
        side_by_side.AT_ONCE = usual
    return best[usual], best[1]


def first_reads(origin: str, key: str) -> dict[str, tuple[float, float]]:
    """Return by what each first read exceeds the same requests made bare: wall and processor.

    Each is the best of several new processes, the kinds taken in turn.
    """
    environment = {**os.environ, "BENCH_ORIGIN": origin, "POSTHOG_PERSONAL_API_KEY": key}
    found: dict[str, list[list[float]]] = {name: [] for name in FIRST_READS}
    for _ in range(RUNS + 7):
        for name, arguments in FIRST_READS.items():
            ran = subprocess.run(
                [sys.executable, "-c", _BEYOND_THE_NETWORK, *arguments],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            )
            found[name].append(json.loads(ran.stdout))
    return {
        name: (min(wall for wall, _ in times), min(spent for _, spent in times))
        for name, times in found.items()
    }


def main() -> dict[str, float]:
    told: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "bench"
        key = fill(folder)
        with served(folder) as origin:
            number = experiment(open_project(origin, 1, key))
            for name, seconds in (("loopback", 0.0), ("50 ms away", DISTANCE)):
                line = Line(seconds)
                project = open_project(origin, 1, key, transport=line)
                project.experiments.results(number)
                for what, call in (
                    ("results", lambda: project.experiments.results(number)),  # noqa: B023
                    ("series", lambda: project.experiments.all_timeseries(number)),  # noqa: B023
                ):
                    together, alone = alternating(call)
                    told[f"{what}, {name}"] = alone / together
                    print(
                        f"{METRICS} {what}, {name}: {together:.2f} s side by side, {alone:.2f} s "
                        f"one by one, {alone / together:.1f} times faster"
                    )
                told["in flight"] = max(told.get("in flight", 0), line.most)
                project.close()
            reads = first_reads(origin, key)
    for name, (wall, spent) in reads.items():
        told[name] = spent
        print(f"{name}: {spent:.3f} s of processor beyond the network ({wall:.3f} s of wall)")
    told["over the floor"] = told["connect and first read"] / told["their floor"]
    print(f"connect and first read over their floor: {told['over the floor']:.2f}")
    print(f"most requests in flight: {told['in flight']:.0f}")
    goals = (
        ("in flight", told["in flight"] <= IN_FLIGHT_GOAL),
        ("series at a distance", told["series, 50 ms away"] >= RATIO_GOAL),
        ("first read", told["connect and first read"] <= OVERHEAD_GOAL),
        ("first read beside IPython", told["the same beside IPython"] <= OVERHEAD_GOAL),
        ("first read over its floor", told["over the floor"] <= FLOOR_GOAL),
    )
    for name, met in goals:
        print(f"{name}: {'within its goal' if met else 'MISSED'}")
    return told


if __name__ == "__main__":
    main()
