"""Which value a flag has for somebody, decided as the official SDKs' local evaluation decides it.

Experience continuity is not kept: a flag that asks for it is decided like any other, from the
identifier in the request alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from exp_jupyter.server.services.flags import flag as flags
from exp_jupyter.server.services.flags.conditions import UnknownFilterError, belongs, meets
from exp_jupyter.server.store import Document

_SCALE = float(0xFFFFFFFFFFFFFFF)

Value = bool | str


@dataclass(frozen=True)
class Subject:
    """Who asks for flags, and what is known of them.

    Attributes
    ----------
    distinct_id, device_id
        Their identifiers.
    properties
        Properties of the person.
    groups
        The key of their group by group type.
    group_properties
        Properties of these groups by group type.
    group_types
        The project's group types in the order of their indexes.
    cohorts
        Every cohort there is, and whether the person is in it.
    now
        The present moment, aware.
    """

    distinct_id: str
    now: datetime
    device_id: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    group_properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    group_types: tuple[str, ...] = ()
    cohorts: Mapping[int, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a flag is for somebody, and why.

    Attributes
    ----------
    value
        The variant's key, or whether the flag is on.
    code
        ``condition_match``, ``no_condition_match``, ``out_of_rollout_bound``,
        ``holdout_condition_value``, ``no_group_type``, ``disabled`` or ``failed``.
    condition
        The release condition that decided, counted from 0.
    description
        The reason in words.
    """

    value: Value
    code: str
    condition: int | None = None
    description: str = ""

    @property
    def variant(self) -> str | None:
        """The variant's key, if there is one."""
        return self.value if isinstance(self.value, str) else None

    @property
    def failed(self) -> bool:
        """Whether the flag could not be decided."""
        return self.code == "failed"


_REASONS = {
    "condition_match": "Matched condition set {}",
    "no_condition_match": "No matching condition set",
    "out_of_rollout_bound": "Out of rollout bound",
    "holdout_condition_value": "Holdout condition value",
    "no_group_type": "No group type",
    "disabled": "Flag is disabled",
}


def position(prefix: str, identifier: str, salt: str = "", separator: str = ".") -> float:
    """Return where an identifier falls between 0 and 1, always at the same place for a prefix.

    Examples
    --------
    >>> round(position("simple-flag", "distinct_id_0"), 6)
    0.783696
    """
    digest = hashlib.sha1(  # noqa: S324 - a spread, not a secret
        f"{prefix}{separator}{identifier}{salt}".encode("utf-8", "surrogatepass")
    ).hexdigest()
    return int(digest[:15], 16) / _SCALE


class Evaluation:
    """Decides flags for one subject; what is decided once is kept, since flags may ask for flags.

    Parameters
    ----------
    subject
        Who asks.
    find
        Returns the flag with a key or a number (both as text), or None.
    """

    def __init__(self, subject: Subject, find: Callable[[str], Document | None]) -> None:
        self._subject = subject
        self._find = find
        self._decided: dict[str, Outcome] = {}
        self._open: set[str] = set()

    def outcome(self, flag: Document) -> Outcome:
        """Return what a flag is for the subject."""
        key = flag["key"]
        if key not in self._decided:
            if key in self._open:
                return _failed("The flag depends on itself.")
            self._open.add(key)
            try:
                self._decided[key] = self._decide(flag)
            except UnknownFilterError as error:
                self._decided[key] = _failed(f"A condition cannot be judged: {error}.")
            finally:
                self._open.discard(key)
        return self._decided[key]

    def _decide(self, flag: Document) -> Outcome:
        filters = flag["filters"]
        if not flag["active"]:
            return _because(False, "disabled")
        identified = self._identifier(flag, filters.get("aggregation_group_type_index"))
        if filters.get("feature_enrollment") is True:
            enrolled = self._subject.properties.get(f"$feature_enrollment/{flag['key']}")
            if enrolled is True or enrolled == "true":
                return _because(True, "condition_match", 0)
            return _because(False, "no_condition_match")
        if identified is None:
            return _because(False, "no_group_type")
        held = _holdout(filters.get("holdout"), identified[0])
        if held:
            return _because(held, "holdout_condition_value")
        return self._conditions(flag, identified)

    def _conditions(self, flag: Document, identified: tuple[str, Mapping[str, Any]]) -> Outcome:
        filters = flag["filters"]
        whole = filters.get("aggregation_group_type_index")
        doubt: UnknownFilterError | None = None
        missed: int | None = None
        for index, group in enumerate(filters.get("groups") or []):
            own = group.get("aggregation_group_type_index", whole)
            about = identified if own == whole else self._identifier(flag, own)
            if about is None:
                continue
            try:
                if not self._all_meet(group.get("properties") or [], about[1]):
                    continue
            except UnknownFilterError as error:
                doubt = error
                continue
            share = group.get("rollout_percentage")
            if share is not None and position(flag["key"], about[0]) > share / 100:
                missed = index if missed is None else missed
                if filters.get("early_exit"):
                    break
                continue
            return _because(_assigned(flag, group, about[0]), "condition_match", index)
        if doubt is not None:
            raise doubt
        if missed is not None:
            return _because(False, "out_of_rollout_bound", missed)
        return _because(False, "no_condition_match")

    def _identifier(self, flag: Document, group: Any) -> tuple[str, Mapping[str, Any]] | None:
        """Return who is spread over the variants and what is known of them; None: nobody."""
        subject = self._subject
        if group is not None:
            known = isinstance(group, int) and 0 <= group < len(subject.group_types)
            kind = subject.group_types[group] if known else None
            if kind is None or kind not in subject.groups:
                return None
            return subject.groups[kind], subject.group_properties.get(kind, {})
        by_device = flag.get("bucketing_identifier") == "device_id"
        if by_device and not subject.device_id:
            raise UnknownFilterError("the flag goes by device, and the request names none")
        chosen = subject.device_id if by_device else subject.distinct_id
        return chosen or "", subject.properties

    def _all_meet(self, conditions: list[Any], known: Mapping[str, Any]) -> bool:
        doubt: UnknownFilterError | None = None
        for condition in conditions:
            try:
                if not self._meets(condition, known):
                    return False
            except UnknownFilterError as error:
                doubt = error
        if doubt is not None:
            raise doubt
        return True

    def _meets(self, condition: Any, known: Mapping[str, Any]) -> bool:
        if not isinstance(condition, dict):
            raise UnknownFilterError("it is no object")
        kind = condition.get("type") or "person"
        if kind == "flag":
            return self._flag_is(condition)
        if kind not in ("person", "group", "cohort"):
            raise UnknownFilterError(f"this project keeps no {str(kind)[:40]}s")
        if kind == "cohort":
            met = belongs(condition, self._subject.cohorts)
        else:
            met = meets(condition, known, self._subject.now)
        return met is not bool(condition.get("negation"))

    def _flag_is(self, condition: Document) -> bool:
        wanted = condition.get("value")
        if condition.get("operator") != "flag_evaluates_to" or wanted is None:
            return False
        other = self._find(str(condition.get("key")))
        if other is None:
            raise UnknownFilterError(f"there is no flag {str(condition.get('key'))[:60]!r}")
        found = self.outcome(other)
        if found.failed:
            raise UnknownFilterError(f"the flag {other['key']!r} could not be decided")
        if isinstance(found.value, str) and isinstance(wanted, bool):
            return wanted
        return type(found.value) is type(wanted) and found.value == wanted


def payload_of(flag: Document, value: Value) -> Any:
    """Return the payload that belongs to a value of a flag, or None."""
    payloads = flag["filters"].get("payloads") or {}
    return payloads.get(value if isinstance(value, str) else str(value).lower())


def _holdout(holdout: Any, identifier: str) -> str | None:
    if not holdout or holdout.get("id") is None or holdout.get("exclusion_percentage") is None:
        return None
    share = min(max(float(holdout["exclusion_percentage"]), 0.0), 100.0)
    outside = share != 100.0 and position("holdout", identifier, separator="-") > share / 100
    return None if outside else f"holdout-{holdout['id']}"


def _assigned(flag: Document, group: Document, identifier: str) -> Value:
    listed = flags.variants(flag)
    forced = group.get("variant")
    if forced and any(variant["key"] == forced for variant in listed):
        return str(forced)
    place = position(flag["key"], identifier, salt="variant")
    reached = 0.0
    for variant in listed:
        start, reached = reached, reached + variant["rollout_percentage"] / 100
        if start <= place < reached:
            return str(variant["key"])
    return True


def _because(value: Value, code: str, condition: int | None = None) -> Outcome:
    number = "" if condition is None else condition + 1
    return Outcome(value, code, condition, _REASONS[code].format(number))


def _failed(description: str) -> Outcome:
    return Outcome(False, "failed", None, description)
