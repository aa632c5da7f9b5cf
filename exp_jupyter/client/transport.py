"""One way to the wire: reads are retried while that is safe, a write is sent once."""

from __future__ import annotations

import json
import ssl
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode, urljoin

from exp_jupyter._version import __version__
from exp_jupyter.client.answers import Raw, raise_for, read_json
from exp_jupyter.client.bearer import Bearer
from exp_jupyter.client.broken import Broken, unknown, words_for
from exp_jupyter.client.credentials import Secret
from exp_jupyter.client.giving_up import refuse_if_given_up
from exp_jupyter.client.lean_httpx import httpx
from exp_jupyter.client.origin import checked_origin, origin_of
from exp_jupyter.client.pace import Pace, asked_wait
from exp_jupyter.errors import (
    ApiError,
    ConnectionFailedError,
    ProtocolError,
)
from exp_jupyter.schema.writes import NOTHING_WRITTEN

Parameters = Mapping[str, str | int | float | bool | None]

RETRIED_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Bounds:
    """What one answer may cost.

    Attributes
    ----------
    connect, read, write
        Seconds to reach the project, between two pieces of an answer, and to send a request.
    whole
        Seconds for a whole answer, however steadily it trickles.
    size
        Bytes of one answer, decompressed.
    redirects
        How many redirects inside the origin are followed.
    """

    connect: float = 10.0
    read: float = 60.0
    write: float = 30.0
    whole: float = 180.0
    size: int = 64 * 1024 * 1024
    redirects: int = 3


class Tape(Protocol):
    """Stands between the reader and the project."""

    path: Path
    """The recording."""
    offline: bool
    """Whether there is no project behind it."""

    def read(self, request: str, live: Callable[[], Raw]) -> Raw:
        """Return the answer to a request, by asking or without."""
        ...

    def write(self) -> None:
        """Let a write through, or raise."""
        ...


class Transport:
    """Requests to one origin with one key.

    Parameters
    ----------
    origin
        Scheme, host and port.
    key
        Sent to this origin and to no other.
    http
        What carries the requests; by default the network.
    pace
        How to wait between tries.
    bounds
        What one answer may cost.
    tape
        Keeps the answers, or gives them in the project's place.

    Notes
    -----
    Reads share a pool of kept connections. A write gets a fresh one, since a kept connection
    that the other side has just closed would leave the write's outcome in doubt.

    What goes wrong below is reported by an error of our own, raised outside the handler: the
    frames of the HTTP library, which hold the key, never become part of a traceback.
    """

    def __init__(
        self,
        origin: str,
        key: Secret,
        *,
        http: httpx.BaseTransport | None = None,
        pace: Pace | None = None,
        bounds: Bounds | None = None,
        tape: Tape | None = None,
    ) -> None:
        self.tape = tape
        self.origin = checked_origin(origin)
        self._key = key
        self._auth = Bearer(key)
        self._http = http
        self._pace = pace or Pace()
        self._bounds = bounds or Bounds()
        self._clients: dict[bool, httpx.Client] = {}
        self._trust: ssl.SSLContext | bool | None = None
        self._lock = threading.Lock()
        # Whoever lets go of a project need not close it: the connections go with it.
        weakref.finalize(self, _close_all, self._clients)

    def __repr__(self) -> str:
        return f"Transport({self.origin!r})"

    @property
    def pace(self) -> Pace:
        """How this transport waits."""
        return self._pace

    def read(self, path: str, params: Parameters | None = None, *, body: Any = None) -> Any:
        """Return the JSON of a request that changes nothing, trying again while that may help.

        Parameters
        ----------
        path
            The path, or a whole address of this origin.
        params
            Query parameters; those that are None are left out.
        body
            With a body the request is a POST: the endpoints that only compute take it this way.

        Raises
        ------
        exp_jupyter.errors.ExpError
            The project said no, answered something else than the contract, or is out of reach.
        """
        method = "GET" if body is None else "POST"

        def live() -> Raw:
            return self._read_raw(method, path, params, body)

        if self.tape is None:
            raw = live()
        else:
            raw = self.tape.read(self._name_of(method, path, params, body), live)
        if raw.status >= 400:
            raw = self._scrubbed(raw)
            raise_for(raw, self.origin, asked=f"{method} {path}")
        return read_json(raw, self.origin)

    def pages(self, path: str, params: Parameters | None = None) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list one after the other, following ``next`` inside the origin.

        Raises
        ------
        exp_jupyter.errors.ProtocolError
            A page is no page, ``next`` leads to another origin, or pages go in a circle.
        """
        address: str | None = path
        seen: set[str] = set()
        while address is not None:
            page = self.read(address, params)
            if not isinstance(page, dict) or not isinstance(page.get("results"), list):
                raise ProtocolError(
                    f"{path} answered something else than a page of a list.",
                    hint="Check that the origin is a PostHog project of a recent version.",
                )
            yield page
            address, params = page.get("next") or None, None
            if address is None:
                return
            if origin_of(address) != self.origin:
                raise ProtocolError(
                    f"The next page of {path} lies at {origin_of(address) or 'no address'}, "
                    f"not at {self.origin}; the key is not sent there.",
                    hint="Connect to the origin the project itself uses for its links.",
                )
            if address in seen:
                raise ProtocolError(f"The pages of {path} go in a circle.")
            seen.add(address)

    def write(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request that changes something, once, and return the JSON of its answer.

        Raises
        ------
        exp_jupyter.errors.WriteOutcomeUnknownError
            It was sent, and whether it took effect cannot be told from what came back.
        exp_jupyter.errors.ConnectionFailedError
            It was not sent.
        exp_jupyter.errors.ApiError
            The project refused it: it took no effect.
        """
        if self.tape is not None:
            self.tape.write()
        answer = self._attempt(method, self._address(path), None, body, writing=True)
        if isinstance(answer, Broken):
            if not answer.sent:
                raise ConnectionFailedError(
                    f"{self.origin} could not be reached ({answer.words}); nothing was sent.",
                    hint="Check the network and the origin, then repeat.",
                )
            raise unknown(f"the answer was lost ({answer.words})")
        if 300 <= answer.status < 400:
            raise unknown(f"the project answered with a redirect ({answer.status})")
        if answer.status >= 500 and answer.headers.get(NOTHING_WRITTEN) != "true":
            raise unknown(f"the project failed ({answer.status}) while it worked on it")
        try:
            if answer.status >= 400:
                answer = self._scrubbed(answer)
                raise_for(answer, self.origin, asked=f"{method} {path}")
            return read_json(answer, self.origin)
        except ProtocolError as odd:
            raise unknown(f"the answer could not be read: {odd.message}") from None

    def close(self) -> None:
        """Close the connections; a later request opens them again."""
        with self._lock:
            _close_all(self._clients)

    def _read_raw(self, method: str, path: str, params: Parameters | None, body: Any) -> Raw:
        address, redirects, attempt = self._address(path), 0, 0
        while True:
            refuse_if_given_up()
            answer = self._attempt(method, address, params, body, writing=False)
            last = attempt + 1 >= self._pace.attempts
            if isinstance(answer, Broken):
                if last:
                    raise ConnectionFailedError(
                        f"{self.origin} could not be reached ({answer.words}).",
                        hint="Check the network and the origin, then repeat.",
                    )
                self._pace.sleep(self._pace.pause(attempt))
            elif 300 <= answer.status < 400:
                redirects += 1
                address, params = self._redirected(address, answer, redirects), None
                continue
            elif answer.status in RETRIED_STATUSES and not last:
                wait = asked_wait(answer.headers, self._detail_of(answer))
                if wait is not None and wait > self._pace.longest:
                    return answer
                self._pace.sleep(self._pace.pause(attempt) if wait is None else wait)
            else:
                return answer
            attempt += 1

    def _name_of(self, method: str, path: str, params: Parameters | None, body: Any) -> str:
        """Return the one line a request is known by in a recording."""
        address = self._address(path).removeprefix(self.origin)
        wire = sorted(_wire_parameters(params or {}).items())
        asked = f"{address}?{urlencode(wire)}" if wire else address
        told = f" {json.dumps(body, sort_keys=True)}" if body is not None else ""
        return f"{method} {asked}{told}"

    def _attempt(
        self, method: str, address: str, params: Parameters | None, body: Any, *, writing: bool
    ) -> Raw | Broken:
        bounds, began = self._bounds, self._pace.clock()
        request: dict[str, Any] = {"auth": self._auth}
        if params:
            request["params"] = _wire_parameters(params)
        if body is not None:
            request["json"] = body
        interrupted, too_large = False, False
        try:
            with self._client(writing=writing).stream(method, address, **request) as response:
                pieces: list[bytes] = []
                size = 0
                for piece in response.iter_bytes():
                    pieces.append(piece)
                    size += len(piece)
                    if size > bounds.size:
                        too_large = True
                        break
                    if self._pace.clock() - began > bounds.whole:
                        return Broken(sent=True, words=f"no whole answer in {bounds.whole:g} s")
                if not too_large:
                    return Raw(response.status_code, dict(response.headers), b"".join(pieces))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as failure:
            return Broken(sent=False, words=words_for(failure))
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as failure:
            return Broken(sent=True, words=words_for(failure))
        except KeyboardInterrupt:
            interrupted = True
        if interrupted:
            raise KeyboardInterrupt
        if writing:
            return Broken(sent=True, words=f"it was larger than {bounds.size} bytes")
        raise ProtocolError(
            f"The answer is larger than {bounds.size // (1024 * 1024)} MiB.",
            hint="Ask for less: fewer days, or a smaller page.",
        )

    def _client(self, *, writing: bool) -> httpx.Client:
        with self._lock:
            client = self._clients.get(writing)
            if client is None:
                bounds = self._bounds
                if self._trust is None:
                    # Reading the certificates takes a while and is done once for both clients,
                    # and not at all where nothing is encrypted: on this machine.
                    encrypted = self._http is None and self.origin.startswith("https:")
                    self._trust = httpx.create_ssl_context() if encrypted else False
                client = httpx.Client(
                    transport=self._http,
                    verify=self._trust,
                    timeout=httpx.Timeout(
                        bounds.read, connect=bounds.connect, write=bounds.write, pool=bounds.connect
                    ),
                    limits=httpx.Limits(
                        max_connections=8, max_keepalive_connections=0 if writing else 8
                    ),
                    headers={
                        "Accept": "application/json",
                        "User-Agent": f"exp-jupyter/{__version__}",
                    },
                    follow_redirects=False,
                    trust_env=self._http is None,
                )
                self._clients[writing] = client
            return client

    def _address(self, path: str) -> str:
        address = path if "://" in path else urljoin(f"{self.origin}/", path.lstrip("/"))
        if origin_of(address) != self.origin:
            raise ProtocolError(
                f"{origin_of(address) or 'That address'} is not {self.origin}; the key is not "
                "sent there."
            )
        return address

    def _redirected(self, address: str, answer: Raw, count: int) -> str:
        target = urljoin(address, answer.headers.get("location", ""))
        if origin_of(target) != self.origin:
            raise ProtocolError(
                f"{self.origin} redirects to {origin_of(target) or 'no address'}; the key is not "
                "sent there.",
                hint="If that is the project's own address, connect to it.",
            )
        if count > self._bounds.redirects or target == address:
            raise ProtocolError(f"{self.origin} keeps redirecting.")
        return target

    def _detail_of(self, answer: Raw) -> str:
        try:
            raise_for(answer, self.origin)
        except ApiError as error:
            return error.detail
        except ProtocolError:
            return ""

    def _scrubbed(self, raw: Raw) -> Raw:
        # An error may echo what was sent; a key in it must not travel on in the exception.
        text = raw.content.decode("utf-8", "replace")
        hidden = self._key.hide_in(text)
        return raw if hidden == text else Raw(raw.status, raw.headers, hidden.encode())


def _close_all(clients: dict[bool, httpx.Client]) -> None:
    while clients:
        # At the end of a process its sockets may be gone already, and nobody is left to be told.
        with suppress(OSError):
            clients.popitem()[1].close()


def _wire_parameters(params: Parameters) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in params.items()
        if value is not None
    }
