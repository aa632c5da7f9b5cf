"""The engine's names: all there, and each loaded only when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from exp_jupyter import engine


@pytest.mark.parametrize("name", engine.__all__)
def test_every_name_is_there(name: str) -> None:
    assert callable(getattr(engine, name))


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError):
        engine.compute  # noqa: B018
    assert dir(engine) == sorted(engine.__all__)


@pytest.mark.parametrize(
    "module",
    [
        "statistics.means",
        "comparison.compare",
        "comparison.methods",
        "posthog.running_time",
        "posthog.settings",
        "posthog.assembly",
    ],
)
def test_importing_loads_no_scipy(module: str) -> None:
    code = (
        f"import sys; import exp_jupyter.engine.{module};"
        "sys.exit(bool({'scipy', 'pandas', 'pydantic', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
