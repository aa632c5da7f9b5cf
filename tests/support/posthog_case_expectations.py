"""What an answer has that its case does not expect, in words; nothing means that all is as it was.

Numbers are equal up to 1e-7 of their size. An object may hold more than what is expected of it; a
list must be as long.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

Json = dict[str, Any]


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


def same(got: Any, want: Any) -> bool:
    if isinstance(want, bool) or want is None or isinstance(want, str):
        return bool(got == want)
    if isinstance(want, int | float):
        number = isinstance(got, int | float) and not isinstance(got, bool)
        return number and abs(got - want) <= 1e-7 * max(1, abs(want))
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(same, got, want))
    return isinstance(got, dict) and all(
        same(got[name], value) if name in got else value is None for name, value in want.items()
    )


def at(got: Any, path: str) -> Any:
    """Return what is found at a dotted path, or MISSING."""
    for part in filter(None, path.split(".")):
        if isinstance(got, list) and part.isdigit() and int(part) < len(got):
            got = got[int(part)]
        elif isinstance(got, dict) and part in got:
            got = got[part]
        else:
            return MISSING
    return got


def differences(where: str, got: Any, want: Any) -> Iterator[str]:
    """Yield what differs, place by place; an absent value is as good as null."""
    if isinstance(want, dict) and isinstance(got, dict):
        for name, value in want.items():
            if name in got:
                yield from differences(f"{where}.{name}", got[name], value)
            elif value is not None:
                yield f"{where}.{name}: expected {_short(value)}, observed nothing"
    elif isinstance(want, list) and isinstance(got, list) and len(got) == len(want):
        for number, (mine, value) in enumerate(zip(got, want, strict=True)):
            yield from differences(f"{where}.{number}", mine, value)
    elif not same(got, want):
        yield f"{where}: expected {_short(want)}, observed {_short(got)}"


def of_query(want: Json, answer: httpx.Response) -> Iterator[str]:
    """Yield what differs in the answer to a query."""
    expected = want.get("refused", 200)
    if answer.status_code != expected:
        yield f"status: expected {expected}, observed {answer.status_code} {answer.text[:300]}"
        return
    if "refused" in want:
        if want.get("detail_has") and want["detail_has"] not in answer.text:
            yield f"detail: expected {want['detail_has']!r} in {answer.text[:300]}"
        return
    got = answer.json()
    if want.get("p_value") and at(got, "variant_results.0.p_value") in (None, MISSING):
        yield "p_value: expected a number, observed none"
    yield from _of_results(want, got)
    yield from _of_exposures(want, got)
    for path, value in want.get("paths", {}).items():
        found = at(got, path)
        if not (found is MISSING and value is None):
            yield from differences(path, found, value)


def _of_results(want: Json, got: Json) -> Iterator[str]:
    by_key = {variant["key"]: variant for variant in got.get("variant_results") or ()}
    baseline = got.get("baseline") or {}
    if "baseline" in want:
        yield from differences("baseline", baseline, want["baseline"])
    for key, value in want.get("variants", {}).items():
        yield from differences(key, by_key.get(key, MISSING), value)
    for key in want.get("absent", ()):
        if key in by_key or baseline.get("key") == key:
            yield f"{key}: expected nothing, observed {_short(by_key.get(key, baseline))}"
    if "variant_keys" in want:
        yield from differences("variants", sorted(by_key), sorted(want["variant_keys"]))
    if "breakdowns" in want:
        yield from _of_breakdowns(want["breakdowns"], got.get("breakdown_results") or [])


def _of_breakdowns(want: Json, rows: list[Json]) -> Iterator[str]:
    found = {_label(row.get("breakdown_value")): row for row in rows}
    if "count" in want and len(rows) != want["count"]:
        yield f"breakdowns: expected {want['count']}, observed {list(found)}"
    for row in want.get("rows", ()):
        where, mine = f"breakdown {row['values']}", found.get(_label(row["values"]))
        if mine is None:
            yield f"{where}: expected a row, observed {list(found)}"
            continue
        if "baseline" in row:
            yield from differences(f"{where} baseline", mine.get("baseline"), row["baseline"])
        inner = {variant["key"]: variant for variant in mine.get("variants") or ()}
        for key, value in row.get("variants", {}).items():
            yield from differences(f"{where} {key}", inner.get(key, MISSING), value)


def _label(values: Any) -> tuple[str | None, ...]:
    return tuple(None if value is None else str(value) for value in values or ())


def _of_exposures(want: Json, got: Json) -> Iterator[str]:
    lines: Mapping[str, Json] = {line["variant"]: line for line in got.get("timeseries") or ()}
    if "total" in want and got.get("total_exposures") != want["total"]:
        yield f"total: expected {want['total']}, observed {got.get('total_exposures')}"
    for part, name in (("series", "exposure_counts"), ("days", "days")):
        for key, value in want.get(part, {}).items():
            yield from differences(f"{part} {key}", lines.get(key, {}).get(name), value)
    if "series_keys" in want:
        yield from differences("series", sorted(lines), sorted(want["series_keys"]))
    for key, day in want.get("first_day", {}).items():
        line = lines.get(key, {"days": [], "exposure_counts": []})
        days = zip(line["days"], line["exposure_counts"], strict=True)
        first = next((name for name, count in days if count), None)
        yield from differences(f"first day {key}", first, day)
    if "expected_keys" in want:
        expected = (got.get("sample_ratio_mismatch") or {}).get("expected") or {}
        yield from differences("expected keys", sorted(expected), sorted(want["expected_keys"]))


def narrower(want: Json, mine: Json, theirs: Json) -> Iterator[str]:
    """Yield what speaks against one answer's interval being narrower than another's."""
    first, second = (at(of, f"variant_results.0.{want['interval']}") for of in (mine, theirs))
    if not isinstance(first, list) or not isinstance(second, list):
        yield f"{want['interval']}: expected two intervals, observed {first} and {second}"
    elif not first[1] - first[0] < second[1] - second[0]:
        yield f"{want['interval']}: expected {first} narrower than {second}"
    if want.get("p_value"):
        first, second = (at(of, "variant_results.0.p_value") for of in (mine, theirs))
        if not first < second:
            yield f"p_value: expected {first} below {second}"


def of_step(want: Json, answer: httpx.Response) -> Iterator[str]:
    """Yield what differs in the answer to one request."""
    got = answer.json() if answer.text else None
    if "body" in want:
        yield from differences("body", got, want["body"])
    for path, value in want.get("parts", {}).items():
        yield from differences(path, at(got, path), value)
    for part, wrong in _PLACES.items():
        expected = want.get(part, {})
        for path in expected:
            value = expected[path] if isinstance(expected, dict) else None
            if wrong(at(got, path), value):
                yield f"{part} {path}: {_short(value)}, observed {_short(at(got, path))}"
    for text in want.get("text", ()):
        if text not in answer.text:
            yield f"expected {text!r} in {answer.text[:300]}"


_PLACES: Mapping[str, Callable[[Any, Any], bool]] = {
    "absent": lambda found, _: found is not MISSING,
    "present": lambda found, _: found in (MISSING, None),
    "lengths": lambda found, number: found is MISSING or len(found) != number,
    "unlike": lambda found, value: bool(found == value),
    "json": lambda found, value: found is MISSING or json.loads(found) != value,
}
"""What speaks against the things found at paths, by the part of a case that names the paths."""


def _short(value: Any) -> str:
    return str(value)[:200]
