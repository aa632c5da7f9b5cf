"""Asking for results to be computed again."""

from __future__ import annotations

import contextlib
from typing import Any

from exp_jupyter.schema.requests.bodies import RecalculateMetricsRequest, RecalculateSeriesRequest
from exp_jupyter.server.http.endpoint import Answer, Call, Endpoint
from exp_jupyter.server.jobs.worker import NotWorkingError
from exp_jupyter.server.refusals import refusal
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.results import recalculation
from exp_jupyter.server.store import Document, Work

_AGENT = "mcp"
"""The client that asks for an agent, whatever trigger it names."""

READ, WRITE = ("experiment:read",), ("experiment:write",)


def recalculate_timeseries(call: Call) -> Any:
    """Have the daily results of a metric computed again."""

    def action(work: Work) -> Answer:
        experiments.find(work, call.id)
        request = call.body(RecalculateSeriesRequest)
        job, new = recalculation.request_series(work, call.id, request.metric, request.fingerprint)
        return Answer(recalculation.series_view(job), 201 if new else 200)

    answer = call.write(action)
    with contextlib.suppress(NotWorkingError):  # it waits for whoever opens the project next
        call.wake()
    return answer


def recalculate_metrics(call: Call) -> Any:
    """Have the newest result of every metric computed."""

    def action(work: Work) -> tuple[Document, bool]:
        experiments.find(work, call.id)
        request = call.body(RecalculateMetricsRequest)
        return recalculation.request_metrics(
            work, call.id, "agent_mcp" if call.client == _AGENT else request.trigger
        )

    job, new = call.write(action)
    try:
        call.wake()
    except NotWorkingError:
        call.write(lambda work: recalculation.give_up(work, job))
        raise refusal(
            503,
            "recalculation_scheduling_unavailable",
            "The recalculation could not be scheduled. Try again.",
        ) from None
    return Answer(
        recalculation.metrics_view(job, existing=not new, results=False), 201 if new else 200
    )


def retrieve_metrics(call: Call) -> Any:
    """Return a job that computes metrics."""

    def action(work: Work) -> Any:
        job = recalculation.find_metrics(work, call.id, call.path["job"])
        return recalculation.metrics_view(job, existing=True, results=True)

    return call.read(action)


def latest_metrics(call: Call) -> Any:
    """Return the newest results of an experiment's metrics, and the job at work."""
    return call.read(lambda work: recalculation.latest_metrics(work, call.id))


ENDPOINTS = (
    Endpoint(
        "POST",
        "experiments/{id}/recalculate_timeseries",
        recalculate_timeseries,
        WRITE,
        body=RecalculateSeriesRequest,
        status=201,
    ),
    Endpoint(
        "POST",
        "experiments/{id}/metrics_recalculation",
        recalculate_metrics,
        WRITE,
        body=RecalculateMetricsRequest,
        status=201,
    ),
    Endpoint("GET", "experiments/{id}/metrics_recalculation/latest", latest_metrics, READ),
    Endpoint("GET", "experiments/{id}/metrics_recalculation/{job}", retrieve_metrics, READ),
)
