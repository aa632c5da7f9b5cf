"""A notebook as the documentation's reader has it: magics loaded, the demo's and own data there."""

import atexit
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell with the magics and the tables ``units`` and ``events``, in an empty folder."""
    from generator.magics import own_data

    for name in [name for name in os.environ if name.startswith("EXP_JUPYTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell(config=config, ipython_dir=str(tmp_path / "ipython"))
    shell.run_line_magic("load_ext", "exp_jupyter")
    data = own_data()
    shell.push(data)
    data["units"].to_csv("units.csv", index=False)
    data["units"].to_parquet("units.parquet")
    data["events"].to_parquet("events.parquet")
    yield shell
    atexit.unregister(shell.atexit_operations)
