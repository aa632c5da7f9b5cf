"""The guard against pages that give this machine's address their own name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from exp_jupyter.server.http.asgi import ASGIApp, Receive, Scope, Send, headers_of, respond
from exp_jupyter.server.refusals import refusal

_PORT = re.compile(r":\d*$")


class HostGuard:
    """Lets only requests pass that call the application by one of its own names.

    A web page can let its own name mean 127.0.0.1 and then talk to whatever listens there; the
    ``Host`` header still carries the page's name, which this refuses.

    Parameters
    ----------
    app
        The application behind the guard.
    hosts
        The names, without ports.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "http" and host_name(headers_of(scope)) not in self._hosts:
            answer = refusal(400, "invalid_host", "This project does not answer to that name.")
            await respond(scope, receive, send, answer.status, answer.body)
            return
        await self._app(scope, receive, send)


def host_name(headers: Mapping[str, str]) -> str:
    """Return the name in the ``Host`` header, without its port.

    Examples
    --------
    >>> host_name({"host": "[::1]:8765"}), host_name({"host": "LocalHost:80"})
    ('[::1]', 'localhost')
    """
    host = headers.get("host", "").strip().lower()
    return _PORT.sub("", host)
