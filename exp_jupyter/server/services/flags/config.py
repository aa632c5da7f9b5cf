"""The flag's configuration inside an experiment request: read, checked, laid over a flag's filters.

It comes in two forms, the ``feature_flag`` object and the older keys of ``parameters``; both end
as one `FlagConfig`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from exp_jupyter.schema.experiments.baseline import CONTROL
from exp_jupyter.server.refusals import invalid
from exp_jupyter.server.services.flags import flag as flags
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

_CONFIG_KEYS = frozenset({"filters", "ensure_experience_continuity"})
_OBJECT_KEYS = _CONFIG_KEYS | {"id"}
_GROUP_KEYS = frozenset({"properties", "rollout_percentage"})
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
    """Read a request's ``feature_flag``.

    The echo of a read object (with an id) says nothing, nor does one without any configuration.
    """
    if not given or not is_configuration(given):
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
    for group in groups:
        _only(group, _GROUP_KEYS, "feature_flag__filters__groups__0")
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


def is_configuration(given: Document | None) -> bool:
    """Tell whether a request's ``feature_flag`` is meant to configure the flag."""
    return given is not None and given.get("id") is None and bool(_CONFIG_KEYS & set(given))


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


TOO_FEW_VARIANTS = (
    "Feature flag must have at least 2 variants (a baseline and at least one test variant)"
)


def check_experiment_variants(keys: list[Any]) -> None:
    """Refuse variants that an experiment cannot compare, of a new flag or of an existing one."""
    if len(keys) < 2:
        raise invalid(TOO_FEW_VARIANTS)
    if len(keys) > flags.MOST_VARIANTS:
        raise invalid(f"Feature flag variants must be less than {flags.MOST_VARIANTS + 1}")


def check_linked_flag(flag: Document) -> None:
    """Refuse an existing flag that an experiment cannot compare by."""
    if len(flags.variants(flag)) < 2:
        raise invalid(TOO_FEW_VARIANTS)


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
    if not isinstance(listed, list):
        raise invalid("Variants must be a list of objects.", attr=attr)
    for index, item in enumerate(listed):
        _check_shape(index, item)
    if not listed:
        return None
    found = normalized_variants(listed)
    check_experiment_variants([variant.get("key") for variant in found])
    flags.check_variants(found, attr=attr)
    return found


def _check_shape(index: int, variant: Any) -> None:
    if not isinstance(variant, dict):
        raise invalid(f"Feature flag variant at index {index} must be an object")
    if "key" not in variant:
        raise invalid(f"Feature flag variant at index {index} must have a 'key' field")
    if not {"split_percent", "rollout_percentage"} & set(variant):
        raise invalid(
            "Each variant must include split_percent (recommended) or rollout_percentage "
            "(deprecated)."
        )


def normalized_variants(listed: list[Document]) -> list[Document]:
    """Return variants as a flag has them.

    ``split_percent`` is another name of ``rollout_percentage``, and an odd spelling of ``control``
    is that where no variant has the name itself.

    Examples
    --------
    >>> normalized_variants([{"key": "Control", "split_percent": 60}])
    [{'key': 'control', 'rollout_percentage': 60}]
    """
    found = []
    taken = any(item.get("key") == CONTROL for item in listed)
    for item in listed:
        variant = {key: value for key, value in item.items() if key != "split_percent"}
        if "split_percent" in item:
            variant["rollout_percentage"] = item["split_percent"]
        if not taken and str(variant.get("key")).lower() == CONTROL:
            variant["key"], taken = CONTROL, True
        found.append(variant)
    return found


def differing_parameters(parameters: Document | None, flag: Document) -> Document:
    """Return the flag's keys in ``parameters`` that say something else than the flag does."""
    shown = shown_parameters({}, flag)
    return {
        key: value
        for key, value in (parameters or {}).items()
        if key in PARAMETER_KEYS and _compared(key, value) != _compared(key, shown.get(key))
    }


def _compared(key: str, value: Any) -> Any:
    variants = key == "feature_flag_variants" and isinstance(value, list)
    if variants and all(isinstance(item, dict) for item in value):
        return normalized_variants(value)
    return value
