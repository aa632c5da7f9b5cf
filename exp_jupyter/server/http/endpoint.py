"""One address of the API: what it needs, what runs, what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import ValidationError

from exp_jupyter.schema.requests.bodies import Request
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.jobs.query_runs import QueryRuns
from exp_jupyter.server.refusals import from_validation, not_found
from exp_jupyter.server.services.approvals.gate import perform
from exp_jupyter.server.services.people.people import Actor
from exp_jupyter.server.store import Document, ProjectStore, Work

T = TypeVar("T")
R = TypeVar("R", bound=Request)

PAGE = 100
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Answer:
    """What goes back: a status and JSON; None is an empty body."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request, after the key and the project were found good.

    Attributes
    ----------
    store, events
        The project.
    actor
        Who asks.
    path
        The address' variable parts, as text.
    query
        The query string; of a name given twice, the last.
    data
        The body's JSON; an empty object when there is none.
    url
        The request's own address without its query.
    runs
        The queries that run beside the requests.
    wake
        To be called after a recalculation was asked for: somebody may be waiting to do it.
    client
        What the request calls the program that sends it, in ``X-PostHog-Client``.
    unless_there
        Whether nothing is to be made where its like is there already.
    """

    store: ProjectStore
    events: EventStore
    actor: Actor
    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    data: Any
    url: str
    runs: QueryRuns
    wake: Callable[[], None] = lambda: None
    client: str = ""
    unless_there: bool = False

    @property
    def id(self) -> int:
        """The number in the address; text that is none is an unknown thing."""
        text = self.path["id"]
        known = text.isascii() and text.isdigit() and len(text) <= 19
        if not known or int(text) > _LARGEST_ID:
            raise not_found()
        return int(text)

    def body(self, kind: type[R]) -> R:
        """Return the checked body, or refuse with its first error."""
        try:
            return kind.model_validate(self.data)
        except ValidationError as error:
            raise from_validation(error) from None

    def read(self, action: Callable[[Work], T]) -> T:
        """Run ``action`` on one unchanging view of the project."""
        with self.store.read() as work:
            return action(work)

    def write(self, action: Callable[[Work], T]) -> T:
        """Run ``action`` in one transaction, behind the approval gate."""
        return perform(self.store, action)

    @property
    def page(self) -> tuple[int, int]:
        """The ``limit`` and ``offset`` asked for; what is none of these is the default."""
        return _counting(self.query.get("limit")) or PAGE, _counting(self.query.get("offset"))

    def paged(self, results: list[Document], count: int) -> Document:
        """Return a page with the links to its neighbours."""
        limit, offset = self.page
        return {
            "count": count,
            "next": self._link(limit, offset + limit) if offset + limit < count else None,
            "previous": self._link(limit, max(offset - limit, 0)) if offset > 0 else None,
            "results": results,
        }

    def number(self, name: str, default: int) -> int:
        """Return a count that the query names; ``default`` for none, or for what is no count."""
        return _counting(self.query.get(name)) or default

    def numbered_page(self, results: list[Document], count: int, limit: int, page: int) -> Document:
        """Return a page of a list whose pages are counted from 1, with links to its neighbours."""

        def link(number: int) -> str:
            return f"{self.url}?{urlencode({**self.query, 'limit': limit, 'page': number})}"

        return {
            "results": results,
            "next": link(page + 1) if page * limit < count else None,
            "previous": link(page - 1) if page > 1 else None,
            "total_count": count,
        }

    def _link(self, limit: int, offset: int) -> str:
        kept = {key: value for key, value in self.query.items() if key not in ("limit", "offset")}
        kept["limit"] = str(limit)
        if offset:
            kept["offset"] = str(offset)
        return f"{self.url}?{urlencode(kept)}"


def _counting(text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdigit():
        return 0
    return min(int(text[:19]), _LARGEST_ID)


@dataclass(frozen=True)
class Endpoint:
    """An address and what it does.

    Attributes
    ----------
    method, path
        The verb, and the address below the project with ``{names}`` for its variable parts.
    run
        Gets the call and returns the answer, or the body of a plain success.
    scopes
        What the key must allow; all of them.
    body
        The class of the body, for the description; the address reads it itself.
    status
        The status of a plain success.
    query
        Names of the query parameters it knows, for the description.
    """

    method: str
    path: str
    run: Callable[[Call], Any]
    scopes: tuple[str, ...]
    body: type[Request] | None = None
    status: int = 200
    query: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """The first line of the description of what runs."""
        return (self.run.__doc__ or "").strip().split("\n")[0]

    def answer(self, call: Call) -> Answer:
        """Run the endpoint."""
        result = self.run(call)
        return result if isinstance(result, Answer) else Answer(result, self.status)
