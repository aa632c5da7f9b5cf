"""Copies of experiments: in the same project, or into another."""

from __future__ import annotations

import copy
from itertools import count

from exp_jupyter.server.refusals import odd
from exp_jupyter.server.services.experiments import experiment as experiments
from exp_jupyter.server.services.experiments.view import flag_of
from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.flags.config import shown_parameters
from exp_jupyter.server.services.people.people import Actor
from exp_jupyter.server.services.results import metrics, saved_metric_links
from exp_jupyter.server.store import Document, Work

_COPIED = (
    "description",
    "running_time_calculation",
    "excluded_variants",
    "filters",
    "type",
    "exposure_criteria",
    "stats_config",
    "scheduling_config",
    "only_count_matured_users",
)
_LONGEST_NAME = 400
DUPLICATION_REFUSED = "Duplication is not supported for experiments using legacy metrics."
COPYING_REFUSED = "Copying is not supported for experiments using legacy metrics."


def duplicate(
    work: Work, actor: Actor, identifier: int, *, flag_key: str | None, name: str | None
) -> Document:
    """Make a draft with the settings of an experiment.

    Parameters
    ----------
    flag_key
        The copy's flag, new or existing; by default it shares the source's.
    name
        The copy's name; by default the source's with "(Copy)".
    """
    source = experiments.find(work, identifier)
    if metrics.is_legacy(source):
        raise odd(400, detail=DUPLICATION_REFUSED)
    flag = flag_of(work, source)
    key = flag_key or flag["key"]
    fields: Document = {
        **{field: copy.deepcopy(source[field]) for field in _COPIED},
        "name": name or free_name(work, source["name"]),
        "feature_flag_key": key,
        "parameters": {
            **copy.deepcopy(source["parameters"]),
            **({} if flags.by_key(work, key) else shown_parameters({}, flag)),
        },
        "saved_metrics_ids": [
            {"id": link["saved_metric_id"], "metadata": link["metadata"]}
            for link in saved_metric_links.of(work, source)
        ],
        "allow_unknown_events": True,
        "primary_metrics_ordered_uuids": None,
        "secondary_metrics_ordered_uuids": None,
    }
    for field in metrics.FIELDS:
        fields[field] = [
            {key: value for key, value in metric.items() if key not in ("uuid", "fingerprint")}
            for metric in source[field]
        ]
    return experiments.create(work, actor, fields)


def copy_to_project(
    work: Work,
    actor: Actor,
    identifier: int,
    *,
    target: int,
    flag_key: str | None,
    name: str | None,
) -> Document:
    """Copy an experiment into another project; a folder holds one, so only into its own.

    Saved metrics belong to a project and are not copied.
    """
    if metrics.is_legacy(experiments.find(work, identifier)):
        raise odd(400, detail=COPYING_REFUSED)
    if target != work.project["id"]:
        raise odd(404, detail="Target team not found.")
    made = duplicate(work, actor, identifier, flag_key=flag_key, name=name)
    return experiments.update(work, actor, made["id"], {"saved_metrics_ids": []})


def free_name(work: Work, name: str) -> str:
    """Return "<name> (Copy)", with a number when that is taken."""
    for number in count():
        suffix = " (Copy)" if number == 0 else f" (Copy) {number}"
        candidate = name[: _LONGEST_NAME - len(suffix)] + suffix
        if not work.experiments.count("name = ? AND NOT deleted", [candidate]):
            return candidate
    raise AssertionError("count never ends")
