"""How an experiment is shown: its status, the flag's part of its parameters, its saved metrics."""

from __future__ import annotations

from typing import Any

from exp_jupyter.schema.metrics.exposure import FLAG_CALLED
from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.services import tags
from exp_jupyter.server.services.experiments import exposure_freeze
from exp_jupyter.server.services.experiments import health as experiment_health
from exp_jupyter.server.services.experiments import writes as experiment_writes
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.flags import holdouts
from exp_jupyter.server.services.flags.config import shown_parameters
from exp_jupyter.server.services.people.people import basic_view
from exp_jupyter.server.services.results import metrics, saved_metric_links
from exp_jupyter.server.store import Document, Work

_TIMES = ("start_date", "end_date", "created_at", "updated_at")


def status(experiment: Document, flag: Document) -> str:
    """Return ``draft``, ``running``, ``paused``, ``exposure_frozen`` or ``stopped``."""
    if not experiment["start_date"]:
        return "draft"
    if experiment["end_date"]:
        return "stopped"
    if not flag["active"]:
        return "paused"
    return "exposure_frozen" if exposure_freeze.is_frozen(flag) else "running"


def flag_of(work: Work, experiment: Document) -> Document:
    """Return the experiment's flag, deleted or not."""
    flag = work.flags.get(experiment["flag_id"])
    if flag is None:
        raise LookupError(f"experiment {experiment['id']} has no flag")
    return flag


def basic(work: Work, experiment: Document, flag: Document | None = None) -> dict[str, Any]:
    """Return the experiment as a list shows it."""
    flag = flag or flag_of(work, experiment)
    holdout = work.holdouts.get(experiment["holdout_id"])
    return {
        "id": experiment["id"],
        "name": experiment["name"],
        "description": experiment["description"],
        **{name: wire_time(experiment[name]) for name in _TIMES},
        "feature_flag_key": flag["key"],
        "feature_flag": flags.minimal_view(work, flag),
        "holdout": holdouts.view(work, holdout) if holdout else None,
        "exposure_cohort": experiment["exposure_cohort"],
        "parameters": shown_parameters(experiment["parameters"], flag),
        "running_time_calculation": experiment["running_time_calculation"],
        "excluded_variants": experiment["excluded_variants"],
        "archived": experiment["archived"],
        "deleted": experiment["deleted"],
        "created_by": basic_view(work.person(experiment["created_by"])),
        "type": experiment["type"],
        "conclusion": experiment["conclusion"],
        "conclusion_comment": experiment["conclusion_comment"],
        "status": status(experiment, flag),
        "is_legacy": metrics.is_legacy(experiment),
        "user_access_level": "editor",
        "version": experiment_writes.version_of(experiment),
        "tags": tags.of(experiment),
        "repository": experiment.get("repository"),
        "can_freeze_exposure": exposure_freeze.can_freeze(experiment, flag),
    }


def full(work: Work, experiment: Document) -> dict[str, Any]:
    """Return the experiment with its metrics and settings."""
    flag = flag_of(work, experiment)
    return {
        **basic(work, experiment, flag),
        "holdout_id": experiment["holdout_id"],
        "secondary_metrics": experiment["secondary_metrics"],
        "saved_metrics": [_link_view(work, experiment, link) for link in links(work, experiment)],
        "filters": experiment["filters"],
        "exposure_criteria": experiment["exposure_criteria"],
        **{field: metrics.with_action_names(work, experiment[field]) for field in metrics.FIELDS},
        "stats_config": experiment["stats_config"],
        "scheduling_config": experiment["scheduling_config"],
        "primary_metrics_ordered_uuids": experiment["primary_metrics_ordered_uuids"],
        "secondary_metrics_ordered_uuids": experiment["secondary_metrics_ordered_uuids"],
        "only_count_matured_users": experiment["only_count_matured_users"],
        "resolved_exposure_event": FLAG_CALLED,
        "health": experiment_health.view(experiment, flag, metrics_of(work, experiment)),
    }


def metrics_of(work: Work, experiment: Document) -> list[Document]:
    """Return the definitions of every metric of an experiment, saved ones included."""
    linked = (work.saved_metrics.get(link["saved_metric_id"]) for link in links(work, experiment))
    return [
        *(metric for field in metrics.FIELDS for metric in experiment[field]),
        *(saved["query"] for saved in linked if saved),
    ]


def links(work: Work, experiment: Document) -> list[Document]:
    """Return the links from an experiment to its saved metrics, oldest first."""
    return saved_metric_links.of(work, experiment)


def all_metrics(work: Work, experiment: Document) -> list[Document]:
    """Return every metric as it is computed, saved ones included, with their fingerprints."""
    own = [metric for field in metrics.FIELDS for metric in experiment[field]]
    return [*own, *(_effective(work, experiment, link) for link in links(work, experiment))]


def _effective(work: Work, experiment: Document, link: Document) -> Document:
    saved = work.saved_metrics.get(link["saved_metric_id"]) or {"query": {}}
    query = saved_metric_links.effective_query(saved["query"], link["metadata"])
    return {**query, "fingerprint": metrics.fingerprint_of(experiment, query)}


def _link_view(work: Work, experiment: Document, link: Document) -> dict[str, Any]:
    saved = work.saved_metrics.get(link["saved_metric_id"]) or {"query": {}, "name": ""}
    effective = metrics.with_action_names(work, _effective(work, experiment, link))
    query = metrics.with_action_names(work, saved["query"])
    return {
        "id": link["id"],
        "experiment": experiment["id"],
        "saved_metric": link["saved_metric_id"],
        "metadata": link["metadata"],
        "created_at": wire_time(link["created_at"]),
        "query": {**query, "fingerprint": effective["fingerprint"]},
        "effective_query": effective if saved_metric_links.is_current(query) else None,
        "name": saved["name"],
    }
