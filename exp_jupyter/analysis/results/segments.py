"""The results broken down by properties: which ones, and each combination of their values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exp_jupyter.errors import InputError
from exp_jupyter.schema.metrics.metric import NULL_LABEL, OTHER_LABEL

if TYPE_CHECKING:
    from exp_jupyter.analysis.results.series import Series

MISSING, OTHERS = "(missing)", "(all others)"
MOST_PROPERTIES = 3
_KINDS = ("event", "person")


@dataclass(frozen=True)
class ResultSegment:
    """One metric in one combination of values.

    Attributes
    ----------
    values
        The values, in words: ``(missing)`` for units without the property, ``(all others)`` for
        those beyond the number of values that are told apart.
    series
        A series of the one day.
    """

    values: tuple[str, ...]
    series: Series


def properties_of(by: str | Iterable[str] | None) -> tuple[tuple[str, str], ...]:
    """Read the properties to break results down by.

    Parameters
    ----------
    by
        One to three: ``country`` of the event that exposed a unit, ``person:country`` of its
        person.

    Returns
    -------
    tuple
        Of pairs: the kind, ``event`` or ``person``, and the property.

    Raises
    ------
    exp_jupyter.errors.InputError
        There are more than three, one is named twice, or one has no name.

    Examples
    --------
    >>> properties_of(["$device_type", "person:plan"])
    (('event', '$device_type'), ('person', 'plan'))
    """
    written = [by] if isinstance(by, str) else [*(by or ())]
    found = []
    for word in written:
        kind, colon, name = word.partition(":") if isinstance(word, str) else ("", "", "")
        if not colon or kind not in _KINDS:
            kind, name = "event", word
        if not isinstance(name, str) or not name.strip():
            raise InputError(
                f"{word!r} names no property to break down by.",
                hint="Give a property such as $browser, or person:country of the person.",
            )
        found.append((kind, name.strip()))
    if len(found) > MOST_PROPERTIES:
        raise InputError(
            f"by names {len(found)} properties; a metric is broken down by at most "
            f"{MOST_PROPERTIES}.",
            hint="Leave some out.",
        )
    if len(set(found)) < len(found):
        raise InputError("by names a property twice.", hint="Name each once.")
    return tuple(found)


def broken_down(metric: dict[str, Any], by: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a metric's definition with these properties to break down by."""
    breakdowns = [{"property": name, "type": kind} for kind, name in by]
    return {**metric, "breakdownFilter": {"breakdowns": breakdowns}} if breakdowns else metric


def value_words(value: Any) -> str:
    """Return a value of a property as a reader sees it."""
    return {NULL_LABEL: MISSING, OTHER_LABEL: OTHERS}.get(str(value), str(value))
