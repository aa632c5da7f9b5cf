"""Time every reading and the common writing addresses of a project with many flags.

Run ``python -m benchmarks.server``. The requests go through the application in process, as those
of a notebook do; a request's time is from its bytes to the answer's bytes. The goal is that reads
which touch no events answer within 25 ms in 95 of 100 cases, with 10,000 flags and 1,000
experiments.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from exp_jupyter.server.app import create_app
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.people import people
from exp_jupyter.server.services.people.capture import project_token
from exp_jupyter.server.store import ProjectStore

GOAL_MS = 25.0
METRIC = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Revenue",
    "source": {
        "kind": "EventsNode",
        "event": "purchase",
        "math": "sum",
        "math_property": "revenue",
    },
}
READS = (
    "experiments/",
    "experiments/?limit=20",
    "experiments/?search=checkout",
    "experiments/?status=running&order=-start_date",
    "experiments/500/",
    "experiments/500/timeseries_results/?metric_uuid=x&fingerprint=y",
    "experiments/stats/",
    "experiments/eligible_feature_flags/",
    "experiments/eligible_feature_flags/?limit=100&search=checkout",
    "experiments/eligible_feature_flags/?search=no-such-thing",
    "experiments/requires_flag_implementation/",
    "experiments/prompt_templates/",
    "feature_flags/",
    "feature_flags/?limit=20&search=checkout",
    "feature_flags/?search=no-such-thing",
    "feature_flags/?type=experiment&active=true",
    "feature_flags/5000/",
    "experiment_holdouts/",
    "experiment_saved_metrics/",
    "llm_prompts/",
    "actions/",
    "approval_policies/",
    "change_requests/",
)


def furnished(folder: Path, flag_count: int, experiment_count: int) -> tuple[ProjectStore, str]:
    """Make a project with these flags and experiments, and a key for it."""
    store = ProjectStore(folder, durable=False)
    words = ("checkout", "search", "onboarding", "pricing", "basket")
    with store.write() as work:
        owner = people.add_person(work, email="o@example.com", first_name="O", level=people.OWNER)
        key = people.add_key(work, owner["id"])
        actor = people.actor_of(work, owner["id"])
        for number in range(experiment_count):
            made = experiments.create(
                work,
                actor,
                {
                    "name": f"{words[number % 5]} {number}",
                    "feature_flag_key": f"exp-{number}",
                    "metrics": [METRIC],
                    "allow_unknown_events": True,
                },
            )
            if number % 3:
                work.experiments.save({**made, "start_date": work.stamp()})
        variants = [
            {"key": "control", "rollout_percentage": 50},
            {"key": "test", "rollout_percentage": 50},
        ]
        for number in range(flag_count - experiment_count):
            filters: dict[str, Any] = {"groups": [{"properties": [], "rollout_percentage": 50}]}
            if number % 2:
                filters["multivariate"] = {"variants": variants}
            flags.create(
                work,
                actor,
                {"key": f"{words[number % 5]}-{number}", "name": f"Flag {number}",
                 "filters": filters},
            )  # fmt: skip
    return store, key


async def _asked(app: Any, method: str, address: str, key: str, body: Any) -> int:
    path, _, query = address.partition("?")
    content = json.dumps(body).encode() if body is not None else b""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "scheme": "http", "server": ("p.test", 80),
        "headers": [(b"authorization", f"Bearer {key}".encode()), (b"host", b"p.test"),
                    (b"content-type", b"application/json")],
    }  # fmt: skip
    await app(scope, receive, send)
    return int(sent[0]["status"])


async def measured(
    app: Any, method: str, address: str, key: str, bodies: list[Any]
) -> tuple[float, float, float]:
    """Return the median, the 95th percentile and the processor's part of it, in milliseconds."""
    times, spent = [], time.process_time()
    for index, body in enumerate(bodies):
        start = time.perf_counter()
        status = await _asked(app, method, address, key, body)
        if index:  # the first one warms up
            times.append((time.perf_counter() - start) * 1000)
        if status >= 400 and "timeseries" not in address:
            raise SystemExit(f"{method} {address} answered {status}")
    processor = (time.process_time() - spent) * 1000 / len(bodies)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1], processor


async def report(repeats: int, flag_count: int, experiment_count: int) -> int:
    """Print a line per address, and return how many reads miss the goal."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        store, key = furnished(Path(folder) / "p", flag_count, experiment_count)
        app = create_app(store)
        with store.read() as work:
            token = project_token(work)
        print(f"{flag_count} flags, {experiment_count} experiments; p50, p95 and processor in ms")
        base = "/api/projects/@current/"
        for read in READS:
            half, most, spent = await measured(app, "GET", base + read, key, [None] * (repeats + 1))
            late = most > GOAL_MS
            missed += late
            print(f"{half:8.1f} {most:8.1f} {spent:8.1f} {'*' if late else ' '} GET  {read}")
        sizing = {
            "metric_type": "funnel",
            "minimum_detectable_effect": 5,
            "baseline_value": 0.1,
        }
        exposed = {"event": "$pageview", "distinct_id": "a", "properties": {}}
        for address, body in (
            (f"{base}experiments/calculate_running_time/", lambda _: sizing),
            (f"{base}experiments/", lambda n: {"name": f"n{n}", "feature_flag_key": f"n{n}"}),
            (f"{base}feature_flags/", lambda n: {"key": f"new-{n}"}),
            ("/flags/?v=4", lambda _: {"api_key": token, "distinct_id": "a",
                                      "flag_keys_to_evaluate": ["exp-1"]}),
            ("/batch/", lambda _: {"api_key": token, "batch": [exposed] * 100}),
        ):  # fmt: skip
            bodies = [body(number) for number in range(repeats + 1)]
            half, most, spent = await measured(app, "POST", address, key, bodies)
            print(f"{half:8.1f} {most:8.1f} {spent:8.1f}   POST {address.removeprefix(base)}")
        store.close()
    return missed


def main() -> int:
    """Run the benchmark; the exit status tells whether every read met the goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--flags", type=int, default=10_000)
    parser.add_argument("--experiments", type=int, default=1_000)
    options = parser.parse_args()
    missed = asyncio.run(report(options.repeats, options.flags, options.experiments))
    print(f"{missed} reads miss {GOAL_MS:.0f} ms" if missed else f"all reads within {GOAL_MS} ms")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
