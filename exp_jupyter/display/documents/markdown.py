"""A page as a Markdown file, whose charts are files beside it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from exp_jupyter.display.content.blocks import Description, Picture
from exp_jupyter.display.render import markdown


def with_charts(description: Description, name: str) -> tuple[str, dict[str, str]]:
    """Return a page's Markdown and the SVG files it shows, by their names.

    Parameters
    ----------
    description
        The page.
    name
        What the files' names begin with.
    """
    charts: dict[str, str] = {}
    parts: list[str] = []
    for block in description.blocks:
        if isinstance(block, Picture):
            file = f"{name}.chart-{len(charts) + 1}.svg"
            charts[file] = block.chart.svg().source
            caption = f"\n\n{markdown.literal(block.caption)}" if block.caption else ""
            parts.append(f"![{markdown.literal(block.chart.alt)}]({quote(file)}){caption}\n")
        else:
            parts.append(markdown.render(replace(description, blocks=(block,))))
    return "\n".join(part for part in parts if part.strip()), charts
