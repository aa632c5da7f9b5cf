"""A project served on loopback for other tools: opened, guarded, stopped in order."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from exp_jupyter.errors import InputError, StoreError
from exp_jupyter.server.app import create_app
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.http.asgi import ASGIApp
from exp_jupyter.server.http.hosts import HostGuard
from exp_jupyter.server.jobs.nightly import compute_when_read
from exp_jupyter.server.services.people import people
from exp_jupyter.server.services.people.capture import project_token
from exp_jupyter.server.store import ProjectStore
from exp_jupyter.server.testing import FIXTURE, RESET, TrialApp

if TYPE_CHECKING:
    import uvicorn

    from exp_jupyter.server.http.time_limits import TimeLimits

LOOPBACK = ("127.0.0.1", "::1", "localhost")
HOSTS = ("127.0.0.1", "[::1]", "localhost")
DEFAULT_PORT = 8765
_GRACE_SECONDS = 5
_KEY_LABEL = "serve"


def serve(
    folder: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    new_key: bool = False,
    trial_keys: str | Path | None = None,
    out: TextIO | None = None,
) -> None:
    """Serve a project until the process is told to stop.

    Parameters
    ----------
    folder
        The project's folder; made when it is new.
    host
        A loopback address; nothing else is listened on.
    port
        The port; 0 takes a free one.
    new_key
        Also make a new key for the owner.
    trial_keys
        For tests only: serve a throw-away project that can be reset and told fixtures, and write
        its keys to this file. The folder is left alone.
    out
        Where to say how to connect; the terminal by default.

    Raises
    ------
    exp_jupyter.errors.InputError
        The host is not a loopback address.
    exp_jupyter.errors.StoreError
        The folder or the port cannot be used.
    """
    _require_loopback(host)
    out = out or sys.stdout
    listening = _listen(host, port)
    try:
        address = f"http://{_shown(host)}:{listening.getsockname()[1]}"
        if trial_keys is not None:
            _serve_trial(listening, address, Path(trial_keys), out)
        else:
            _serve_project(listening, address, Path(folder), new_key, out)
    finally:
        listening.close()


def _serve_project(
    listening: socket.socket, address: str, folder: Path, new_key: bool, out: TextIO
) -> None:
    store = ProjectStore(folder)
    events = EventStore(store)
    try:
        key = owner_key(store, always=new_key)
        compute_when_read(store)
        with store.read() as work:
            name, number = work.project["name"], work.project["id"]
            token = project_token(work)
        for notice in events.notices:
            _say(out, [f"! {notice}"])
        lines = [f"Project {name!r} at {address}", f"  %exp_connect {address} --project {number}"]
        if key:
            lines += [
                "The owner's key, shown this once; put it where the notebook finds it:",
                f"  POSTHOG_PERSONAL_API_KEY={key}",
            ]
        else:
            lines.append("Use a key you have, or start again with --new-key for another one.")
        lines += [
            "For an SDK in an application; this token is public, it only lets events in and",
            "flags out:",
            f"  Posthog({token!r}, host={address!r})",
        ]
        _say(out, lines)
        _run(create_app(store, events, recalculate=True), listening)
    finally:
        events.close()
        store.close()
    _say(out, ["Stopped."])


def _serve_trial(listening: socket.socket, address: str, keys: Path, out: TextIO) -> None:
    app = TrialApp()
    try:
        keys.write_text(json.dumps(app.keys), encoding="utf-8")
        keys.chmod(0o600)
        _say(
            out,
            [
                f"A throw-away project at {address}; its keys are in {keys}.",
                f"  reset: POST {RESET}   fixtures: POST {FIXTURE}",
                f"  kinds: {','.join(app.project.kinds)}",
            ],
        )
        _run(app, listening)
    finally:
        app.close()


def serve_demo(
    *, host: str = "127.0.0.1", port: int = DEFAULT_PORT, out: TextIO | None = None
) -> None:
    """Serve a fresh copy of the demo until the process is told to stop.

    Parameters
    ----------
    host, port, out
        As for `serve`.
    """
    from exp_jupyter.server.demo import open_demo

    _require_loopback(host)
    out = out or sys.stdout
    listening = _listen(host, port)
    try:
        address = f"http://{_shown(host)}:{listening.getsockname()[1]}"
        owner, reviewer = open_demo("owner"), open_demo("reviewer")
        with owner.app.store.read() as work:
            token = project_token(work)
        _say(
            out,
            [
                f"The demo at {address}; it is gone when this stops.",
                f"  %exp_connect {address} --project 1",
                "Keys of this copy, for the environment of a notebook:",
                f"  the owner:    POSTHOG_PERSONAL_API_KEY={owner.key}",
                f"  the reviewer: POSTHOG_PERSONAL_API_KEY={reviewer.key}",
                f"  an application: Posthog({token!r}, host={address!r})",
            ],
        )
        _run(owner.app, listening)
    finally:
        listening.close()
    _say(out, ["Stopped."])


def _require_loopback(host: str) -> None:
    if host not in LOOPBACK:
        raise InputError(
            f"A project is served on this machine only, not on {host!r}.",
            hint=f"Use one of {', '.join(LOOPBACK)}.",
        )


def owner_key(store: ProjectStore, *, always: bool = False) -> str | None:
    """Return a new key for the project's owner when none was made for serving yet.

    Parameters
    ----------
    store
        The project; an owner is added when it has no people.
    always
        Make a key even when there are some.
    """
    with store.write() as work:
        owner = work.people.first("json_extract(doc, '$.level') = ?", [people.OWNER])
        if owner is None:
            owner = people.add_person(
                work, email="owner@example.com", first_name="Owner", level=people.OWNER
            )
        # Keys that a notebook made for its own session are nobody's to use again.
        known = work.connection.execute(
            "SELECT 1 FROM keys WHERE revoked_at IS NULL AND label = ?", [_KEY_LABEL]
        ).fetchone()
        if known and not always:
            return None
        return people.add_key(work, owner["id"], label=_KEY_LABEL)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    # Named in full: asyncio turns the 40 ms of Nagle's algorithm off only where it reads "TCP".
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1" if host == "localhost" else host, port))
        # From here on connections queue: whoever reads the address may use it at once.
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        raise StoreError(
            f"Port {port} cannot be used: {error}.", hint="Choose another with --port."
        ) from error
    return listening


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def server_of(app: ASGIApp, limits: TimeLimits | None = None) -> uvicorn.Server:
    """Return the server of an application on loopback, not running yet.

    Parameters
    ----------
    app
        The application.
    limits
        How long a request may take to arrive; by default those of `TimeLimits`.
    """
    import uvicorn

    from exp_jupyter.server.http.time_limits import BodyTimeLimit, TimeLimits, protocol_with

    limits = limits or TimeLimits()
    config = uvicorn.Config(
        BodyTimeLimit(HostGuard(app, HOSTS), limits.body),
        http=protocol_with(limits),
        # Addresses may carry what a person typed; the access log stays off.
        access_log=False,
        log_level="warning",
        server_header=False,
        lifespan="off",
        h11_max_incomplete_event_size=64 * 1024,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return uvicorn.Server(config)


def _run(app: ASGIApp, listening: socket.socket) -> None:
    # uvicorn stops in order and then raises the signal again; that must not cut the rest short.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server_of(app).run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(out: TextIO, lines: list[str]) -> None:
    out.write("\n".join(lines) + "\n")
    out.flush()
