"""In a real JupyterLab: cards and forms by keyboard, and what a notebook keeps of them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
LOST = re.compile("Loading widget|Error displaying widget")
SAVE_SECONDS = 60
WIDGET = "application/vnd.jupyter.widget-view+json"


def notebook(*sources: str) -> dict[str, Any]:
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": KERNEL, "cells": cells}


def is_save(response: Any) -> bool:
    return response.request.method == "PUT" and "/api/contents/" in response.url


def saved(page: Any, path: Path, until: str) -> list[dict[str, Any]]:
    """Save the notebook, and return its outputs once they hold these words."""
    deadline = time.monotonic() + SAVE_SECONDS
    text = ""
    while until not in text:
        assert time.monotonic() < deadline, f"{path.name} never held {until!r}"
        with page.expect_response(is_save):
            page.keyboard.press("Control+s")
        text = path.read_text()
    cells = json.loads(text)["cells"]
    return [output for cell in cells for output in cell["outputs"]]


def test_a_card_by_keyboard_is_kept_true_and_has_no_widget_when_it_is_over(
    open_notebook: Callable[..., Any],
    run_all: Callable[[], None],
    picture: Callable[[str], None],
    lab: Any,
) -> None:
    page = open_notebook(
        notebook("%load_ext exp_jupyter\n%exp_connect demo", "%exp_pause 7"), "card.ipynb"
    )
    run_all()
    confirm = page.get_by_role("button", name="Confirm", exact=True)
    confirm.wait_for()
    picture("card-ask")
    # The record stands behind the controls, and is not seen twice.
    assert page.get_by_text('Pause "Bundle pricing"').locator("visible=true").count() == 1
    confirm.focus()
    page.keyboard.press("Enter")
    page.get_by_text("is paused; its flag").locator("visible=true").wait_for()
    confirm.wait_for(state="detached")
    picture("card-over")
    page.wait_for_function("document.activeElement !== document.body")
    outputs = saved(page, lab.root / "card.ipynb", "is paused; its flag")
    assert not any(WIDGET in output.get("data", {}) for output in outputs)
    assert "not written yet" not in json.dumps(
        [o.get("data", {}).get("text/plain") for o in outputs]
    )


def test_a_waiting_card_lives_on_after_a_reload_and_says_when_its_kernel_is_gone(
    open_notebook: Callable[..., Any],
    run_all: Callable[[], None],
    picture: Callable[[str], None],
    lab: Any,
) -> None:
    page = open_notebook(
        notebook(
            "%load_ext exp_jupyter\n%exp_connect demo",
            "%exp_ship checkout-redesign test --conclusion won",
            "%exp_size --form",
            "%exp_from_prompt --form",
            "%exp_flags --form",
            "%exp_timeseries --form",
            "%exp_approvals --form",
        ),
        "waiting.ipynb",
    )
    run_all()
    name = page.get_by_label("Type the name")
    name.fill("Checkout redesign")
    name.press("Tab")
    page.get_by_role("button", name="Confirm", exact=True).click()
    withdraw = page.get_by_role("button", name="Withdraw request", exact=True)
    withdraw.wait_for()
    picture("card-waiting")
    focused = "document.activeElement?.textContent === 'Refresh'"
    page.wait_for_function(focused)
    outputs = saved(page, lab.root / "waiting.ipynb", "Waiting for Noor Haddad")
    records = [o["data"]["text/html"] for o in outputs if "data" in o]
    assert any("Waiting for Noor Haddad" in "".join(html) for html in records)
    page.reload()
    withdraw.wait_for()
    assert page.get_by_text(LOST).count() == 0
    withdraw.click()
    page.get_by_text("The request was withdrawn").locator("visible=true").wait_for()
    withdraw.wait_for(state="detached")
    saved(page, lab.root / "waiting.ipynb", "The request was withdrawn")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.get_by_text("This form works in a live notebook.").first.wait_for()
    assert page.get_by_text(LOST).count() == 0
    picture("forms-after-restart")
    page.get_by_text(re.compile(r"Python 3 \(ipykernel\) \| Idle")).wait_for()
    saved(page, lab.root / "waiting.ipynb", "The request was withdrawn")
    page.reload()
    page.get_by_text("The request was withdrawn").first.wait_for()
    page.get_by_text("This form works in a live notebook.").first.wait_for()
    assert page.get_by_text(LOST).count() == 0


def test_a_form_inserts_its_line_below_itself(
    open_notebook: Callable[..., Any], run_all: Callable[[], None], picture: Callable[[str], None]
) -> None:
    page = open_notebook(notebook("%load_ext exp_jupyter", "%exp_size --form"), "insert.ipynb")
    run_all()
    insert = page.get_by_role("button", name="Insert", exact=True)
    insert.wait_for()
    picture("size-form")
    insert.focus()
    page.keyboard.press("Enter")
    page.locator(".jp-Notebook .cm-content", has_text="%exp_size funnel --baseline").wait_for()
