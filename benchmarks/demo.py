"""How long the demo takes from nothing to its first answer, each time in a new process.

Run with ``python -m benchmarks.demo`` from the repository. Goals: connecting and a first list
answer within 2 s; a daily series that nobody read before is there within 1 s once the events are
drawn, which happens meanwhile and is told apart. Modules are compiled beforehand, as by an
installation. Walls are those of a quiet machine; the processor seconds beside them are steadier.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

RUNS = 5
CONNECT_GOAL, READ_GOAL = 2.0, 1.0

_SCRIPT = """
import json, time
walls, cpus = [time.perf_counter()], [time.process_time()]
def lap():
    walls.append(time.perf_counter())
    cpus.append(time.process_time())
import exp_jupyter
project = exp_jupyter.connect("demo")
project.experiments.list()
lap()
from exp_jupyter.server.demo import opening
with opening._running[0].events.cursor():  # lent when the events are there
    pass
lap()
project.experiments.timeseries("Checkout redesign", "Checkout conversion")
lap()
project.experiments.timeseries("Checkout redesign", "Checkout conversion")
lap()
print(json.dumps([[b - a for a, b in zip(laps, laps[1:])] for laps in (walls, cpus)]))
"""


def _run(compiled: str) -> list[list[float]]:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True, env=environment
    )
    laps: list[list[float]] = json.loads(ran.stdout)
    return laps


def main() -> dict[str, float]:
    laps = ("connect and list", "wait for the events", "first series", "same series again")
    walls: list[list[float]] = []
    cpus: list[list[float]] = []
    with tempfile.TemporaryDirectory() as compiled:
        for run in range(RUNS + 1):
            wall, cpu = _run(compiled)
            if run:  # the first one compiles
                walls.append(wall)
                cpus.append(cpu)
    best = dict(zip(laps, map(min, zip(*walls, strict=True)), strict=True))
    spent = dict(zip(laps, map(min, zip(*cpus, strict=True)), strict=True))
    for name in laps:
        print(f"{name}: {best[name]:.2f} s ({spent[name]:.2f} s of processor)")
    for name, goal in ((laps[0], CONNECT_GOAL), (laps[2], READ_GOAL)):
        print(f"{name}: {'within' if best[name] <= goal else 'MISSED'} {goal:.0f} s")
    return best


if __name__ == "__main__":
    main()
