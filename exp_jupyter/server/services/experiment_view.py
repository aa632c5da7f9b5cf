"""How an experiment is shown: its status, the flag's part of its parameters, its saved metrics."""

from __future__ import annotations

from typing import Any

from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.services import flags, holdouts, metrics
from exp_jupyter.server.services.flag_config import shown_parameters
from exp_jupyter.server.services.people import basic_view
from exp_jupyter.server.store import Document, Work

_TIMES = ("start_date", "end_date", "created_at", "updated_at")


def status(experiment: Document, flag: Document) -> str:
    """Return ``draft``, ``running``, ``paused`` or ``stopped``."""
    if not experiment["start_date"]:
        return "draft"
    if experiment["end_date"]:
        return "stopped"
    return "running" if flag["active"] else "paused"


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
    }


def full(work: Work, experiment: Document) -> dict[str, Any]:
    """Return the experiment with its metrics and settings."""
    return {
        **basic(work, experiment),
        "holdout_id": experiment["holdout_id"],
        "secondary_metrics": experiment["secondary_metrics"],
        "saved_metrics": [
            _link_view(work, experiment, link) for link in saved_links(work, experiment)
        ],
        "filters": experiment["filters"],
        "exposure_criteria": experiment["exposure_criteria"],
        **{field: _with_action_names(work, experiment[field]) for field in metrics.FIELDS},
        "stats_config": experiment["stats_config"],
        "scheduling_config": experiment["scheduling_config"],
        "primary_metrics_ordered_uuids": experiment["primary_metrics_ordered_uuids"],
        "secondary_metrics_ordered_uuids": experiment["secondary_metrics_ordered_uuids"],
        "only_count_matured_users": experiment["only_count_matured_users"],
    }


def saved_links(work: Work, experiment: Document) -> list[Document]:
    """Return the links from an experiment to its saved metrics."""
    return list(work.saved_metric_links.find("experiment_id = ?", [experiment["id"]]))


def all_metrics(work: Work, experiment: Document) -> list[Document]:
    """Return every metric of an experiment, saved ones included, with their fingerprints."""
    own = [metric for field in metrics.FIELDS for metric in experiment[field]]
    linked = [_link_view(work, experiment, link)["query"] for link in saved_links(work, experiment)]
    return [*own, *linked]


def _link_view(work: Work, experiment: Document, link: Document) -> dict[str, Any]:
    saved = work.saved_metrics.get(link["saved_metric_id"]) or {"query": {}, "name": ""}
    query = saved["query"]
    return {
        "id": link["id"],
        "experiment": experiment["id"],
        "saved_metric": link["saved_metric_id"],
        "metadata": link["metadata"],
        "created_at": wire_time(link["created_at"]),
        "query": {**query, "fingerprint": metrics.fingerprint_of(experiment, query)},
        "name": saved["name"],
    }


def _with_action_names(work: Work, listed: list[Document]) -> list[Document]:
    """Return the metrics with the names that their actions have today."""
    if not any(
        node.get("kind") == "ActionsNode" for metric in listed for node in metrics.sources(metric)
    ):
        return listed
    return [_renamed(work, metric) for metric in listed]


def _renamed(work: Work, value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(work, item) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {key: _renamed(work, item) for key, item in value.items()}
    if value.get("kind") == "ActionsNode":
        action = work.actions.get(value.get("id"))
        if action:
            shown["name"] = action["name"]
    return shown
