"""Cohorts: made of those exposed to an experiment, listed, read."""

from __future__ import annotations

from typing import Any

from exp_jupyter.server.http.endpoint import Call, Endpoint
from exp_jupyter.server.services.people import cohorts
from exp_jupyter.server.services.results import queries
from exp_jupyter.server.store import Document, Work

_READ = ("cohort:read",)


def list_cohorts(call: Call) -> Any:
    """List cohorts."""
    limit, offset = call.page

    def action(work: Work) -> tuple[list[Document], int]:
        where = "NOT coalesce(json_extract(doc, '$.deleted'), 0)"
        order = "created_at DESC, id DESC"
        page = work.cohorts.find(where, order=order, limit=limit, offset=offset)
        return [cohorts.view(work, found) for found in page], work.cohorts.count(where)

    return call.paged(*call.read(action))


def retrieve(call: Call) -> Any:
    """Return a cohort."""
    return call.read(lambda work: cohorts.view(work, cohorts.find(work, call.id)))


def create_exposure_cohort(call: Call) -> Any:
    """Make a cohort of the persons who have been exposed to an experiment by now."""

    def asked(work: Work) -> list[int]:
        experiment = cohorts.without_cohort(work, call.id)
        return cohorts.exposed(call.events, queries.spec_of(work, experiment), work)

    # They are looked for before the write, so that nobody waits for the search.
    persons = call.read(asked)

    def action(work: Work) -> Document:
        made = cohorts.create_for_exposure(work, call.actor, call.id, persons)
        return {"cohort": cohorts.view(work, made)}

    return call.write(action)


ENDPOINTS = (
    Endpoint("GET", "cohorts", list_cohorts, _READ, query=("limit", "offset")),
    Endpoint("GET", "cohorts/{id}", retrieve, _READ),
    Endpoint(
        "POST",
        "experiments/{id}/create_exposure_cohort_for_experiment",
        create_exposure_cohort,
        ("experiment:write",),
        status=201,
    ),
)
