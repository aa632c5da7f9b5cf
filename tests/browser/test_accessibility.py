"""What axe finds in a light and a dark JupyterLab: outputs, cards, forms, and the panel."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[2] / "labextension/node_modules/axe-core/axe.min.js"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
SOURCES = (
    "%load_ext exp_jupyter\n%exp_connect demo",
    "%exp_results checkout-redesign",
    "%exp_timeseries free-shipping-banner",
    "%exp_list",
    "%exp_health checkout-redesign",
    "from IPython.display import HTML\nimport exp_jupyter",
    "shown = exp_jupyter.connect('demo').experiments.results('checkout-redesign')",
    "HTML(shown._repr_mimebundle_()['text/html'])",
    "%exp_pause 7",
    "%exp_size --form",
    "%exp_approvals --form",
)
# What is quiet until somebody is there is judged as it looks then.
ALL_THERE = ".jp-ExpResult-button, .jp-Exp-actions { opacity: 1 !important }"


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"])
def theme(request, lab) -> Iterator[str]:
    """The theme that pages opened now have, by the setting that a person would change."""
    settings = lab.root.parent / "settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    path = settings / "themes.jupyterlab-settings"
    before = path.read_text() if path.exists() else "{}"
    path.write_text(json.dumps({"theme": request.param}))
    yield request.param
    path.write_text(before)


def violations(page: Any, *where: str) -> str:
    """What axe complains of within these, one line for each element."""
    page.add_style_tag(content=ALL_THERE)
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("where => axe.run({ include: where })", list(where))
    contrast = [one for one in found["passes"] if one["id"] == "color-contrast"]
    assert contrast, "axe looked at the colours of something"
    return "\n".join(
        f"{one['id']}: {node['html'][:200]} ({' '.join(node['failureSummary'].split())})"
        for one in found["violations"]
        for node in one["nodes"]
    )


def test_outputs_cards_forms_and_the_panel_can_be_read_by_everybody(
    theme: str,
    open_notebook: Callable[..., Any],
    run_all: Callable[[], None],
    picture: Callable[[str], None],
) -> None:
    if not AXE.exists():
        if os.environ.get("EXP_JUPYTER_REQUIRE_BROWSER") == "1":
            pytest.fail(f"axe-core is mandatory here: {AXE}")
        pytest.skip("axe-core comes with the panel's own packages")
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(SOURCES)
    ]
    shade = theme.split()[-1].lower()
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": KERNEL, "cells": cells}
    page = open_notebook(notebook, f"axe-{shade}.ipynb")
    page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
    run_all()
    last = page.locator(".jp-CodeCell .jp-InputArea-prompt", has_text=f"[{len(SOURCES)}]")
    last.wait_for(state="attached")
    page.get_by_role("button", name="Confirm", exact=True).first.wait_for()
    page.locator('.lm-TabBar-tab[data-id="exp-jupyter-panel"]').click()
    panel = page.locator("#exp-jupyter-panel")
    panel.get_by_role("button", name=re.compile("^What can be done with")).first.click()
    panel.locator(".jp-Exp-step").first.wait_for()
    picture(f"axe-{shade}")
    assert violations(page, ".jp-Notebook .jp-OutputArea", "#exp-jupyter-panel") == ""
