"""The site that is built from the pages and the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    built = subprocess.run([*command, folder], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_internal_link_leads_somewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        for target in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), f"{page.relative_to(site)}: {target}"


def test_nothing_is_loaded_from_another_place(site: Path) -> None:
    loading = re.compile(r'<(?:script|img|link)\b[^>]*\b(?:src|href)="(https?:[^"]+)"[^>]*>')
    for page in site.rglob("*.html"):
        for found in loading.finditer(page.read_text(encoding="utf-8")):
            assert 'rel="canonical"' in found.group(0), found.group(0)


def test_every_magic_has_a_page_with_all_of_its_options(site: Path) -> None:
    from exp_jupyter.magics.extension import ExpMagics, arguments_of

    families = {
        name: vars(method)["family"]
        for name, method in vars(ExpMagics).items()
        if hasattr(method, "family")
    }
    assert len(families) > 30
    for name, family in families.items():
        text = (site / "magics" / f"{name}.html").read_text(encoding="utf-8")
        for action in arguments_of(family)._actions:
            for option in action.option_strings:
                assert option in text, f"%{name} {option}"


def test_every_public_name_and_error_is_in_the_reference(site: Path) -> None:
    from generator import reference

    for package in reference.PACKAGES:
        text = (site / "reference" / f"{package}.html").read_text(encoding="utf-8")
        for name in reference.public_names(package):
            assert f'id="{name.lower()}"' in text, f"{package}.{name}"


def test_every_error_is_explained(site: Path) -> None:
    from generator import reference

    text = (site / "errors.html").read_text(encoding="utf-8")
    for name in reference.public_names("exp_jupyter.errors"):
        assert name in text
