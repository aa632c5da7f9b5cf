"""What a request says about an experiment, and whether the experiment is like that already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from exp_jupyter.client.lookup.names import suggestion
from exp_jupyter.client.writes.flags.change import laid_over
from exp_jupyter.errors import InputError
from exp_jupyter.schema.experiments.experiment import Experiment
from exp_jupyter.schema.flags.flag import FlagFilters, FlagMultivariate
from exp_jupyter.schema.metrics.short_forms import metric_of
from exp_jupyter.schema.requests.bodies import ExperimentUpdate
from exp_jupyter.shown import plain

INSTRUCTIONS = frozenset({"allow_unknown_events", "update_feature_flag_params"})
"""Fields that say how to write, and are not kept."""

METRIC_FIELDS = ("metrics", "metrics_secondary")

_NOT_OURS = frozenset({"type", "feature_flag_key"})
_MANAGED = frozenset({"uuid", "fingerprint"})
_OF_THE_FLAG = (
    "feature_flag_variants",
    "rollout_percentage",
    "aggregation_group_type_index",
    "feature_flag_payloads",
    "ensure_experience_continuity",
)
_DATES = frozenset({"start_date", "end_date"})


def checked_fields(fields: Mapping[str, Any], *, more: Collection[str] = ()) -> dict[str, Any]:
    """Return fields of a request as JSON-ready values.

    Parameters
    ----------
    fields
        By the API's names.
    more
        Names that this call takes beside those of a PATCH.

    Raises
    ------
    exp_jupyter.errors.InputError
        A name is not the API's, or a metric in text is none.
    """
    known = {*ExperimentUpdate.model_fields, *more} - (_NOT_OURS - set(more))
    for name in fields:
        if name not in known:
            raise InputError(
                f"An experiment has no field {name!r} that can be written.",
                hint=suggestion(name, known) or f"It has {', '.join(sorted(known))}.",
            )
    given = {name: plain(value) for name, value in fields.items()}
    for name in METRIC_FIELDS:
        if given.get(name) is not None:
            given[name] = _written_out(given[name])
    return given


def _written_out(given: Any) -> list[Any]:
    """Return metrics of which those in a short form are written out."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"metrics are {given!r}.", hint="Give a list of metrics.")
    return [_metric(one) if isinstance(one, str) else one for one in given]


def _metric(form: str) -> dict[str, Any]:
    metric = metric_of(form)
    if metric["name"] == form.strip():  # nobody named it: the project does
        del metric["name"]
    return metric


def flag_config(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request says about its flag, by the names ``parameters`` has for it."""
    given = fields.get("feature_flag")
    if isinstance(given, dict) and given and given.get("id") is None:
        filters = given.get("filters") or {}
        groups = filters.get("groups") or [{}]
        told = {
            "feature_flag_variants": (filters.get("multivariate") or {}).get("variants"),
            "rollout_percentage": groups[0].get("rollout_percentage"),
            "aggregation_group_type_index": filters.get("aggregation_group_type_index"),
            "feature_flag_payloads": filters.get("payloads"),
            "ensure_experience_continuity": given.get("ensure_experience_continuity"),
        }
    else:
        parameters = fields.get("parameters") or {}
        told = {name: parameters.get(name) for name in _OF_THE_FLAG}
    return {name: value for name, value in told.items() if value is not None}


def configured(filters: FlagFilters, config: Mapping[str, Any]) -> FlagFilters:
    """Return a flag's filters as a request's configuration makes them."""
    result = laid_over(filters, None, config.get("rollout_percentage"))
    variants = config.get("feature_flag_variants")
    if variants is None:
        return result
    told = [
        {"rollout_percentage": one.get("split_percent"), **one}
        for one in variants
        if isinstance(one, dict)
    ]
    return result.model_copy(
        update={"multivariate": FlagMultivariate.model_validate({"variants": told})}
    )


def differing(fields: Mapping[str, Any], now: Experiment) -> list[str]:
    """Return the fields of a request that the experiment does not have like that yet.

    What cannot be compared counts as different: then it is sent, which does no harm, while a
    change that was never made must not pass for done.
    """
    told = now.to_dict()
    return [
        name
        for name, wanted in fields.items()
        if name not in INSTRUCTIONS and not _same(name, wanted, told, now)
    ]


_PLAIN = frozenset(
    {
        *("name", "description", "start_date", "end_date", "conclusion", "conclusion_comment"),
        *("archived", "deleted", "holdout_id", "only_count_matured_users", "type"),
    }
)
"""Fields that come back as they were sent; others the project may write in its own way."""


def not_shown(fields: Mapping[str, Any], now: Experiment, before: Experiment | None = None) -> str:
    """Say which field of a request a good answer does not show; empty when it shows them all.

    A field that the answer leaves out, as an older project may, is not held against it. Of fields
    that the project writes in its own way only those count that are as they were ``before``.
    """
    told, was = now.to_dict(), before.to_dict() if before is not None else {}
    for name in differing(fields, now):
        if name not in told:
            continue
        have, wanted = told[name], fields[name]
        if name in _PLAIN:
            if isinstance(wanted, str) and isinstance(have, str) and wanted.strip() == have:
                continue
            if not wanted and not have:
                continue
            return f"does not show the new {name}"
        if before is not None and have == was.get(name):
            return f"does not show the new {name}"
    return ""


def _same(name: str, wanted: Any, told: Mapping[str, Any], now: Experiment) -> bool:
    have = told.get(name)
    if name in _DATES:
        return bool(_instant(wanted) == _instant(have))
    if name in METRIC_FIELDS:
        return _metrics(wanted, wanted) == _metrics(have, wanted)
    if name == "feature_flag":
        return _flag_agrees({"feature_flag": wanted}, now)
    if name == "parameters":
        return bool(_own(wanted) == _own(have)) and _flag_agrees({"parameters": wanted}, now)
    if name == "saved_metrics_ids":
        return _links(wanted) == {
            link.saved_metric: str((link.metadata or {}).get("type") or "primary")
            for link in now.saved_metrics
        }
    if name == "holdout_id":
        return bool(wanted == (now.holdout.id if now.holdout else have))
    return bool(wanted == have)


def _flag_agrees(fields: Mapping[str, Any], now: Experiment) -> bool:
    config, flag = flag_config(fields), now.feature_flag
    if not config:
        return True
    if flag is None:
        return False
    filters = flag.filters
    return bool(
        configured(filters, config).rollouts == filters.rollouts
        and [one.get("key") for one in config.get("feature_flag_variants", [])]
        in ([], [*now.variants])
        and config.get("feature_flag_payloads", filters.payloads) == filters.payloads
        and config.get("aggregation_group_type_index", filters.aggregation_group_type_index)
        == filters.aggregation_group_type_index
        and config.get("ensure_experience_continuity", flag.ensure_experience_continuity)
        == flag.ensure_experience_continuity
    )


def _own(parameters: Any) -> dict[str, Any]:
    return {name: one for name, one in (parameters or {}).items() if name not in _OF_THE_FLAG}


def _links(references: Any) -> dict[Any, str]:
    return {
        one.get("id"): str((one.get("metadata") or {}).get("type") or "primary")
        for one in references or []
        if isinstance(one, dict)
    }


def _metrics(metrics: Any, wanted: Any) -> list[Any]:
    """Return metrics without what the project adds and the request does not speak of."""
    unsaid = _MANAGED - {key for one in wanted or [] if isinstance(one, dict) for key in one}
    return [
        {key: value for key, value in one.items() if key not in unsaid | {"fingerprint"}}
        if isinstance(one, dict)
        else one
        for one in metrics or []
    ]


def _instant(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
