"""The built wheel installs on a machine without Node, panel included; a clone without Node too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).resolve().parents[2]
PANEL = ROOT / "exp_jupyter" / "_labextension" / "static" / "style.js"
PANEL_IN_SHARE = Path("share/jupyter/labextensions/exp-jupyter")


def path_without_node(folder: Path) -> str:
    """A PATH that has what a build calls, and no Node."""
    folder.mkdir()
    for program in ("git", "sh", "env", "uname"):
        if found := shutil.which(program):
            (folder / program).symlink_to(found)
    return str(folder)


def build_wheel(source: Path, out: Path, environment: dict[str, str]) -> tuple[Path, str]:
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    return wheel, done.stdout + done.stderr


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The tracked files, as a fresh clone has them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    target = tmp_path / "clone"
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
    return target


def test_the_wheel_carries_the_panel_and_installs_without_node(clone: Path, tmp_path: Path) -> None:
    if not PANEL.exists():
        assert os.environ.get("EXP_JUPYTER_REQUIRE_LABEXTENSION") != "1", "no panel was built"
        pytest.skip("this machine has built no panel (no Node)")
    shutil.copytree(ROOT / "exp_jupyter" / "_labextension", clone / "exp_jupyter/_labextension")
    no_node = {**os.environ, "PATH": path_without_node(tmp_path / "bin")}
    wheel, _ = build_wheel(clone, tmp_path / "dist", no_node)
    prefix = tmp_path / "prefix"
    # Beside this environment's own installation, which must stay.
    install = ["install", "--quiet", "--no-deps", "--no-index", "--ignore-installed"]
    install += ["--prefix", str(prefix), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], env=no_node, check=True)
    listing = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"],
        env={**no_node, "JUPYTER_PATH": str(prefix / "share" / "jupyter"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (listing.stdout + listing.stderr).splitlines()
    found = [line for line in lines if "exp-jupyter v" in line]
    assert found
    assert all("OK" in line for line in found)
    assert (prefix / PANEL_IN_SHARE / "package.json").is_file()


def test_the_wheel_holds_the_package_once_and_nothing_of_the_workshop(
    clone: Path, tmp_path: Path
) -> None:
    no_node = {**os.environ, "PATH": path_without_node(tmp_path / "bin")}
    no_node.pop("EXP_JUPYTER_REQUIRE_LABEXTENSION", None)
    wheel, log = build_wheel(clone, tmp_path / "dist", no_node)
    names = zipfile.ZipFile(wheel).namelist()
    assert "exp_jupyter/__init__.py" in names
    assert "exp_jupyter/py.typed" in names
    assert "exp_jupyter/notebooks/analysis_template.ipynb" in names
    assert "exp_jupyter/notebooks/nbval_sanitize.cfg" in names
    assert len(names) == len(set(names))
    assert not [n for n in names if n.startswith(("tests/", "labextension/", "benchmarks/"))]
    assert not [n for n in names if n.startswith("exp_jupyter/_labextension")]
    assert "Node.js not found" in log


def test_a_missing_panel_fails_the_build_where_it_is_mandatory(clone: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": path_without_node(tmp_path / "bin"),
        "EXP_JUPYTER_REQUIRE_LABEXTENSION": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", clone],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "panel is mandatory" in done.stdout + done.stderr
