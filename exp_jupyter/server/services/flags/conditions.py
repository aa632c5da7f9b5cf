"""Property filters of a flag's release conditions: whether what is known of somebody meets them.

The operators and their comparisons are those of the flags service and of the official SDKs' local
evaluation, so that both ways of asking give the same answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from exp_jupyter.server.services.flags.linear_patterns import PatternError, search

_RELATIVE = re.compile(r"-?(\d{1,4})([hdwmy])")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_DAYS = {"h": 1 / 24, "d": 1, "w": 7}
_MONTHS = {"m": 1, "y": 12}

NEGATIVE = frozenset(
    {
        "is_not",
        "is_not_set",
        "not_icontains",
        "not_regex",
        "not_starts_with",
        "not_ends_with",
        "semver_neq",
    }
)
"""Operators that hold for somebody of whom the property is not known."""

_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "eq": lambda left, right: left == right,
    "neq": lambda left, right: left != right,
}

Version = tuple[int, int, int]


class UnknownFilterError(ValueError):
    """A filter that cannot be judged here."""


def meets(condition: Mapping[str, Any], known: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether the properties known of somebody meet one filter.

    Parameters
    ----------
    condition
        ``key``, ``operator`` (``exact`` by default) and ``value``, as flags keep them.
    known
        Properties by name.
    now
        The present moment, for dates like ``-7d``; aware.

    Raises
    ------
    UnknownFilterError
        The operator is unknown, or the filter's value is none that it can compare with.

    Examples
    --------
    >>> now = datetime(2026, 3, 2, tzinfo=UTC)
    >>> meets({"key": "plan", "operator": "exact", "value": ["pro", "team"]}, {"plan": "Pro"}, now)
    True
    >>> meets({"key": "seats", "operator": "gt", "value": "10"}, {"seats": 9}, now)
    False
    """
    operator = condition.get("operator") or "exact"
    key, value = str(condition.get("key")), condition.get("value")
    if not isinstance(operator, str):
        raise UnknownFilterError("its operator is no text")
    try:
        test = _tests(operator, value, now)
        if key not in known:
            return operator in NEGATIVE
        return test(known[key])
    except PatternError as error:
        raise UnknownFilterError(str(error)) from None


def belongs(condition: Mapping[str, Any], cohorts: Mapping[int, bool]) -> bool:
    """Tell whether somebody's cohorts meet a filter of type ``cohort``.

    Parameters
    ----------
    condition
        ``operator`` (``in`` by default, or ``not_in``) and ``value``, the cohort's id.
    cohorts
        Every cohort there is, and whether somebody is in it.

    Raises
    ------
    UnknownFilterError
        There is no such cohort, or the operator is unknown.

    Examples
    --------
    >>> belongs({"key": "id", "type": "cohort", "value": 3}, {3: True})
    True
    """
    operator, value = condition.get("operator") or "in", str(condition.get("value"))
    if operator not in ("in", "not_in", "exact", "is_not"):
        raise UnknownFilterError(f"there is no operator {str(operator)[:40]!r} for cohorts")
    cohort = int(value[:19]) if value.isascii() and value.isdecimal() else None
    if cohort is None or cohort not in cohorts:
        raise UnknownFilterError(f"there is no cohort {value[:40]!r}")
    return cohorts[cohort] is (operator in ("in", "exact"))


def _tests(operator: str, value: Any, now: datetime) -> Callable[[Any], bool]:
    """Return the test of a present value."""
    if operator in ("is_set", "is_not_set"):
        return lambda _: operator == "is_set"
    if operator in ("exact", "is_not"):
        return lambda found: _equal(value, found) is (operator == "exact")
    if operator in ("gt", "gte", "lt", "lte"):
        return _numeric(operator, value)
    if operator in ("is_date_before", "is_date_after"):
        return _dated(operator, value, now)
    if operator.startswith("semver_"):
        return _versioned(operator.removeprefix("semver_"), value)
    return _textual(operator, value)


# ---------------------------------------------------------------- text and equality


def as_text(value: Any) -> str:
    """Return a property as the text that filters compare."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _is_truth_value(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_truth_value, value))
    return isinstance(value, bool) or (
        isinstance(value, str) and value.lower() in ("true", "false")
    )


def _is_true(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_true, value))
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _equal(wanted: Any, found: Any) -> bool:
    if wanted == []:
        return _is_true(found)
    if _is_truth_value(wanted):
        return _is_true(wanted) == _is_true(found)
    candidates = wanted if isinstance(wanted, list) else [wanted]
    return as_text(found).lower() in [as_text(one).lower() for one in candidates]


def _textual(operator: str, value: Any) -> Callable[[Any], bool]:
    plain = operator.removeprefix("not_")
    wanted = as_text(value)
    if plain == "regex":
        found = search(wanted)
        # A pattern that is none matches nobody, in either direction.
        if found is None:
            return lambda _: False
        test = found
    elif plain in ("icontains", "starts_with", "ends_with"):
        lowered = wanted.lower()
        plainly: dict[str, Callable[[str], bool]] = {
            "icontains": lambda text: lowered in text.lower(),
            "starts_with": lambda text: text.lower().startswith(lowered),
            "ends_with": lambda text: text.lower().endswith(lowered),
        }
        test = plainly[plain]
    else:
        raise UnknownFilterError(f"there is no operator {operator!r}")
    return lambda found: test(as_text(found)) is not operator.startswith("not_")


# ---------------------------------------------------------------- numbers and dates


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) != float("inf") else None


def _numeric(operator: str, value: Any) -> Callable[[Any], bool]:
    bound = _number(value)
    if bound is None:
        raise UnknownFilterError(f"{as_text(value)[:40]} is no number to compare with")

    def test(found: Any) -> bool:
        number = _number(found)
        return number is not None and _COMPARED[operator](number, bound)

    return test


def _dated(operator: str, value: Any, now: datetime) -> Callable[[Any], bool]:
    bound = _moment(str(value), now)
    if bound is None:
        raise UnknownFilterError(f"{str(value)[:40]!r} is no date to compare with")

    def test(found: Any) -> bool:
        moment = _moment(found, None) if isinstance(found, str) else None
        if moment is None:
            return False
        return moment < bound if operator == "is_date_before" else moment > bound

    return test


def _moment(text: str, now: datetime | None) -> datetime | None:
    text = text.strip()
    relative = _RELATIVE.fullmatch(text)
    try:
        if relative and now is not None:
            return _before(now, int(relative[1]), relative[2])
        moment = datetime.fromisoformat(re.sub(r" ([+-]\d\d:\d\d)$", r"\1", text))
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _before(now: datetime, count: int, unit: str) -> datetime:
    if unit in _DAYS:
        return now - timedelta(days=count * _DAYS[unit])
    day = now.day
    moment = now
    # Step by step, each clamped to its month's length, as the flags service counts.
    for _ in range(count):
        months = moment.year * 12 + moment.month - 1 - _MONTHS[unit]
        first = moment.replace(year=months // 12, month=months % 12 + 1, day=1)
        length = ((first + timedelta(days=31)).replace(day=1) - timedelta(days=1)).day
        day = min(day, length)
        moment = first.replace(day=day)
    return moment


# ---------------------------------------------------------------- versions


def _version(value: Any) -> Version | None:
    text = re.split(r"[-+]", str(value).strip().lstrip("vV"), maxsplit=1)[0]
    numbers: list[int] = []
    for part in text.split(".")[:3]:
        if not part and numbers:
            numbers.append(0)
        elif not re.fullmatch(r"0|[1-9][0-9]{0,17}", part):
            return None
        else:
            numbers.append(int(part))
    numbers += [0] * (3 - len(numbers))
    return numbers[0], numbers[1], numbers[2]


def _versioned(operator: str, value: Any) -> Callable[[Any], bool]:
    if operator in _COMPARED:
        lower = _version(value)
        upper = None
    else:
        lower, upper = _version_range(operator, str(value))
    if lower is None:
        raise UnknownFilterError(f"{str(value)[:40]!r} is no version to compare with")
    bound = lower

    def test(found: Any) -> bool:
        version = _version(found)
        if version is None:
            return False
        return bound <= version < upper if upper else _COMPARED[operator](version, bound)

    return test


def _version_range(operator: str, value: str) -> tuple[Version | None, Version | None]:
    """Return the half-open range of a tilde, caret or wildcard version."""
    parts = 3
    if operator == "wildcard":
        value = value.replace("*", "").strip().rstrip(".")
        parts = len([part for part in value.split(".") if part])
    lower = _version(value)
    if lower is None or not parts:
        return None, None
    major, minor, patch = lower
    if operator == "tilde":
        return lower, (major, minor + 1, 0)
    if operator == "caret":
        if major:
            return lower, (major + 1, 0, 0)
        return lower, (0, minor + 1, 0) if minor else (0, 0, patch + 1)
    if operator != "wildcard":
        raise UnknownFilterError(f"there is no operator 'semver_{operator}'")
    if parts == 1:
        return lower, (major + 1, 0, 0)
    return lower, (major, minor + 1, 0) if parts == 2 else (major, minor, patch + 1)
