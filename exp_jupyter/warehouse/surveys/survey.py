"""What is in the events before they are analysed: their names, their span, the variants seen."""

# ruff: noqa: S608 - names are quoted and every value is bound; see `Parameters`
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from exp_jupyter.warehouse.events.fold import filled
from exp_jupyter.warehouse.request.days import EPOCH, Days
from exp_jupyter.warehouse.request.population import Population
from exp_jupyter.warehouse.sql.conditions import all_of
from exp_jupyter.warehouse.sql.event_source import EventSource
from exp_jupyter.warehouse.sql.properties import Parameters, PropertyReader


@dataclass(frozen=True)
class Survey:
    """What the events hold.

    Attributes
    ----------
    events
        Rows by the event's name, the most frequent first.
    first, last
        The earliest and the latest timestamp; None without rows.
    without_person, without_timestamp
        Rows that nobody can be credited with, or that no day holds; they do not count.
    """

    events: dict[str, int]
    first: datetime | None
    last: datetime | None
    without_person: int = 0
    without_timestamp: int = 0

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.events.values())


@dataclass(frozen=True)
class Response:
    """One variant that exposures name.

    Attributes
    ----------
    rows
        Exposures that name it, at any time.
    inside
        Those inside the window.
    """

    rows: int
    inside: int


def survey(source: EventSource, since: datetime | None = None) -> Survey:
    """Count the events by name, in one statement.

    Parameters
    ----------
    source
        The events.
    since
        Look only at what is not earlier.

    Examples
    --------
    >>> from exp_jupyter.warehouse.sources.open_events import event_source
    >>> table = {"event": ["a", "a"], "person_id": [1, None], "timestamp": ["2026-03-02"] * 2}
    >>> with event_source(table) as source:
    ...     found = survey(source)
    >>> found.events, found.without_person, found.last.isoformat()
    ({'a': 2}, 1, '2026-03-02T00:00:00+00:00')
    """
    parameters = Parameters()
    reader = PropertyReader(source, parameters)
    event, person, moment = (
        reader.column(name) for name in (source.event, source.person_id, source.timestamp)
    )
    where = ""
    if since is not None:
        where = f" WHERE {moment} >= {reader.bound(since)}"
    rows = source.rows(
        f"SELECT {event} AS name, COUNT(*) AS n, COUNT({person}) AS known, "
        f"COUNT({moment}) AS timed, MIN(epoch_us({moment})) AS low, "
        f"MAX(epoch_us({moment})) AS high FROM {source.relation} AS e{where} GROUP BY {event}",
        parameters.values,
    )
    n = filled(rows["n"], 0).astype(np.int64)
    order = sorted(range(n.size), key=lambda i: (-int(n[i]), str(rows["name"][i])))
    named = np.ma.getmaskarray(rows["name"])
    timed = filled(rows["timed"], 0).astype(np.int64)
    return Survey(
        events={str(rows["name"][i]): int(n[i]) for i in order if not named[i]},
        first=_moment(min((int(rows["low"][i]) for i in order if timed[i]), default=None)),
        last=_moment(max((int(rows["high"][i]) for i in order if timed[i]), default=None)),
        without_person=int((n - filled(rows["known"], 0)).sum()),
        without_timestamp=int((n - timed).sum()),
    )


def responses(source: EventSource, population: Population, days: Days) -> dict[str, Response]:
    """Return what exposures name as their variant, the most frequent first.

    Parameters
    ----------
    source
        The events.
    population
        Whose exposure event, flag and filters count; its variants do not matter.
    days
        The window.
    """
    parameters = Parameters()
    reader = PropertyReader(source, parameters)
    test = f"{reader.column(source.event)} = {parameters.bind(population.exposure_event)}"
    if population.default_event:
        test += f" AND {reader.text('$feature_flag')} = {parameters.bind(population.flag_key)}"
    config = population.criteria.exposure_config
    more = all_of((config.properties if config else ()) or (), reader, "The exposure")
    moment = reader.column(source.timestamp)
    first, last = reader.bound(days.start), reader.bound(days.stop)
    rows = source.rows(
        "SELECT v, COUNT(*) AS n, SUM(inside) AS inside FROM (SELECT "
        f"{reader.text(population.variant_property)} AS v, "
        f"CASE WHEN {moment} >= {first} AND {moment} <= {last} THEN 1 ELSE 0 END AS inside "
        f"FROM {source.relation} AS e{reader.joins(more)} WHERE {test} AND {more}) AS r GROUP BY v",
        parameters.values,
    )
    hidden = np.ma.getmaskarray(rows["v"])
    counted = [
        (
            "" if hidden[i] else str(rows["v"][i]),
            Response(int(filled(rows["n"], 0)[i]), int(filled(rows["inside"], 0)[i])),
        )
        for i in range(len(hidden))
    ]
    return dict(sorted(counted, key=lambda item: (-item[1].rows, item[0])))


def flags(source: EventSource, event: str) -> list[str]:
    """Return the flags that exposures name."""
    parameters = Parameters()
    reader = PropertyReader(source, parameters)
    rows = source.rows(
        f"SELECT DISTINCT {reader.text('$feature_flag')} AS v FROM {source.relation} AS e "
        f"WHERE {reader.column(source.event)} = {parameters.bind(event)}",
        parameters.values,
    )
    mask = np.ma.getmaskarray(rows["v"])
    return sorted(str(v) for v, gone in zip(rows["v"], mask, strict=True) if not gone)


def _moment(us: int | None) -> datetime | None:
    return None if us is None else EPOCH + timedelta(microseconds=us)


def variants_of(seen: Mapping[str, Response]) -> tuple[str, ...]:
    """Return the variants among what exposures name, in order of their names.

    ``false`` and nothing say that the flag was off, ``holdout-…`` that the unit was held out.

    Examples
    --------
    >>> variants_of({"test": Response(5, 5), "false": Response(9, 9), "control": Response(4, 4)})
    ('control', 'test')
    """
    off = {"", "false"}
    return tuple(
        sorted(
            key
            for key, found in seen.items()
            if found.inside and key not in off and not key.startswith("holdout-")
        )
    )
