"""A disk without room: a typed error, what was acknowledged stays, nothing half-written."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

FILLED = """
import resource, signal, sys
import numpy as np, pandas as pd
import exp_jupyter
from exp_jupyter.errors import StoreFullError

folder = sys.argv[1]
exp_jupyter.connect(folder)
def events(number):
    return pd.DataFrame({
        "event": "buy", "distinct_id": np.random.default_rng(number).bytes(8 * number).hex(" ", 8)
        .split()[:number], "timestamp": pd.Timestamp("2026-03-02"),
    })
assert exp_jupyter.import_events(folder, events(100)) == 100
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    exp_jupyter.import_events(folder, events(200_000))
except StoreFullError as error:
    print("full:", error.hint)
"""


def test_an_import_that_does_not_fit_adds_nothing(tmp_path: Path) -> None:
    from exp_jupyter.server.events.event_store import EventStore
    from exp_jupyter.server.store import ProjectStore

    folder = tmp_path / "growth"
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FILLED), f"./{folder.name}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "full: Make room on the disk" in ran.stdout, ran.stderr[-1500:]
    assert "Traceback" not in ran.stderr
    store = ProjectStore(folder)
    events = EventStore(store)
    assert events.fetch("SELECT count(*) FROM events") == [(100,)]
    assert len(list((folder / "events").glob("*.parquet"))) == 1
    assert [file.name for file in (folder / "events").iterdir() if "parquet" not in file.name] == []
    events.close()
    store.close()
