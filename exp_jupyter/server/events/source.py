"""The project's events for the analysis, with the members of its cohorts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from exp_jupyter.server.services.people import cohorts
from exp_jupyter.server.store import ProjectStore
from exp_jupyter.warehouse.sql.event_source import EventSource

MEMBERS = "exp_jupyter_cohort_members"
"""The temporary table with the members that were asked for."""


@dataclass(frozen=True)
class ProjectSource(EventSource):
    """Events of a project, whose cohorts are brought to the engine when a condition names them.

    Parameters
    ----------
    store
        The project.

    Notes
    -----
    The other parameters are ``EventSource``'s.
    """

    store: ProjectStore | None = field(default=None, repr=False)
    cohorts: str | None = MEMBERS

    def known_cohorts(self, wanted: int) -> set[int]:
        """Return the cohorts there are; the members of the wanted one are in the engine then."""
        if self.store is not None and wanted not in self._known:
            with self.store.read() as work:
                there = cohorts.numbers(work)
                members = cohorts.members(work, wanted)
            if wanted not in there:
                return there
            self._bring(wanted, members)
            self._known.add(wanted)
        return self._known

    def _bring(self, cohort: int, members: list[int]) -> None:
        drawn = f"{MEMBERS}_drawn"
        columns = {"person_id": np.array(members, dtype=np.int64)}
        self.connection.register(drawn, columns)
        try:
            self.connection.execute(
                f"CREATE TEMP TABLE IF NOT EXISTS {MEMBERS} (person_id BIGINT, cohort_id BIGINT)"
            )
            self.connection.execute(
                f"INSERT INTO {MEMBERS} SELECT person_id, ? FROM {drawn}",  # noqa: S608 - constants
                [cohort],
            )
        finally:
            self.connection.unregister(drawn)
