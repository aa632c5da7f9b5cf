"""What experiments are made of: flags, prompts, actions, saved metrics, holdouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exp_jupyter.schema.requests.bodies import (
    ActionUpdate,
    FlagCreate,
    FlagUpdate,
    HoldoutCreate,
    HoldoutUpdate,
    PromptCreate,
    PromptUpdate,
    SavedMetricCreate,
    SavedMetricUpdate,
)
from exp_jupyter.server.http.endpoint import Answer, Call, Endpoint
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services import actions, listing
from exp_jupyter.server.services.experiments import prompts
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.flags import holdouts
from exp_jupyter.server.services.flags.evaluation import payload_of
from exp_jupyter.server.services.results import metrics, saved_metrics
from exp_jupyter.server.store import Document, Table, Work

_PAGE = ("limit", "offset")


def _listed(
    call: Call,
    table: Callable[[Work], Table],
    view: Callable[[Work, Document], Document],
    *,
    where: str = "TRUE",
    order: str = "id DESC",
    search: str = "",
) -> Any:
    """Return a page of a table; ``search`` is the condition for the query's search text."""
    limit, offset = call.page
    values: list[Any] = []
    text = call.query.get("search", "").strip().casefold()
    if search and text:
        where = f"{where} AND ({search})"
        values = [text] * search.count("?")

    def action(work: Work) -> tuple[list[Document], int]:
        page = table(work).find(where, values, order=order, limit=limit, offset=offset)
        return [view(work, found) for found in page], table(work).count(where, values)

    return call.paged(*call.read(action))


# ---------------------------------------------------------------- feature flags


def list_flags(call: Call) -> Any:
    """List feature flags."""
    limit, offset = call.page
    return call.paged(
        *call.read(lambda work: listing.feature_flags(work, call.query, limit, offset))
    )


def create_flag(call: Call) -> Any:
    """Make a feature flag."""
    fields = call.body(FlagCreate).given()
    return call.write(lambda work: flags.view(work, flags.create(work, call.actor, fields)))


def retrieve_flag(call: Call) -> Any:
    """Return a feature flag."""
    return call.read(lambda work: flags.view(work, flags.find(work, call.id)))


def remote_config(call: Call) -> Any:
    """Return the payload of a flag that carries configuration."""

    def action(work: Work) -> Any:
        name = call.path["id"]
        flag = flags.by_key(work, name)
        flag = flags.find(work, call.id) if flag is None else flag
        return payload_of(flag, True)

    return call.read(action)


def update_flag(call: Call) -> Any:
    """Change a feature flag."""
    kind = FlagUpdate if call.method == "PATCH" else FlagCreate

    def action(work: Work) -> Document:
        flag = flags.find(work, call.id)
        changes = call.body(kind).given()
        seen = changes.pop("version", None)
        if call.method == "PATCH" and "filters" in changes:
            # Each part of the filters is its own: what is left out stays as it is.
            changes["filters"] = {**flag["filters"], **changes["filters"]}
        return flags.view(
            work,
            flags.update(work, call.actor, flag, changes, method=call.method, seen_version=seen),
        )

    return call.write(action)


def refuse_delete(call: Call) -> Any:
    """Refuse: a flag is soft-deleted by PATCH."""
    del call
    return Answer(status=405)


# ---------------------------------------------------------------- prompts


def list_prompts(call: Call) -> Any:
    """List the newest version of every prompt."""
    newest = (
        "NOT deleted AND version = (SELECT max(other.version) FROM prompts AS other "
        "WHERE other.name = prompts.name AND NOT other.deleted)"
    )
    return _listed(
        call,
        lambda work: work.prompts,
        prompts.view,
        where=newest,
        order="created_at DESC, id",
        search="holds_text(name, ?)",
    )


def create_prompt(call: Call) -> Any:
    """Make a prompt."""
    request = call.body(PromptCreate)
    return call.write(
        lambda work: prompts.view(
            work, prompts.create(work, call.actor, request.name, request.prompt)
        )
    )


def retrieve_prompt(call: Call) -> Any:
    """Return a version of a prompt; the newest unless the query says which."""
    text = call.query.get("version")
    if text is not None and not (text.isascii() and text.isdigit()):
        raise invalid("A valid integer is required.", attr="version")
    version = int(text[:18]) if text else None
    return call.read(
        lambda work: prompts.view(work, prompts.find(work, call.path["name"], version))
    )


def publish_prompt(call: Call) -> Any:
    """Publish the next version of a prompt."""

    def action(work: Work) -> Document:
        prompts.find(work, call.path["name"])
        request = call.body(PromptUpdate)
        made = prompts.publish(
            work, call.actor, call.path["name"], request.prompt, request.base_version
        )
        return prompts.view(work, made)

    return call.write(action)


def archive_prompt(call: Call) -> Any:
    """Put a prompt away."""
    call.write(lambda work: prompts.archive(work, call.path["name"]))
    return Answer(status=204)


# ---------------------------------------------------------------- actions


def list_actions(call: Call) -> Any:
    """List actions."""
    return _listed(
        call,
        lambda work: work.actions,
        actions.view,
        where="NOT deleted",
        search="holds_text(name, ?)",
    )


def create_action(call: Call) -> Any:
    """Make an action."""
    fields = call.body(ActionUpdate).given()
    return call.write(lambda work: actions.view(work, actions.create(work, call.actor, fields)))


def retrieve_action(call: Call) -> Any:
    """Return an action."""
    return call.read(lambda work: actions.view(work, actions.find(work, call.id)))


def update_action(call: Call) -> Any:
    """Change an action."""

    def action(work: Work) -> Document:
        actions.find(work, call.id)
        return actions.view(work, actions.update(work, call.id, call.body(ActionUpdate).given()))

    return call.write(action)


# ---------------------------------------------------------------- saved metrics


def list_saved_metrics(call: Call) -> Any:
    """List saved metrics by name."""
    event = call.query.get("event")
    where = "TRUE"
    if event:

        def reading(work: Work) -> list[int]:
            return [
                saved["id"]
                for saved in work.saved_metrics.find()
                if event in metrics.events_of(work, [saved["query"]])
            ]

        where = f"id IN ({', '.join(map(str, call.read(reading))) or 'NULL'})"
    return _listed(
        call,
        lambda work: work.saved_metrics,
        saved_metrics.view,
        where=where,
        order="lower(name), id",
        search="holds_text(name, ?) OR holds_text(json_extract(doc, '$.description'), ?) "
        "OR holds_text(json_extract(doc, '$.tags'), ?)",
    )


def create_saved_metric(call: Call) -> Any:
    """Save a metric."""
    fields = call.body(SavedMetricCreate).given()
    return call.write(
        lambda work: saved_metrics.view(work, saved_metrics.create(work, call.actor, fields))
    )


def retrieve_saved_metric(call: Call) -> Any:
    """Return a saved metric."""
    return call.read(lambda work: saved_metrics.view(work, saved_metrics.find(work, call.id)))


def update_saved_metric(call: Call) -> Any:
    """Change a saved metric."""
    kind = SavedMetricUpdate if call.method == "PATCH" else SavedMetricCreate

    def action(work: Work) -> Document:
        saved_metrics.find(work, call.id)
        fields = call.body(kind).given()
        return saved_metrics.view(work, saved_metrics.update(work, call.actor, call.id, fields))

    return call.write(action)


def delete_saved_metric(call: Call) -> Any:
    """Remove a saved metric."""
    call.write(lambda work: saved_metrics.delete(work, call.actor, call.id))
    return Answer(status=204)


# ---------------------------------------------------------------- holdouts


def list_holdouts(call: Call) -> Any:
    """List holdouts."""
    return _listed(
        call, lambda work: work.holdouts, holdouts.view, order="created_at DESC, id DESC"
    )


def create_holdout(call: Call) -> Any:
    """Make a holdout."""
    fields = call.body(HoldoutCreate).given()
    return call.write(lambda work: holdouts.view(work, holdouts.create(work, call.actor, fields)))


def retrieve_holdout(call: Call) -> Any:
    """Return a holdout."""
    return call.read(lambda work: holdouts.view(work, holdouts.find(work, call.id)))


def update_holdout(call: Call) -> Any:
    """Change a holdout."""
    kind = HoldoutUpdate if call.method == "PATCH" else HoldoutCreate

    def action(work: Work) -> Document:
        holdouts.find(work, call.id)
        fields = call.body(kind).given()
        return holdouts.view(work, holdouts.update(work, call.actor, call.id, fields))

    return call.write(action)


def delete_holdout(call: Call) -> Any:
    """Remove a holdout."""
    call.write(lambda work: holdouts.delete(work, call.actor, call.id))
    return Answer(status=204)


def _crud(
    path: str,
    scope: str,
    handlers: tuple[Callable[[Call], Any], ...],
    bodies: tuple[Any, Any],
    query: tuple[str, ...],
) -> tuple[Endpoint, ...]:
    """Return list, create, retrieve, update and replace of one resource."""
    listing_, create, retrieve, update = handlers
    read, write = (f"{scope}:read",), (f"{scope}:write",)
    made, changed = bodies
    return (
        Endpoint("GET", path, listing_, read, query=(*query, *_PAGE)),
        Endpoint("POST", path, create, write, body=made, status=201),
        Endpoint("GET", f"{path}/{{id}}", retrieve, read),
        Endpoint("PATCH", f"{path}/{{id}}", update, write, body=changed),
        Endpoint("PUT", f"{path}/{{id}}", update, write, body=made),
    )


_FLAGS = (
    "active",
    "archived",
    "type",
    "search",
    "created_by_id",
    "evaluation_runtime",
    "has_evaluation_contexts",
    "tags",
    "excluded_tags",
)
_PROMPT_READ, _PROMPT_WRITE = ("llm_prompt:read",), ("llm_prompt:write",)

ENDPOINTS = (
    *_crud(
        "feature_flags",
        "feature_flag",
        (list_flags, create_flag, retrieve_flag, update_flag),
        (FlagCreate, FlagUpdate),
        _FLAGS,
    ),
    Endpoint("DELETE", "feature_flags/{id}", refuse_delete, ("feature_flag:write",), status=405),
    Endpoint(
        "GET",
        "feature_flags/{id}/remote_config",
        remote_config,
        ("feature_flag:read",),
        query=("token",),
    ),
    Endpoint("GET", "llm_prompts", list_prompts, _PROMPT_READ, query=("search", *_PAGE)),
    Endpoint("POST", "llm_prompts", create_prompt, _PROMPT_WRITE, body=PromptCreate, status=201),
    Endpoint("GET", "llm_prompts/name/{name}", retrieve_prompt, _PROMPT_READ, query=("version",)),
    Endpoint("PATCH", "llm_prompts/name/{name}", publish_prompt, _PROMPT_WRITE, body=PromptUpdate),
    Endpoint("POST", "llm_prompts/name/{name}/archive", archive_prompt, _PROMPT_WRITE, status=204),
    *_crud(
        "actions",
        "action",
        (list_actions, create_action, retrieve_action, update_action),
        (ActionUpdate, ActionUpdate),
        ("search",),
    ),
    *_crud(
        "experiment_saved_metrics",
        "experiment_saved_metric",
        (list_saved_metrics, create_saved_metric, retrieve_saved_metric, update_saved_metric),
        (SavedMetricCreate, SavedMetricUpdate),
        ("search", "event"),
    ),
    Endpoint(
        "DELETE",
        "experiment_saved_metrics/{id}",
        delete_saved_metric,
        ("experiment_saved_metric:write",),
        status=204,
    ),
    *_crud(
        "experiment_holdouts",
        "experiment_holdout",
        (list_holdouts, create_holdout, retrieve_holdout, update_holdout),
        (HoldoutCreate, HoldoutUpdate),
        (),
    ),
    Endpoint(
        "DELETE",
        "experiment_holdouts/{id}",
        delete_holdout,
        ("experiment_holdout:write",),
        status=204,
    ),
)
