"""What exposes a unit, as a caller says it: the flag's calls, an event, or an assignment table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exp_jupyter.analysis.results.verdicts import activation_words, exclusion_words
from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.exposure import FLAG_CALLED, ExposureCriteria, parse_exposure
from exp_jupyter.warehouse.sources.assignments import ASSIGNED, ASSIGNED_VARIANT
from exp_jupyter.warehouse.sources.tables import FILES

_CRITERIA = frozenset(ExposureCriteria.model_fields) | {"activation_config", "exclusions"}
_EVENT = {"event", "properties", "variant"}
_TABLE = {"table", "person_id", "variant", "timestamp"}


@dataclass(frozen=True)
class Exposing:
    """How units come into the experiment.

    Parameters
    ----------
    criteria
        As the API writes them.
    variant_from
        The property that names the variant, where it is not the usual one.
    assignments
        An assignment table, or None.
    columns
        Its columns by what they hold.
    """

    criteria: dict[str, Any] = field(default_factory=dict)
    variant_from: str | None = None
    assignments: Any = None
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def event(self) -> str | None:
        """The event that exposes; None for an action."""
        config = parse_exposure(self.criteria).exposure_config
        return FLAG_CALLED if config is None else config.event

    @property
    def words(self) -> str:
        """What exposes, for a sentence."""
        if self.assignments is not None:
            return "the assignment table"
        return f"event {self.event!r}" if self.event else "the exposure's action"

    @property
    def explained(self) -> str:
        """What exposes, what else a unit must do, and who is left out, for the small print."""
        then, without = activation_words(self.criteria), exclusion_words(self.criteria)
        parts = (self.words, f"counted from {then}" if then else "", without and f"not {without}")
        return ", ".join(part for part in parts if part)


def read_exposure(
    exposure: Any, handling: str | None, criteria: Mapping[str, Any] | None = None
) -> Exposing:
    """Read what a caller says of the exposure.

    Parameters
    ----------
    exposure
        None for the flag's calls, or what the criteria say; an event's name; a mapping with
        ``event`` and, where needed, ``properties`` (filters) and ``variant`` (the property or
        column that names the variant); criteria as the API writes them; a table with one row per
        unit and variant, or a mapping with ``table`` and the names of its columns.
    handling
        What becomes of units seen under several variants, or None.
    criteria
        The experiment's own.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is none of these.

    Examples
    --------
    >>> read_exposure({"event": "signup", "variant": "bucket"}, "first_seen").variant_from
    'bucket'
    """
    own = dict(criteria or {})
    if handling is not None:
        if handling not in ("exclude", "first_seen"):
            raise InputError(
                f"multiple_variants is {handling!r}; expected exclude or first_seen.",
                hint="exclude leaves units out that saw several variants; first_seen keeps them.",
            )
        own["multiple_variant_handling"] = handling
    if exposure is None:
        return _checked(Exposing(own))
    if isinstance(exposure, Path) or (isinstance(exposure, str) and _is_file(exposure)):
        return _assigned(own, exposure, {})
    if isinstance(exposure, str) and exposure.strip():
        return _checked(Exposing(_by_event(own, {"event": exposure})))
    if isinstance(exposure, Mapping) and (found := _of_mapping(own, exposure)) is not None:
        return found
    if hasattr(exposure, "model_dump"):
        return _checked(Exposing({**own, **exposure.model_dump(mode="json", exclude_none=True)}))
    if isinstance(exposure, (str, bool, int, float)):
        raise InputError(
            f"exposure is {exposure!r}; expected an event, criteria or an assignment table.",
            hint="For example exposure='signup', or exposure={'event': 'signup', "
            "'variant': 'bucket'}.",
        )
    return _assigned(own, exposure, {})


def _of_mapping(own: dict[str, Any], said: Mapping[str, Any]) -> Exposing | None:
    """Return what a mapping of words says; None when it is a mapping of columns."""
    keys = set(said)
    if "table" in keys and not isinstance(said["table"], (list, tuple)):
        _only(keys, _TABLE)
        return _assigned(own, said["table"], {key: str(said[key]) for key in keys - {"table"}})
    if isinstance(said.get("event"), str) and "kind" not in keys:
        _only(keys, _EVENT)
        return _checked(Exposing(_by_event(own, said), said.get("variant") or None))
    if keys & _CRITERIA:
        return _checked(Exposing({**own, **said}))
    if keys & {"kind", "id"}:
        return _checked(Exposing({**own, "exposure_config": dict(said)}))
    return None


def _is_file(text: str) -> bool:
    return text.lower().endswith(FILES)


def _by_event(own: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    config = {"kind": "ExperimentEventExposureConfig", "event": said["event"]}
    if said.get("properties"):
        config["properties"] = list(said["properties"])
    return {**own, "exposure_config": config}


def _assigned(own: dict[str, Any], table: Any, columns: Mapping[str, str]) -> Exposing:
    criteria = _by_event(own, {"event": ASSIGNED})
    # A table's rows are no events: they have no properties to tell test accounts by.
    criteria.setdefault("filterTestAccounts", False)
    return Exposing(criteria, ASSIGNED_VARIANT, table, columns)


def _only(keys: set[str], known: set[str]) -> None:
    if wrong := sorted(keys - known):
        raise InputError(
            f"exposure has no {wrong[0]!r}.",
            hint=f"With {'table' if 'table' in keys else 'event'} it takes "
            f"{', '.join(sorted(known))}.",
        )


def _checked(found: Exposing) -> Exposing:
    parse_exposure(found.criteria)
    return found
