"""A project in this process: the demo, or a folder with an owner's key that is never stored."""

from __future__ import annotations

import contextlib
import getpass
import sqlite3
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exp_jupyter.client.origin import EMBEDDED_ORIGIN
from exp_jupyter.client.project import Project, open_project
from exp_jupyter.connection.in_process import InProcessTransport
from exp_jupyter.errors import StoreError

if TYPE_CHECKING:
    from exp_jupyter.server.events import EventStore
    from exp_jupyter.server.store import ProjectStore


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
    from exp_jupyter.server.events import EventStore
    from exp_jupyter.server.store import ProjectStore

    place = Path(path).expanduser()
    store = ProjectStore(place)
    events = EventStore(store)
    try:
        key = _key_for_this_session(store)
    except BaseException:
        _shut(events, store)
        raise
    carrier = InProcessTransport(create_app(store, events))
    # Whoever lets go of the project lets go of the folder, at the latest when Python ends.
    weakref.finalize(carrier, _leave, key, events, store)
    return open_project(
        EMBEDDED_ORIGIN, None, key, transport=carrier, label=place.name, clock=store.clock.now
    )


def _key_for_this_session(store: ProjectStore) -> str:
    """Return a new key of the folder's owner; whoever can read the folder is its owner.

    The store keeps only its hash, and the session takes the key back when it ends.
    """
    from exp_jupyter.server.services import people

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


def _leave(key: str, events: EventStore, store: ProjectStore) -> None:
    from exp_jupyter.server.services import people

    # A folder that is gone or read-only by now keeps a key that nobody knows any more.
    with contextlib.suppress(StoreError, sqlite3.Error, OSError), store.write() as work:
        people.revoke_key(work, key)
    _shut(events, store)


def _shut(*stores: Any) -> None:
    for store in stores:
        store.close()
