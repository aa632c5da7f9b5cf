"""Events on their way in: whatever arrives at the same time is written as one part."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from exp_jupyter.server.events.columns import person_number
from exp_jupyter.server.events.event_store import EventStore
from exp_jupyter.server.services.people import capture
from exp_jupyter.server.services.people.capture import Captured
from exp_jupyter.server.store import ProjectStore

_MOST_AT_ONCE = 50_000


class _Arrival:
    def __init__(self, events: Sequence[Captured]) -> None:
        self.events = events
        self.done = False
        self.failure: BaseException | None = None


class Intake:
    """Writes captured events so that who was told "taken" can rely on it.

    Many applications send small batches at once, and a part on the disk costs the same for few
    events as for many. So one thread writes what all of them brought, and they wait for it.

    Parameters
    ----------
    store, events
        The project.
    """

    def __init__(self, store: ProjectStore, events: EventStore) -> None:
        self._store = store
        self._events = events
        self._waiting: list[_Arrival] = []
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def take(self, events: Sequence[Captured]) -> None:
        """Return when the events are in the store; an event that is there already is not repeated.

        Raises
        ------
        exp_jupyter.errors.StoreError
            They could not be written; nothing of them is there, or all are and only what they say
            about persons is not. Sending them again puts that right.
        """
        if not events:
            return
        mine = _Arrival(events)
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            if not mine.done:
                self._write_waiting(mine)
        if mine.failure is not None:
            raise mine.failure

    def _write_waiting(self, mine: _Arrival) -> None:
        with self._lock:
            self._waiting.remove(mine)
            chosen, left = [mine], list[_Arrival]()
            count = len(mine.events)
            for arrival in self._waiting:
                count += len(arrival.events)
                (chosen if count <= _MOST_AT_ONCE else left).append(arrival)
            self._waiting = left
        failure: BaseException | None = None
        try:
            self._write([event for arrival in chosen for event in arrival.events])
        except BaseException as error:
            failure = error
            raise
        finally:
            for arrival in chosen:
                arrival.done, arrival.failure = True, failure

    def _write(self, events: Sequence[Captured]) -> None:
        once = {event.row["uuid"]: event for event in events}
        times = [event.row["timestamp"] for event in once.values()]
        there = self._events.known(list(once), since=min(times), until=max(times))
        fresh = [event for uuid, event in once.items() if uuid not in there]
        named = capture.group_types_in(fresh)
        kinds: tuple[str, ...] = ()
        if named:
            with self._store.read() as work:
                kinds = capture.group_types(work)
            if not set(named) <= set(kinds):
                with self._store.write() as work:
                    kinds = capture.learn_group_types(work, named)
        self._events.append([capture.with_groups(event, kinds) for event in fresh])
        merges = [event.merge for event in events if event.merge]
        if merges:
            self._events.listed.identify(
                (person_number(merge.gone), person_number(merge.remaining), merge.forced)
                for merge in merges
            )
