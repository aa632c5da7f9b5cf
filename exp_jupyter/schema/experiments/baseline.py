"""The baseline: the variant that the others are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CONTROL = "control"
"""The variant that is the baseline where nothing else is said and a flag has it."""


def baseline_variant(stats_config: Mapping[str, Any] | None, variants: Sequence[str]) -> str:
    """Return the key of an experiment's baseline.

    Parameters
    ----------
    stats_config
        The experiment's statistics settings, as the API writes them.
    variants
        The keys of the flag's variants, in the flag's order; may be empty when they are not known.

    Returns
    -------
    str
        The key named in the settings; else ``control`` where the flag has it; else the flag's
        first variant.

    Examples
    --------
    >>> baseline_variant({"baseline_variant_key": "old"}, ["control", "old"])
    'old'
    >>> baseline_variant({}, ["test", "control"]), baseline_variant(None, ["red", "blue"])
    ('control', 'red')
    """
    named = explicit_baseline(stats_config)
    if named is not None:
        return named
    if CONTROL in variants or not variants:
        return CONTROL
    return variants[0]


def explicit_baseline(stats_config: Mapping[str, Any] | None) -> str | None:
    """Return the baseline that the settings name; None where they name none."""
    named = (stats_config or {}).get("baseline_variant_key")
    return named if isinstance(named, str) and named else None
