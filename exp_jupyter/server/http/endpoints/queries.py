"""Results and exposures, computed from the events when they are asked for."""

from __future__ import annotations

from typing import Any

from exp_jupyter.schema.requests.bodies import QueryRequest
from exp_jupyter.server.http.endpoint import Answer, Call, Endpoint
from exp_jupyter.server.services.results import queries

_READ = ("query:read",)
_ASIDE = ("async", "force_async", "async_except_on_cache_miss")


def run_query(call: Call) -> Any:
    """Run an ExperimentQuery or an ExperimentExposureQuery, beside the request if it asks so."""
    request = call.body(QueryRequest)
    plan = call.read(lambda work: queries.plan(work, request.query))
    if request.refresh in _ASIDE or request.aside:
        return Answer({"query_status": call.runs.start(plan, request.client_query_id)}, 202)
    return queries.run(plan, call.events)


def look_at_query(call: Call) -> Any:
    """Return how far a query is that runs beside the requests, with its result when it is there."""
    status, found = call.runs.status(call.path["uuid"])
    return Answer({"query_status": found}, status)


def cancel_query(call: Call) -> Any:
    """Call off a query that runs beside the requests."""
    call.runs.cancel(call.path["uuid"])
    return {"message": "Query task revoked"}


ENDPOINTS = (
    Endpoint("POST", "query", run_query, _READ, body=QueryRequest),
    Endpoint("GET", "query/{uuid}", look_at_query, _READ),
    Endpoint("DELETE", "query/{uuid}", cancel_query, _READ),
)
