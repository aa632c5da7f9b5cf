"""In a real JupyterLab: the quickstart runs, a gated write waits, the panel shows the project."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
KILLED = re.compile("The kernel (does not answer|has died|was started anew)")
WRITE_PROCESS = "import os; print(os.getpid(), file=open('kernel.pid', 'w'), flush=True)"


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


def wait_until_run(page: Any, cells: int) -> None:
    """Wait until so many code cells have run and the kernel is idle."""
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
    page.wait_for_function(
        """count => [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]
             .filter(node => /\\[\\d+\\]/.test(node.textContent)).length >= count""",
        arg=cells,
    )


PANEL_TAB = '.lm-TabBar-tab[data-id="exp-jupyter-panel"]'


def open_panel(page: Any) -> Any:
    """Open the side panel and wait until it shows experiments."""
    page.locator(PANEL_TAB).click()
    panel = page.locator("#exp-jupyter-panel")
    panel.locator(".jp-Exp-entry").first.wait_for()
    return panel


def open_section(panel: Any, name: str) -> None:
    """Open a section that is folded at first."""
    toggle = panel.get_by_role("button", name=re.compile(f"^{name}, "))
    assert toggle.get_attribute("aria-expanded") == "false"
    toggle.click()


def add_and_run(page: Any, *lines: str) -> None:
    """Type a new last cell, as a person does, and run it."""
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text("; ".join(("import exp_jupyter", *lines)))
    page.keyboard.press("Shift+Enter")


def test_the_quickstart_runs_and_its_gated_write_waits_for_approval(
    open_notebook: Callable[..., Any], run_all: Callable[[], None], picture: Callable[[str], None]
) -> None:
    page = open_notebook(NOTEBOOKS / "quickstart.ipynb", "quickstart.ipynb")
    run_all()
    confirm = page.get_by_role("button", name="Confirm", exact=True).first
    confirm.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    picture("quickstart-confirmation")
    confirm.click()
    # Only a form that waits has this button; a later cell shows a waiting request too.
    page.get_by_role("button", name="Withdraw request", exact=True).wait_for()
    assert confirm.count() == 0
    picture("quickstart-waiting")


def test_one_click_is_one_change_request(
    open_notebook: Callable[..., Any], run_all: Callable[[], None], picture: Callable[[str], None]
) -> None:
    page = open_notebook(
        notebook(
            "%load_ext exp_jupyter",
            "%exp_connect demo",
            '%exp_from_prompt support-reply 1 2 --templates cost --name "Double click"',
        ),
        "double.ipynb",
    )
    run_all()
    confirm = page.get_by_role("button", name="Confirm", exact=True)
    confirm.wait_for()
    picture("confirmation")
    confirm.dblclick()
    page.get_by_role("button", name="Refresh", exact=True).last.wait_for()
    picture("waiting")
    add_and_run(
        page,
        "p = exp_jupyter.connect('demo')",
        "found = [c for c in p.approvals.list().results if 'double-click' in str(c.intent)]",
        "print('requests:', len(found))",
    )
    page.get_by_text("requests: 1", exact=True).wait_for()


def test_the_panel_lists_the_experiments_and_inserts_a_line(
    open_notebook: Callable[..., Any], run_all: Callable[[], None], picture: Callable[[str], None]
) -> None:
    page = open_notebook(notebook("%load_ext exp_jupyter", "%exp_connect demo"), "panel.ipynb")
    run_all()
    wait_until_run(page, 2)
    panel = open_panel(page)
    picture("panel")
    panel.get_by_role("heading", name=re.compile("running")).wait_for()
    panel.get_by_role("button", name="What can be done with Checkout redesign").click()
    entry = panel.locator(".jp-Exp-metric").first
    entry.get_by_role("button", name=re.compile("^Insert a cell")).click()
    page.get_by_text(re.compile(r"%exp_timeseries \d+ ")).first.wait_for()


def test_the_panel_offers_the_steps_of_a_state_and_running_one_only_asks(
    open_notebook: Callable[..., Any], run_all: Callable[[], None], picture: Callable[[str], None]
) -> None:
    page = open_notebook(notebook("%load_ext exp_jupyter", "%exp_connect demo"), "steps.ipynb")
    run_all()
    wait_until_run(page, 2)
    panel = open_panel(page)
    open_section(panel, "drafts")
    draft = "Gift wrapping at checkout"
    toggle = panel.get_by_role("button", name=f"What can be done with {draft}")
    assert toggle.get_attribute("aria-expanded") == "false"
    toggle.click()
    assert toggle.get_attribute("aria-expanded") == "true"
    assert toggle.evaluate("node => node === document.activeElement")
    panel.get_by_role("button", name=f"Insert and run a cell for Launch of {draft}").click()
    page.get_by_role("button", name="Confirm", exact=True).wait_for()
    picture("panel-launch")
    panel.get_by_role("heading", name=re.compile("draft")).wait_for()
    page.get_by_role("button", name="Confirm", exact=True).click()
    # The write tells the panel: the last draft is one no more, and its steps are others.
    panel.get_by_role("heading", name=re.compile("draft")).wait_for(state="detached")
    panel.get_by_role("button", name=f"Insert a cell for Pause of {draft}").wait_for()


def test_the_panel_finds_flags_and_templates_and_shows_names_as_text(
    open_notebook: Callable[..., Any], run_all: Callable[[], None], picture: Callable[[str], None]
) -> None:
    page = open_notebook(
        notebook(
            "%load_ext exp_jupyter\n%exp_connect demo",
            '%exp_create "<img src=x onerror=alert(1)> & <b>bold</b>" '
            "--flag-key loyalty-badges --yes",
        ),
        "text.ipynb",
    )
    run_all()
    wait_until_run(page, 2)
    panel = open_panel(page)
    open_section(panel, "drafts")
    panel.get_by_text("<img src=x onerror=alert(1)> & <b>bold</b>", exact=True).wait_for()
    assert panel.locator("img, b").count() == 0
    search = panel.get_by_role("searchbox", name="Search experiments and flags")
    search.fill("recommendations")
    flag = panel.locator(".jp-Exp-entry", has_text="recommendations-v2")
    flag.get_by_role("button", name=re.compile("^Insert a cell")).click()
    page.locator(".jp-Notebook").get_by_text("--flag-key recommendations-v2").wait_for()
    search.fill("latency")
    panel.locator(".jp-Exp-entry", has_text="How long an exposed user waited").wait_for()
    picture("panel-search")
    search.fill("no such thing")
    panel.get_by_text("Nothing matches “no such thing”.").wait_for()


def test_the_panel_counts_what_waits_for_this_person(
    open_notebook: Callable[..., Any], run_all: Callable[[], None], picture: Callable[[str], None]
) -> None:
    page = open_notebook(
        notebook(
            "%load_ext exp_jupyter\n%exp_connect demo",
            "%exp_ship checkout-redesign test --yes",
            "%exp_connect demo --as reviewer",
        ),
        "waits.ipynb",
    )
    run_all()
    wait_until_run(page, 3)
    panel = open_panel(page)
    panel.get_by_text("1 change request waits for you").wait_for()
    assert page.locator(PANEL_TAB).inner_text() == "1"
    picture("panel-waits")
    panel.get_by_role("button", name=re.compile("^Insert and run a cell for approving")).click()
    page.get_by_role("button", name="Confirm", exact=True).click()
    panel.get_by_text("1 change request waits for you").wait_for(state="detached")
    assert page.locator(PANEL_TAB).inner_text() == ""


def test_a_page_reload_finds_the_kernel_again(
    open_notebook: Callable[..., Any], run_all: Callable[[], None]
) -> None:
    page = open_notebook(notebook("%load_ext exp_jupyter", "%exp_connect demo"), "reload.ipynb")
    run_all()
    wait_until_run(page, 2)
    page.keyboard.press("Control+s")
    page.reload()
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()
    open_panel(page)


def test_a_notebook_without_the_extension_is_told_what_to_do(
    open_notebook: Callable[..., Any], picture: Callable[[str], None]
) -> None:
    page = open_notebook(notebook("1 + 1"), "plain.ipynb")
    page.locator(PANEL_TAB).click()
    panel = page.locator("#exp-jupyter-panel")
    panel.get_by_text("has not loaded exp_jupyter yet").wait_for()
    picture("panel-without-extension")
    panel.get_by_role("button", name="Insert a cell for %load_ext exp_jupyter").click()
    page.locator(".jp-Notebook").get_by_text("%load_ext exp_jupyter").wait_for()


OLDER_KERNEL = """
import comm
lines = {
    "One line": "%exp_results 1",
    "Two lines": "%exp_results 1\\n!touch surprise",
    "A line separator": "%exp_results 1\\u2028!touch surprise",
    "A control character": "%exp_results 1\\x1b[2K",
    "A mark that reorders": "%exp_results \\u202e1",
}
steps = [{"label": label, "line": line} for label, line in lines.items()]
entry = {"id": 1, "name": "Offers", "status": "draft", "line": lines["Two lines"], "steps": steps}
snapshot = {"type": "snapshot", "project": {"name": "Older"}, "experiments": [entry]}
line = comm.create_comm(target_name="exp_jupyter", data=snapshot)
"""


def test_the_panel_offers_no_line_that_says_more_than_one_thing(
    open_notebook: Callable[..., Any], run_all: Callable[[], None]
) -> None:
    """A kernel with an older exp_jupyter may send such a line: its row stays, without buttons."""
    page = open_notebook(notebook(OLDER_KERNEL), "older.ipynb")
    run_all()
    wait_until_run(page, 1)
    panel = open_panel(page)  # its only section is open
    panel.get_by_role("button", name="What can be done with Offers").click()
    rows = panel.locator(".jp-Exp-step")
    assert rows.count() == 5
    offered = panel.get_by_role("button", name=re.compile("^Insert"))
    assert [button.get_attribute("aria-label") for button in offered.all()] == [
        "Insert a cell for One line of Offers",
        "Insert and run a cell for One line of Offers",
    ]


def test_the_panel_says_that_a_kernel_was_killed_and_offers_the_way_back(
    open_notebook: Callable[..., Any], run_all: Callable[[], None], lab: Any
) -> None:
    sources = ("%load_ext exp_jupyter", "%exp_connect demo", WRITE_PROCESS)
    page = open_notebook(notebook(*sources), "killed.ipynb")
    run_all()
    wait_until_run(page, len(sources))
    panel = open_panel(page)
    os.kill(int((lab.root / "kernel.pid").read_text()), signal.SIGKILL)
    panel.get_by_text(KILLED).wait_for(timeout=10_000)
    # The server looks every three seconds whether a kernel still lives, and starts it anew.
    panel.get_by_text("The kernel was started anew and knows no project any more.").wait_for()
    page.locator(".jp-Dialog .jp-mod-accept").click()  # Jupyter's own words on it
    panel.get_by_role("button", name="Insert and run a cell for %load_ext exp_jupyter").click()
    panel.get_by_role("button", name=re.compile("^Insert and run a cell for %exp_connect")).click()
    panel.locator(".jp-Exp-entry").first.wait_for()


def test_the_launcher_opens_a_copy_of_the_analysis_template(page: Any, lab: Any) -> None:
    page.goto(f"{lab.url}/lab?token=test&reset")
    page.locator(".jp-LauncherCard", has_text="New experiment analysis").click()
    page.locator(".jp-Notebook .jp-MarkdownCell").first.wait_for()
    opened = json.loads((lab.root / "experiment-analysis.ipynb").read_text())
    template = json.loads((NOTEBOOKS / "analysis_template.ipynb").read_text())
    sources = ["".join(cell["source"]) for cell in template["cells"]]
    assert ["".join(cell["source"]) for cell in opened["cells"]] == sources
    assert not any(cell.get("outputs") for cell in opened["cells"])
