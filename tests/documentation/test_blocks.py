"""Every cell that the README and the documentation show runs, in order, as its reader would run it.

A block marked ``ipython`` is cells of a notebook, a line each where it begins with ``%``; a block
marked ``python`` is one cell. Shell lines and output are marked otherwise and are not run.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def cells(page: Path) -> list[str]:
    found = []
    for language, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "ipython" and not body.startswith("%%"):
            found += [line for line in body.splitlines() if line.strip()]
        elif language in ("ipython", "python"):
            found.append(body)
    return found


@pytest.mark.parametrize(
    "page", [page for page in PAGES if cells(page)], ids=lambda page: page.stem
)
def test_the_cells_of_a_page_run(page: Path, notebook: InteractiveShell) -> None:
    for cell in cells(page):
        ran = notebook.run_cell(cell)
        assert ran.success, f"{cell}\n{ran.error_in_exec or ran.error_before_exec}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_says_what_it_is(page: Path) -> None:
    for language, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        assert language, f"a block without a language: {body[:60]!r}"
