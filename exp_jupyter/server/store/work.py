"""One transaction on a project: its tables, its clock and its source of UUIDs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property

from exp_jupyter.server.clock import Clock, read_time, stored_time
from exp_jupyter.server.identity import Identity
from exp_jupyter.server.store.table import Document, Table


class Work:
    """What a service works with: everything in it happens in one transaction, or not at all.

    Attributes
    ----------
    connection
        The SQLite connection, for what the tables cannot say.
    project
        The project: ``id``, ``name``, ``timezone``, ``uuid``, ``settings``.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Clock, identity: Identity) -> None:
        self.connection = connection
        self._clock = clock
        self._identity = identity
        self.people = Table(connection, "people")
        self.flags = Table(connection, "flags")
        self.holdouts = Table(connection, "holdouts")
        self.experiments = Table(connection, "experiments", ("flag_id", "holdout_id"))
        self.saved_metrics = Table(connection, "saved_metrics")
        self.saved_metric_links = Table(
            connection, "saved_metric_links", ("experiment_id", "saved_metric_id")
        )
        self.prompts = Table(connection, "prompts")
        self.actions = Table(connection, "actions")
        self.activity = Table(connection, "activity")
        self.cohorts = Table(connection, "cohorts")
        self.recalculations = Table(connection, "recalculations", ("experiment_id",))
        self.policies = Table(connection, "approval_policies")
        self.change_requests = Table(connection, "change_requests")
        self.votes = Table(connection, "votes", ("change_request_id", "person_id"))
        self._people: dict[int, Document | None] = {}

    def now(self) -> datetime:
        """Return the project's present moment, aware, in UTC."""
        return self._clock.now()

    def stamp(self, *, after: str | None = None) -> str:
        """Return the project's present moment as the store keeps times.

        Parameters
        ----------
        after
            A stored time that must come before, however the machine's clock was set meanwhile.
        """
        now = stored_time(self._clock.now())
        if after is None or now > after:
            return now
        return stored_time(read_time(after) + timedelta(microseconds=1))

    def new_uuid(self) -> str:
        """Return a new UUID."""
        return self._identity.new()

    @cached_property
    def project(self) -> Document:
        """The project itself."""
        document = Table(self.connection, "project").first("TRUE")
        if document is None:
            raise LookupError("the store has no project row")
        return document

    def save_project(self, document: Document) -> None:
        """Replace the project's own document."""
        Table(self.connection, "project").save(document)
        self.__dict__["project"] = document

    def person(self, identifier: int | None) -> Document | None:
        """Return a person, read once per transaction."""
        if identifier is None:
            return None
        if identifier not in self._people:
            self._people[identifier] = self.people.get(identifier)
        return self._people[identifier]

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside when it raises; what happened before stays."""
        self.connection.execute("SAVEPOINT inner_work")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO inner_work")
            self._people.clear()
            raise
        finally:
            self.connection.execute("RELEASE inner_work")
