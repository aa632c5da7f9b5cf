"""Opens the demo: made once per process in a folder of its own, and gone when it ends."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from exp_jupyter.errors import InputError
from exp_jupyter.server.demo.project import SEED_OF_NAMES, found_project
from exp_jupyter.server.events import EventStore
from exp_jupyter.server.identity import SeededIdentity
from exp_jupyter.server.store import ProjectStore

Role = Literal["owner", "reviewer"]

ROLES: dict[str, str] = {
    "owner": "Ada, the data scientist",
    "reviewer": "Noor, who reviews rollouts",
}
"""The people one may be in the demo."""

PROJECT_NAME = "Kettle & Cup"
PROJECT_ID = 1


@dataclass(frozen=True)
class Demo:
    """The demo, as one of its people.

    Attributes
    ----------
    app
        The ASGI application that answers the API; nothing listens on a port.
    key
        The person's key, another one in every process.
    label
        What to call the connection.
    folder
        Where the project lies while the process lives.
    """

    app: Any
    key: str = field(repr=False)
    label: str
    folder: Path


class _Running:
    """The demo of this process."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="exp-jupyter-demo-"))
        self.owner = os.getpid()
        atexit.register(self._remove, self.owner)
        # A power cut may take the demo; so nothing waits for the disk.
        self.store = ProjectStore(
            self.folder,
            name=PROJECT_NAME,
            project_id=PROJECT_ID,
            identity=SeededIdentity(SEED_OF_NAMES),
            durable=False,
        )
        self.events = EventStore(self.store)
        self.app, self.keys = _made(self.store, self.events)

    def _remove(self, owner: int) -> None:
        if os.getpid() == owner:  # a forked child leaves it to its parent
            self.events.close()
            self.store.close()
            shutil.rmtree(self.folder, ignore_errors=True)


def _made(store: ProjectStore, events: EventStore) -> tuple[Any, dict[str, str]]:
    """Draw the history while the application is imported and the project is founded."""
    failures: list[BaseException] = []

    def record() -> None:
        try:
            from exp_jupyter.server.demo.history import record_history

            record_history(events)
        except BaseException as error:  # noqa: BLE001 - it is raised where the demo is opened
            failures.append(error)

    drawing = threading.Thread(target=record, name="exp-jupyter-demo")
    drawing.start()
    try:
        from exp_jupyter.server.app import create_app

        keys = found_project(store)
        app = create_app(store, events=events)
    finally:
        drawing.join()
    if failures:
        raise failures[0]
    return app, keys


_lock = threading.Lock()
_running: list[_Running] = []


def open_demo(as_: str | None = None) -> Demo:
    """Open the demo as one of its people.

    Parameters
    ----------
    as_
        ``owner`` (you, the default) or ``reviewer``, the colleague who may approve.

    Returns
    -------
    Demo
        Both people see the same project; a new process starts from a fresh copy.

    Raises
    ------
    exp_jupyter.errors.InputError
        The demo has no such person.
    """
    role = as_ or "owner"
    if role not in ROLES:
        raise InputError(
            f"The demo has no {role!r}; there are {' and '.join(ROLES)}.",
            hint="Leave it out to be the data scientist.",
        )
    with _lock:
        if not _running:
            _running.append(_Running())
        demo = _running[0]
    return Demo(demo.app, demo.keys[role], f"demo as {ROLES[role]}", demo.folder)
