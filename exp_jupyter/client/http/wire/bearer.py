"""The one place where a key is put into a request."""

from __future__ import annotations

from collections.abc import Generator

from exp_jupyter.client.http.credentials import Secret
from exp_jupyter.client.http.wire.lean_httpx import httpx


class Bearer(httpx.Auth):
    """Puts the key into a request at the last moment, so that no frame of ours ever holds it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header; httpx asks for this once a request."""
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request
