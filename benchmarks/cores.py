"""The daily series on 1, 2, 4… threads beside its floor: what more cores bring.

Run with ``python -m benchmarks.cores FOLDER`` from the repository, or for example
``python -m benchmarks.cores FOLDER --events 100M --threads 1,2,4,8,16 --write``. FOLDER keeps the
events. Each number of threads has a process of its own, in which the floor (one scan, join and
group-by) and the series (thirty days of five metrics, as in ``benchmarks/series.py``) run in turn.
The sums must be the same to the bit on every number of threads. With ``--write`` the table
``cores.md`` beside this file is written anew. Needs the extra ``bench``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks import events
from benchmarks.series import FIVE, floor, prepared, timed

ROOT = Path(__file__).parent.parent


def measured(pattern: str, threads: int, runs: int) -> dict[str, Any]:
    """Return the seconds of floor and series on a number of threads, the fastest of some runs."""
    from exp_jupyter.warehouse import daily_sums

    source, request = prepared(pattern, FIVE)
    source.connection.execute(f"SET threads = {threads}")
    scan = floor(source.connection)
    floors, passes = [], []
    sums: Any = None
    for _ in range(runs):  # in turn, so that both see the same machine
        floors.append(timed(scan)[1:])
        sums, *seconds = timed(lambda: daily_sums(source, request))
        passes.append(tuple(seconds))
    digest = hashlib.sha256(b"".join(one.values.tobytes() for one in sums)).hexdigest()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"floor": min(floors), "series": min(passes), "peak": peak, "sums": digest}


def run(pattern: str, threads: int, runs: int) -> dict[str, Any]:
    """Measure in a process of its own; its peak memory is that of the whole process."""
    command = [sys.executable, "-m", "benchmarks.cores", "--one", str(threads)]
    command += ["--runs", str(runs), pattern]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if ran.returncode:
        sys.exit(f"{threads} threads failed: {ran.stderr.strip().splitlines()[-1]}")
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def table(size: str, found: dict[int, dict[str, Any]]) -> str:
    """Return both curves as Markdown."""
    arrow = "with" if find_spec("pyarrow") else "without"
    machine = f"on {os.cpu_count()} cores with Python {platform.python_version()}, NumPy "
    machine += f"{np.__version__} and DuckDB {duckdb.__version__}, {arrow} pyarrow"
    columns = ("threads", "floor", "series", "series ÷ floor", "… of processor time")
    columns += ("floor gains", "series gains", "peak memory")
    base = found[min(found)]
    lines = [
        "# The daily series on more cores, measured",
        "",
        f"Written by `python -m benchmarks.cores FOLDER --events {size} --write`, {machine}.",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for threads, one in found.items():
        (floor_wall, floor_cpu), (wall, cpu) = one["floor"], one["series"]
        lines.append(
            f"| {threads} | {floor_wall:.2f} s | {wall:.2f} s | {wall / floor_wall:.1f} | "
            f"{cpu / floor_cpu:.1f} | {base['floor'][0] / floor_wall:.1f}× | "
            f"{base['series'][0] / wall:.1f}× | {one['peak']:,.0f} MB |"
        )
    same = len({one["sums"] for one in found.values()}) == 1
    lines += [
        "",
        "The sums are the same to the bit on every number of threads."
        if same
        else "**The sums differ between numbers of threads.**",
        "",
        "The floor is one scan, join and group-by of the same events; the series is thirty days",
        "of five metrics for three variants. Both run in turn in one process, and the fastest run",
        "stands. Threads beyond the machine's cores bring nothing, nor do cores that other work",
        "has; the ratio of processor time is then the steadier figure.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cores")
    parser.add_argument("folder", help="where the events are kept")
    parser.add_argument("--events", default="10M", help="how many: 100k, 1M, 10M, 100M, 1B")
    parser.add_argument("--threads", help="numbers of threads, by default 1, 2, 4… up to the cores")
    parser.add_argument("--runs", type=int, default=3, help="of which the fastest stands")
    parser.add_argument("--write", action="store_true", help="write cores.md anew")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(given.folder, given.one, given.runs)))
        return
    cores = os.cpu_count() or 1
    numbers = [2**i for i in range(cores.bit_length()) if 2**i <= cores]
    if given.threads:
        numbers = [int(number) for number in given.threads.split(",")]
    elif numbers[-1] != cores:
        numbers.append(cores)
    pattern = events.files(given.events, Path(given.folder))
    found = {}
    for threads in numbers:
        found[threads] = one = run(pattern, threads, given.runs)
        print(
            f"{threads} threads: floor {one['floor'][0]:.2f} s, series {one['series'][0]:.2f} s, "
            f"{one['peak']:.0f} MB",
            flush=True,
        )
    text = table(given.events, found)
    print(text)
    if given.write:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    if len({one["sums"] for one in found.values()}) > 1:
        sys.exit("The sums differ between numbers of threads.")


if __name__ == "__main__":
    main()
