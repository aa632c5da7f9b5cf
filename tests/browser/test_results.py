"""Saved results in JupyterLab and Notebook 7, without a kernel's help and untrusted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

MIME = "application/vnd.exp-jupyter.result+json"
HOSTILE = "<img src=x onerror=alert(1)> & <b>bold</b>"


@pytest.fixture(scope="module")
def results() -> list[dict[str, Any]]:
    """What a notebook keeps of a results page, a series of two arms, a list, and a hostile name."""
    import exp_jupyter
    from exp_jupyter.display.content.blocks import Column, Description, Row, Table, Text, whole
    from exp_jupyter.display.render import data, html

    project = exp_jupyter.connect()
    shown = [
        project.experiments.results("checkout-redesign"),
        project.experiments.timeseries("checkout-redesign", "Checkout conversion"),
        project.experiments.timeseries("free-shipping-banner"),
    ]
    bundles = [one._repr_mimebundle_() for one in shown]
    columns = (Column("Name"), Column("Units", "right"))
    rows = tuple(Row((Text(f"row {n}"), whole((n * 7) % 30))) for n in range(29))
    hostile = Row((Text(HOSTILE), whole(1000)))
    page = Description("rows", "Rows", (Table("Rows", columns, (*rows, hostile)),))
    many = {"kind": "rows", "title": "Rows", "result": {}, "page": data.render(page)}
    bundles.append({"text/html": html.render(page), "text/plain": "rows", MIME: many})
    later = {**many, "page": {"version": 1, "blocks": [{"is": "not known yet"}]}}
    bundles.append({"text/html": "<p>the HTML of it</p>", "text/plain": "later", MIME: later})
    return bundles


def saved(bundles: list[dict[str, Any]]) -> dict[str, Any]:
    output = {"output_type": "execute_result", "execution_count": 1, "metadata": {}}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "execution_count": 1,
                "source": f"result {number}",
                "outputs": [{**output, "data": bundle}],
            }
            for number, bundle in enumerate(bundles)
        ],
    }


@pytest.fixture(params=["lab", "classic"])
def opened(request, page, results) -> Iterator[Any]:
    """A saved, untrusted notebook in each front end; what it loads and complains of is kept."""
    server = request.getfixturevalue(request.param)
    name = f"saved-{request.param}.ipynb"
    (server.root / name).write_text(json.dumps(saved(results)))
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(f"{error}\n{error.stack}"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(server.address(name))
    page.locator(".jp-ExpResult").nth(3).wait_for()
    yield page
    hosts = {urlsplit(url).hostname for url in asked if url.startswith(("http", "ws"))}
    assert hosts == {"127.0.0.1"}, "nothing leaves the page"
    assert not [words for words in complaints if re.search(r"exp.?jupyter|ExpResult", words)]


def walk(view: Any, words: str, *keys: str) -> None:
    """Walk through a chart with these keys, and wait until it says so."""
    for key in keys:
        view.locator(".jp-ExpResult-stage").press(key)
    view.get_by_role("status").filter(has_text=words).wait_for(state="attached")


def copied(page: Any, words: str) -> str:
    """What the clipboard holds once these words are in it."""
    page.wait_for_function(
        "words => navigator.clipboard.readText().then(text => text.includes(words))", arg=words
    )
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_a_saved_result_is_drawn_with_controls(opened, picture: Callable[[str], None]) -> None:
    page = opened
    views = page.locator(".jp-ExpResult")
    picture("results")

    # What is not known yet is shown by its HTML, as everything is where nothing draws it.
    page.get_by_text("the HTML of it", exact=True).wait_for()
    assert views.count() == 4
    assert page.locator(".jp-ExpResult img, .jp-ExpResult b, .jp-ExpResult script").count() == 0

    # A chart says its values to a pointer and to the keyboard.
    stage = views.nth(1).locator(".jp-ExpResult-stage")
    stage.hover(position={"x": stage.bounding_box()["width"] / 2, "y": 60})
    tip = stage.locator(".jp-ExpResult-tip")
    tip.locator("visible=true").wait_for()
    assert re.fullmatch(r"\d+ Mar: \+.*\), [\d,]+ units exposed", tip.inner_text())
    three = views.nth(2)
    walk(three, "test-1, 30 Mar: ", "End")
    walk(three, "test-1, 29 Mar: ", "End", "ArrowLeft")
    walk(three, "test-2, 29 Mar: ", "End", "ArrowLeft", "ArrowDown")

    # A chart is saved as it looks.
    with page.expect_download() as saving:
        views.nth(1).get_by_role("button", name="Save this chart as SVG").click()
    drawing = Path(saving.value.path()).read_text(encoding="utf-8")
    assert drawing.startswith("<svg")
    assert "var(" not in drawing
    with page.expect_download() as saving:
        views.nth(1).get_by_role("button", name="Save this chart as PNG").click()
    assert Path(saving.value.path()).read_bytes().startswith(b"\x89PNG")
    assert saving.value.suggested_filename.endswith(".png")


def test_a_table_sorts_filters_folds_and_is_copied(opened) -> None:
    view = opened.locator(".jp-ExpResult").nth(3)
    rows = view.locator("tbody tr")
    assert rows.count() == 20
    view.get_by_role("button", name="Show all 30 rows").click()
    assert rows.count() == 30
    units = view.get_by_role("columnheader", name="Units")
    units.get_by_role("button").focus()
    opened.keyboard.press("Enter")
    assert units.get_attribute("aria-sort") == "descending"
    assert rows.first.locator("th").inner_text() == HOSTILE
    opened.keyboard.press("Enter")
    assert units.get_attribute("aria-sort") == "ascending"
    assert rows.first.locator("td").inner_text() == "0"
    view.get_by_role("searchbox").fill("row 1")
    assert rows.count() == 11
    view.get_by_role("searchbox").fill("<img")
    assert rows.count() == 1
    view.get_by_role("button", name="Copy Rows as CSV").click()
    view.get_by_role("status").get_by_text("Copied").wait_for(state="attached")
    assert copied(opened, "Name,Units") == f"Name,Units\r\n{HOSTILE},1000\r\n"
    view.get_by_role("button", name="Copy Rows as Markdown").click()
    assert copied(opened, r"\<img src=x onerror=alert(1)\>")
    view.get_by_role("searchbox").fill("nothing like it")
    view.get_by_text("No row has this in it.").wait_for()


UPDATED_AT_ONCE = """
import exp_jupyter
from IPython.display import display
shown = exp_jupyter.connect("demo").experiments.results("checkout-redesign")._repr_mimebundle_()
handles = [display(shown, raw=True, display_id=True) for _ in range(4)]
for handle in handles:
    handle.update(shown, raw=True)
print("updated")
"""


def test_a_result_that_is_updated_at_once_is_drawn_once(open_notebook, run_all, page) -> None:
    notebook = saved([{}])
    notebook["cells"][0] |= {"source": UPDATED_AT_ONCE, "outputs": [], "execution_count": None}
    open_notebook(notebook, "updated.ipynb")
    run_all()
    page.get_by_text("updated", exact=True).wait_for()
    page.locator(".jp-ExpResult").nth(3).wait_for()
    assert page.locator(".jp-ExpResult").count() == 4
