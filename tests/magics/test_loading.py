"""Loading adds the magics and nothing heavy; unloading leaves the shell as it was."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

ROOT = str(Path(__file__).parents[2])
"""The tree under test, which need not be the one that is installed."""

HEAVY = ("scipy", "pandas", "matplotlib", "duckdb", "ibis", "httpx", "pydantic", "ipywidgets")
NEVER_AT_LOAD = (*HEAVY, "numpy", "sqlglot", "fastapi", "starlette", "keyring", "comm")

LOAD = """
import json, sys, time
from traitlets.config import Config
from IPython.core.interactiveshell import InteractiveShell
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell(config=config)
before = set(sys.modules)
start = time.perf_counter()
shell.run_line_magic("load_ext", "exp_jupyter")
loaded = set(sys.modules)
milliseconds = 1000 * (time.perf_counter() - start)
shell.run_cell("plan = %exp_size funnel --baseline 0.12 --mde 5 --rate 1800")
planned = set(sys.modules)
print(json.dumps({
    "ms": milliseconds,
    "loaded": sorted({name.split(".")[0] for name in loaded - before}),
    "planned": sorted({name.split(".")[0] for name in planned - loaded}),
    "size": shell.user_ns["plan"].sample_size,
}))
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("fresh")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD],
        capture_output=True, text=True, check=True, cwd=folder, timeout=120,
        env={"IPYTHONDIR": str(folder), "HOME": str(folder), "PATH": "", "PYTHONPATH": ROOT},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_loading_imports_nothing_heavy(fresh):
    assert not set(fresh["loaded"]) & set(NEVER_AT_LOAD)


def test_loading_takes_a_moment(fresh):
    # The budget is 60 ms; a machine that is busy with other tests gets room.
    assert fresh["ms"] < 250


def test_the_first_plan_imports_nothing_heavy(fresh):
    assert not set(fresh["planned"]) & set(HEAVY)
    assert fresh["size"] == 94066


def state(shell: InteractiveShell) -> tuple[Any, ...]:
    return (
        dict(shell.magics_manager.magics["line"]),
        dict(shell.magics_manager.magics["cell"]),
        dict(shell.magics_manager.registry),
        list(shell.configurables),
        list(shell.Completer.custom_matchers),
    )


def test_unloading_restores_exactly_what_was_there(bare_shell):
    bare_shell.register_magic_function(lambda line: line, "line", "exp_size")
    before = state(bare_shell)
    bare_shell.run_line_magic("load_ext", "exp_jupyter")
    assert state(bare_shell) != before
    bare_shell.run_line_magic("unload_ext", "exp_jupyter")
    assert state(bare_shell) == before


def test_unloading_ends_the_debug_setting(shell):
    from exp_jupyter.errors import ExpError

    shell.run_cell("%config ExpMagics.debug = True")
    assert ExpError.debug
    shell.run_line_magic("unload_ext", "exp_jupyter")
    assert not ExpError.debug


def test_loading_again_changes_nothing(shell):
    from exp_jupyter import magics

    before = state(shell)
    magics.load(shell)
    assert state(shell) == before


def test_reloading_works(shell):
    shell.run_line_magic("reload_ext", "exp_jupyter")
    assert "exp_size" in shell.magics_manager.magics["line"]
    assert len(shell.Completer.custom_matchers) == 1


def test_a_plain_terminal_has_no_comm_and_no_front_end(shell):
    session = shell.magics_manager.registry["ExpMagics"].session
    assert not session.has_front_end
    session.changed()


def test_exp_lists_the_lines_that_open_a_form(run):
    text = " ".join(run("%exp").to_text().split())
    for name in ("size", "flags", "from_prompt", "timeseries", "approvals"):
        assert f"%exp_{name} --form" in text
