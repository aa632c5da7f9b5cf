"""Changes made for an older version of an experiment, merged with what was saved meanwhile.

A change has three sides: *base*, the values that its sender last saw; *mine*, the values it sends;
and *current*, the values stored now. What both sides changed differently is a conflict.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from exp_jupyter.schema.requests.bodies import ExperimentUpdate
from exp_jupyter.server.refusals import Refusal, from_validation, refusal
from exp_jupyter.server.services.experiments.writes import version_of
from exp_jupyter.server.services.flags.config import PARAMETER_KEYS, from_object, stored_parameters
from exp_jupyter.server.services.results import metrics, saved_metric_links
from exp_jupyter.server.store import Document, Work

PASSED = frozenset(
    {
        "allow_unknown_events",
        "feature_flag",
        "feature_flag_key",
        "original_experiment",
        "update_feature_flag_params",
        "version",
    }
)
"""Fields of a request that are no values of the experiment: nothing is merged in them."""

_HINTS = frozenset({"primary_metrics_ordered_uuids", "secondary_metrics_ordered_uuids"})
_CALCULATION = "running_time_calculation"
_SAVED = "saved_metrics_ids"
_ABSENT = object()


@dataclass
class _Merge:
    """The outcome of a merge in the making."""

    fields: Document = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)


def rebased(work: Work, experiment: Document, fields: Document) -> Document | None:
    """Return what a request changes of an experiment as it stands now.

    Parameters
    ----------
    experiment
        The stored experiment.
    fields
        The checked fields of the request; ``version`` is the version it was made for and
        ``original_experiment`` the values its sender saw.

    Returns
    -------
    dict or None
        The fields to write; None when everything the request wants is so already, because
        somebody made the same change meanwhile.

    Raises
    ------
    exp_jupyter.server.refusals.Refusal
        409: the experiment changed since, and the two changes cannot both hold.
    """
    seen, stored = fields.get("version"), version_of(experiment)
    if seen is None or seen == stored:
        return fields
    if fields.get("original_experiment") is None:
        raise _conflict(experiment)
    base = _read_base(fields["original_experiment"])
    result = _Merge()
    for name, mine in fields.items():
        if name not in PASSED:
            _merge_field(work, experiment, result, name, mine, base.get(name, _ABSENT))
    if result.conflicts or result.metrics:
        raise _conflict(experiment, result.conflicts, result.metrics)
    passed = {name: value for name, value in fields.items() if name in PASSED}
    if not result.fields and from_object(passed.get("feature_flag")).empty:
        return None
    return {**passed, **result.fields}


def _conflict(
    experiment: Document, fields: list[str] | None = None, uuids: list[str] | None = None
) -> Refusal:
    answer = refusal(
        409,
        "conflict",
        "This experiment was changed by somebody else since it was read. Read it again and repeat "
        "the change.",
        kind="server_error",
    )
    answer.body["current_version"] = version_of(experiment)
    if fields:
        answer.body["conflicting_fields"] = sorted(fields)
    if uuids:
        answer.body["conflicting_metric_uuids"] = sorted(uuids)
    return answer


def _read_base(given: Document) -> Document:
    """Return the values the sender saw, read as the request's own values are read."""
    known = {name: value for name, value in given.items() if name in ExperimentUpdate.model_fields}
    try:
        return ExperimentUpdate.model_validate(known).given()
    except ValidationError as error:
        refused = from_validation(error)
        attr = refused.body["attr"]
        refused.body["attr"] = f"original_experiment__{attr}" if attr else "original_experiment"
        raise refused from None


def _merge_field(
    work: Work, experiment: Document, result: _Merge, name: str, mine: Any, base: Any
) -> None:
    if name in metrics.FIELDS:
        _merge_list(result, name, mine, base, experiment[name], _metric_key, _plain_metric, str)
    elif name == _SAVED:
        current = [
            {"id": link["saved_metric_id"], "metadata": link["metadata"]}
            for link in saved_metric_links.of(work, experiment)
        ]
        _merge_list(result, name, mine, base, current, _saved_key, _plain_link, _saved_name)
    elif name == _CALCULATION:
        _merge_calculation(result, mine, base, experiment[name])
    elif name == "parameters":
        _merge_parameters(result, mine, base, experiment[name])
    elif name in _HINTS:
        if mine != experiment[name]:
            result.fields[name] = mine
    else:
        _merge_scalar(result, name, mine, base, experiment.get(name))


def _merge_scalar(result: _Merge, name: str, mine: Any, base: Any, current: Any) -> None:
    if mine in (base, current):
        return
    if base is _ABSENT or current != base:
        result.conflicts.append(name)
    else:
        result.fields[name] = mine


def _merge_parameters(result: _Merge, mine: Any, base: Any, current: Any) -> None:
    """Merge the experiment's own parameters; the flag's part in them is no value of its own."""
    own = _Merge()
    seen = base if base is _ABSENT else stored_parameters(base)
    _merge_scalar(own, "parameters", stored_parameters(mine), seen, stored_parameters(current))
    result.conflicts += own.conflicts
    known = {} if base is _ABSENT or base is None else base
    flag_part = {
        key: value
        for key, value in (mine or {}).items()
        if key in PARAMETER_KEYS and known.get(key, _ABSENT) != value
    }
    if own.fields or flag_part:
        kept = own.fields.get("parameters", stored_parameters(current))
        result.fields["parameters"] = {**kept, **flag_part}


def _merge_calculation(result: _Merge, mine: Any, base: Any, current: Any) -> None:
    """Merge the calculator's settings key by key, so that an echo of one does not block another."""
    if base is _ABSENT or mine is None:
        _merge_scalar(result, _CALCULATION, mine, base, current)
        return
    base, current = base or {}, current or {}
    merged, conflict = dict(current), False
    for key in {**base, **mine}:
        wanted, seen, now = (side.get(key) for side in (mine, base, current))
        if wanted in (seen, now):
            continue
        # What the calculator recommends follows from the rest: nobody decides it.
        if now != seen and not key.startswith("recommended_"):
            conflict = True
        elif key in mine:
            merged[key] = wanted
        else:
            merged.pop(key, None)
    if conflict:
        result.conflicts.append(_CALCULATION)
    elif merged != current:
        result.fields[_CALCULATION] = merged


# ---------------------------------------------------------------- lists of metrics


def _metric_key(metric: Any) -> Any:
    uuid = metric.get("uuid") if isinstance(metric, dict) else None
    return uuid if isinstance(uuid, str) and uuid else None


def _plain_metric(metric: Any) -> Any:
    """Return a metric without what the project writes into it by itself."""
    if not isinstance(metric, dict):
        return metric
    return metrics.without_action_names(
        {key: value for key, value in metric.items() if key not in ("fingerprint", "uuid")}
    )


def _saved_key(reference: Any) -> Any:
    return reference.get("id") if isinstance(reference, dict) else None


def _plain_link(reference: Any) -> Any:
    metadata = reference.get("metadata") if isinstance(reference, dict) else None
    return {"type": "primary", **metadata} if isinstance(metadata, dict) else {"type": "primary"}


def _saved_name(identifier: Any) -> str:
    return f"saved_metric:{identifier}"


def _merge_list(
    result: _Merge,
    name: str,
    mine: Any,
    base: Any,
    current: list[Any],
    key_of: Callable[[Any], Any],
    plain: Callable[[Any], Any],
    named: Callable[[Any], str],
) -> None:
    """Merge a list item by item: what one side added, changed or took away is kept."""
    mine = [] if mine is None else mine
    if not isinstance(mine, list):
        result.fields[name] = mine  # the check of the field says what is wrong with it
        return
    if base is _ABSENT:
        if [plain(item) for item in mine] != [plain(item) for item in current]:
            result.conflicts.append(name)
        return
    seen = {key_of(item): plain(item) for item in base or []}
    now = {key_of(item): item for item in current}
    wanted = {key_of(item): item for item in mine if key_of(item) is not None}
    merged: list[Any] = []
    for key, item in now.items():
        kept, conflict = _kept_item(key, item, wanted, seen, plain)
        merged += kept
        if conflict:
            result.metrics.append(named(key))
    # What others added meanwhile; an addition of mine that is the same as one of these is that one.
    theirs = [plain(item) for key, item in now.items() if key not in seen]
    for item in mine:
        key = key_of(item)
        if key in now:
            continue
        if key in seen:
            if plain(item) != seen[key]:
                result.metrics.append(named(key))
        elif key is None and plain(item) in theirs:
            theirs.remove(plain(item))
        else:
            merged.append(copy.deepcopy(item))
    if merged != current:
        result.fields[name] = merged


def _kept_item(
    key: Any,
    item: Any,
    wanted: dict[Any, Any],
    seen: dict[Any, Any],
    plain: Callable[[Any], Any],
) -> tuple[list[Any], bool]:
    """Return what becomes of a stored item, and whether the two sides disagree about it."""
    now = plain(item)
    if key not in wanted:
        # Not seen: somebody added it. Seen and left out: I take it away, unless it was changed.
        return ([], False) if key in seen and now == seen[key] else ([item], key in seen)
    mine = plain(wanted[key])
    if mine == now or (key in seen and mine == seen[key]):
        return [item], False
    if key in seen and now == seen[key]:
        return [wanted[key]], False
    return [item], True
