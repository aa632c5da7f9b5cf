"""What a scenario may say about an answer, and whether the answer keeps to it."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

ABSENT = object()

_PLACEHOLDER = re.compile(
    r"\{(?:(?P<clock>now|date)(?P<step>[+-]\d+[smhd])?(?P<midnight>@midnight)?"
    r"|(?P<name>[A-Za-z_]\w*)(?P<text>:s)?)\}"
)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def filled(value: Any, saved: dict[str, Any], now: datetime) -> Any:
    """Return ``value`` with its placeholders replaced, at any depth."""
    if isinstance(value, dict):
        return {str(filled(key, saved, now)): filled(v, saved, now) for key, v in value.items()}
    if isinstance(value, list):
        return [filled(item, saved, now) for item in value]
    if not isinstance(value, str):
        return value

    def put(found: re.Match[str]) -> Any:
        if not found["clock"]:
            kept = saved[found["name"]]
            return str(kept) if found["text"] else kept
        moment = now
        if found["step"]:
            moment += timedelta(**{_UNITS[found["step"][-1]]: int(found["step"][:-1])})
        if found["midnight"]:
            moment = moment.replace(hour=0, minute=0, second=0)
        return moment.strftime("%Y-%m-%d" if found["clock"] == "date" else "%Y-%m-%dT%H:%M:%SZ")

    whole = _PLACEHOLDER.fullmatch(value)
    return put(whole) if whole else _PLACEHOLDER.sub(lambda found: str(put(found)), value)


def at(body: Any, path: str) -> Any:
    """Return what is at a dotted path, ``*`` collecting; ``ABSENT`` when there is nothing."""
    first, _, rest = path.partition(".")
    if not path:
        return body
    if first == "*":
        items = body.values() if isinstance(body, dict) else body
        return [at(item, rest) for item in items] if isinstance(body, (dict, list)) else ABSENT
    if isinstance(body, dict):
        return at(body[first], rest) if first in body else ABSENT
    if isinstance(body, list) and first.isdigit() and int(first) < len(body):
        return at(body[int(first)], rest)
    return ABSENT


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _parses(parse: Callable[[Any], Any], value: Any) -> bool:
    try:
        parse(value)
    except (ValueError, TypeError, AttributeError):
        return False
    return True


_KINDS: dict[str, Callable[[Any], bool]] = {
    "<any>": lambda value: True,
    "<non-null>": lambda value: value is not None,
    "<bool>": lambda value: isinstance(value, bool),
    "<int>": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "<number>": _is_number,
    "<string>": lambda value: isinstance(value, str),
    "<null-or-string>": lambda value: value is None or isinstance(value, str),
    "<uuid>": lambda value: isinstance(value, str) and _parses(uuid.UUID, value),
    "<datetime>": lambda value: (
        isinstance(value, str) and "T" in value and _parses(datetime.fromisoformat, value)
    ),
}


def differences(want: Any, got: Any, where: str = "body", *, exact: bool = False) -> list[str]:
    """Return how ``got`` departs from ``want``; objects on the named keys only unless exact."""
    if got is ABSENT:
        return [f"{where} is absent, expected {want!r}"]
    wrong = [f"{where} is {json.dumps(got)[:300]}, expected {json.dumps(want)[:300]}"]
    if isinstance(want, str) and want in _KINDS:
        return [] if _KINDS[want](got) else wrong
    if isinstance(want, dict) and set(want) == {"<json>"}:
        if not isinstance(got, str) or not _parses(json.loads, got):
            return wrong
        return differences(want["<json>"], json.loads(got), where, exact=exact)
    if isinstance(want, dict):
        if not isinstance(got, dict):
            return wrong
        strange = [f"{where}.{key} is unexpected" for key in got if exact and key not in want]
        return strange + [
            line
            for key, value in want.items()
            for line in differences(value, got.get(key, ABSENT), f"{where}.{key}", exact=exact)
        ]
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return wrong
        return [
            line
            for index, (one, other) in enumerate(zip(want, got, strict=True))
            for line in differences(one, other, f"{where}.{index}", exact=exact)
        ]
    if _is_number(want) and _is_number(got):
        return [] if math.isclose(want, got, rel_tol=1e-6, abs_tol=1e-12) else wrong
    return [] if type(want) is type(got) and want == got else wrong


def _same_members(want: list[Any], got: Any) -> bool:
    if not isinstance(got, list) or len(want) != len(got):
        return False
    left = list(got)
    for value in want:
        hit = next((item for item in left if not differences(value, item, exact=True)), ABSENT)
        if hit is ABSENT:
            return False
        left.remove(hit)
    return True


def failures(expect: dict[str, Any], status: int, text: str) -> list[str]:
    """Return what an ``expect`` block finds wrong with an answer."""
    wanted = expect.get("status", 200)
    body = read(text)
    found = []
    if status not in (wanted if isinstance(wanted, list) else [wanted]):
        found.append(f"status is {status}, expected {wanted}")
    if "json" in expect:
        found += differences(expect["json"], body)
    for path, want in expect.get("equals", {}).items():
        found += differences(want, at(body, path), path or "body", exact=True)
    found += [
        f"{want!r} is nowhere" for want in expect.get("text_contains", []) if want not in text
    ]
    found += [
        f"{path or 'body'} is {at(body, path)!r}: {rule} {want!r}"
        for rule, holds in _RULES.items()
        for path, want in expect.get(rule, {}).items()
        if not holds(want, at(body, path))
    ]
    for path in expect.get("absent", []):
        got = at(body, path)
        if [item for item in (got if isinstance(got, list) else [got]) if item is not ABSENT]:
            found.append(f"{path} is there")
    return found


_RULES: dict[str, Callable[[Any, Any], bool]] = {
    "not_equals": lambda want, got: got is not ABSENT and bool(differences(want, got, exact=True)),
    "contains": lambda want, got: isinstance(got, str) and want.lower() in got.lower(),
    "length": lambda want, got: isinstance(got, (list, dict)) and len(got) == want,
    "same_set": _same_members,
}


def read(text: str) -> Any:
    """Return an answer's body: its JSON, its text, or None when it is empty."""
    if not text.strip():
        return None
    return json.loads(text) if _parses(json.loads, text) else text
