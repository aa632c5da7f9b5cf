"""Experiments: found, made and changed."""

from __future__ import annotations

import copy

from exp_jupyter.server.refusals import invalid, not_found, refusal
from exp_jupyter.server.services import tags
from exp_jupyter.server.services.approvals.gate import EXPERIMENTS
from exp_jupyter.server.services.experiments import merge as experiment_merge
from exp_jupyter.server.services.experiments import rules as experiment_rules
from exp_jupyter.server.services.experiments import writes as experiment_writes
from exp_jupyter.server.services.experiments.view import flag_of
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.flags import holdouts
from exp_jupyter.server.services.flags.config import (
    PARAMETER_KEYS,
    FlagConfig,
    check_linked_flag,
    differing_parameters,
    from_object,
    from_parameters,
    is_configuration,
    new_filters,
    stored_parameters,
)
from exp_jupyter.server.services.people.people import Actor
from exp_jupyter.server.services.results import metrics, saved_metric_links
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
    "tags": [],
    "repository": None,
    "version": 0,
}
_NOT_STORED = frozenset(
    {
        "feature_flag",
        "feature_flag_key",
        "saved_metrics_ids",
        "allow_unknown_events",
        "update_feature_flag_params",
        "version",
        "original_experiment",
    }
)
_LEGACY_MAY_CHANGE = frozenset({"name", "description", "end_date", "deleted"})
_NOT_COUNTED = _NOT_STORED - {"feature_flag", "saved_metrics_ids"}
"""Fields of a request that change nothing by themselves."""


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
    exp_jupyter.server.services.approvals.gate.Gated
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
    if "only_count_matured_users" not in fields:
        default = work.project["settings"].get("default_only_count_matured_users")
        experiment["only_count_matured_users"] = bool(default)
    experiment["tags"] = tags.normalized(experiment["tags"])
    experiment_rules.check_exposure(experiment["exposure_criteria"])
    criteria = dict(experiment["exposure_criteria"] or {})
    if criteria.get("filterTestAccounts") is None:
        criteria["filterTestAccounts"] = True
    experiment["exposure_criteria"] = criteria
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
    saved_metric_links.check(work, fields.get("saved_metrics_ids"))
    is_new = flags.by_key(work, fields["feature_flag_key"]) is None
    flag = _linked_or_new_flag(work, actor, fields, experiment)
    experiment_rules.check(work, experiment, flag)
    if is_new:
        experiment["stats_config"] = experiment_rules.with_pinned_baseline(
            experiment["stats_config"], flag
        )
    metrics.with_uuids(work, experiment["metrics"], experiment["metrics_secondary"])
    experiment["flag_id"] = flag["id"]
    experiment = work.experiments.add(metrics.fingerprinted(experiment))
    saved_metric_links.replace(work, actor, experiment, fields.get("saved_metrics_ids"))
    return experiment_writes.made(work, actor, _ordered(work, experiment, fields, None))


def refuse_twin(work: Work, experiment: Document) -> None:
    """Refuse with 412 if another experiment has the name and the flag of this one."""
    twin = work.experiments.first(
        "NOT deleted AND id <> ? AND flag_id = ? AND json_extract(doc, '$.name') = ?",
        [experiment["id"], experiment["flag_id"], experiment["name"]],
    )
    if twin is not None:
        raise refusal(
            412, "precondition_failed", f"Experiment {twin['id']} has this name and flag already."
        )


def _linked_or_new_flag(
    work: Work, actor: Actor, fields: Document, experiment: Document
) -> Document:
    given = from_object(fields.get("feature_flag"))
    key = fields["feature_flag_key"]
    intended = is_configuration(fields.get("feature_flag"))
    old_way = any(name in PARAMETER_KEYS for name in fields.get("parameters") or {})
    holdout = holdouts.flag_part(work.holdouts.get(experiment["holdout_id"]))
    flag = flags.by_key(work, key)
    if flag is not None:
        if intended or old_way:
            raise invalid(
                f"A feature flag with key '{key}' already exists; the experiment links to it "
                "as-is, so its config cannot be set here. Omit feature_flag to reuse the existing "
                "flag, or edit the flag directly.",
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
    """Change an experiment as PATCH ``experiments/:id/`` does; a start date launches a draft.

    With ``version`` in ``fields`` the change is one of the experiment as it was then; see
    `experiment_merge.rebased`.
    """
    restoring = fields.get("deleted") is False
    experiment = find(work, identifier, deleted=restoring)
    flag = flag_of(work, experiment)
    _check_keys(experiment, flag, fields)
    if "tags" in fields:
        fields = {**fields, "tags": tags.normalized(fields["tags"])}
    merged = experiment_merge.rebased(work, experiment, fields)
    if merged is None:
        return experiment
    fields = merged
    if experiment["deleted"] and flag["deleted"]:
        raise invalid(
            "Cannot restore experiment: the linked feature flag has been deleted. Restore the "
            "feature flag first, then restore the experiment."
        )
    changed = {
        **experiment,
        **{
            key: value
            for key, value in fields.items()
            if key not in _NOT_STORED and key not in metrics.FIELDS
        },
    }
    if "parameters" in fields:
        changed["parameters"] = stored_parameters(fields["parameters"])
    _change_metrics(work, experiment, changed, fields)
    if experiment["start_date"] and changed["holdout_id"] != experiment["holdout_id"]:
        raise invalid("Can't update holdout on running Experiment")
    experiment_rules.check_holdout(work, changed["holdout_id"])
    saved_metric_links.check(work, fields.get("saved_metrics_ids"))
    variants = flags.variant_keys(flag)
    flag = _sync_flag(work, actor, experiment, changed, flag, fields)
    touched = set(fields)
    if flags.variant_keys(flag) != variants:
        touched.add(experiment_rules.VARIANTS)
    experiment_rules.check(work, changed, flag, touched)
    changed = metrics.fingerprinted(changed)
    before = saved_metric_links.uuids(work, experiment)
    if "saved_metrics_ids" in fields:
        saved_metric_links.replace(work, actor, changed, fields["saved_metrics_ids"])
    changed = _ordered(work, changed, fields, (experiment, before))
    return experiment_writes.changed(work, actor, experiment, changed)


def _check_keys(experiment: Document, flag: Document, fields: Document) -> None:
    """Refuse fields that this experiment does not let anybody change."""
    if metrics.is_legacy(experiment):
        named = {"holdout" if name == "holdout_id" else name for name in fields}
        forbidden = sorted(named - _LEGACY_MAY_CHANGE - _NOT_COUNTED)
        if forbidden:
            raise invalid(
                "This experiment uses legacy metric formats and can only have its name, "
                f"description, or end_date updated. Cannot update: {', '.join(forbidden)}"
            )
    extra = []
    if fields.get("feature_flag_key", flag["key"]) != flag["key"]:
        extra.append("get_feature_flag_key")
    if "type" in fields:
        extra.append("type")
    if extra:
        raise invalid(f"Can't update keys: {', '.join(extra)} on Experiment")


def _change_metrics(work: Work, before: Document, changed: Document, fields: Document) -> None:
    named = [field for field in metrics.FIELDS if field in fields]
    stored = [metric for field in metrics.FIELDS for metric in before[field]]
    for field in named:
        changed[field] = metrics.checked(fields[field], field, stored=stored)
    metrics.check_known(
        work,
        [metric for field in named for metric in changed[field]],
        allow_unknown_events=bool(fields.get("allow_unknown_events")),
        stored=stored,
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
    given = fields.get("feature_flag")
    if is_configuration(given):
        config, intended = from_object(given), True
    else:
        differing = differing_parameters(fields.get("parameters"), flag)
        config, intended = from_parameters(differing), bool(differing)
    if not experiment["start_date"]:
        return config
    if config.variants is not None:
        keys = [variant["key"] for variant in config.variants]
        if set(keys) != set(flags.variant_keys(flag)):
            raise invalid("Can't update feature_flag_variants on Experiment")
    if intended and not fields.get("update_feature_flag_params"):
        raise invalid(
            "This experiment is running. To change its flag config, send "
            "update_feature_flag_params=true (or edit the feature flag directly).",
            attr="feature_flag",
        )
    return config


def check_launchable(flag: Document) -> None:
    """Refuse a launch that the flag cannot carry."""
    if flag["deleted"]:
        raise invalid("Experiment cannot be launched because its feature flag has been deleted.")
    check_linked_flag(flag)


def _ordered(
    work: Work,
    experiment: Document,
    fields: Document,
    before: tuple[Document, dict[str, list[str]]] | None,
) -> Document:
    """Return the experiment with its metric orders in step with its metrics.

    An order is a hint of how to show the metrics: what the request says is kept as it says it,
    metrics that are new come last, and those taken away leave it.

    Parameters
    ----------
    before
        The experiment before the change and the uuids of its saved metrics; None for a new one.
    """
    result = dict(experiment)
    linked = saved_metric_links.uuids(work, experiment)
    for role, field in saved_metric_links.ROLES.items():
        name = f"{role}_metrics_ordered_uuids"
        present = [*_uuids(experiment[field]), *linked[role]]
        was = [*_uuids(before[0][field]), *before[1][role]] if before else []
        if name in fields and fields[name] is None and before:
            result[name] = None
        elif name not in fields and experiment[name] is None and was:
            continue  # somebody said that there is no order
        else:
            result[name] = _in_order(experiment[name], present, was)
    return result


def _uuids(listed: list[Document]) -> list[str]:
    return [metric["uuid"] for metric in listed if metric.get("uuid")]


def _in_order(wanted: list[str] | None, present: list[str], was: list[str]) -> list[str] | None:
    if not wanted and not present:
        return None if wanted is None else []
    gone = set(was) - set(present)
    kept = [uuid for uuid in dict.fromkeys(wanted or []) if uuid not in gone]
    return [*kept, *(uuid for uuid in present if uuid not in kept)]
