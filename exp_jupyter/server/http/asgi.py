"""The few parts of ASGI the project needs; a framework would cost a notebook more to import."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import to_json

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a request's headers by lower-case name; of a name given twice, the first.

    Examples
    --------
    >>> headers_of({"headers": [(b"Host", b"localhost"), (b"host", b"evil.example")]})
    {'host': 'localhost'}
    """
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def query_of(scope: Scope) -> dict[str, str]:
    """Return a request's query by name; of a name given twice, the last.

    Examples
    --------
    >>> query_of({"query_string": b"search=a%20b&limit=&search=c"})
    {'search': 'c', 'limit': ''}
    """
    text = scope.get("query_string", b"").decode("latin-1")
    return dict(parse_qsl(text, keep_blank_values=True))


def site_of(scope: Scope, headers: Mapping[str, str]) -> str:
    """Return the scheme and host that a request was sent to.

    Examples
    --------
    >>> site_of({"scheme": "http", "server": ("127.0.0.1", 8765)}, {})
    'http://127.0.0.1:8765'
    """
    host = headers.get("host")
    if host is None:
        name, port = scope.get("server") or ("localhost", None)
        host = name if port is None else f"{name}:{port}"
    return f"{scope.get('scheme', 'http')}://{host}"


async def respond(
    scope: Scope,
    send: Send,
    status: int,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send an answer; None is an empty body, and ``HEAD`` gets the headers alone."""
    content = b""
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    if body is not None:
        content = to_json(body, inf_nan_mode="null")
        sent["content-type"] = "application/json"
    if status not in (204, 304):
        sent["content-length"] = str(len(content))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send(
        {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content}
    )
