"""The flag's configuration inside an experiment request: read, checked, laid over a flag's filters.

It comes in two forms, the ``feature_flag`` object and the older keys of ``parameters``; both end
as one `FlagConfig`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from exp_jupyter.server.refusals import Refusal, invalid
from exp_jupyter.server.services import flags
from exp_jupyter.server.store import Document

PARAMETER_KEYS = (
    "feature_flag_variants",
    "rollout_percentage",
    "aggregation_group_type_index",
    "feature_flag_payloads",
    "ensure_experience_continuity",
)
"""Keys of ``parameters`` that belong to the flag and are never stored with the experiment."""

DEFAULT_VARIANTS: tuple[Document, ...] = (
    {"key": "control", "name": "Control Group", "rollout_percentage": 50},
    {"key": "test", "name": "Test Variant", "rollout_percentage": 50},
)

_OBJECT_KEYS = frozenset({"id", "filters", "ensure_experience_continuity"})
_FILTER_KEYS = frozenset({"multivariate", "groups", "aggregation_group_type_index", "payloads"})
_UNSUPPORTED = "Unsupported key for the experiment feature_flag input."


@dataclass(frozen=True)
class FlagConfig:
    """What a request says about the experiment's flag; None where it says nothing."""

    variants: list[Document] | None = None
    rollout: float | None = None
    aggregation: int | None = None
    payloads: Document | None = None
    continuity: bool | None = None

    @property
    def empty(self) -> bool:
        """Whether the request says nothing about the flag."""
        return self == FlagConfig()

    def laid_over(self, filters: Document) -> Document:
        """Return ``filters`` with this configuration in it; what it leaves open stays."""
        result = copy.deepcopy(filters)
        if self.variants is not None:
            names = {
                item["key"]: item["name"]
                for item in (result.get("multivariate") or {}).get("variants") or []
                if "name" in item
            }
            result["multivariate"] = {
                **(result.get("multivariate") or {}),
                "variants": [
                    {**({"name": names[item["key"]]} if item["key"] in names else {}), **item}
                    for item in self.variants
                ],
            }
        if self.rollout is not None:
            groups = result.get("groups") or [{"properties": []}]
            result["groups"] = [{**groups[0], "rollout_percentage": self.rollout}, *groups[1:]]
        if self.aggregation is not None:
            result["aggregation_group_type_index"] = self.aggregation
        if self.payloads is not None:
            result["payloads"] = self.payloads
        return result


def new_filters(config: FlagConfig) -> Document:
    """Return the filters of a new experiment flag with this configuration."""
    base: Document = {
        "groups": [{"properties": [], "rollout_percentage": 100}],
        "multivariate": {"variants": copy.deepcopy(list(DEFAULT_VARIANTS))},
        "aggregation_group_type_index": None,
        "holdout": None,
    }
    if config.variants is not None:
        base["multivariate"] = {"variants": []}
    return config.laid_over(base)


def from_object(given: Document | None) -> FlagConfig:
    """Read a request's ``feature_flag``; the echo of a read object (with an id) says nothing."""
    if not given or given.get("id") is not None:
        return FlagConfig()
    _only(given, _OBJECT_KEYS, "feature_flag")
    filters = given.get("filters") or {}
    if not isinstance(filters, dict):
        raise invalid("Filters must be an object.", attr="feature_flag__filters")
    _only(filters, _FILTER_KEYS, "feature_flag__filters")
    groups = filters.get("groups") or []
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise invalid("Groups must be a list of objects.", attr="feature_flag__filters__groups")
    if len(groups) > 1:
        raise invalid("At most one group is supported.", attr="feature_flag__filters__groups")
    if any(group.get("properties") for group in groups):
        raise invalid(
            "Release conditions are set on the flag itself.", attr="feature_flag__filters__groups"
        )
    multivariate = filters.get("multivariate") or {}
    if not isinstance(multivariate, dict):
        raise invalid("Multivariate must be an object.", attr="feature_flag__filters__multivariate")
    return _config(
        {
            "feature_flag_variants": multivariate.get("variants"),
            "rollout_percentage": groups[0].get("rollout_percentage") if groups else None,
            "aggregation_group_type_index": filters.get("aggregation_group_type_index"),
            "feature_flag_payloads": filters.get("payloads"),
            "ensure_experience_continuity": given.get("ensure_experience_continuity"),
        },
        "feature_flag",
    )


def from_parameters(parameters: Document | None) -> FlagConfig:
    """Read the flag's part of a request's ``parameters``."""
    return _config(parameters or {}, "parameters")


def stored_parameters(parameters: Document | None) -> Document:
    """Return the part of ``parameters`` that is the experiment's own."""
    return {key: value for key, value in (parameters or {}).items() if key not in PARAMETER_KEYS}


def shown_parameters(stored: Document, flag: Document) -> Document:
    """Return ``parameters`` as they are read: the experiment's own, and the flag's as it is."""
    filters = flag["filters"]
    shown: Document = {
        **stored,
        "feature_flag_variants": [
            {**variant, "split_percent": variant["rollout_percentage"]}
            for variant in flags.variants(flag)
        ],
    }
    groups = filters.get("groups") or []
    if groups:
        shown["rollout_percentage"] = groups[0].get("rollout_percentage")
    if filters.get("aggregation_group_type_index") is not None:
        shown["aggregation_group_type_index"] = filters["aggregation_group_type_index"]
    if filters.get("payloads"):
        shown["feature_flag_payloads"] = filters["payloads"]
    if flag["ensure_experience_continuity"] is not None:
        shown["ensure_experience_continuity"] = flag["ensure_experience_continuity"]
    return shown


def check_experiment_variants(variants: list[Document]) -> None:
    """Refuse variants that an experiment cannot compare."""
    keys = [variant.get("key") for variant in variants]
    if len(keys) < 2:
        raise invalid(
            "Feature flag must have at least 2 variants (control and at least one test variant)"
        )
    if len(keys) > flags.MOST_VARIANTS:
        raise invalid(f"Feature flag variants must be less than {flags.MOST_VARIANTS + 1}")
    if "control" not in keys:
        raise invalid(
            "Feature flag variants must contain a variant with key 'control'. "
            f"Found: {', '.join(map(str, keys))}"
        )


def check_linked_flag(flag: Document) -> None:
    """Refuse an existing flag that an experiment cannot compare by."""
    keys = flags.variant_keys(flag)
    if len(keys) < 2:
        raise invalid(
            "Feature flag must have at least 2 variants (control and at least one test variant)"
        )
    if "control" not in keys:
        raise invalid("Feature flag must have a variant with key 'control'")


def _only(given: Document, allowed: frozenset[str], attr: str) -> None:
    for key in given:
        if key not in allowed:
            raise invalid(_UNSUPPORTED, attr=f"{attr}__{key}")


def _config(given: Document, attr: str) -> FlagConfig:
    rollout = given.get("rollout_percentage")
    if rollout is not None and (
        isinstance(rollout, bool)
        or not isinstance(rollout, (int, float))
        or not 0 <= rollout <= 100
    ):
        raise invalid("Rollout percentage must be between 0 and 100.", attr=attr)
    payloads = given.get("feature_flag_payloads")
    if payloads is not None and not isinstance(payloads, dict):
        raise invalid("Payloads must be an object.", attr=attr)
    continuity = given.get("ensure_experience_continuity")
    if continuity is not None and not isinstance(continuity, bool):
        raise invalid("ensure_experience_continuity must be true or false.", attr=attr)
    aggregation = given.get("aggregation_group_type_index")
    if aggregation is not None and (
        isinstance(aggregation, bool)
        or not isinstance(aggregation, int)
        or not 0 <= aggregation <= 4
    ):
        raise invalid("aggregation_group_type_index must be 0 to 4.", attr=attr)
    return FlagConfig(
        variants=_variants(given.get("feature_flag_variants"), attr),
        rollout=rollout,
        aggregation=aggregation,
        payloads=payloads,
        continuity=continuity,
    )


def _variants(listed: Any, attr: str) -> list[Document] | None:
    if listed is None:
        return None
    wrong: Refusal = invalid("Variants must be a list of objects.", attr=attr)
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise wrong
    found = []
    for item in listed:
        variant = {key: value for key, value in item.items() if key != "split_percent"}
        if "rollout_percentage" not in variant and "split_percent" in item:
            variant["rollout_percentage"] = item["split_percent"]
        if str(variant.get("key")).lower() == "control":
            variant["key"] = "control"
        found.append(variant)
    check_experiment_variants(found)
    flags.check_variants(found, attr=attr)
    return found
