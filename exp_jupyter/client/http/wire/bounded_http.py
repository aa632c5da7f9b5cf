"""HTTP to one address: past no proxy on this machine, and never longer than a deadline."""

from __future__ import annotations

import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpcore

from exp_jupyter.client.http.origin import is_this_machine
from exp_jupyter.client.http.wire.lean_httpx import httpx


class BoundedTransport(httpx.HTTPTransport):
    """Carries requests over the network, and gives one up when its time is over.

    Parameters
    ----------
    origin
        The only origin it is used for; it decides about certificates and the proxy.
    trust
        The certificates to trust.
    limits
        How many connections there are, and how many are kept.
    clock
        A steady clock, in seconds.

    Notes
    -----
    The timeouts of the HTTP library bound the pause between two pieces of an answer, so a head
    that comes letter by letter would be waited for without end. Here every piece, those of the
    head among them, is waited for no longer than until the deadline.

    Raises
    ------
    ValueError, ImportError
        The environment names a proxy that cannot be used.
    """

    def __init__(
        self,
        origin: str,
        *,
        trust: ssl.SSLContext | bool,
        limits: httpx.Limits,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(verify=trust, limits=limits, proxy=proxy_for(origin), trust_env=False)
        self._deadline = _Deadline(clock)
        # The pools take their network from whoever makes them; httpx has no word for it.
        network = self._pool._network_backend  # noqa: SLF001
        self._pool._network_backend = _BoundedNetwork(network, self._deadline)  # noqa: SLF001

    @contextmanager
    def until(self, moment: float) -> Iterator[None]:
        """Give up what this thread asks for in here at ``moment``, by the clock."""
        self._deadline.moment = moment
        try:
            yield
        finally:
            self._deadline.moment = None


def proxy_for(origin: str) -> str | None:
    """Return the proxy that the environment wants for an origin.

    A project on this machine has none: what is asked of it, and the key, would go in clear text
    to a proxy that may be anywhere.

    Examples
    --------
    >>> proxy_for("http://127.0.0.1:8000") is None
    True
    """
    if is_this_machine(origin):
        return None
    parts = urlsplit(origin)
    chosen = urllib.request.getproxies()
    proxy = chosen.get(parts.scheme) or chosen.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class _Deadline(threading.local):
    moment: float | None = None

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def left(self, timeout: float | None) -> float | None:
        """Return how long to wait for the next piece, in seconds."""
        if self.moment is None:
            return timeout
        left = self.moment - self._clock()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left if timeout is None else min(timeout, left)


class _BoundedNetwork(httpcore.NetworkBackend):
    def __init__(self, network: httpcore.NetworkBackend, deadline: _Deadline) -> None:
        self._network, self._deadline = network, deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._network.connect_tcp(host, port, timeout, local_address, socket_options)
        return _BoundedStream(stream, self._deadline)

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._network.connect_unix_socket(path, timeout, socket_options)
        return _BoundedStream(stream, self._deadline)

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.left(timeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _BoundedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
