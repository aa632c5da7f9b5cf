"""Show results: the same description as text, HTML, Markdown, a DataFrame or a chart."""

from __future__ import annotations

from exp_jupyter.display.page import Page, page, register

__all__ = ["Page", "page", "register"]
