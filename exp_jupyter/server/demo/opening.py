"""Opens the demo: made once per process in a folder of its own, and gone when it ends.

The project is there at once; its events are drawn meanwhile, and whoever reads them waits for them.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from exp_jupyter.errors import InputError
from exp_jupyter.server.clock import FrozenClock
from exp_jupyter.server.demo.folders import LockedFolder, sweep
from exp_jupyter.server.demo.setting import NOW, SEED_OF_NAMES, PastClock
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.identity import SeededIdentity
from exp_jupyter.server.store import ProjectStore

if TYPE_CHECKING:
    import duckdb

Role = Literal["owner", "reviewer"]

ROLES: dict[str, str] = {
    "owner": "Ada, the data scientist",
    "reviewer": "Noor, who reviews rollouts",
}
"""The people one may be in the demo."""

_PATIENCE = 10.0
"""Seconds that a running recalculation is waited for at the end."""

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


class DrawnEvents(EventStore):
    """Events that are still being drawn when they are first asked for: then one waits for them.

    Parameters
    ----------
    store
        The demo's project.
    drawing
        Draws them; ends with an exception when it cannot.
    """

    def __init__(self, store: ProjectStore, drawing: Future[None]) -> None:
        super().__init__(store)
        self._drawing = drawing

    def relation(self, cursor: duckdb.DuckDBPyConnection) -> str:
        """Return SQL text for the events, when they are there."""
        self._drawing.result()
        return super().relation(cursor)

    @contextlib.contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a connection, when the events are there."""
        self._drawing.result()
        with super().cursor() as cursor:
            yield cursor


class _Running:
    """The demo of this process."""

    def __init__(self) -> None:
        self._place = LockedFolder()
        self.folder = self._place.path
        # A power cut may take the demo; so nothing waits for the disk.
        self.store = ProjectStore(
            self.folder,
            name=PROJECT_NAME,
            project_id=PROJECT_ID,
            identity=SeededIdentity(SEED_OF_NAMES),
            durable=False,
        )
        drawing: Future[None] = Future()
        self.events = DrawnEvents(self.store, drawing)
        self._thread = threading.Thread(
            target=_draw, args=(self.folder, drawing), name="exp-jupyter-demo"
        )
        self._thread.start()
        atexit.register(self.remove)
        # Imported only now: while Python reads all this, the drawing has the other core.
        from exp_jupyter.server.app import create_app
        from exp_jupyter.server.demo.project import found_project

        self.keys = found_project(self.store)
        self.store.clock = FrozenClock(NOW)
        self.app = create_app(self.store, events=self.events, recalculate=True)

    def remove(self) -> None:
        """Remove the demo; a forked child leaves it to its parent."""
        if os.getpid() == self._place.owner:
            self._thread.join()
            self.app.rest(_PATIENCE)
            self.events.close()
            self.store.close()
            self._place.remove()


def _draw(folder: Path, drawing: Future[None]) -> None:
    try:
        from exp_jupyter.server.demo.history import record_history

        # A store of its own: the project's clock counts its readings, and these may come any time.
        store = ProjectStore(folder, clock=PastClock(NOW), durable=False)
        try:
            events = EventStore(store)
            record_history(events)
            events.close()
        finally:
            store.close()
    except BaseException as error:  # noqa: BLE001 - it is raised for whoever asks for the events
        drawing.set_exception(error)
    else:
        drawing.set_result(None)
    sweep()


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


def close_demo() -> None:
    """Remove this process's demo; the next one to be opened is a fresh copy.

    Projects that were connected to it no longer answer.
    """
    with _lock:
        while _running:
            demo = _running.pop()
            atexit.unregister(demo.remove)
            demo.remove()
