"""Requests and answers as the endpoints want them, on Starlette's own reading of ASGI.

Only its data structures and its answer are used: its routing and its error pages know nothing of
the contract's optional slashes, empty 405s and error envelope, and cost a notebook their import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from starlette.datastructures import Headers, QueryParams
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = [
    "ASGIApp",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "headers_of",
    "query_of",
    "respond",
    "site_of",
]


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a request's headers by lower-case name; of a name given twice, the first.

    Examples
    --------
    >>> headers_of({"headers": [(b"host", b"localhost"), (b"host", b"evil.example")]})
    {'host': 'localhost'}
    """
    headers = Headers(scope=scope)
    return {name: headers[name] for name in headers}


def query_of(scope: Scope) -> dict[str, str]:
    """Return a request's query by name; of a name given twice, the last.

    Examples
    --------
    >>> query_of({"query_string": b"search=a%20b&limit=&search=c"})
    {'search': 'c', 'limit': ''}
    """
    return dict(QueryParams(scope.get("query_string", b"")))


def site_of(scope: Scope) -> str:
    """Return the scheme and host that a request was sent to.

    Examples
    --------
    >>> site_of({"type": "http", "scheme": "http", "server": ("127.0.0.1", 8765), "path": "/",
    ...     "headers": []})
    'http://127.0.0.1:8765'
    """
    url = HTTPConnection({"type": "http", **scope}).url
    return f"{url.scheme}://{url.netloc}"


async def respond(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send an answer; None is an empty body, and ``HEAD`` gets the headers alone."""
    content = None if body is None else to_json(body, inf_nan_mode="null")
    kind = None if body is None else "application/json"
    answer = Response(content, status, dict(headers or {}), kind)
    if scope["method"] == "HEAD":
        answer.body = b""  # its length stays that of the whole
    await answer(scope, receive, send)
