"""Time limits for receiving a request: nobody holds a connection by sending half of one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from exp_jupyter.server.http.asgi import ASGIApp, Message, Receive, Scope, Send, respond
from exp_jupyter.server.refusals import Refusal, refusal

_CLOSE = {"Connection": "close"}


@dataclass(frozen=True)
class TimeLimits:
    """How long a request may take to arrive.

    Parameters
    ----------
    head
        Seconds for the request line and the headers, from the connection's beginning or from
        the first byte after an earlier answer.
    body
        Seconds for the body, from the end of the headers.
    """

    head: float = 10.0
    body: float = 60.0


class BodyTimeLimit:
    """Answers 408 where a body does not arrive in time, and 503 where the server stops meanwhile.

    Parameters
    ----------
    app
        The application behind it.
    seconds
        How long a body may take.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self._seconds

        async def in_time() -> Message:
            try:
                async with asyncio.timeout_at(deadline):
                    return await receive()
            except TimeoutError:
                raise _too_slow("body", self._seconds) from None

        try:
            await self._app(scope, in_time, send)
        except Refusal as error:  # of an application that leaves it to its caller
            await respond(scope, receive, send, error.status, error.body, error.headers)
        except asyncio.CancelledError:
            # The server is done waiting for this answer; a traceback would say nothing more.
            stopping = refusal(503, "service_unavailable", "The project is being stopped.")
            await respond(scope, receive, send, stopping.status, stopping.body, _CLOSE)


class LimitedProtocol(H11Protocol):
    """uvicorn's protocol with a time limit for a request's head.

    It also lets go of requests whose body is not there yet when the server stops.
    """

    head_seconds = TimeLimits.head
    _waiting: asyncio.TimerHandle | None = None
    _begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; when they begin a request, wait for its head."""
        self._begun = True
        if self._waiting is None and self._is_between():
            self._wait()
        super().data_received(data)
        if not self._is_between():
            self._wait_no_more()

    def on_response_complete(self) -> None:
        """Take note that the next byte begins a request."""
        self._begun = False
        super().on_response_complete()

    def shutdown(self) -> None:
        """Let go of a request that is not there whole; let others be answered."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and cycle.more_body:
            cycle.disconnected = True
            cycle.message_event.set()
            self.transport.close()
            return
        super().shutdown()

    def _is_between(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(self.head_seconds, self._end)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _end(self) -> None:
        self._waiting = None
        if self.transport.is_closing():
            return
        if self._begun:  # a connection that brought nothing is closed without a word
            self.transport.write(self._answer())
        self.transport.close()

    def _answer(self) -> bytes:
        refused = _too_slow("head", self.head_seconds)
        body = json.dumps(refused.body).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        answer = h11.Response(status_code=408, headers=headers, reason=b"Request Timeout")
        events: list[Any] = [answer, h11.Data(data=body), h11.EndOfMessage()]
        return b"".join(self.conn.send(event) or b"" for event in events)


def protocol_with(limits: TimeLimits) -> type[asyncio.Protocol]:
    """Return the protocol with these limits."""
    return type("_Limited", (LimitedProtocol,), {"head_seconds": limits.head})


def _too_slow(part: str, seconds: float) -> Refusal:
    refused = refusal(
        408, "request_timeout", f"The request's {part} did not arrive within {seconds:g} seconds."
    )
    refused.headers.update(_CLOSE)
    return refused
