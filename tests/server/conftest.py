"""A fresh project per test, and a way to talk to it without a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from exp_jupyter.server.app import create_app
from exp_jupyter.server.clock import FrozenClock
from exp_jupyter.server.testing import TrialProject

MORNING = datetime(2026, 3, 6, 9, 0, tzinfo=UTC)


class Talk:
    """Sends requests to a project as one of its roles."""

    def __init__(self, project: TrialProject, portal: BlockingPortal, **options: Any) -> None:
        self.project = project
        self.app = create_app(project.store, project.events, **options)
        self._portal = portal

    def raw(self, method: str, path: str, key: str | None, **request: Any) -> httpx.Response:
        headers = {**request.pop("headers", {})}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://p.test") as client:
                return await client.request(method, path, headers=headers, **request)

        return self._portal.call(send)

    def __call__(
        self, method: str, path: str, body: Any = None, *, role: str = "owner", **query: Any
    ) -> httpx.Response:
        request: dict[str, Any] = {"params": query}
        if body is not None:
            request["content"] = json.dumps(body)
            request["headers"] = {"Content-Type": "application/json"}
        address = path if path.startswith("/") else f"/api/projects/@current/{path}"
        return self.raw(method, address, self.project.keys[role], **request)

    def made(self, path: str, body: Any, *, role: str = "owner") -> dict[str, Any]:
        answer = self("POST", path, body, role=role)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as running:
        yield running


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(MORNING)


@pytest.fixture
def project(tmp_path: Path, clock: FrozenClock) -> Iterator[TrialProject]:
    made = TrialProject(tmp_path / "project", clock)
    yield made
    made.close()


@pytest.fixture
def talk(project: TrialProject, portal: BlockingPortal) -> Talk:
    return Talk(project, portal)
