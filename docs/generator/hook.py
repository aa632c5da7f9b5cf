"""What mkdocs calls: adds the generated pages to the site."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from generator import magics, reference

ROOT = Path(__file__).resolve().parents[2]


def on_files(files: Files, config: Any) -> Files:
    """Add a page a magic, a page a package, and the pages kept in the repository's root."""
    made = magics.pages()
    for one in made:
        _add(files, config, f"magics/{one.name}.md", one.markdown())
    _add(files, config, "magics/index.md", _index(made))
    for package in reference.PACKAGES:
        _add(files, config, f"reference/{package}.md", reference.page(package))
    for name in ("CONTRIBUTING", "CHANGELOG"):
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        _add(files, config, f"{name.lower()}.md", re.sub(r"\]\(docs/", "](", text))
    for path in sorted((ROOT / "benchmarks").glob("*.md")):
        _add(files, config, f"benchmarks/{path.name}", path.read_text(encoding="utf-8"))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links that hold in the repository to where their pages are on the site."""
    return re.sub(r"\]\(\.\./(benchmarks/|CONTRIBUTING\.md|CHANGELOG\.md)", _on_the_site, markdown)


def _on_the_site(link: re.Match[str]) -> str:
    return "](" + link.group(1).lower()


def _add(files: Files, config: Any, name: str, text: str) -> None:
    files.append(File.generated(config, name, content=text))


def _index(made: list[magics.MagicPage]) -> str:
    parts = ["# Magics", "Every line magic, by what it is for. `%exp_size?` shows the same help."]
    for group in dict.fromkeys(one.group for one in made):
        rows = [
            f"| [`%{one.name}`]({one.name}.md) | {one.summary} |"
            for one in made
            if one.group == group
        ]
        parts.append(f"## {group}\n\n| magic | what it does |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"
