"""Property filters as SQL conditions that are true or false, never NULL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import PropertyFilter
from exp_jupyter.warehouse.sql.elements import any_element, element_reader
from exp_jupyter.warehouse.sql.hogql import condition as hogql_condition
from exp_jupyter.warehouse.sql.properties import PropertyReader

_NEGATED = {
    "is_not": "exact",
    "not_in": "exact",
    "not_icontains": "icontains",
    "not_regex": "regex",
    "is_not_set": "is_set",
}
_COMPARE = {"gt": ">", "lt": "<", "gte": ">=", "lte": "<="}


def all_of(
    filters: Iterable[PropertyFilter | Mapping[str, Any]], reader: PropertyReader, where: str
) -> str:
    """Return the condition that every filter holds; ``TRUE`` for none.

    Parameters
    ----------
    filters
        Property and HogQL filters.
    reader
        Reads the properties.
    where
        What the filters belong to, for a refusal's message: a metric's name, "test accounts"…

    Raises
    ------
    exp_jupyter.errors.InputError
        A filter's type or operator is not supported, or a value does not fit it.
    """
    parts = [one(PropertyFilter.model_validate(item), reader, where) for item in filters]
    return " AND ".join(parts) if parts else "TRUE"


def one(item: PropertyFilter, reader: PropertyReader, where: str) -> str:
    """Return one filter's condition."""
    if item.type == "hogql":
        return hogql_condition(item.key, reader, where)
    if item.type not in reader.scopes:
        raise InputError(
            f"{where}: filters of type {item.type!r} are not supported (key {item.key!r}).",
            hint=f"Use a filter of type {', '.join(sorted(reader.scopes))} or hogql.",
        )
    if item.type == "cohort":
        return _membership(item, reader, where)
    operator = item.operator or "exact"
    positive = _NEGATED.get(operator, operator)
    scope = reader.scopes[item.type]
    if item.type == "element":
        # "Is not" is said of all elements: none of them is.
        held = item.model_copy(update={"type": "event", "operator": positive})
        condition = one(held, element_reader(reader), where)
        test = any_element(reader, item.key, condition, where)
    elif positive == "is_set":
        test = f"{reader.text(item.key, scope)} IS NOT NULL"
    else:
        build = _BUILDERS.get("compare" if positive in _COMPARE else positive)
        if build is None:
            raise InputError(
                f"{where}: the operator {operator!r} is not supported (key {item.key!r}).",
                hint="Use exact, is_not, icontains, not_icontains, regex, not_regex, gt, gte, "
                "lt, lte, is_set or is_not_set.",
            )
        test = f"COALESCE({build(item, reader, scope, where)}, FALSE)"
    # A missing property is not equal to anything, so the negated operators hold for it.
    return f"(NOT ({test}))" if operator in _NEGATED else f"({test})"


def _membership(item: PropertyFilter, reader: PropertyReader, where: str) -> str:
    """Return the condition that the event's person is, or is not, in one of the cohorts."""
    if item.operator not in (None, "in", "not_in", "exact", "is_not"):
        raise InputError(
            f"{where}: the operator {item.operator!r} is not supported for a cohort.",
            hint="Use in or not_in.",
        )
    cohorts = [_cohort(value) for value in _values(item, where)]
    if not cohorts or None in cohorts:
        raise InputError(
            f"{where}: {item.value!r} is no cohort's id.", hint="Give the id, a whole number."
        )
    tests = " OR ".join(reader.member(cohort) for cohort in cohorts if cohort is not None)
    return f"(NOT ({tests}))" if item.operator in _NEGATED else f"({tests})"


def _cohort(value: Any) -> int | None:
    if isinstance(value, bool) or not str(value).isdecimal():
        return None
    return int(value)


def _values(item: PropertyFilter, where: str) -> list[Any]:
    values = list(item.value) if isinstance(item.value, (list, tuple)) else [item.value]
    if any(isinstance(value, (dict, list)) for value in values):
        raise InputError(
            f"{where}: the value of the filter on {item.key!r} is neither text nor a number."
        )
    return values


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _exact(item: PropertyFilter, reader: PropertyReader, scope: str, where: str) -> str:
    texts, tests = [], []
    for value in _values(item, where):
        number = _number(value)
        if value is None:
            tests.append(f"{reader.text(item.key, scope)} IS NULL")
        elif number is not None and (
            not isinstance(value, str) or reader.is_number(item.key, scope)
        ):
            tests.append(f"{reader.number(item.key, scope)} = {reader.parameters.bind(number)}")
        else:
            texts.append(reader.parameters.bind(_text(value)))
    if texts:
        tests.append(f"{reader.text(item.key, scope)} IN ({', '.join(texts)})")
    return f"({' OR '.join(f'COALESCE({test}, FALSE)' for test in tests)})" if tests else "FALSE"


def _icontains(item: PropertyFilter, reader: PropertyReader, scope: str, where: str) -> str:
    held = f"LOWER({reader.text(item.key, scope)})"
    tests = [
        f"CONTAINS({held}, {reader.parameters.bind(_text(value).lower())})"
        for value in _values(item, where)
    ]
    return f"({' OR '.join(tests)})" if tests else "FALSE"


def _regex(item: PropertyFilter, reader: PropertyReader, scope: str, where: str) -> str:
    patterns = [_text(value) for value in _values(item, where)]
    if len(patterns) != 1:
        raise InputError(
            f"{where}: the filter on {item.key!r} needs one pattern.",
            hint="Join several patterns with |.",
        )
    pattern = patterns[0]
    return f"REGEXP_MATCHES({reader.text(item.key, scope)}, {reader.parameters.bind(pattern)})"


def _compare(item: PropertyFilter, reader: PropertyReader, scope: str, where: str) -> str:
    values = _values(item, where)
    if len(values) != 1 or values[0] is None:
        raise InputError(f"{where}: the filter on {item.key!r} needs one value to compare with.")
    sign = _COMPARE[item.operator or ""]
    number = _number(values[0])
    if number is not None:
        return f"{reader.number(item.key, scope)} {sign} {reader.parameters.bind(number)}"
    return f"{reader.text(item.key, scope)} {sign} {reader.parameters.bind(_text(values[0]))}"


_BUILDERS: dict[str, Callable[[PropertyFilter, PropertyReader, str, str], str]] = {
    "exact": _exact,
    "in": _exact,
    "icontains": _icontains,
    "regex": _regex,
    "compare": _compare,
}
