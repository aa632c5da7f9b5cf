"""A document on paper, printed by a browser of this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from exp_jupyter.errors import InputError, NotInstalledError, StoreError

BROWSER_VARIABLE = "EXP_JUPYTER_BROWSER"
_PROGRAMS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "microsoft-edge-stable", "msedge", "brave-browser"),
)
_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_WINDOWS = (
    "Google/Chrome/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
    "Chromium/Application/chrome.exe",
)
_PLAYWRIGHT = ("chromium-*/chrome-*/chrome", "chromium-*/chrome-*/chrome.exe")
_LONGEST = 120.0
"""Seconds after which printing is given up."""
_MOMENT = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}([^)]*)\)")


def browser(environment: Mapping[str, str] = os.environ) -> Path:
    """Return a browser that can print: the one that is named, or the first that is found.

    Parameters
    ----------
    environment
        Where ``EXP_JUPYTER_BROWSER`` may name one, and where programs are looked for.

    Raises
    ------
    exp_jupyter.errors.InputError
        The variable names no program.
    exp_jupyter.errors.NotInstalledError
        There is none.
    """
    path = environment.get("PATH", os.defpath)
    if named := environment.get(BROWSER_VARIABLE):
        found = shutil.which(named, path=path)
        if found is None:
            raise InputError(
                f"{BROWSER_VARIABLE} is {named!r}, and there is no such program.",
                hint="Set it to the path of Chromium, Chrome or Edge, or leave it out.",
            )
        return Path(found)
    for name in _PROGRAMS:
        if found := shutil.which(name, path=path):
            return Path(found)
    for candidate in _installed(environment):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise NotInstalledError(
        "A PDF is printed by Chromium, Chrome or Edge, and none was found on this machine.",
        hint=f"Install one, or set {BROWSER_VARIABLE} to its path; or write .html and print that "
        "from any browser.",
    )


def _installed(environment: Mapping[str, str]) -> Iterable[Path]:
    """Yield where browsers lie that are on no path."""
    home = environment.get("HOME") or environment.get("USERPROFILE")
    roots = [environment.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)")]
    yield from map(Path, _APPLICATIONS if home else ())
    yield from (Path(root, program) for root in roots if root for program in _WINDOWS)
    if home:
        for folder in (".cache/ms-playwright", "AppData/Local/ms-playwright"):
            for pattern in _PLAYWRIGHT:
                yield from sorted(Path(home, folder).glob(pattern), reverse=True)


def printed(document: str) -> bytes:
    """Return an HTML document as a PDF, the same bytes for the same document and browser.

    Parameters
    ----------
    document
        A whole HTML document that loads nothing.

    Raises
    ------
    exp_jupyter.errors.NotInstalledError
        There is no browser on this machine.
    exp_jupyter.errors.StoreError
        The browser failed.
    """
    program = browser()
    with tempfile.TemporaryDirectory(prefix="exp_jupyter-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        page, paper = folder / "page.html", folder / "page.pdf"
        try:
            page.write_text(document, encoding="utf-8")
            _print(program, page, paper, folder)
            content = paper.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise StoreError(
                f"{program.name} did not print the PDF: {_why(error)}.",
                hint=f"Write .html and print that from a browser, or set {BROWSER_VARIABLE} to "
                "another one.",
            ) from error
    return _without_moments(content)


def _print(program: Path, page: Path, paper: Path, folder: Path) -> None:
    options = [
        *("--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions"),
        *("--disable-background-networking", "--disable-sync", "--disable-dev-shm-usage"),
        *("--no-pdf-header-footer", f"--user-data-dir={folder / 'profile'}"),
        f"--print-to-pdf={paper}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Chromium's sandbox refuses to run as root, as in most containers; the page is our own,
        # runs no script and loads nothing.
        options.append("--no-sandbox")
    subprocess.run(  # noqa: S603 - a browser that was found here, and a page of our own
        [program, *options, page.as_uri()],
        capture_output=True,
        timeout=_LONGEST,
        check=True,
        cwd=folder,
    )


def _why(error: Exception) -> str:
    match error:
        case subprocess.TimeoutExpired():
            return f"it was not done after {error.timeout:.0f} seconds"
        case subprocess.CalledProcessError():
            told = error.stderr.decode(errors="replace").strip().splitlines()
            return f"it ended with {error.returncode}" + (f" ({told[-1][:200]})" if told else "")
        case OSError():
            return str(error.strerror or "it wrote no file")
    return type(error).__name__


def _without_moments(content: bytes) -> bytes:
    """Return a PDF without when it was printed; nothing moves, as its table counts bytes."""
    return _MOMENT.sub(rb"/\1 (D:20000101000000\2)", content)
