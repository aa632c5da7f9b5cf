"""A shell as a terminal has it: IPython without a kernel, so without a front end."""

import atexit
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from traitlets.config import Config

from exp_jupyter.errors import ExpError


def make_shell(folder: Path) -> InteractiveShell:
    """Return a shell that keeps no history and reads no profile."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return InteractiveShell(config=config, ipython_dir=str(folder))


@pytest.fixture
def bare_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell without the magics, in an empty folder, with no settings around."""
    for name in [name for name in os.environ if name.startswith("EXP_JUPYTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    shell = make_shell(tmp_path / "ipython")
    # IPython loads its own magics at their first use; %load_ext itself is no change of ours.
    shell.run_line_magic("unload_ext", "nothing")
    yield shell
    ExpError.debug = False
    # Each shell would collect all garbage once more when Python ends: minutes, for hundreds.
    atexit.unregister(shell.atexit_operations)


@pytest.fixture
def shell(bare_shell: InteractiveShell) -> InteractiveShell:
    """A shell with the magics loaded."""
    bare_shell.run_line_magic("load_ext", "exp_jupyter")
    return bare_shell


@pytest.fixture
def run(shell: InteractiveShell) -> Callable[[str], Any]:
    """Run a cell that has to succeed, and return its last value."""

    def cell(code: str) -> Any:
        result = shell.run_cell(code)
        result.raise_error()
        return result.result

    return cell


@pytest.fixture
def fail(shell: InteractiveShell) -> Callable[[str], ExpError]:
    """Run a cell that has to fail with one of our errors, and return the error."""

    def cell(code: str) -> ExpError:
        result: ExecutionResult = shell.run_cell(code)
        error = result.error_in_exec or result.error_before_exec
        assert isinstance(error, ExpError), f"{code!r} gave {error!r}"
        assert result.result is None
        return error

    return cell
