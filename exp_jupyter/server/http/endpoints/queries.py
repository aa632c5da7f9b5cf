"""Results and exposures, computed from the events when they are asked for."""

from __future__ import annotations

from typing import Any

from exp_jupyter.schema.requests import QueryRequest
from exp_jupyter.server.http.endpoint import Call, Endpoint
from exp_jupyter.server.services import queries


def run_query(call: Call) -> Any:
    """Run an ExperimentQuery or an ExperimentExposureQuery."""
    request = call.body(QueryRequest)
    plan = call.read(lambda work: queries.plan(work, request.query))
    return queries.run(plan, call.events)


ENDPOINTS = (Endpoint("POST", "query", run_query, ("query:read",), body=QueryRequest),)
