#!/usr/bin/env python3
"""Everything a fresh clone needs, with only Python and pip: set up, then go.

    python3 run.py quickstart              open the quickstart in JupyterLab, on the embedded demo
    python3 run.py quickstart --headless   execute it instead and write reports/quickstart.html
    python3 run.py test [pytest options]   every gate and every test
    python3 run.py test --fast             the tests that take seconds, for the daily round
    python3 run.py lint | fix | types      style, types, layers and panel; put style right; types
    python3 run.py panel                   build the JupyterLab panel and link it
    python3 run.py docs                    build the documentation into reports/site
    python3 run.py matrix [NAME ...]       try the wheel in fresh environments, oldest to newest

All create ``.venv`` beside this file the first time and bring it up to date afterwards. With
``EXP_JUPYTER_REQUIRE_ENGINES=1`` the tests get the other engines' packages too, and fail where an
engine is missing; PostgreSQL and a Java runtime are the system's to give:

    EXP_JUPYTER_REQUIRE_ENGINES=1 python3 run.py test tests/engines
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
PANEL = HERE / "exp_jupyter" / "_labextension"
LABEXTENSION = HERE / "labextension"
OLDEST = (3, 11)
FAST = (
    "tests/test_repository.py",
    "tests/test_imports.py",
    "tests/schema",
    "tests/display",
    "tests/connection/test_connect.py",
    "tests/engine/test_comparison.py",
    "tests/engine/test_statistics.py",
    "tests/client/test_writes.py",
    "tests/client/test_paths.py",
)
"""What a daily round runs: some of every layer, nothing that starts a server or a kernel."""


def say(text: str) -> None:
    """Print one line about what happens now."""
    print(f"== {text}", flush=True)


def call(*command: str | Path, cwd: Path = HERE, quiet: bool = False) -> int:
    """Run a command with the environment's own programs first on the path."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, stdout=output, check=False
    ).returncode


def must(*command: str | Path, cwd: Path = HERE, quiet: bool = False) -> None:
    """Run a command and stop with its exit code when it fails."""
    if code := call(*command, cwd=cwd, quiet=quiet):
        sys.exit(code)


def digest(paths: Sequence[Path]) -> str:
    """Return one digest of the files' names and contents."""
    total = hashlib.sha256(sys.version.encode())
    for path in sorted(paths):
        total.update(str(path.relative_to(HERE)).encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def panel_sources() -> list[Path]:
    """Return the files the panel is made of."""
    folders = [LABEXTENSION / name for name in ("schema", "src", "style")]
    inside = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    made = LABEXTENSION / "src" / "analysis" / "template.json"
    beside = [LABEXTENSION / name for name in ("package.json", "template.mjs", "yarn.lock")]
    template = HERE / "notebooks" / "analysis_template.ipynb"
    return [*(path for path in inside if path != made), *beside, template]


def set_up(extra: str) -> None:
    """Create or update the environment with ``extra``; quick when nothing has changed."""
    if sys.version_info < OLDEST:
        sys.exit(f"exp_jupyter needs Python {OLDEST[0]}.{OLDEST[1]} or newer: {sys.executable}")
    if not PYTHON.exists():
        say("creating .venv")
        # Without its own pip, so that a Python without ensurepip does as well.
        venv.EnvBuilder(with_pip=False, clear=True).create(VENV)
    panel = digest(panel_sources())
    panel_stamp = VENV / "panel.stamp"
    if not panel_stamp.exists() or panel_stamp.read_text() != panel:
        shutil.rmtree(PANEL, ignore_errors=True)
    wanted = digest([HERE / "pyproject.toml", HERE / "build_labextension.py", *panel_sources()])
    stamp = VENV / f"{extra}.stamp"
    built = (PANEL / "static" / "style.js").exists() or shutil.which("node") is None
    if stamp.exists() and stamp.read_text() == wanted and built:
        return
    say(f"installing exp_jupyter with its [{extra}] packages")
    pip = [sys.executable, "-m", "pip", "--python", PYTHON, "install"]
    must(*pip, "--quiet", "--editable", f"{HERE}[{extra}]")
    if not (PANEL / "static" / "style.js").exists():
        say("without Node.js the JupyterLab panel is left out; magics and forms work without it")
    panel_stamp.write_text(panel)
    stamp.write_text(wanted)


def quickstart(*, headless: bool) -> int:
    """Open the quickstart in JupyterLab, or execute it and write a report."""
    set_up("lab")
    source = HERE / "notebooks" / "quickstart.ipynb"
    if headless:
        reports = HERE / "reports"
        reports.mkdir(exist_ok=True)
        say("executing the quickstart")
        code = call(
            *(PYTHON, "-m", "jupyter", "nbconvert", "--to", "html", "--execute", source),
            *("--output-dir", reports),
            # The static summary of a form, not the empty place of a live widget.
            '--NbConvertBase.display_data_priority=["text/html","image/png","text/plain"]',
        )
        if code == 0:
            say(f"wrote {(reports / 'quickstart.html').relative_to(HERE)}")
        return code
    playground = HERE / "playground"
    playground.mkdir(exist_ok=True)
    copy = playground / source.name
    if not copy.exists():
        shutil.copyfile(source, copy)  # the committed notebook stays as it is
    say("opening JupyterLab; stop it with Ctrl-C")
    # In a container one is often root, which JupyterLab accepts only when told.
    root = ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    try:
        # As its address, so that whoever copies the printed link lands there too.
        where = [
            f"--ServerApp.root_dir={playground}",
            f"--LabApp.default_url=/lab/tree/{copy.name}",
        ]
        return call(PYTHON, "-m", "jupyterlab", *root, *where)
    except KeyboardInterrupt:
        return 0


def panel_gates() -> int:
    """Type-check and lint the panel; needs Node.js, and says so when it is missing."""
    if shutil.which("node") is None:
        required = os.environ.get("EXP_JUPYTER_REQUIRE_LABEXTENSION") == "1"
        say("Node.js not found: the panel's own checks " + ("FAIL" if required else "are skipped"))
        return int(required)
    jlpm = BIN / "jlpm"
    if code := call(jlpm, "install", "--immutable", cwd=LABEXTENSION, quiet=True):
        return code
    return call(jlpm, "check", cwd=LABEXTENSION)


def failed_gates() -> list[str]:
    """Check style, types, layers and the panel; return the names of what failed."""
    say("style, types, layers, panel")
    gates = {
        "ruff check": call(BIN / "ruff", "check", "."),
        "ruff format": call(BIN / "ruff", "format", "--check", "--quiet", "."),
        "types": types(),
        "layers": call(BIN / "lint-imports", "--no-cache", quiet=True),
        "panel": panel_gates(),
    }
    failed = [name for name, code in gates.items() if code]
    if failed:
        say(f"FAILED: {', '.join(failed)}")
    return failed


def types() -> int:
    """Check the types of the package."""
    return call(BIN / "mypy")


def fix() -> int:
    """Put right what a program can: imports, layout, the plainest of ruff's findings."""
    return call(BIN / "ruff", "check", "--fix", ".") or call(BIN / "ruff", "format", ".")


def panel() -> int:
    """Build the panel, and make JupyterLab in ``.venv`` load it from this clone."""
    if shutil.which("node") is None:
        say("Node.js not found: the panel cannot be built")
        return 1
    jlpm = BIN / "jlpm"
    for words in (["install", "--immutable"], ["build:prod"]):
        if code := call(jlpm, *words, cwd=LABEXTENSION):
            return code
    return call(BIN / "jupyter-builder", "develop", "--overwrite", HERE)


def docs() -> int:
    """Build the documentation; a broken link fails."""
    set_up("docs")
    code = call(PYTHON, "-m", "mkdocs", "build", "--strict", "--quiet")
    if code == 0:
        say("wrote reports/site/index.html")
    return code


def test(options: Sequence[str]) -> int:
    """Run every gate, then pytest; fail when any of them did."""
    engines = os.environ.get("EXP_JUPYTER_REQUIRE_ENGINES") == "1"
    set_up("test,engines,spark" if engines else "test")
    failed = [] if options else failed_gates()
    say("tests")
    # A file's tests stay together: they share what their module has opened.
    parallel = ["--numprocesses", "auto", "--dist", "loadfile"]
    if list(options) == ["--fast"]:
        return call(PYTHON, "-m", "pytest", *parallel, "-q", *FAST)
    everything = [*parallel, "--nbval", "--nbval-current-env", "--nbval-cell-timeout=120"]
    everything += ["tests", "exp_jupyter", "notebooks"]
    code = call(PYTHON, "-m", "pytest", *(options or everything))
    if failed:
        # Last on stderr, so that pytest's own summary stays the last thing on stdout.
        print(f"gates that failed: {', '.join(failed)}", file=sys.stderr, flush=True)
    return code or int(bool(failed))


def main() -> int:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("quickstart", help="the main job, on the embedded demo project")
    start.add_argument("--headless", action="store_true", help="execute it and write a report")
    commands.add_parser("test", help="every gate and every test", add_help=False)
    commands.add_parser("lint", help="check style, types, layers and the panel")
    commands.add_parser("fix", help="put style right")
    commands.add_parser("types", help="check types")
    commands.add_parser("panel", help="build the JupyterLab panel and link it")
    commands.add_parser("docs", help="build the documentation")
    commands.add_parser("matrix", help="try the wheel in fresh environments", add_help=False)
    known, rest = parser.parse_known_args()
    if known.command == "test":
        return test(rest)
    if known.command == "matrix":
        set_up("test")
        return call(PYTHON, "packaging/matrix.py", *rest)
    if rest:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    if known.command == "docs":
        return docs()
    if known.command in ("lint", "fix", "types", "panel"):
        set_up("test")
        work = {"lint": lambda: int(bool(failed_gates())), "fix": fix, "types": types}
        return {**work, "panel": panel}[known.command]()
    return quickstart(headless=known.headless)


if __name__ == "__main__":
    sys.exit(main())
