"""One way to the wire: reads are retried while that is safe, a write is sent once."""

from __future__ import annotations

import json
import re
import ssl
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from exp_jupyter._version import __version__
from exp_jupyter.client.http.cancellation import refuse_if_given_up
from exp_jupyter.client.http.credentials import Secret
from exp_jupyter.client.http.errors import Raw, raise_for, read_json
from exp_jupyter.client.http.in_flight import Turn, turn_at
from exp_jupyter.client.http.origin import checked_address, origin_of
from exp_jupyter.client.http.retry import Pace, asked_wait
from exp_jupyter.client.http.wire.bearer import Bearer
from exp_jupyter.client.http.wire.bounded_http import BoundedTransport
from exp_jupyter.client.http.wire.lean_httpx import httpx
from exp_jupyter.client.http.wire.no_response import Broken, unknown, words_for
from exp_jupyter.client.http.wire.wire_format import Parameters, content_of, query_of, query_of_link
from exp_jupyter.errors import (
    ApiError,
    ConnectionFailedError,
    ProtocolError,
)

RETRIED_STATUSES = frozenset({429, 502, 503, 504})

_MOST_PAGES = 2000
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class Bounds:
    """What one answer may cost.

    Attributes
    ----------
    connect, read, write
        Seconds to reach the project, between two pieces of an answer, and to send a request.
    whole
        Seconds for a whole answer with its head, however steadily it trickles.
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
    """Requests to one address with one key.

    Parameters
    ----------
    address
        Scheme, host and port, with the path that the installation lies below if it has one.
    key
        Sent to this address and what lies below it, and to no other.
    http
        What carries the requests; by default the network.
    pace
        How to wait between tries.
    bounds
        What one answer may cost.
    tape
        Keeps the answers, or gives them in the project's place.

    Attributes
    ----------
    origin
        Scheme, host and port.
    root
        The origin with the path that everything lies below, without a slash at its end.
    turn
        The turn to write there, shared by everybody in this process.

    Notes
    -----
    Reads share a pool of kept connections. A write gets a fresh one, since a kept connection
    that the other side has just closed would leave the write's outcome in doubt.

    What goes wrong below is reported by an error of our own, raised outside the handler: the
    frames of the HTTP library, which hold the key, never become part of a traceback.
    """

    def __init__(
        self,
        address: str,
        key: Secret,
        *,
        http: httpx.BaseTransport | None = None,
        pace: Pace | None = None,
        bounds: Bounds | None = None,
        tape: Tape | None = None,
    ) -> None:
        self.tape = tape
        where = checked_address(address)
        self.origin, self.root = where.origin, where.root
        target: Hashable = self.root if http is None else getattr(http, "target", http)
        self.turn: Turn = turn_at(target)
        self._key = key
        self._auth = Bearer(key)
        self._http = http
        self._pace = pace or Pace()
        self._bounds = bounds or Bounds()
        self._clients: dict[bool, tuple[httpx.Client, BoundedTransport | None]] = {}
        self._trust: ssl.SSLContext | bool | None = None
        self._lock = threading.Lock()
        # Whoever lets go of a project need not close it: the connections go with it.
        weakref.finalize(self, _close_all, self._clients)

    def __repr__(self) -> str:
        return f"Transport({self.root!r})"

    @property
    def pace(self) -> Pace:
        """How this transport waits."""
        return self._pace

    def read(self, path: str, params: Parameters | None = None, *, body: Any = None) -> Any:
        """Return the JSON of a request that changes nothing, trying again while that may help.

        Parameters
        ----------
        path
            The path below the root, or a whole address there.
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
            raise_for(raw, self.root, asked=f"{method} {path}")
        return read_json(raw, self.root)

    def pages(self, path: str, params: Parameters | None = None) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list one after the other.

        A project behind a proxy often names itself in its links as it is known inside: by another
        scheme, host or path. Only a link's query is taken; the address stays the one connected to.

        Raises
        ------
        exp_jupyter.errors.ProtocolError
            A page is no page, ``next`` is no link, or the pages do not end.
        """
        address: str = path
        seen: set[str] = set()
        while True:
            page = self.read(address, params)
            if not isinstance(page, dict) or not isinstance(page.get("results"), list):
                raise ProtocolError(
                    f"{path} answered something else than a page of a list.",
                    hint="Check that the origin is a PostHog project of a recent version.",
                )
            yield page
            link = page.get("next")
            if not link:
                return
            address, params = f"{path}?{query_of_link(link, path)}", None
            if address in seen or len(seen) >= _MOST_PAGES:
                way = "go in a circle" if address in seen else "do not end"
                raise ProtocolError(
                    f"The pages of {path} {way}.",
                    hint="Ask for less, for example with search=; the project's links are wrong.",
                )
            seen.add(address)

    def write(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send one request that changes something, once, and return the JSON of its answer.

        Parameters
        ----------
        method, path, body
            The request.
        headers
            What it says beside the usual headers.

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
        address, content = self._address(path), content_of(body)
        answer = self.turn.run(
            lambda: self._attempt(method, address, None, content, writing=True, headers=headers)
        )
        if isinstance(answer, Broken):
            if not answer.sent:
                raise ConnectionFailedError(
                    f"{self.root} could not be reached ({answer.words}); nothing was sent.",
                    hint="Check the network and the origin, then repeat.",
                )
            raise unknown(f"the answer was lost ({answer.words})")
        if 300 <= answer.status < 400:
            raise unknown(f"the project answered with a redirect ({answer.status})")

        if answer.status >= 500 and not _says_nothing_written(answer):
            raise unknown(f"the project failed ({answer.status}) while it worked on it")
        try:
            if answer.status >= 400:
                raise_for(answer, self.root, asked=f"{method} {path}")
            return read_json(answer, self.root)
        except ProtocolError as odd:
            raise unknown(f"the answer could not be read: {odd.message}") from None

    def close(self) -> None:
        """Close the connections; a later request opens them again."""
        with self._lock:
            _close_all(self._clients)

    def _read_raw(self, method: str, path: str, params: Parameters | None, body: Any) -> Raw:
        address, content, redirects, attempt = self._address(path), content_of(body), 0, 0
        while True:
            refuse_if_given_up()
            answer = self._attempt(method, address, params, content, writing=False)
            last = attempt + 1 >= self._pace.attempts
            if isinstance(answer, Broken):
                if last:
                    raise ConnectionFailedError(
                        f"{self.root} could not be reached ({answer.words}).",
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
        address = self._address(path).removeprefix(self.root)
        wire = query_of(params or {})
        asked = f"{address}?{wire}" if wire else address
        told = f" {json.dumps(body, sort_keys=True)}" if body is not None else ""
        return f"{method} {asked}{told}"

    def _attempt(
        self,
        method: str,
        address: str,
        params: Parameters | None,
        content: bytes | None,
        *,
        writing: bool,
        headers: Mapping[str, str] | None = None,
    ) -> Raw | Broken:
        bounds, began = self._bounds, self._pace.clock()
        request: dict[str, Any] = {"auth": self._auth, "headers": {**(headers or {})}}
        if params and (wire := query_of(params)):
            address = f"{address}{'&' if '?' in address else '?'}{wire}"
        if content is not None:
            request["content"] = content
            request["headers"]["Content-Type"] = "application/json"
        over = began + bounds.whole
        late = Broken(sent=True, words=f"no whole answer in {bounds.whole:g} s")
        try:
            answer = self._exchanged(method, address, request, writing=writing, over=over)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as failure:
            return Broken(sent=False, words=words_for(failure))
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as failure:
            if isinstance(failure, httpx.ReadTimeout) and self._pace.clock() >= over:
                return late
            return Broken(sent=True, words=words_for(failure))
        except KeyboardInterrupt:
            answer = "interrupted"
        if isinstance(answer, Raw):
            return self._scrubbed(answer)
        if answer == "interrupted":
            raise KeyboardInterrupt
        if answer == "late":
            return late
        if writing:
            return Broken(sent=True, words=f"it was larger than {bounds.size} bytes")
        raise ProtocolError(
            f"The answer is larger than {bounds.size // (1024 * 1024)} MiB.",
            hint="Ask for less: fewer days, or a smaller page.",
        )

    def _exchanged(
        self, method: str, address: str, request: dict[str, Any], *, writing: bool, over: float
    ) -> Raw | str:
        """Send a request and return its answer, or in a word why there is no whole one."""
        client, carrier = self._client(writing=writing)
        bound = carrier.until(over) if carrier is not None else nullcontext()
        with bound, client.stream(method, address, **request) as response:
            pieces: list[bytes] = []
            size = 0
            for piece in response.iter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > self._bounds.size:
                    return "too large"
                if self._pace.clock() > over:
                    return "late"
            return Raw(response.status_code, dict(response.headers), b"".join(pieces))

    def _client(self, *, writing: bool) -> tuple[httpx.Client, BoundedTransport | None]:
        """Return the client for reads or for writes, and what carries it over the network."""
        with self._lock:
            held = self._clients.get(writing)
            if held is None:
                carrier = None if self._http is not None else self._carrier(writing=writing)
                bounds = self._bounds
                client = httpx.Client(
                    transport=self._http or carrier,
                    timeout=httpx.Timeout(
                        bounds.read, connect=bounds.connect, write=bounds.write, pool=bounds.connect
                    ),
                    headers={
                        "Accept": "application/json",
                        "User-Agent": f"exp-jupyter/{__version__}",
                    },
                    follow_redirects=False,
                    trust_env=False,
                )
                held = self._clients[writing] = (client, carrier)
            return held

    def _carrier(self, *, writing: bool) -> BoundedTransport:
        try:
            if self._trust is None:
                # Reading the certificates takes a while and is done once for both clients, and
                # not at all where nothing is encrypted: on this machine.
                encrypted = self.origin.startswith("https:")
                self._trust = httpx.create_ssl_context() if encrypted else False
            limits = httpx.Limits(max_connections=8, max_keepalive_connections=0 if writing else 8)
            return BoundedTransport(
                self.origin, trust=self._trust, limits=limits, clock=self._pace.clock
            )
        except ImportError:
            reason, step = "The proxy is a SOCKS proxy", "Install httpx[socks], or use another one"
        except (ValueError, OSError, httpx.InvalidURL):
            reason = "The proxy or the certificates that the environment names cannot be used"
            step = "Check HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
        raise ConnectionFailedError(f"{reason}; nothing was sent.", hint=f"{step}.")

    def _address(self, path: str) -> str:
        if not _ABSOLUTE.match(path):
            return f"{self.root}/{path.lstrip('/')}"
        if origin_of(path) != self.origin or not self._is_below(path):
            raise ProtocolError(
                f"{self._named(path)} is not {self.root}; the key is not sent there.",
                hint="Connect to that address, if it is the project's own.",
            )
        return path

    def _is_below(self, address: str) -> bool:
        return f"{urlsplit(address).path}/".startswith(f"{self.root.removeprefix(self.origin)}/")

    def _named(self, address: str) -> str:
        """Return an address's origin for a message; it may be anything, the key among it."""
        return self._key.hide_in(origin_of(address)) or "That address"

    def _redirected(self, address: str, answer: Raw, count: int) -> str:
        try:
            target = urljoin(address, answer.headers.get("location", ""))
        except ValueError:
            target = ""
        if origin_of(target) != self.origin or not self._is_below(target):
            raise ProtocolError(
                f"{self.root} redirects to {self._named(target)}; the key is not sent there.",
                hint="If that is the project's own address, connect to it.",
            )
        if count > self._bounds.redirects or target == address:
            raise ProtocolError(
                f"{self.root} keeps redirecting.", hint="Check the project's address."
            )
        return target

    def _detail_of(self, answer: Raw) -> str:
        try:
            raise_for(answer, self.root)
        except ApiError as error:
            return error.detail
        except ProtocolError:
            return ""

    def _scrubbed(self, raw: Raw) -> Raw:
        # An answer may echo what was sent, in whatever form; a key in it must not travel on into
        # a result, an exception or a recording.
        encoding = json.detect_encoding(raw.content)
        as_it_is = "surrogateescape" if encoding.startswith("utf-8") else "replace"
        text = raw.content.decode(encoding, as_it_is)
        hidden = self._key.hide_in(text)
        if hidden == text:
            return raw
        return Raw(raw.status, raw.headers, hidden.encode("utf-8", as_it_is))


def _close_all(clients: dict[bool, tuple[httpx.Client, BoundedTransport | None]]) -> None:
    while clients:
        # At the end of a process its sockets may be gone already, and nobody is left to be told.
        with suppress(OSError):
            clients.popitem()[1][0].close()


def _says_nothing_written(answer: Raw) -> bool:
    from exp_jupyter.schema.failure import NOTHING_WRITTEN  # late: few projects ever fail

    return answer.headers.get(NOTHING_WRITTEN) == "true"
