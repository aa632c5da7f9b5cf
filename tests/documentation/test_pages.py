"""What the documentation says about the repository must be so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BASES = (ROOT, ROOT / "exp_jupyter", ROOT / "labextension")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
class TestEveryPage:
    def test_relative_links_lead_to_a_file(self, page: Path) -> None:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            made = target.startswith(("magics/", "reference/"))  # the site's own tests follow these
            if not made and not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), target

    def test_paths_in_code_exist(self, page: Path) -> None:
        said = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", page.read_text())
        drawn = re.findall(
            r"^  ((?:[\w-]+/)+[\w.-]*|[\w-]+/[\w.-]+\.py)(?:,| {2,})", page.read_text(), re.M
        )
        for path in [*said, *drawn]:
            if path.startswith(("reports/", ".venv/")):
                continue
            assert any((base / path).exists() for base in BASES), path


def test_the_glossary_is_in_order_and_says_each_word_once() -> None:
    words = re.findall(
        r"^\| \*\*(.+?)\*\* \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE
    )
    assert len(words) >= 30
    assert words == sorted(set(words), key=str.lower)
