"""Calls an ASGI app from synchronous code: no port is opened and nothing listens."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import logging
import threading
import weakref
from collections.abc import Awaitable, Callable, Hashable, MutableMapping
from typing import Any

from exp_jupyter.client.http.wire.lean_httpx import httpx

_LOG = logging.getLogger(__name__)
_FAULT = json.dumps(
    {"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": None}
).encode()

Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class InProcessTransport(httpx.BaseTransport):
    """Carries requests to an app that runs on an event loop of its own, in a thread of its own.

    Parameters
    ----------
    app
        The ASGI app.
    target
        What the app writes to, for apps that share it, such as a folder; by default the app.

    Notes
    -----
    A notebook's thread already runs an event loop, so the app cannot run there. Any number of
    threads may ask at once. An interrupt leaves at once; a read is given up, while a write that
    has begun runs to its end, so that nothing is left half done.
    """

    def __init__(self, app: App, target: Hashable | None = None) -> None:
        self._app = app
        self.target: Hashable = app if target is None else target
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Run one request through the app."""
        work = asyncio.run_coroutine_threadsafe(_run(self._app, request), self._running())
        try:
            status, headers, body = work.result()
        except concurrent.futures.CancelledError:
            closed = httpx.ReadError("The project was closed.", request=request)
        except BaseException:
            if request.method in {"GET", "HEAD", "OPTIONS"}:
                work.cancel()
            raise
        else:
            return httpx.Response(status, headers=headers, content=body, request=request)
        raise closed

    def close(self) -> None:
        """Stop the thread; a later request starts it again."""
        with self._lock:
            finalizer, self._finalizer, self._loop = self._finalizer, None, None
        if finalizer is not None:
            finalizer()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(
                    target=_serve, args=(loop,), name="exp_jupyter project", daemon=True
                )
                thread.start()
                self._finalizer = weakref.finalize(self, _stop, loop, thread)
                self._loop = loop
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        if pending:
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(loop.stop)
    if thread is not threading.current_thread():
        thread.join(timeout=5)


async def _run(app: App, request: httpx.Request) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Speak ASGI for one request and collect its whole answer."""
    content = request.read()
    sent = False
    gone = asyncio.Event()
    status = 0
    headers: list[tuple[bytes, bytes]] = []
    pieces: list[bytes] = []

    async def receive() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": content, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.extend(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))
            if not message.get("more_body", False):
                gone.set()

    url = request.url
    scope: Message = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.split(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 0),
        "server": (url.host, url.port or 80),
    }
    try:
        await app(scope, receive, send)
    except Exception:  # noqa: BLE001 - an app may fail in any way
        # What a server does: the fault is logged and the answer is 500, unless one was given.
        _LOG.exception("The embedded project failed on %s %s", request.method, url.path)
        if not gone.is_set():
            return 500, [(b"content-type", b"application/json")], _FAULT
    return status, headers, b"".join(pieces)
