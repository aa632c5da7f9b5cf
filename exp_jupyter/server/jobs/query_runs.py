"""Queries that are computed beside the requests: asked for once, then looked at, or called off."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from exp_jupyter.server.clock import stored_time, wire_time
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.refusals import Refusal, not_found, refusal
from exp_jupyter.server.services.results import queries
from exp_jupyter.server.store import Document, ProjectStore

if TYPE_CHECKING:
    import duckdb

_LOG = logging.getLogger("exp_jupyter.server")
_KEPT = 64
_AGAIN = 0.02
"""Seconds between two interrupts of a query that was called off."""


class _Run:
    def __init__(self, status: Document) -> None:
        self.status = status
        self.refused = 200
        self.cancelled = False
        self.cursor: duckdb.DuckDBPyConnection | None = None
        self.ended = threading.Event()


class QueryRuns:
    """The queries that run beside the requests, and the last ones that are done.

    They are kept in memory: a query that was lost with its process is asked again.

    Parameters
    ----------
    store, events
        The project.
    """

    def __init__(self, store: ProjectStore, events: EventStore) -> None:
        self._store = store
        self._events = events
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def start(self, plan: queries.Plan, identifier: str | None = None) -> Document:
        """Begin a query and return its status; one that runs under this name is not begun again.

        Parameters
        ----------
        plan
            The query.
        identifier
            The name the caller gives it; a UUID by default.
        """
        with self._store.read() as work:
            name = identifier or work.new_uuid()
            began = wire_time(work.stamp())
            team = work.project["id"]
        with self._lock:
            known = self._runs.get(name)
            if known is not None and not known.status["complete"]:
                return dict(known.status)
            run = _Run(
                {
                    "id": name,
                    "team_id": team,
                    "query_async": True,
                    "complete": False,
                    "error": False,
                    "error_message": None,
                    "results": None,
                    "start_time": began,
                    "end_time": None,
                }
            )
            self._runs[name] = run
            self._runs.move_to_end(name)
            self._forget()
            if self._pool is None:
                self._pool = ThreadPoolExecutor(2, thread_name_prefix="exp-jupyter-query")
            pool = self._pool
        pool.submit(self._compute, run, plan)
        return dict(run.status)

    def status(self, identifier: str) -> tuple[int, Document]:
        """Return the HTTP status that a query has come to, and its own status."""
        with self._lock:
            run = self._runs.get(identifier)
            if run is None:
                raise not_found(f"Query {identifier[:80]} not found")
            status = dict(run.status)
            return (run.refused if status["complete"] else 202), status

    def cancel(self, identifier: str) -> None:
        """Call a query off; one that is done stays as it is."""
        with self._lock:
            run = self._runs.get(identifier)
            if run is None:
                raise not_found(f"Query {identifier[:80]} not found")
            if run.status["complete"]:
                return
            if run.cancelled:
                return
            run.cancelled = True
        threading.Thread(
            target=self._interrupt, args=(run,), name="exp-jupyter-cancel", daemon=True
        ).start()

    def _interrupt(self, run: _Run) -> None:
        """Interrupt a query until it has ended: an interrupt between two statements is lost."""
        import duckdb

        while not run.ended.wait(_AGAIN):
            with self._lock:
                cursor = run.cursor
            if cursor is not None:
                with contextlib.suppress(duckdb.Error):  # it has just been closed
                    cursor.interrupt()

    def _forget(self) -> None:
        done = [name for name, run in self._runs.items() if run.status["complete"]]
        for name in done[: max(len(self._runs) - _KEPT, 0)]:
            del self._runs[name]
        if len(self._runs) > _KEPT:
            self._runs.popitem()
            raise refusal(429, "throttled", "Too many queries are running.", kind="throttled_error")

    def _compute(self, run: _Run, plan: queries.Plan) -> None:
        outcome: Document = {"error": True}
        refused = 400
        try:
            if not run.cancelled:
                answer = queries.run(plan, self._events, lending=self._lending(run))
                outcome, refused = {"results": answer}, 200
        except Refusal as error:
            outcome["error_message"] = error.message
        except Exception:  # noqa: BLE001 - whatever fails, whoever asks gets an answer
            if not run.cancelled:
                _LOG.exception("a query failed")
                outcome["error_message"], refused = "A server error occurred.", 500
        if run.cancelled:
            outcome, refused = {"error": True, "error_message": "The query was cancelled."}, 400
        with self._store.read() as work:
            ended = wire_time(stored_time(work.now()))
        with self._lock:
            run.cursor = None
            run.status = {**run.status, **outcome, "complete": True, "end_time": ended}
            run.refused = refused
        run.ended.set()

    def _lending(self, run: _Run) -> Callable[[duckdb.DuckDBPyConnection], None]:
        def lend(cursor: duckdb.DuckDBPyConnection) -> None:
            with self._lock:
                run.cursor = cursor

        return lend
