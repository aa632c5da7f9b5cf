"""What must hold for the repository as a whole."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

from exp_jupyter import __version__

ROOT = Path(__file__).resolve().parents[1]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_both_halves_say_the_same_version() -> None:
    package = json.loads((ROOT / "labextension/package.json").read_text())
    assert package["version"] == __version__
    assert f"'{__version__}'" in (ROOT / "labextension/src/version.ts").read_text()


def test_lock_files_carry_no_download_addresses() -> None:
    locks = tracked("*.lock", "*lock.json")
    assert locks
    for lock in locks:
        assert not re.search(r"https?://", lock.read_text()), lock.name


def test_modules_stay_small_and_say_what_they_are_for() -> None:
    modules = tracked("exp_jupyter/*.py", "labextension/src/*.ts")
    assert modules
    for module in modules:
        lines = module.read_text().splitlines()
        assert len(lines) <= 800, f"{module.name} has {len(lines)} lines: split it"
        assert lines[0].startswith(('"""', "/**")), f"{module.name} does not say why it exists"


def test_a_folder_has_about_a_dozen_entries() -> None:
    entries: dict[Path, set[str]] = {}
    package = ROOT / "exp_jupyter"
    for path in tracked("exp_jupyter/**", "labextension/src/**"):
        for folder in path.relative_to(ROOT).parents:
            inside = path.relative_to(ROOT / folder).parts[0]
            entries.setdefault(ROOT / folder, set()).add(inside)
    for folder, names in entries.items():
        if ROOT in folder.parents and folder != package:  # the package shows its layers
            count = len(names - {"__init__.py"})
            assert count <= 13, f"{folder.relative_to(ROOT)} has {count} entries: group them"


def test_no_module_is_called_after_nothing() -> None:
    names = {path.stem for path in tracked("exp_jupyter/*.py", "labextension/src/*.ts")}
    assert not names & {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def test_the_recipe_for_conda_asks_for_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    recipe = (ROOT / "packaging/conda/meta.yaml").read_text()
    assert f'version = "{__version__}"' in recipe
    other = {"duckdb": "python-duckdb", "matplotlib": "matplotlib-base"}
    for requirement in project["dependencies"]:
        name, bound = re.match(r"([\w-]+)(.*)", requirement).groups()
        said = f"- {other.get(name, name)}" + (f" {bound}" if name != "tzdata" else "")
        assert said in recipe, said
