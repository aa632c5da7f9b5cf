"""Static cohorts: the persons who were exposed to an experiment when somebody asked for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import invalid, not_found
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.experiments import writes as experiment_writes
from exp_jupyter.server.services.people.people import Actor, basic_view
from exp_jupyter.server.store import Document, Work

if TYPE_CHECKING:
    from exp_jupyter.analysis.definition.experiment import ExperimentSpec
    from exp_jupyter.server.events.event_store import EventStore


def find(work: Work, identifier: int) -> Document:
    """Return a cohort, or refuse with 404."""
    cohort = work.cohorts.get(identifier)
    if cohort is None or cohort.get("deleted"):
        raise not_found()
    return cohort


def without_cohort(work: Work, identifier: int) -> Document:
    """Return an experiment that may get an exposure cohort, or refuse with 400."""
    experiment = experiments.find(work, identifier)
    if not experiment["start_date"]:
        raise invalid("Experiment does not have a start date")
    if experiment["exposure_cohort"] is not None:
        raise invalid("Experiment already has an exposure cohort")
    return experiment


def exposed(events: EventStore, spec: ExperimentSpec, work: Work) -> list[int]:
    """Return the persons who have been exposed to an experiment by now.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        The exposure criteria cannot be computed.
    """
    from exp_jupyter.analysis.results.exposures import exposed_persons

    try:
        with events.cursor() as cursor:
            found = exposed_persons(events.source(cursor), spec, work.now())
    except InputError as error:
        raise invalid(error.message) from error
    return [int(person) for person in found]


def create_for_exposure(
    work: Work, actor: Actor, identifier: int, persons: Iterable[int]
) -> Document:
    """Make the cohort of these persons the exposure cohort of an experiment."""
    experiment = without_cohort(work, identifier)
    cohort = create(work, actor, f'Users exposed to experiment "{experiment["name"]}"', persons)
    experiment_writes.changed(
        work, actor, experiment, {**experiment, "exposure_cohort": cohort["id"]}
    )
    return cohort


def create(work: Work, actor: Actor, name: str, persons: Iterable[int]) -> Document:
    """Make a static cohort of persons."""
    members = sorted(set(persons))
    cohort = work.cohorts.add(
        {
            "name": name,
            "description": "",
            "count": len(members),
            "created_by": actor.id,
            "created_at": work.stamp(),
        }
    )
    work.connection.executemany(
        "INSERT INTO cohort_members (cohort_id, person_id) VALUES (?, ?)",
        [(cohort["id"], person) for person in members],
    )
    return cohort


def soft_delete(work: Work, identifier: int) -> None:
    """Put a cohort away, if there is one; its members are kept."""
    cohort = work.cohorts.get(identifier)
    if cohort is not None:
        work.cohorts.save({**cohort, "deleted": True})


def numbers(work: Work) -> set[int]:
    """Return the ids of all cohorts."""
    return {int(number) for (number,) in work.connection.execute("SELECT id FROM cohorts")}


def members(work: Work, identifier: int) -> list[int]:
    """Return the members of a cohort as the persons they are now."""
    rows = work.connection.execute(
        "SELECT DISTINCT coalesce(o.person_id, m.person_id) FROM cohort_members AS m "
        "LEFT JOIN person_overrides AS o ON o.old_person_id = m.person_id "
        "WHERE m.cohort_id = ? ORDER BY 1",
        [identifier],
    )
    return [int(person) for (person,) in rows]


def memberships(work: Work, person: int) -> dict[int, bool]:
    """Return every cohort there is, and whether a person is in it.

    Parameters
    ----------
    person
        Who they are now; whoever turned out to be them was a member for them.
    """
    there = numbers(work)
    if not there:
        return {}
    rows = work.connection.execute(
        "SELECT cohort_id FROM cohort_members WHERE person_id = ? OR person_id IN "
        "(SELECT old_person_id FROM person_overrides WHERE person_id = ?)",
        [person, person],
    )
    inside = {int(cohort) for (cohort,) in rows}
    return {cohort: cohort in inside for cohort in there}


def view(work: Work, cohort: Document) -> dict[str, Any]:
    """Return a cohort as the API shows it."""
    users = work.experiments.find(
        "json_extract(doc, '$.exposure_cohort') = ? AND NOT deleted", [cohort["id"]]
    )
    return {
        "id": cohort["id"],
        "name": cohort["name"],
        "description": cohort["description"],
        "groups": [],
        "deleted": bool(cohort.get("deleted")),
        "filters": {"properties": {"type": "OR", "values": []}},
        "query": None,
        "is_calculating": False,
        "created_by": basic_view(work.person(cohort["created_by"])),
        "created_at": wire_time(cohort["created_at"]),
        "last_calculation": wire_time(cohort["created_at"]),
        "errors_calculating": 0,
        "count": cohort["count"],
        "is_static": True,
        "cohort_type": "static",
        "experiment_set": [experiment["id"] for experiment in users],
    }
