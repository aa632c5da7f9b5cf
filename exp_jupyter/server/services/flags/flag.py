"""Feature flags: their rules, their writes (through the approval gate) and how they are shown."""

from __future__ import annotations

import copy
import json
from typing import Any

from exp_jupyter.schema.requests.bodies import KEY_RULE, is_flag_key
from exp_jupyter.server.clock import wire_time
from exp_jupyter.server.refusals import invalid, not_found, refusal
from exp_jupyter.server.services import activity
from exp_jupyter.server.services.approvals import gate as approval_gate
from exp_jupyter.server.services.people.people import Actor, basic_view
from exp_jupyter.server.store import Document, Work

MOST_VARIANTS = 20
_SUM_RULE = "Invalid variant definitions: Variant rollout percentages must sum to 100."

_DEFAULTS: Document = {
    "name": "",
    "filters": {"groups": [{"properties": [], "rollout_percentage": None}]},
    "active": True,
    "archived": False,
    "deleted": False,
    "ensure_experience_continuity": False,
    "rollback_conditions": None,
    "tags": [],
    "evaluation_contexts": [],
    "creation_context": "feature_flags",
    "is_remote_configuration": False,
    "has_encrypted_payloads": False,
    "evaluation_runtime": "all",
    "bucketing_identifier": "distinct_id",
}


def find(work: Work, identifier: int) -> Document:
    """Return a flag that is not deleted, or refuse with 404."""
    flag = work.flags.get(identifier)
    if flag is None or flag["deleted"]:
        raise not_found()
    return flag


def by_key(work: Work, key: str) -> Document | None:
    """Return the flag with this key that is not deleted, or None."""
    return work.flags.first("key = ? AND NOT deleted", [key])


def create(
    work: Work, actor: Actor, fields: Document, *, method: str = "POST", gated: bool = True
) -> Document:
    """Make a flag.

    Parameters
    ----------
    fields
        At least ``key``; as POST ``feature_flags/`` takes them.
    method
        The HTTP method of the call that wants the flag.
    gated
        False skips the approval gate, for a change that is approved.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        The flag would be no good, or its key is taken.
    exp_jupyter.server.services.approvals.gate.Gated
        A policy catches it.
    """
    check_key(work, fields["key"])
    now = work.stamp()
    continuity = bool(work.project["settings"].get("flags_persistence_default"))
    flag = {
        **copy.deepcopy(_DEFAULTS),
        "ensure_experience_continuity": continuity,
        **{key: value for key, value in fields.items() if value is not None},
        "version": 1,
        "created_by": actor.id,
        "created_at": now,
        "updated_at": now,
        "last_modified_by": actor.id,
        "archived_with": None,
    }
    check_filters(flag["filters"])
    flag["filters"] = _grouped(flag["filters"])
    if gated:
        approval_gate.check(work, actor, None, flag, fields, method)
    made = work.flags.add(flag)
    activity.note(work, actor, made["id"], made["key"], activity.CREATED, now, scope=activity.FLAG)
    return made


def update(
    work: Work,
    actor: Actor,
    flag: Document,
    changes: Document,
    *,
    method: str,
    gated: bool = True,
    seen_version: int | None = None,
) -> Document:
    """Change a flag and return it; a change of nothing writes nothing.

    Parameters
    ----------
    seen_version
        The version that the change was made for; None for whichever there is.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        The flag would be no good, or somebody changed it since.
    exp_jupyter.server.services.approvals.gate.Gated
        A policy catches the change.
    """
    target = {**flag, **changes}
    if target == flag:
        return flag
    if seen_version is not None and seen_version != flag["version"]:
        raise refusal(
            409,
            "conflict",
            f"The feature flag is at version {flag['version']}, not {seen_version}: somebody "
            "changed it since. Read it again and repeat the change.",
            kind="server_error",
        )
    if target["key"] != flag["key"]:
        check_key(work, target["key"])
    if target["filters"] != flag["filters"]:
        check_filters(target["filters"])
        target["filters"] = _grouped(target["filters"])
    if gated:
        approval_gate.check(work, actor, flag, target, changes, method)
    target["version"] = flag["version"] + 1
    target["updated_at"] = work.stamp(after=target["updated_at"])
    target["last_modified_by"] = actor.id
    activity.note_change(work, actor, flag, target, scope=activity.FLAG, name=target["key"])
    return work.flags.save(target)


def check_key(work: Work, key: str) -> None:
    """Refuse a key that is not a legal one, or is taken."""
    if not is_flag_key(key):
        raise invalid(KEY_RULE, code="invalid_key", attr="key")
    if by_key(work, key):
        raise invalid("There is already a feature flag with this key.", code="unique", attr="key")


def variants(flag: Document) -> list[Document]:
    """Return the flag's variants; none when it is not multivariate."""
    return list((flag["filters"].get("multivariate") or {}).get("variants") or [])


def variant_keys(flag: Document) -> list[str]:
    """Return the keys of the flag's variants, in their order."""
    return [variant["key"] for variant in variants(flag)]


# ---------------------------------------------------------------- rules


def _grouped(filters: Document) -> Document:
    """Return filters whose release groups say what sort of group they are about, if any."""
    index = filters.get("aggregation_group_type_index")
    if index is None:
        return filters
    groups = [
        {**group, "aggregation_group_type_index": index} for group in filters.get("groups") or []
    ]
    return {**filters, "groups": groups}


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100


def check_filters(filters: Document) -> None:
    """Refuse filters that no flag can have."""
    groups = filters.get("groups", [])
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise invalid("Filters must have groups, a list of objects.", attr="filters")
    for group in groups:
        if not isinstance(group.get("properties", []) or [], list):
            raise invalid("A group's properties must be a list.", attr="filters")
        share = group.get("rollout_percentage")
        if share is not None and not _is_share(share):
            raise invalid("Rollout percentage must be between 0 and 100.", attr="filters")
    if not isinstance(filters.get("payloads") or {}, dict):
        raise invalid("Payloads must be an object.", attr="filters")
    holdout = filters.get("holdout") or {}
    if not isinstance(holdout, dict) or not _is_share(holdout.get("exclusion_percentage", 0)):
        raise invalid("A holdout must be an object with its exclusion_percentage.", attr="filters")
    multivariate = filters.get("multivariate") or {}
    if not isinstance(multivariate, dict):
        raise invalid("Multivariate must be an object or null.", attr="filters")
    if multivariate.get("variants") is not None:
        check_variants(multivariate["variants"], attr="filters")


def check_variants(listed: Any, *, attr: str | None) -> None:
    """Refuse a list of variants that does not split everybody among distinct keys."""
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise invalid("Variants must be a list of objects.", attr=attr)
    keys = [item.get("key") for item in listed]
    if not all(isinstance(key, str) and key.strip() for key in keys):
        raise invalid("Every variant must have a key.", attr=attr)
    if len(set(keys)) != len(keys):
        raise invalid("Variant keys must be unique.", attr=attr)
    shares = [item.get("rollout_percentage") for item in listed]
    if not all(_is_share(share) for share in shares):
        raise invalid("Rollout percentage must be between 0 and 100.", attr=attr)
    if listed and abs(sum(shares) - 100) > 1e-9:
        raise invalid(_SUM_RULE, attr=attr)


# ---------------------------------------------------------------- views


def minimal_view(work: Work, flag: Document) -> dict[str, Any]:
    """Return the flag as an experiment shows it."""
    return {
        "id": flag["id"],
        "team_id": work.project["id"],
        "name": flag["name"],
        "key": flag["key"],
        "filters": flag["filters"],
        "deleted": flag["deleted"],
        "active": flag["active"],
        "ensure_experience_continuity": flag["ensure_experience_continuity"],
        "version": flag["version"],
        "evaluation_runtime": flag["evaluation_runtime"],
        "bucketing_identifier": flag["bucketing_identifier"],
        "evaluation_contexts": flag["evaluation_contexts"],
    }


def view(work: Work, flag: Document) -> dict[str, Any]:
    """Return the flag as its own endpoint shows it."""
    return views(work, [flag])[0]


def views(work: Work, listed: list[Document]) -> list[dict[str, Any]]:
    """Return flags as their own endpoint shows them, with one query for all their experiments."""
    linked: dict[int, list[dict[str, Any]]] = {flag["id"]: [] for flag in listed}
    rows = work.connection.execute(
        "SELECT flag_id, id, name FROM experiments "
        "WHERE flag_id IN (SELECT value FROM json_each(?)) AND NOT deleted ORDER BY id",
        [json.dumps(list(linked))],
    )
    for flag_id, identifier, name in rows:
        linked[flag_id].append({"id": identifier, "name": name})
    return [_view(work, flag, linked[flag["id"]]) for flag in listed]


def _view(work: Work, flag: Document, linked: list[dict[str, Any]]) -> dict[str, Any]:
    status = "DELETED" if flag["deleted"] else "ACTIVE" if flag["active"] else "INACTIVE"
    return {
        "id": flag["id"],
        "name": flag["name"],
        "key": flag["key"],
        "filters": flag["filters"],
        "deleted": flag["deleted"],
        "active": flag["active"],
        "archived": flag["archived"],
        "created_by": basic_view(work.person(flag["created_by"])),
        "created_at": wire_time(flag["created_at"]),
        "updated_at": wire_time(flag["updated_at"]),
        "version": flag["version"],
        "last_modified_by": basic_view(work.person(flag["last_modified_by"])),
        "ensure_experience_continuity": flag["ensure_experience_continuity"],
        "experiment_set": [entry["id"] for entry in linked],
        "experiment_set_metadata": linked,
        "surveys": [],
        "features": [],
        "rollback_conditions": flag["rollback_conditions"],
        "performed_rollback": False,
        "can_edit": True,
        "tags": flag["tags"],
        "evaluation_contexts": flag["evaluation_contexts"],
        "usage_dashboard": None,
        "analytics_dashboards": [],
        "has_enriched_analytics": False,
        "user_access_level": "editor",
        "creation_context": flag["creation_context"],
        "is_remote_configuration": flag["is_remote_configuration"],
        "has_encrypted_payloads": flag["has_encrypted_payloads"],
        "status": status,
        "evaluation_runtime": flag["evaluation_runtime"],
        "bucketing_identifier": flag["bucketing_identifier"],
        "last_called_at": None,
        "is_used_in_replay_settings": False,
    }
