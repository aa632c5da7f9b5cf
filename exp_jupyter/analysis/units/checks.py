"""What can be wrong with somebody's table of units, said before or instead of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from exp_jupyter.analysis.definition.written_numbers import Unread, about_unread, formats_to_try
from exp_jupyter.analysis.results.verdicts import heaviest_words
from exp_jupyter.analysis.units.metrics import UnitMetric, check_exists
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.request.number_text import unread
from exp_jupyter.warehouse.sources.open_units import UnitSource, quoted
from exp_jupyter.warehouse.units.sums import Missing, UnitSums, ValueSums

_FEW_ATTRITION = 0.001


def share_of(key: Any, share: Any) -> float:
    """Return the planned share of a variant as a number.

    Raises
    ------
    exp_jupyter.errors.InputError
        It is none, or below 0.
    """
    try:
        found = float(share)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found) or found < 0:
        raise InputError(
            f"The split gives variant {key!r} the share {share!r}; expected a number from 0 on.",
            hint="For example split={'control': 50, 'test': 50}.",
        )
    return found


def check_mapping(
    columns: Mapping[str, str],
    variant: str,
    unit: str | None,
    breakdown: Sequence[str],
    metrics: Sequence[UnitMetric],
) -> None:
    """Refuse columns that are not there, of no use, or of two roles at once.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names the column and its roles.
    """
    roles = {"the variant": [variant], "the unit": [unit] if unit else []}
    roles["a breakdown"] = list(breakdown)
    taken: dict[str, str] = {}
    for role, names in roles.items():
        for name in names:
            check_exists(name, columns, role)
            if name in taken:
                raise InputError(
                    f"Column {name!r} is both {taken[name]} and {role}.",
                    hint="Each column has one role.",
                )
            taken[name] = role
    if columns[variant] in ("time", "other"):
        raise InputError(
            f"Column {variant!r} cannot be the variant: it holds neither names nor numbers.",
            hint="Name the column that says each unit's variant.",
        )
    for metric in metrics:
        for name in (*metric.columns, *([metric.covariate] if metric.covariate else [])):
            if name in taken and taken[name] != "a breakdown":
                raise InputError(
                    f"Column {name!r} is both {taken[name]} and part of metric {metric.label!r}.",
                    hint="Each column has one role.",
                )


def check_units(data: UnitSource, unit: str, variant: str) -> None:
    """Refuse a table with several rows for a unit, or a row without one.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names the column and a unit.
    """
    name = quoted(unit)
    rows = data.rows(
        f"SELECT {name} AS u, COUNT(*) AS n, COUNT(DISTINCT {quoted(variant)}) AS v "  # noqa: S608
        f"FROM {data.relation} GROUP BY {name} HAVING COUNT(*) > 1 OR {name} IS NULL "
        "ORDER BY n DESC, u LIMIT 1"
    )
    if not rows:
        return
    value, n, variants = rows[0]
    if value is None:
        raise InputError(
            f"Column {unit!r} is missing for {int(n):,} rows; every row needs its unit.",
            hint="Leave those rows out, or correct the column.",
        )
    among = f" under {int(variants)} variants" if int(variants) > 1 else ""
    raise InputError(
        f"Unit {str(value)!r} in column {unit!r} has {int(n):,} rows{among}; expected one row a "
        "unit.",
        hint="Add the rows of each unit up first, or drop those that agree in every column with "
        "duplicates='drop'; leave out units seen under several variants.",
    )


def check_values(
    metrics: Sequence[UnitMetric], sums: UnitSums, order: Sequence[str], missing: Missing
) -> list[str]:
    """Refuse metrics without usable values; return what to say about the others.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names the metric and its column.
    """
    warnings: list[str] = []
    for metric, cells in zip(metrics, sums.values, strict=True):
        arms = {key: [part for (v, _), part in cells.items() if v == key] for key in order}
        n = {key: sum(part.n for part in parts) for key, parts in arms.items()}
        lost = {key: sum(part.missing for part in parts) for key, parts in arms.items()}
        names = " or ".join(repr(name) for name in metric.columns)
        if not sum(n.values()):
            raise InputError(
                f"Metric {metric.label!r} has no values: column {names} is missing for every unit.",
                hint="Check the column, or leave the metric out.",
            )
        strange = sum(part.strange for parts in arms.values() for part in parts)
        if strange:
            raise InputError(
                f"Metric {metric.label!r} is a proportion, but column {names} is neither 0 nor 1 "
                f"for {strange:,} units.",
                hint=f"Use {metric.column}:mean, or make it a yes/no column.",
            )
        if sum(lost.values()):
            warnings += _missing_words(metric, names, n, lost, missing)
        uncovered = {key: sum(part.uncovered for part in parts) for key, parts in arms.items()}
        if sum(uncovered.values()) == sum(n.values()):
            raise InputError(
                f"Covariate {metric.covariate!r} of metric {metric.label!r} is missing for every "
                "unit.",
                hint="Check the column, or leave the covariate out.",
            )
        if any(uncovered.values()):
            warnings += _uncovered_words(metric, n, uncovered)
        warnings += _heaviest_words(metric, arms)
    return warnings


def _uncovered_words(
    metric: UnitMetric, n: Mapping[str, int], uncovered: Mapping[str, int]
) -> list[str]:
    total = sum(uncovered.values())
    who = f"covariate {metric.covariate!r} of {metric.label!r}"
    first = (
        f"covariate {metric.covariate!r} is missing for {total:,} units of {metric.label!r}, which "
        "stand at its mean"
    )
    said = [first]
    said += [
        f"{who} is missing for every unit of {key}: it cannot adjust this arm"
        for key in n
        if n[key] and uncovered[key] == n[key]
    ]
    if len(said) == 1 and _differs(uncovered, {key: n[key] - uncovered[key] for key in n}):
        listed = ", ".join(f"{key} {100 * uncovered[key] / n[key]:.1f} %" for key in n if n[key])
        said.append(f"{who} is missing more often in one arm than in another: {listed}")
    return said


def _heaviest_words(metric: UnitMetric, arms: Mapping[str, Sequence[ValueSums]]) -> list[str]:
    """Return what to say of one unit that makes most of an arm's variance."""
    if metric.kind not in ("mean", "ratio"):
        return []
    said = []
    for key, parts in arms.items():
        if not parts:
            continue
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.plus(part)
        said += heaviest_words(metric.label, key, whole.n, whole.heaviest, whole.spread)
    return said


def check_numbers(
    data: UnitSource,
    metrics: Sequence[UnitMetric],
    missing: Missing,
    covariates: Sequence[str] = (),
) -> list[str]:
    """Refuse columns of text that are not numbers; return what to say of a few values.

    Parameters
    ----------
    covariates
        Columns that adjust metrics beside the metrics' own covariates.

    Raises
    ------
    exp_jupyter.errors.InputError
        The message names the column, how many of its values stand for no number, and one.
    """
    if data.numbers is None:
        return []
    readers: dict[str, str] = {}
    for metric in metrics:
        for name in (*metric.columns, *([metric.covariate] if metric.covariate else [])):
            if data.columns[name] == "text":
                role = "metric" if name in metric.columns else "the covariate of metric"
                readers.setdefault(name, f"{role} {metric.label!r}")
    for name in covariates:
        if data.columns[name] == "text":
            readers.setdefault(name, "a covariate")
    said = []
    for name, who in readers.items():
        text = f"CAST({quoted(name)} AS VARCHAR)"
        wrong = unread(text, data.numbers.sql(text))
        values, lost, example = data.rows(
            f"SELECT COUNT(NULLIF(TRIM({text}), '')), SUM(CASE WHEN {wrong} THEN 1 ELSE 0 END), "  # noqa: S608
            f"MIN(CASE WHEN {wrong} THEN {text} END) FROM {data.relation}"
        )[0]
        if not lost:
            continue
        tried = formats_to_try(data.numbers)
        counts = data.rows(
            "SELECT "  # noqa: S608 - the column is quoted
            + ", ".join(
                f"SUM(CASE WHEN NOT {unread(text, style.sql(text))} "
                f"AND TRIM({text}) <> '' THEN 1 ELSE 0 END)"
                for style in tried
            )
            + f" FROM {data.relation}"
        )[0]
        readable = {style: int(n or 0) for style, n in zip(tried, counts, strict=True)}
        found = Unread(f"column {name!r}", who, int(values), int(lost), str(example))
        consequence = "count as 0" if missing == "zero" else "are missing"
        said.append(about_unread(found, readable, data.numbers, consequence))
    return said


def check_repeated(data: UnitSource, unit: str | None) -> list[str]:
    """Return what to say of a column that looks like the units' and names some twice."""
    if unit is not None:
        return []
    named = [name for name in data.columns if name.lower() in _UNITS]
    for name in named:
        values, different = data.rows(
            f"SELECT COUNT({quoted(name)}), COUNT(DISTINCT {quoted(name)}) FROM {data.relation}"  # noqa: S608
        )[0]
        if int(values) > int(different):
            said = (
                f"column {name!r} names {int(different):,} units in {int(values):,} rows, and "
                f"every row counts as a unit of its own: give unit={name!r} to have that checked"
            )
            return [said]
    return []


_UNITS = frozenset(
    [
        *("unit", "unit_id", "user", "user_id", "userid", "person", "person_id", "customer"),
        *("customer_id", "visitor_id", "account_id", "client_id", "device_id", "distinct_id"),
        *("participant_id", "subject_id", "anonymous_id"),
    ]
)
"""What columns of units are usually called."""


def _missing_words(
    metric: UnitMetric,
    names: str,
    n: Mapping[str, int],
    lost: Mapping[str, int],
    missing: Missing,
) -> list[str]:
    total = sum(lost.values())
    if missing == "refuse":
        raise InputError(
            f"Column {names} is missing for {total:,} of {total + sum(n.values()):,} units of "
            f"metric {metric.label!r}.",
            hint="Say what that means: missing='zero' if they did nothing, missing='drop' if they "
            "were not measured.",
        )
    listed = ", ".join(f"{key} {100 * lost[key] / (lost[key] + n[key]):.1f} %" for key in n)
    said = [f"{metric.label!r} leaves out units without a value: {listed}"]
    if _differs(lost, n):
        said.append(
            f"{metric.label!r} is missing more often in one arm than in another: the units "
            "left are not comparable"
        )
    return said


def _differs(lost: Mapping[str, int], kept: Mapping[str, int]) -> bool:
    """Whether a share differs between arms by more than chance: χ² at 0.001."""
    from scipy.special import chdtrc

    n = {key: lost[key] + kept[key] for key in lost}
    total, whole = sum(lost.values()), sum(n.values())
    expected = {key: n[key] * total / whole for key in n}
    others = {key: n[key] - expected[key] for key in n}
    if not all(others.values()) or not all(expected.values()):
        return False
    chi = sum((lost[key] - expected[key]) ** 2 * (1 / expected[key] + 1 / others[key]) for key in n)
    return float(chdtrc(len(n) - 1, chi)) < _FEW_ATTRITION
