"""Experiments: listed, read, made, changed, and moved through their life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exp_jupyter.schema.requests.bodies import (
    ArchiveRequest,
    BulkTagsRequest,
    CopyRequest,
    DuplicateRequest,
    EndRequest,
    ExperimentCreate,
    ExperimentUpdate,
    ShipRequest,
)
from exp_jupyter.server.http.endpoint import Answer, Call, Endpoint
from exp_jupyter.server.refusals import forbidden, invalid, not_found
from exp_jupyter.server.services import activity, listing, tags
from exp_jupyter.server.services.experiments import copies, lifecycle
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.experiments import view as experiment_view
from exp_jupyter.server.services.people import cohorts
from exp_jupyter.server.services.people.people import ADMIN
from exp_jupyter.server.services.results import queries
from exp_jupyter.server.store import Document, Work

READ, WRITE = ("experiment:read",), ("experiment:write",)


def _written(call: Call, action: Callable[[Work], Document]) -> Any:
    """Run a write on an experiment and return the whole experiment."""
    return call.write(lambda work: experiment_view.full(work, action(work)))


def _made(call: Call, action: Callable[[Work], Document]) -> Any:
    """Make an experiment; where that was asked for, not a second one of its name and flag."""

    def alone(work: Work) -> Document:
        experiment = action(work)
        if call.unless_there:
            experiments.refuse_twin(work, experiment)  # and with it all that was just made
        return experiment

    return _written(call, alone)


def list_experiments(call: Call) -> Any:
    """List experiments."""
    limit, offset = call.page
    return call.paged(*call.read(lambda work: listing.experiments(work, call.query, limit, offset)))


def retrieve(call: Call) -> Any:
    """Return an experiment."""
    return call.read(lambda work: experiment_view.full(work, experiments.find(work, call.id)))


def create(call: Call) -> Any:
    """Make an experiment."""
    fields = call.body(ExperimentCreate).given()
    return _made(call, lambda work: experiments.create(work, call.actor, fields))


def update(call: Call) -> Any:
    """Change an experiment."""

    def action(work: Work) -> Document:
        experiments.find(work, call.id, deleted=True)
        fields = call.body(ExperimentUpdate).given()
        return experiments.update(work, call.actor, call.id, fields)

    return _written(call, action)


def replace(call: Call) -> Any:
    """Change an experiment, its name and flag key included."""

    def action(work: Work) -> Document:
        experiments.find(work, call.id, deleted=True)
        fields = call.body(ExperimentCreate).given()
        return experiments.update(work, call.actor, call.id, fields)

    return _written(call, action)


def refuse_delete(call: Call) -> Any:
    """Refuse: an experiment is soft-deleted by PATCH."""
    del call
    return Answer(status=405)


def launch(call: Call) -> Any:
    """Start a draft."""
    return _written(call, lambda work: lifecycle.launch(work, call.actor, call.id))


def pause(call: Call) -> Any:
    """Switch a running experiment's flag off."""
    return _written(call, lambda work: lifecycle.pause(work, call.actor, call.id))


def resume(call: Call) -> Any:
    """Switch a paused experiment's flag on."""
    return _written(call, lambda work: lifecycle.resume(work, call.actor, call.id))


def end(call: Call) -> Any:
    """End a launched experiment."""

    def action(work: Work) -> Document:
        experiments.find(work, call.id)
        request = call.body(EndRequest)
        _refuse_cleanup(call, request)
        return lifecycle.end(
            work, call.actor, call.id, request.conclusion, request.conclusion_comment
        )

    return _written(call, action)


def ship_variant(call: Call) -> Any:
    """Give everybody one variant, and end the experiment."""

    def action(work: Work) -> Document:
        experiments.find(work, call.id)
        request = call.body(ShipRequest)
        _refuse_cleanup(call, request)
        return lifecycle.ship(
            work,
            call.actor,
            call.id,
            request.variant_key,
            to_everyone=request.release_to_everyone,
            conclusion=request.conclusion,
            comment=request.conclusion_comment,
        )

    return _written(call, action)


def flag_cleanup_task(call: Call) -> Any:
    """Refuse: no task was opened that cleans up a flag's code."""
    call.read(lambda work: experiments.find(work, call.id))
    raise not_found()


def flag_cleanup_target(call: Call) -> Any:
    """Return the repository whose code a cleanup would change: none is connected here."""
    call.read(lambda work: experiments.find(work, call.id))
    return {"repository": None, "source": "no_integration", "candidates": []}


def _refuse_cleanup(call: Call, request: EndRequest) -> None:
    if request.open_cleanup_pr:
        call.actor.require("task:write")
        if request.set_repository_as_team_default and call.actor.level < ADMIN:
            raise forbidden("Only a project admin may set the project's default repository.")
        raise invalid(
            "This project cannot open pull requests; clean the code up by hand.",
            attr="open_cleanup_pr",
        )


def archive(call: Call) -> Any:
    """Put an ended experiment away."""

    def action(work: Work) -> Document:
        experiments.find(work, call.id)
        request = call.body(ArchiveRequest)
        return lifecycle.archive(
            work, call.actor, call.id, disable_flag=request.disable_feature_flag
        )

    return _written(call, action)


def reset(call: Call) -> Any:
    """Make a launched experiment a draft again."""
    return _written(call, lambda work: lifecycle.reset(work, call.actor, call.id))


def duplicate(call: Call) -> Any:
    """Copy an experiment into a draft."""

    def action(work: Work) -> Document:
        experiments.find(work, call.id)
        request = call.body(DuplicateRequest)
        return copies.duplicate(
            work, call.actor, call.id, flag_key=request.feature_flag_key, name=request.name
        )

    return _made(call, action)


def copy_to_project(call: Call) -> Any:
    """Copy an experiment into a project."""

    def action(work: Work) -> Document:
        experiments.find(work, call.id)
        request = call.body(CopyRequest)
        return copies.copy_to_project(
            work,
            call.actor,
            call.id,
            target=request.target_team_id,
            flag_key=request.feature_flag_key,
            name=request.name,
        )

    return _made(call, action)


def list_matching_ids(call: Call) -> Any:
    """Return the numbers of all experiments that a list's filters leave."""
    return call.read(lambda work: listing.matching_ids(work, call.query))


def bulk_update_tags(call: Call) -> Any:
    """Change the tags of several experiments."""
    request = call.body(BulkTagsRequest)
    return call.write(
        lambda work: tags.update_many(work, call.actor, request.ids, request.action, request.tags)
    )


def list_activity(call: Call) -> Any:
    """List what happened to an experiment, newest first."""
    limit = call.number("limit", activity.PAGE)
    page = call.number("page", 1)

    def action(work: Work) -> Document:
        experiment = experiments.find(work, call.id)
        found, count = activity.of_experiment(work, call.actor, experiment, limit=limit, page=page)
        return call.numbered_page(found, count, limit, page)

    return call.read(action)


def freeze_exposure(call: Call) -> Any:
    """Let nobody new into a running experiment."""

    def asked(work: Work) -> list[int]:
        experiment = lifecycle.freezable(work, call.id)
        return cohorts.exposed(call.events, queries.spec_of(work, experiment), work)

    # They are looked for before the write, so that nobody waits for the search.
    exposed = call.read(asked)
    return _written(
        call, lambda work: lifecycle.freeze_exposure(work, call.actor, call.id, exposed)
    )


def unfreeze_exposure(call: Call) -> Any:
    """Let people into a frozen experiment again."""
    return _written(call, lambda work: lifecycle.unfreeze_exposure(work, call.actor, call.id))


_LIST = (
    "status",
    "archived",
    "feature_flag_id",
    "created_by_id",
    "search",
    "prompt_name",
    "event",
    "tags",
    "excluded_tags",
    "order",
    "limit",
    "offset",
)

ENDPOINTS = (
    Endpoint("GET", "experiments", list_experiments, READ, query=_LIST),
    Endpoint("POST", "experiments", create, WRITE, body=ExperimentCreate, status=201),
    Endpoint("GET", "experiments/matching_ids", list_matching_ids, READ, query=_LIST[:-2]),
    Endpoint("POST", "experiments/bulk_update_tags", bulk_update_tags, WRITE, body=BulkTagsRequest),
    Endpoint("GET", "experiments/{id}", retrieve, READ),
    Endpoint("GET", "experiments/{id}/activity", list_activity, READ, query=("limit", "page")),
    Endpoint("POST", "experiments/{id}/freeze_exposure", freeze_exposure, WRITE),
    Endpoint("POST", "experiments/{id}/unfreeze_exposure", unfreeze_exposure, WRITE),
    Endpoint("PATCH", "experiments/{id}", update, WRITE, body=ExperimentUpdate),
    Endpoint("PUT", "experiments/{id}", replace, WRITE, body=ExperimentCreate),
    Endpoint("DELETE", "experiments/{id}", refuse_delete, WRITE, status=405),
    Endpoint("POST", "experiments/{id}/launch", launch, WRITE),
    Endpoint("POST", "experiments/{id}/pause", pause, WRITE),
    Endpoint("POST", "experiments/{id}/resume", resume, WRITE),
    Endpoint("POST", "experiments/{id}/end", end, WRITE, body=EndRequest),
    Endpoint("POST", "experiments/{id}/ship_variant", ship_variant, WRITE, body=ShipRequest),
    Endpoint("POST", "experiments/{id}/archive", archive, WRITE, body=ArchiveRequest),
    Endpoint("POST", "experiments/{id}/reset", reset, WRITE),
    Endpoint("GET", "experiments/{id}/flag_cleanup_task", flag_cleanup_task, READ),
    Endpoint("GET", "experiments/{id}/flag_cleanup_target", flag_cleanup_target, READ),
    Endpoint(
        "POST", "experiments/{id}/duplicate", duplicate, WRITE, body=DuplicateRequest, status=201
    ),
    Endpoint(
        "POST",
        "experiments/{id}/copy_to_project",
        copy_to_project,
        WRITE,
        body=CopyRequest,
        status=201,
    ),
)
