"""The check of notebooks: run again, cell by cell, against the outputs that are saved in them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from exp_jupyter.errors import InputError, NotInstalledError
from exp_jupyter.sanitize import sanitize

SANITIZE_FILE = Path(__file__).resolve().parent / "nbval_sanitize.cfg"
"""What no output of a tested notebook is compared by: addresses, ports, temporary files."""
_NEEDED = ("pytest", "nbval", "papermill")
_CELL_LIMIT = 300
"""Seconds after which one cell is given up."""
_LIMIT = 3600
"""Seconds after which one run of a notebook is given up."""
_LONGEST = 160


@dataclass(frozen=True)
class Checked:
    """What became of one notebook.

    Parameters
    ----------
    path
        The notebook.
    cells
        Its cells with code.
    fault
        The first thing that is not as it should be; empty where all is.
    replayed
        Whether papermill ran it from a recording.
    """

    path: Path
    cells: int
    fault: str = ""
    replayed: bool = False

    @property
    def line(self) -> str:
        """The result on one line.

        Examples
        --------
        >>> Checked(Path("plan.ipynb"), 7).line
        '✓ plan.ipynb: 7 cells as saved, twice; runs through papermill'
        >>> Checked(Path("plan.ipynb"), 7, "cell 3 differs").line
        '✕ plan.ipynb: cell 3 differs'
        """
        if self.fault:
            return f"✕ {self.path}: {self.fault}"
        cells = "1 cell" if self.cells == 1 else f"{self.cells} cells"
        offline = ", replayed" if self.replayed else ""
        return f"✓ {self.path}: {cells} as saved, twice; runs through papermill{offline}"


def notebooks_in(paths: Iterable[str | Path]) -> list[Path]:
    """Return the notebooks that are named, and those in and below the folders that are.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such file or folder, or no notebook in it.

    Examples
    --------
    >>> notebooks_in(["missing.ipynb"])
    Traceback (most recent call last):
    exp_jupyter.errors.InputError: There is no notebook 'missing.ipynb'.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = [one for one in sorted(path.rglob("*.ipynb")) if not _is_hidden(one, path)]
        else:
            inside = [path] if path.suffix == ".ipynb" and path.is_file() else []
        if not inside:
            where = "in " if path.is_dir() else ""
            raise InputError(
                f"There is no notebook {where}{str(path)!r}.",
                hint="Name notebooks, or a folder with some in it or below it.",
            )
        found |= dict.fromkeys(inside)
    return [*found]


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def require_installed() -> None:
    """Refuse to begin without what runs notebooks.

    Raises
    ------
    exp_jupyter.errors.NotInstalledError
        One of pytest, nbval and papermill is missing.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise NotInstalledError(
            f"Notebooks are checked with {', '.join(_NEEDED)}; here is no {', no '.join(missing)}.",
            hint='Run: pip install "exp-jupyter[check]"',
        )


def check(path: Path) -> Checked:
    """Run a notebook twice against its saved outputs, then through papermill.

    Parameters
    ----------
    path
        The notebook. Where a recording of its name lies beside it (``plan.expsnap`` beside
        ``plan.ipynb``) and it has the parameter ``replay``, papermill replays that.

    Returns
    -------
    Checked
        The first thing that is not as it should be, if there is one.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code" and "".join(cell["source"])]
    except (OSError, ValueError, TypeError, KeyError):
        return Checked(path, 0, "it cannot be read as a notebook")
    for place, cell in enumerate(code):
        # nbval would take a cell without a saved output as one that has nothing to compare.
        if cell.get("execution_count") is None:
            return Checked(path, len(code), f"cell {place} was never run; run all and save")
    recording = path.with_suffix(".expsnap")
    replayed = recording.is_file() and _has_parameter(code, "replay")
    with tempfile.TemporaryDirectory(prefix="exp_jupyter-") as name:
        folder = Path(name)
        fault = (
            _compared(path, folder)
            or _again(_compared(path, folder))
            or _through_papermill(path, folder, recording if replayed else None)
        )
    return Checked(path, len(code), fault, replayed)


def _again(fault: str) -> str:
    return f"the second time, {fault}" if fault else ""


def _has_parameter(cells: Sequence[dict[str, object]], name: str) -> bool:
    for cell in cells:
        metadata, source = cell.get("metadata"), cell.get("source")
        tags = metadata.get("tags", ()) if isinstance(metadata, dict) else ()
        text = "".join(source) if isinstance(source, list) else str(source)
        if "parameters" in tags and f"\n{name} =" in f"\n{text}":
            return True
    return False


def _compared(path: Path, folder: Path) -> str:
    """Return what nbval finds first, in a few words; empty where nothing differs."""
    settings, report = folder / "pytest.ini", folder / "report.xml"
    settings.write_text("[pytest]\n", encoding="utf-8")  # none of the folder's own
    report.unlink(missing_ok=True)
    command = ["pytest", "--nbval", "--nbval-current-env", f"--nbval-cell-timeout={_CELL_LIMIT}"]
    command += ["--nbval-sanitize-with", str(SANITIZE_FILE), "--noconftest", "-q"]
    command += ["-p", "no:cacheprovider", "-c", str(settings), f"--junitxml={report}"]
    done = _run([*command, path.name], path.parent)
    if done is None:
        return f"it was not done after {_LIMIT} seconds"
    if report.is_file():
        cases = [*ET.parse(report).getroot().iter("testcase")]  # noqa: S314 - pytest wrote it
        for case in cases:
            for kind in ("failure", "error"):
                trouble = case.find(kind)
                if trouble is not None:
                    return _told(str(case.get("name")), trouble)
        if done.returncode == 0 and cases:
            return ""
    return f"nbval did not run it: {_last(done.stdout) or _last(done.stderr)}"


def _told(name: str, trouble: ET.Element) -> str:
    """Return which cell failed, and how."""
    cell = name.rpartition("::")[2] or name
    text = f"{trouble.get('message') or ''}\n{trouble.text or ''}"
    words = "fails" if "Traceback" in text or "execution" in text.lower() else "differs"
    if "mismatch" in text.lower() or "disagree" in text.lower():
        words = "gives another output than the saved one"
    return f"{cell[:1].lower()}{cell[1:]} {words}"


def _through_papermill(path: Path, folder: Path, recording: Path | None) -> str:
    command = ["papermill", path.name, str(folder / "done.ipynb"), "--no-progress-bar"]
    command += ["--kernel", "python3"]
    if recording is not None:
        command += ["-r", "replay", recording.name]
    done = _run(command, path.parent)
    if done is None:
        return f"papermill was not done after {_LIMIT} seconds"
    return f"papermill fails: {_last(done.stderr)}" if done.returncode else ""


def _run(module: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str] | None:
    """Run a module where the notebook lies; None where it takes too long."""
    try:
        return subprocess.run(  # noqa: S603 - this Python, and notebooks that were named to be run
            [sys.executable, "-m", *module],
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_LIMIT,
        )
    except subprocess.TimeoutExpired:
        return None


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return sanitize(lines[-1])[:_LONGEST] if lines else ""
