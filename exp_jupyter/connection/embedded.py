"""A project in this process: the demo, or a folder with an owner's key that is never stored."""

from __future__ import annotations

import contextlib
import getpass
import sqlite3
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.http.origin import EMBEDDED_ORIGIN
from exp_jupyter.client.project import Project, open_project
from exp_jupyter.connection.in_process import InProcessTransport
from exp_jupyter.errors import StorageWarning, StoreError

if TYPE_CHECKING:
    from exp_jupyter.server.app import ProjectApp
    from exp_jupyter.server.events.event_store import EventStore
    from exp_jupyter.server.store import ProjectStore

_PATIENCE = 10.0
"""Seconds that a running recalculation is waited for when a session leaves a folder."""


def demo(role: str) -> Project:
    """Return the demo as one of its people; everyone in this process shares one demo."""
    from exp_jupyter.server.demo import open_demo

    opened = open_demo(role)
    return open_project(
        EMBEDDED_ORIGIN,
        None,
        opened.key,
        transport=InProcessTransport(opened.app),
        label=opened.label,
        clock=opened.app.store.clock.now,
    )


def folder(path: str) -> Project:
    """Return the project in a folder, made if the folder is new or empty.

    Raises
    ------
    exp_jupyter.errors.StoreError
        The folder holds something else, or cannot be used.
    """
    from exp_jupyter.server.app import create_app
    from exp_jupyter.server.jobs.nightly import compute_when_read
    from exp_jupyter.server.store import ProjectStore

    place = Path(path).expanduser()
    store = ProjectStore(place)
    events = _events_of(store)
    try:
        key = _key_for_this_session(store)
        compute_when_read(store)
    except BaseException:
        _shut(events, store)
        raise
    for notice in events.notices:
        warnings.warn(notice, StorageWarning, stacklevel=4)
    app = create_app(store, events, recalculate=True)
    carrier = InProcessTransport(app, f"folder {place.resolve()}")
    # Whoever lets go of the project lets go of the folder, at the latest when Python ends.
    weakref.finalize(carrier, _leave, app, key, events, store)
    return open_project(
        EMBEDDED_ORIGIN, None, key, transport=carrier, label=place.name, clock=store.clock.now
    )


def add_events(folder: str | Path, source: Any, **columns: Any) -> int:
    """Import a table into the project of a folder; see ``exp_jupyter.import_events``."""
    from exp_jupyter.server.events.imports import import_events

    with _opened(folder) as events:
        return import_events(events, source, **columns)


def add_table(folder: str | Path, name: str, source: Any, **options: Any) -> int:
    """Import a warehouse table into the project of a folder; see ``exp_jupyter.import_table``."""
    from exp_jupyter.server.events.warehouse_tables import import_table

    with _opened(folder) as events:
        return import_table(events, name, source, **options)


@contextlib.contextmanager
def _opened(folder: str | Path) -> Iterator[EventStore]:
    from exp_jupyter.server.store import ProjectStore

    place = Path(folder).expanduser()
    if not place.is_dir() or not any(place.iterdir()):
        raise StoreError(
            f"There is no project in {place.name!r}.",
            hint="connect() makes one in a new or empty folder.",
        )
    store = ProjectStore(place)
    events = _events_of(store)
    try:
        yield events
    finally:
        _shut(events, store)


def _events_of(store: ProjectStore) -> EventStore:
    """Return the events of a store, which is closed when they cannot be opened."""
    from exp_jupyter.server.events.event_store import EventStore

    try:
        return EventStore(store)
    except BaseException:
        store.close()
        raise


def _key_for_this_session(store: ProjectStore) -> str:
    """Return a new key of the folder's owner; whoever can read the folder is its owner.

    The store keeps only its hash, and the session takes the key back when it ends.
    """
    from exp_jupyter.server.services.people import people

    with store.write() as work:
        owners = (one for one in work.people.find() if one["level"] == people.OWNER)
        owner = next(owners, None)
        if owner is None:
            name = _own_name()
            owner = people.add_person(
                work, email=f"{name}@localhost", first_name=name, level=people.OWNER
            )
        return people.add_key(work, owner["id"], label="notebook session")


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "you"  # a container's user may have no name


def _leave(app: ProjectApp, key: str, events: EventStore, store: ProjectStore) -> None:
    from exp_jupyter.server.services.people import people

    app.rest(_PATIENCE)
    # A folder that is gone or read-only by now keeps a key that nobody knows any more.
    with contextlib.suppress(StoreError, sqlite3.Error, OSError), store.write() as work:
        people.revoke_key(work, key)
    _shut(events, store)


def _shut(*stores: Any) -> None:
    for store in stores:
        store.close()
