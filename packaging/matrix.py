"""Install the built wheel into fresh environments and try what a first hour needs.

Run with ``python3 run.py matrix [NAME ...]``; without a name every environment whose Python this
machine has. Each environment states one version that matters: the oldest allowed, or the newest.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SMOKE = """
import numpy as np
import pandas as pd
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "exp_jupyter")
shell.push({"units": pd.DataFrame({"variant": ["control", "test"] * 500,
            "spent": np.random.default_rng(1).gamma(2.0, 10.0, 1000),
            "country": ["DE", "FR", "NL", "IT"] * 250})})
for line in ("%exp_connect demo", "%exp_list", '%exp_timeseries 4 "Checkout conversion"',
             "%exp_results 4", "%exp_size funnel --baseline 0.12 --mde 5", "%exp_ship 4 test",
             "%exp_compare 480/4000 530/4000", "%exp_size --form",
             "%exp_analyze units --metric spent:mean --breakdown country --split equal"):
    ran = shell.run_cell(line)
    assert ran.success, line
    if ran.result is not None:
        assert ran.result._repr_mimebundle_()
"""


@dataclass(frozen=True)
class Environment:
    """One fresh environment.

    Attributes
    ----------
    python
        The interpreter's version.
    pins
        Requirements beside the wheel's own.
    """

    python: str
    pins: tuple[str, ...] = ()


MATRIX = {
    "oldest": Environment(
        "3.11",
        (
            "numpy==2.0.*",
            "pandas==2.2.*",
            "scipy==1.14.*",
            "duckdb==1.4.*",
            "jupyterlab==4.2.*",
            "ipykernel==6.*",
        ),
    ),
    "newest": Environment("3.11"),
    "python-3.12": Environment("3.12"),
    "python-3.13": Environment("3.13"),
    "python-3.14": Environment("3.14"),
    "notebook-7": Environment("3.11", ("notebook==7.*",)),
    "ipykernel-7": Environment("3.11", ("ipykernel>=7",)),
    "pandas-3": Environment("3.11", ("pandas>=3",)),
}
"""The environments, by name. The first is the fast part: what the lower bounds promise."""


def interpreter(version: str) -> str | None:
    """Return a Python of a version that this machine has, or None."""
    names = [
        f"python{version}",
        *map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))),
    ]
    for name in names:
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return path
    return None


def wheel(folder: Path) -> Path:
    """Build the wheel into a folder."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.whl"))


def tried(name: str, environment: Environment, built: Path, folder: Path) -> str:
    """Make an environment, install, try; return what went wrong, or nothing."""
    python = interpreter(environment.python)
    if python is None:
        return f"skipped: no Python {environment.python} here"
    place = folder / name
    subprocess.run([python, "-m", "venv", "--without-pip", place], check=True)
    inside = place / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", inside, "install", "--quiet"]
    done = subprocess.run(
        [*install, f"{built}[lab]", *environment.pins], capture_output=True, text=True
    )
    if done.returncode:
        return f"cannot be installed: {done.stderr.strip().splitlines()[-1]}"
    ran = subprocess.run(
        [inside, "-W", "error::DeprecationWarning:exp_jupyter", "-c", SMOKE],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    if ran.returncode:
        return (ran.stdout + ran.stderr).strip()[-2000:]
    listed = subprocess.run(
        [inside, "-m", "jupyter", "labextension", "list"], capture_output=True, text=True
    )
    return "" if "exp-jupyter" in listed.stdout + listed.stderr else "JupyterLab lacks the panel"


def main(names: list[str]) -> int:
    """Try environments; return how many failed."""
    unknown = [name for name in names if name not in MATRIX]
    if unknown:
        sys.exit(f"no environment {unknown[0]!r}; there are {', '.join(MATRIX)}")
    failed = 0
    with tempfile.TemporaryDirectory() as made:
        built = wheel(Path(made))
        for name in names or MATRIX:
            wrong = tried(name, MATRIX[name], built, Path(made))
            failed += bool(wrong) and not wrong.startswith("skipped")
            print(f"{name:<12} {wrong or 'works'}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
