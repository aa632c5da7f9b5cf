"""Rollout: every number of a flag's filters that says what share of units it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIELD = "rollout_percentage"


def rollouts(filters: Mapping[str, Any]) -> dict[str, float]:
    """Return every rollout number of a flag's filters, in percent, under its path.

    Parameters
    ----------
    filters
        A flag's filters as the API has them.

    Returns
    -------
    dict
        By path, as approval policies and change requests name them; without those not set.

    Examples
    --------
    >>> rollouts({"groups": [{"rollout_percentage": 50}], "multivariate": None})
    {'groups[0].rollout_percentage': 50}
    """
    variants = (filters.get("multivariate") or {}).get("variants") or []
    found = {
        f"groups[{place}].{FIELD}": group.get(FIELD)
        for place, group in enumerate(filters.get("groups") or [])
    } | {
        f"multivariate.variants[{place}].{FIELD}": variant.get(FIELD)
        for place, variant in enumerate(variants)
    }
    found["holdout.exclusion_percentage"] = (filters.get("holdout") or {}).get(
        "exclusion_percentage"
    )
    return {path: value for path, value in found.items() if value is not None}
