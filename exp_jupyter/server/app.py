"""The project as an ASGI application: in process for a notebook, on loopback for other tools."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from exp_jupyter.errors import StoreError
from exp_jupyter.schema.approvals.writes import UNLESS_THERE
from exp_jupyter.schema.failure import NOTHING_WRITTEN
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.http.asgi import (
    Receive,
    Scope,
    Send,
    headers_of,
    query_of,
    respond,
    site_of,
)
from exp_jupyter.server.http.capture import LARGEST_BATCH, CaptureAddresses, Sent
from exp_jupyter.server.http.endpoint import Answer, Call, Endpoint
from exp_jupyter.server.http.endpoints import PROJECT_ENDPOINTS
from exp_jupyter.server.http.keys import asking, check_project
from exp_jupyter.server.http.openapi import description
from exp_jupyter.server.http.reading import LARGEST_BODY, parsed, read_body
from exp_jupyter.server.http.router import Router
from exp_jupyter.server.http.store_trouble import store_trouble
from exp_jupyter.server.jobs.query_runs import QueryRuns
from exp_jupyter.server.jobs.worker import Worker
from exp_jupyter.server.refusals import Refusal, not_found, refusal
from exp_jupyter.server.services.people.people import own_view, project_view
from exp_jupyter.server.store import ProjectStore, damaged, full

_LOG = logging.getLogger("exp_jupyter.server")
_PREFIXES = ("projects", "environments")
_DESCRIPTION = "/api/schema"
_ME = ["api", "users", "@me"]
_ROUTER = Router(PROJECT_ENDPOINTS)


def create_app(
    store: ProjectStore,
    events: EventStore | None = None,
    *,
    recalculate: bool = False,
    largest_body: int = LARGEST_BODY,
) -> ProjectApp:
    """Return the project's application.

    Parameters
    ----------
    store
        The project; its people and keys are in it.
    events
        The project's events; by default those of the store's folder.
    recalculate
        Do recalculations beside the answering of requests, in a thread of their own; otherwise
        they wait for the nightly job.
    largest_body
        Most bytes of a request body.
    """
    return ProjectApp(store, events or EventStore(store), recalculate, largest_body)


class ProjectApp:
    """Answers HTTP requests to a project; see `create_app`."""

    def __init__(
        self,
        store: ProjectStore,
        events: EventStore,
        recalculate: bool,
        largest_body: int,
    ) -> None:
        self.store = store
        self.events = events
        self._largest_body = largest_body
        self._capture = CaptureAddresses(store, events)
        self._runs = QueryRuns(store, events)
        self._worker = Worker(store, events) if recalculate else None

    def rest(self, timeout: float | None = None) -> None:
        """Wait for the recalculations that run, as long as ``timeout`` seconds at most.

        For whoever is about to close the store: no other is taken on.
        """
        if self._worker is not None:
            self._worker.close(timeout)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"the project speaks HTTP, not {scope['type']}")
        answer = await self._answer(scope, receive)
        headers = {"Cache-Control": "no-store", **answer.headers}
        await respond(scope, receive, send, answer.status, answer.body, headers)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers = headers_of(scope)
        try:
            batch = scope["path"].removesuffix("/") in self._capture
            largest = LARGEST_BATCH if batch else self._largest_body
            raw = await read_body(receive, headers.get("content-length"), largest)
            return await asyncio.to_thread(self._handle, scope, headers, raw)
        except Refusal as error:
            return Answer(error.body, error.status, error.headers)

    def _handle(self, scope: Scope, headers: Mapping[str, str], raw: bytes) -> Answer:
        commits = self.store.commits
        outside = scope["path"].removesuffix("/") in self._capture
        try:
            return self._dispatch(scope, headers, raw)
        except Refusal as error:
            return Answer(error.body, error.status, error.headers)
        except StoreError as error:
            _LOG.warning("the store refused: %s", error.message)
            answer = store_trouble(error, outside=outside)
        except Exception as error:  # noqa: BLE001 - whatever fails, the caller gets an answer
            # A row that is missing makes any code fail: say so, rather than that the code did.
            damage = self.store.damage()
            if damage:
                _LOG.warning("the store is damaged: %s", damage)
                answer = store_trouble(damaged(self.store.folder, damage), outside=outside)
            elif isinstance(error, OSError):
                _LOG.warning("the disk refused: %s", error.strerror)
                refused = full(self.store.folder, error.strerror)
                answer = store_trouble(refused, outside=outside)
            else:
                # The request itself stays out of the log: it holds a key.
                _LOG.exception("%s %s failed", scope["method"], scope["path"])
                answer = Answer(refusal(500, "error", "A server error occurred.").body, 500)
        if self.store.commits == commits:
            return replace(answer, headers={**answer.headers, NOTHING_WRITTEN: "true"})
        return answer

    def _dispatch(self, scope: Scope, headers: Mapping[str, str], raw: bytes) -> Answer:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        path = scope["path"].removesuffix("/")
        if path == _DESCRIPTION:
            _only(method, ["GET"])
            return Answer(description(PROJECT_ENDPOINTS, "/api/projects/{project}/"))
        site = site_of(scope)
        if path in self._capture:
            sent = Sent(method, query_of(scope), headers, raw, site)
            return self._capture.answer(path, sent)
        parts = [unquote(part) for part in _parts(scope)]
        address = _find(parts)
        if address is None and parts != _ME:
            raise not_found("Endpoint not found.")
        with self.store.read() as work:
            actor = asking(work, headers.get("authorization"), site)
            if address is None:
                _only(method, ["GET"])
                return Answer(own_view(work, actor))
            check_project(work, address.project)
            endpoint = address.endpoint(method)
            if endpoint is None:
                return Answer(project_view(work))
            for needed in endpoint.scopes:
                actor.require(needed)
        wants_body = endpoint.body is not None
        return endpoint.answer(
            Call(
                store=self.store,
                events=self.events,
                actor=actor,
                method=method,
                path=address.values,
                query=query_of(scope),
                data=parsed(raw, headers.get("content-type")) if wants_body else {},
                url=site + scope["path"],
                runs=self._runs,
                wake=self._worker.wake if self._worker else _sleep_on,
                client=headers.get("x-posthog-client", ""),
                unless_there=headers.get(UNLESS_THERE) == "true",
            )
        )


def _sleep_on() -> None:
    """Leave a recalculation to the nightly job."""


@dataclass(frozen=True)
class _Address:
    """An address in a project: what is there by verb; nothing is the project itself."""

    project: str
    endpoints: Mapping[str, Endpoint]
    values: Mapping[str, str]

    def endpoint(self, method: str) -> Endpoint | None:
        """Return what answers this verb, None for the project itself, or refuse with 405."""
        if not self.endpoints:
            _only(method, ["GET"])
            return None
        _only(method, self.endpoints)
        return self.endpoints[method]


def _parts(scope: Scope) -> list[str]:
    """Return the segments of the address, still escaped, so that "%2F" is no slash."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    text = raw.split(b"?")[0].decode("latin-1").removesuffix("/")
    return text.split("/")[1:]


def _find(parts: list[str]) -> _Address | None:
    if len(parts) < 3 or parts[0] != "api" or parts[1] not in _PREFIXES or not parts[2]:
        return None
    if len(parts) == 3:
        return _Address(parts[2], {}, {})
    found = _ROUTER.find(parts[3:])
    return None if found is None else _Address(parts[2], *found)


def _only(method: str, allowed: Collection[str]) -> None:
    if method not in allowed:
        refused = refusal(405, "method_not_allowed", f'Method "{method}" not allowed.')
        refused.headers["Allow"] = ", ".join(allowed)
        raise refused


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
