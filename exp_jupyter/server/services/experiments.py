"""Experiments: found, made and changed."""

from __future__ import annotations

import copy
from typing import Any

from exp_jupyter.server.refusals import invalid, not_found
from exp_jupyter.server.services import experiment_rules, flags, holdouts, metrics
from exp_jupyter.server.services.approval_gate import EXPERIMENTS
from exp_jupyter.server.services.experiment_view import flag_of, saved_links
from exp_jupyter.server.services.flag_config import (
    FlagConfig,
    check_linked_flag,
    from_object,
    from_parameters,
    new_filters,
    stored_parameters,
)
from exp_jupyter.server.services.people import Actor
from exp_jupyter.server.store import Document, Work

_DEFAULTS: Document = {
    "description": None,
    "start_date": None,
    "end_date": None,
    "holdout_id": None,
    "exposure_cohort": None,
    "running_time_calculation": {},
    "excluded_variants": None,
    "secondary_metrics": [],
    "filters": {},
    "archived": False,
    "deleted": False,
    "type": "product",
    "exposure_criteria": None,
    "stats_config": None,
    "scheduling_config": None,
    "conclusion": None,
    "conclusion_comment": None,
    "primary_metrics_ordered_uuids": None,
    "secondary_metrics_ordered_uuids": None,
    "only_count_matured_users": False,
}
_NOT_STORED = frozenset(
    {
        "feature_flag",
        "feature_flag_key",
        "saved_metrics_ids",
        "allow_unknown_events",
        "update_feature_flag_params",
    }
)
_LEGACY_MAY_CHANGE = frozenset({"name", "description", "end_date", "deleted"})


def find(work: Work, identifier: int, *, deleted: bool = False) -> Document:
    """Return an experiment, or refuse with 404.

    Parameters
    ----------
    deleted
        Whether a soft-deleted one may be found too.
    """
    experiment = work.experiments.get(identifier)
    if experiment is None or (experiment["deleted"] and not deleted):
        raise not_found()
    return experiment


def create(work: Work, actor: Actor, fields: Document) -> Document:
    """Make an experiment, and its flag when the key is a new one.

    Parameters
    ----------
    fields
        At least ``name`` and ``feature_flag_key``; as POST ``experiments/`` takes them. With a
        ``start_date`` it is running at once.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        The experiment would be no good.
    exp_jupyter.server.services.approval_gate.Gated
        A policy catches its new flag.
    """
    now = work.stamp()
    experiment: Document = {
        **copy.deepcopy(_DEFAULTS),
        **{key: value for key, value in fields.items() if key not in _NOT_STORED},
        "parameters": stored_parameters(fields.get("parameters")),
        "created_by": actor.id,
        "created_at": now,
        "updated_at": now,
    }
    experiment["type"] = experiment["type"] or "product"
    for name in ("running_time_calculation", "filters", "secondary_metrics", "deleted"):
        if experiment[name] is None:
            experiment[name] = copy.deepcopy(_DEFAULTS[name])
    experiment["exposure_criteria"] = {
        "filterTestAccounts": True,
        **(experiment["exposure_criteria"] or {}),
    }
    experiment["stats_config"] = experiment_rules.with_stats_defaults(
        work, experiment["stats_config"]
    )
    for field in metrics.FIELDS:
        experiment[field] = metrics.checked(fields.get(field), field)
    metrics.check_known(
        work,
        [*experiment["metrics"], *experiment["metrics_secondary"]],
        allow_unknown_events=bool(fields.get("allow_unknown_events")),
    )
    experiment_rules.check_holdout(work, experiment["holdout_id"])
    flag = _linked_or_new_flag(work, actor, fields, experiment)
    experiment_rules.check(work, experiment, flag)
    metrics.with_uuids(work, experiment["metrics"], experiment["metrics_secondary"])
    experiment["flag_id"] = flag["id"]
    experiment = work.experiments.add(metrics.fingerprinted(experiment))
    _link_saved_metrics(work, experiment, fields.get("saved_metrics_ids"))
    return work.experiments.save(_ordered(work, experiment))


def _linked_or_new_flag(
    work: Work, actor: Actor, fields: Document, experiment: Document
) -> Document:
    given = from_object(fields.get("feature_flag"))
    key = fields["feature_flag_key"]
    holdout = holdouts.flag_part(work.holdouts.get(experiment["holdout_id"]))
    flag = flags.by_key(work, key)
    if flag is not None:
        if not given.empty:
            raise invalid(
                f"Feature flag '{key}' exists; it is linked as it is and takes no configuration.",
                attr="feature_flag",
            )
        check_linked_flag(flag)
        if holdout is None:
            return flag
        filters = {**copy.deepcopy(flag["filters"]), "holdout": holdout}
        return flags.update(work, actor, flag, {"filters": filters}, method="POST")
    config = from_parameters(fields.get("parameters")) if given.empty else given
    filters = new_filters(config)
    if holdout is not None:
        filters["holdout"] = holdout
    new: Document = {
        "key": key,
        "name": f"Feature Flag for Experiment {experiment['name']}",
        "filters": filters,
        "active": bool(experiment["start_date"]),
        "creation_context": EXPERIMENTS,
    }
    if config.continuity is not None:
        new["ensure_experience_continuity"] = config.continuity
    return flags.create(work, actor, new)


def update(work: Work, actor: Actor, identifier: int, fields: Document) -> Document:
    """Change an experiment as PATCH ``experiments/:id/`` does; a start date launches a draft."""
    restoring = fields.get("deleted") is False
    experiment = find(work, identifier, deleted=restoring)
    flag = flag_of(work, experiment)
    _check_keys(experiment, flag, fields)
    if experiment["deleted"] and flag["deleted"]:
        raise invalid("Cannot restore this experiment: its linked feature flag has been deleted.")
    changed = {
        **experiment,
        **{
            key: value
            for key, value in fields.items()
            if key not in _NOT_STORED and key not in metrics.FIELDS
        },
        "updated_at": work.stamp(),
    }
    if "parameters" in fields:
        changed["parameters"] = stored_parameters(fields["parameters"])
    _change_metrics(work, changed, fields)
    if experiment["start_date"] and changed["holdout_id"] != experiment["holdout_id"]:
        raise invalid("Can't update holdout on running Experiment")
    experiment_rules.check_holdout(work, changed["holdout_id"])
    flag = _sync_flag(work, actor, experiment, changed, flag, fields)
    experiment_rules.check(work, changed, flag)
    changed = metrics.fingerprinted(changed)
    if "saved_metrics_ids" in fields:
        _link_saved_metrics(work, changed, fields["saved_metrics_ids"])
    return work.experiments.save(_ordered(work, changed))


def _check_keys(experiment: Document, flag: Document, fields: Document) -> None:
    if fields.get("feature_flag_key", flag["key"]) != flag["key"]:
        raise invalid("Can't update keys: get_feature_flag_key on Experiment")
    if "type" in fields:
        raise invalid("Can't update keys: type on Experiment")
    if metrics.is_legacy(experiment):
        forbidden = sorted(set(fields) - _LEGACY_MAY_CHANGE)
        if forbidden:
            raise invalid(
                f"Can't update keys: {', '.join(forbidden)} on Experiment with legacy metrics"
            )


def _change_metrics(work: Work, changed: Document, fields: Document) -> None:
    named = [field for field in metrics.FIELDS if field in fields]
    for field in named:
        changed[field] = metrics.checked(fields[field], field)
    metrics.check_known(
        work,
        [metric for field in named for metric in changed[field]],
        allow_unknown_events=bool(fields.get("allow_unknown_events")),
    )
    if named:
        metrics.with_uuids(work, changed["metrics"], changed["metrics_secondary"])


def _sync_flag(
    work: Work,
    actor: Actor,
    before: Document,
    after: Document,
    flag: Document,
    fields: Document,
) -> Document:
    """Bring what the request says about the flag to the flag, in one change of it."""
    config = _config_to_apply(before, flag, fields)
    launching = not before["start_date"] and bool(after["start_date"])
    if launching:
        check_launchable(flag)
    filters = config.laid_over(flag["filters"])
    if after["holdout_id"] != before["holdout_id"]:
        filters["holdout"] = holdouts.flag_part(work.holdouts.get(after["holdout_id"]))
    changes: Document = {}
    if filters != flag["filters"]:
        changes["filters"] = filters
    if config.continuity is not None and config.continuity != flag["ensure_experience_continuity"]:
        changes["ensure_experience_continuity"] = config.continuity
    if launching and not after["end_date"] and not flag["active"]:
        changes["active"] = True
    return flags.update(work, actor, flag, changes, method="PATCH") if changes else flag


def _config_to_apply(experiment: Document, flag: Document, fields: Document) -> FlagConfig:
    given = from_object(fields.get("feature_flag"))
    config = from_parameters(fields.get("parameters")) if given.empty else given
    if not experiment["start_date"]:
        return config
    opted_in = fields.get("update_feature_flag_params")
    if not given.empty and not opted_in:
        raise invalid(
            "Set update_feature_flag_params to change the flag of a launched experiment.",
            attr="feature_flag",
        )
    if config.variants is not None:
        keys = [variant["key"] for variant in config.variants]
        if set(keys) != set(flags.variant_keys(flag)):
            raise invalid("Can't update feature_flag_variants on Experiment")
    return config if opted_in else FlagConfig()


def check_launchable(flag: Document) -> None:
    """Refuse a launch that the flag cannot carry."""
    if flag["deleted"]:
        raise invalid("Experiment cannot be launched because its feature flag has been deleted.")
    check_linked_flag(flag)


def _link_saved_metrics(work: Work, experiment: Document, given: list[Document] | None) -> None:
    for reference in given or []:
        if work.saved_metrics.get(reference["id"]) is None:
            raise invalid(
                f"Saved metric {reference['id']} does not exist.", attr="saved_metrics_ids"
            )
    for link in saved_links(work, experiment):
        work.saved_metric_links.delete(link["id"])
    now = work.stamp()
    for reference in given or []:
        work.saved_metric_links.add(
            {
                "experiment_id": experiment["id"],
                "saved_metric_id": reference["id"],
                "metadata": reference.get("metadata") or {"type": "primary"},
                "created_at": now,
            }
        )


def _ordered(work: Work, experiment: Document) -> Document:
    """Return the experiment with its metric orders in step with its metrics."""
    linked: dict[str, list[str]] = {"primary": [], "secondary": []}
    for link in saved_links(work, experiment):
        saved = work.saved_metrics.get(link["saved_metric_id"])
        kind = "primary" if link["metadata"].get("type") == "primary" else "secondary"
        if saved:
            linked[kind].append(saved["query"]["uuid"])
    result = dict(experiment)
    for kind, field in (("primary", "metrics"), ("secondary", "metrics_secondary")):
        name = f"{kind}_metrics_ordered_uuids"
        own = [metric["uuid"] for metric in experiment[field] if metric.get("uuid")]
        result[name] = _in_order(experiment[name], [*own, *linked[kind]])
    return result


def _in_order(wanted: Any, present: list[str]) -> list[str] | None:
    if not wanted and not present:
        return None if wanted is None else []
    kept = [uuid for uuid in dict.fromkeys(wanted or []) if uuid in present]
    return [*kept, *(uuid for uuid in present if uuid not in kept)]
