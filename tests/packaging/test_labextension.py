"""How much the built extension makes a browser load."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

STATIC = Path(__file__).resolve().parents[2] / "exp_jupyter" / "_labextension" / "static"
REQUIRED = os.environ.get("EXP_JUPYTER_REQUIRE_LABEXTENSION") == "1"
PANEL_BYTES = 100_000
RENDERER_BYTES = 120_000
PLUGIN_ID = "exp-jupyter:result"


@pytest.fixture(scope="module")
def scripts() -> dict[str, str]:
    """The built scripts by name; styles are in them."""
    if not STATIC.exists():
        if REQUIRED:
            pytest.fail(f"the panel is mandatory here and is not built: {STATIC}")
        pytest.skip("the panel is not built: `python run.py panel` builds it")
    return {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}


def draws_results(script: str) -> bool:
    """Whether a script came with the renderer: the panel's use none of its class names."""
    return "jp-ExpResult-stage" in script and ".jp-Exp-panel" not in script


def size(scripts: dict[str, str], *, of_renderer: bool) -> int:
    chosen = [text for text in scripts.values() if draws_results(text) is of_renderer]
    assert chosen, "both parts are there to be measured"
    return sum(len(text.encode()) for text in chosen)


def test_the_panel_with_all_styles_is_under_100_kilobytes(scripts: dict[str, str]) -> None:
    assert size(scripts, of_renderer=False) < PANEL_BYTES


def test_drawing_results_adds_less_than_120_kilobytes(scripts: dict[str, str]) -> None:
    assert size(scripts, of_renderer=True) < RENDERER_BYTES


def test_drawing_results_is_loaded_when_one_is_shown(scripts: dict[str, str]) -> None:
    """Neither the script that Jupyter loads at its start nor that of the plugins holds it."""
    first = [
        text
        for name, text in scripts.items()
        if name.startswith("remoteEntry") or PLUGIN_ID in text
    ]
    assert len(first) > 1, "the start and the plugins are there to be looked at"
    assert not any(draws_results(text) for text in first)
    assert any(draws_results(text) for text in scripts.values())
