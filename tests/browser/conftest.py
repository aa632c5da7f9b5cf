"""A real JupyterLab in a real browser: private folders, system Chromium, loopback only."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

playwright_api = pytest.importorskip("playwright.sync_api")

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium")
REQUIRED = os.environ.get("EXP_JUPYTER_REQUIRE_BROWSER") == "1"
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TOKEN = "test"
START_SECONDS = 180
RUN_TRIES = 3
PATIENCE = 120_000  # ms for one wait: two cores that others use too

EXTENSION = ROOT / "exp_jupyter" / "_labextension"


@dataclass(frozen=True)
class Server:
    """A running JupyterLab or Notebook 7, its process, and the folder it serves."""

    url: str
    root: Path
    process: subprocess.Popen[bytes]
    pages: str

    def address(self, notebook: str) -> str:
        return f"{self.url}/{self.pages}/{notebook}?token={TOKEN}&reset"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/api/status?token={TOKEN}", timeout=1):
                return
        except OSError:
            time.sleep(0.2)  # the only sign of readiness is an answer
    raise RuntimeError(f"JupyterLab did not answer: {log.read_text()[-2000:]}")


@contextlib.contextmanager
def serving(home: Path, application: str, pages: str) -> Iterator[Server]:
    """Serve a folder of its own with this application, and this source tree's own extension."""
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail("a browser is mandatory here and no chromium was found")
        pytest.skip("no chromium on this machine")
    root = home / "work"
    root.mkdir()
    config = home / "config"
    (config / "labconfig").mkdir(parents=True)
    (config / "labconfig" / "page_config.json").write_text(
        json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}})
    )
    if theme := os.environ.get("EXP_JUPYTER_THEME"):  # to look at the same pictures in the dark
        themes = home / "settings" / "@jupyterlab" / "apputils-extension"
        themes.mkdir(parents=True)
        (themes / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    shared = home / "shared" / "labextensions"
    shared.mkdir(parents=True)
    if EXTENSION.exists():  # else the one that is installed
        (shared / "exp-jupyter").symlink_to(EXTENSION)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_PATH": str(shared.parent),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    log = home / "lab.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", application, "--no-browser", "--allow-root"),
                *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
                *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}"),
            ],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_ready(server, url, log)
            yield Server(url, root, server, pages)
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("jupyter"), "jupyterlab", "lab/tree") as server:
        yield server


@pytest.fixture(scope="session")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Notebook 7, where it is installed."""
    pytest.importorskip("notebook")
    with serving(tmp_path_factory.mktemp("notebook"), "notebook", "notebooks") as server:
        yield server


# Playwright keeps an event loop running in this thread while it lives: it ends with its module.
@pytest.fixture(scope="module")
def browser(lab: Server) -> Iterator[object]:
    del lab  # no browser where there is no lab
    with playwright_api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: object) -> Iterator[object]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def open_notebook(lab: Server, page: object) -> Callable[..., object]:
    """Open a notebook (its own copy, so that no kernel is shared) and wait for its kernel."""

    def open_it(source: Path | dict[str, object], name: str) -> object:
        target = lab.root / name
        if isinstance(source, Path):
            shutil.copyfile(source, target)
        else:
            target.write_text(json.dumps(source))
        page.goto(lab.address(name))
        page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()
        page.get_by_text(re.compile(r"Python 3 \(ipykernel\) \| Idle")).wait_for()
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Escape")
        return page

    return open_it


@pytest.fixture
def run_all(page: object) -> Callable[[], None]:
    def run() -> None:
        # A session that is still being set up swallows the command: it has run when a cell says so.
        started = page.locator(".jp-CodeCell .jp-InputArea-prompt", has_text=re.compile(r"\[[*\d]"))
        for _ in range(RUN_TRIES):
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            with contextlib.suppress(playwright_api.TimeoutError):
                started.first.wait_for(timeout=20_000)
                return
        pytest.fail("no cell has started to run")

    return run


@pytest.fixture
def picture(page: object) -> Callable[[str], None]:
    """Keep a screenshot for a person to look at, where one was asked for."""

    def keep(name: str) -> None:
        if folder := os.environ.get("EXP_JUPYTER_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(folder) / f"{name}.png"))

    return keep
