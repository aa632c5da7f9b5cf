"""Two kernels in one folder, killed at any moment: what was acknowledged is there."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.store import ProjectStore

WRITES = 1000
LIFETIME = (60, 200)  # acknowledged writes before a process is killed
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}  # a process is born often here; let it be quick

KERNEL = """
import sys
import httpx
from exp_jupyter.connection.in_process import InProcessTransport
from exp_jupyter.server.app import create_app
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.services.people.capture import project_token
from exp_jupyter.server.serving import owner_key
from exp_jupyter.server.store import ProjectStore

folder, name = sys.argv[1:]
store = ProjectStore(folder)
key = owner_key(store, always=True)
with store.read() as work:
    token = project_token(work)
kernel = httpx.Client(
    transport=InProcessTransport(create_app(store, EventStore(store))),
    base_url="http://p.test", headers={"Authorization": f"Bearer {key}"})
number = 0
while True:
    own = f"{name}-{number}"
    if number % 10 == 9:
        event = {"event": "opened", "distinct_id": own}
        answer = kernel.post("/batch/", json={"api_key": token, "batch": [event, event]})
    else:
        answer = kernel.post("/api/projects/@current/experiments/",
                             json={"name": own, "feature_flag_key": own})
    if number % 7 == 0:
        page = kernel.get("/api/projects/@current/experiments/?limit=5")
        answer = answer if page.status_code == 200 else page
    if answer.status_code not in (200, 201):
        print("refused", answer.status_code, answer.text, flush=True)
        break
    print(number, flush=True)
    number += 1
"""


@dataclass
class Kernels:
    """What processes were told, by their names; and whatever else they said."""

    folder: Path
    acknowledged: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def live_and_die(self, seed: int) -> None:
        """Run one process after the other until half of the writes were acknowledged."""
        chance = random.Random(seed)
        generation = total = 0
        while total < WRITES // 2 and not self.complaints:
            name = f"kernel{seed}-{generation}"
            lifetime = min(chance.randint(*LIFETIME), WRITES // 2 - total)
            total += self._live(name, lifetime, chance.uniform(0, 0.02))
            generation += 1

    def _live(self, name: str, lifetime: int, longer: float) -> int:
        process = subprocess.Popen(
            [sys.executable, "-c", KERNEL, str(self.folder), name],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **COMPILED, "PYTHONPYCACHEPREFIX": str(self.folder.parent / "pyc")},
        )
        assert process.stdout
        heard: list[str] = []
        for line in process.stdout:
            heard.append(line)
            if len(heard) >= lifetime or not line.strip().isdigit():
                break
        # Not between two writes but at any moment of the next one.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=longer)
        process.kill()
        heard += process.stdout.readlines()
        process.stdout.close()
        process.wait()
        self.complaints += [line for line in heard if not line.strip().isdigit()]
        self.acknowledged[name] = len(heard)
        return len(heard)


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    folder = tmp_path_factory.mktemp("crashes") / "p"
    ProjectStore(folder).close()
    kernels = Kernels(folder)
    threads = [threading.Thread(target=kernels.live_and_die, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return kernels


def test_nobody_is_told_that_the_database_is_locked(survived: Kernels) -> None:
    assert survived.complaints == []
    assert sum(survived.acknowledged.values()) >= WRITES
    assert len(survived.acknowledged) > 6


def test_every_acknowledged_write_is_there_and_none_is_half_there(survived: Kernels) -> None:
    store = ProjectStore(survived.folder)
    events = EventStore(store)
    with store.read() as work:
        assert work.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert work.connection.execute("PRAGMA foreign_key_check").fetchall() == []
        experiments = {found["name"] for found in work.experiments.find()}
        flags = {found["key"] for found in work.flags.find()}
    opened = dict(events.fetch("SELECT distinct_id, count(*) FROM events GROUP BY 1"))
    assert experiments == flags
    assert set(opened.values()) == {2}
    for name, count in survived.acknowledged.items():
        for number in range(count):
            own = f"{name}-{number}"
            assert own in (opened if number % 10 == 9 else experiments), own
    known = set(survived.acknowledged)
    assert {own.rpartition("-")[0] for own in {*experiments, *opened}} <= known
    events.close()
    store.close()
