"""Frozen exposure: an experiment that nobody new enters, while who is in it still counts.

The people exposed so far become a static cohort, and every release group of the flag asks for it.
Whether an experiment is frozen is read off the flag; nothing is stored with the experiment.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.store import Document

if TYPE_CHECKING:
    from collections.abc import Iterable

STAMP, COHORT = "exposure_frozen", "exposure_frozen_cohort"
"""Keys of a release group that is frozen: that it is, and to which cohort."""

MARK = "Added automatically when the experiment exposure was frozen to stop new enrollment."
MOST_EXPOSED = 1_000_000


def is_frozen(flag: Document) -> bool:
    """Tell whether every release group of a flag is frozen."""
    groups = _groups(flag)
    return bool(groups) and all(group.get(STAMP) is True for group in groups)


def can_freeze(experiment: Document, flag: Document) -> bool:
    """Tell whether an experiment's exposure can be frozen now."""
    return not _reason_against(experiment, flag)


def require_freezable(experiment: Document, flag: Document) -> None:
    """Refuse to freeze an experiment that is not running, or is frozen, or is about groups."""
    reason = _reason_against(experiment, flag)
    if reason:
        raise invalid(reason)


def require_frozen(experiment: Document, flag: Document) -> None:
    """Refuse to unfreeze an experiment that is not running or not frozen."""
    reason = _not_running(experiment, flag)
    if not reason and not is_frozen(flag):
        reason = "Experiment exposure is not frozen."
    if reason:
        raise invalid(reason)


def require_few(persons: Iterable[int]) -> list[int]:
    """Return the persons to freeze, or refuse when a flag cannot ask for so many."""
    listed = list(persons)
    if len(listed) > MOST_EXPOSED:
        raise invalid(
            f"Too many persons are exposed to freeze the experiment: {len(listed)}, at most "
            f"{MOST_EXPOSED}."
        )
    return listed


def _reason_against(experiment: Document, flag: Document) -> str:
    reason = _not_running(experiment, flag)
    if reason:
        return reason
    if not flag["active"]:
        return "Experiment is paused. Resume it before freezing its exposure."
    if flag["filters"].get("aggregation_group_type_index") is not None:
        return "Exposure of an experiment on groups cannot be frozen."
    if is_frozen(flag):
        return "Experiment exposure is already frozen."
    return ""


def _not_running(experiment: Document, flag: Document) -> str:
    if not experiment["start_date"]:
        return "Experiment has not been launched yet."
    if experiment["end_date"]:
        return "Experiment has already ended."
    if flag["deleted"]:
        return "Experiment does not have a feature flag linked."
    return ""


def frozen_filters(flag: Document, cohort: Document) -> Document:
    """Return a flag's filters with every release group narrowed to a cohort."""
    filters: Document = copy.deepcopy(flag["filters"])
    condition = {
        "key": "id",
        "type": "cohort",
        "operator": "in",
        "value": cohort["id"],
        "cohort_name": cohort["name"],
    }
    filters["groups"] = [
        {
            **group,
            "properties": [*(group.get("properties") or []), condition],
            "description": " ".join(filter(None, [MARK, group.get("description")])),
            STAMP: True,
            COHORT: cohort["id"],
        }
        for group in filters.get("groups") or [{"properties": [], "rollout_percentage": 100}]
    ]
    return filters


def unfrozen_filters(flag: Document) -> Document:
    """Return a flag's filters without what freezing put in; what people added since stays."""
    filters: Document = copy.deepcopy(flag["filters"])
    filters["groups"] = [_unfrozen(group) for group in filters.get("groups") or []]
    return filters


def cohorts_of(flag: Document) -> set[int]:
    """Return the cohorts that a flag's release groups are frozen to."""
    return {group[COHORT] for group in _groups(flag) if isinstance(group.get(COHORT), int)}


def _unfrozen(group: Document) -> Document:
    if group.get(STAMP) is not True:
        return group
    kept = {key: value for key, value in group.items() if key not in (STAMP, COHORT)}
    kept["properties"] = [
        item for item in group.get("properties") or [] if not _asks_for(item, group.get(COHORT))
    ]
    said = str(group.get("description") or "").removeprefix(MARK).strip()
    if said:
        kept["description"] = said
    else:
        kept.pop("description", None)
    return kept


def _asks_for(item: Any, cohort: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "cohort" and item.get("value") == cohort


def _groups(flag: Document) -> list[Document]:
    return list(flag["filters"].get("groups") or [])
