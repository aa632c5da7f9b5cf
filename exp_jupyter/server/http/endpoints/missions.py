"""Planning, choosing and watching: the addresses a data scientist's session lives by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from exp_jupyter.schema.requests.bodies import (
    PromptExperimentRequest,
    RunningTimeRequest,
    SetupContextRequest,
)
from exp_jupyter.server.http.endpoint import Call, Endpoint
from exp_jupyter.server.jobs import nightly as daily
from exp_jupyter.server.services import listing
from exp_jupyter.server.services.experiments import from_prompt as prompt_experiments
from exp_jupyter.server.services.experiments import lifecycle
from exp_jupyter.server.services.experiments import view as experiment_view
from exp_jupyter.server.services.planning import overview, sizing
from exp_jupyter.server.services.planning import setup_context as setup_contexts
from exp_jupyter.server.services.results import series

READ, WRITE = ("experiment:read",), ("experiment:write",)


def timeseries_results(call: Call) -> Any:
    """Return the daily results of one metric."""
    metric, fingerprint = (call.query.get(name, "") for name in ("metric_uuid", "fingerprint"))
    daily.catch_up(call.store, call.events, call.id, metric, fingerprint)
    return call.read(lambda work: series.timeseries(work, call.id, call.query))


def unarchive(call: Call) -> Any:
    """Bring an archived experiment back."""
    return call.write(
        lambda work: experiment_view.full(work, lifecycle.unarchive(work, call.actor, call.id))
    )


def calculate_running_time(call: Call) -> Any:
    """Return the sample size and running time that a test needs."""
    return sizing.calculate(call.body(RunningTimeRequest))


def create_from_prompt(call: Call) -> Any:
    """Make a draft that compares versions of a prompt."""
    request = call.body(PromptExperimentRequest)
    return call.write(
        lambda work: experiment_view.full(
            work, prompt_experiments.create(work, call.actor, request)
        )
    )


def eligible_feature_flags(call: Call) -> Any:
    """List the flags that an experiment may be linked to."""
    return call.read(lambda work: listing.eligible_flags(work, call.query))


def prompt_templates(call: Call) -> Any:
    """List the metric templates for prompt experiments."""
    del call
    return prompt_experiments.template_views()


def requires_flag_implementation(call: Call) -> Any:
    """Tell whether recent events lack any sign of feature flags."""
    names, limit = call.read(lambda work: overview.sampled_events(work, call.query))
    until = call.store.clock.now() + timedelta(microseconds=1)
    since = until - overview.SAMPLE_WINDOW
    carried = any(
        overview.carries_flag(properties)
        for name in names
        for properties in call.events.sample_properties(name, limit=limit, since=since, until=until)
    )
    return {"result": not carried}


def stats(call: Call) -> Any:
    """Count the experiments of the last months."""
    return call.read(overview.stats)


def setup_context(call: Call) -> Any:
    """Return what to know of the project before an experiment is set up."""
    request = call.body(SetupContextRequest)
    stored = call.read(lambda work: setup_contexts.of_store(work, request))
    counted = setup_contexts.of_events(call.events, call.store.clock.now(), request)
    order = (
        "team_defaults",
        "sdk_profile",
        "target_surface",
        "candidate_metric",
        "previous_experiments",
        "shared_metrics",
    )
    return {name: {**stored, **counted}[name] for name in order}


_ELIGIBLE = (
    "limit",
    "offset",
    "search",
    "active",
    "created_by_id",
    "order",
    "evaluation_runtime",
    "has_evaluation_contexts",
)

ENDPOINTS = (
    Endpoint(
        "GET",
        "experiments/{id}/timeseries_results",
        timeseries_results,
        READ,
        query=("metric_uuid", "fingerprint"),
    ),
    Endpoint("POST", "experiments/{id}/unarchive", unarchive, WRITE),
    Endpoint(
        "POST",
        "experiments/calculate_running_time",
        calculate_running_time,
        READ,
        body=RunningTimeRequest,
    ),
    Endpoint(
        "POST",
        "experiments/create_from_prompt",
        create_from_prompt,
        ("experiment:write", "llm_prompt:read"),
        body=PromptExperimentRequest,
        status=201,
    ),
    Endpoint(
        "GET",
        "experiments/eligible_feature_flags",
        eligible_feature_flags,
        ("feature_flag:read",),
        query=_ELIGIBLE,
    ),
    Endpoint("GET", "experiments/prompt_templates", prompt_templates, READ),
    Endpoint(
        "GET",
        "experiments/requires_flag_implementation",
        requires_flag_implementation,
        READ,
        query=("events", "actions", "limit"),
    ),
    Endpoint("GET", "experiments/stats", stats, READ),
    Endpoint(
        "POST",
        "experiments/setup_context",
        setup_context,
        ("experiment:read", "experiment_saved_metric:read", "query:read"),
        body=SetupContextRequest,
    ),
)
