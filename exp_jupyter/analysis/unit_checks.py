"""What can be wrong with somebody's table of units, said before or instead of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exp_jupyter.analysis.unit_metrics import UnitMetric, check_exists
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.unit_sources import UnitSource, quoted
from exp_jupyter.warehouse.unit_sums import Missing, UnitSums

_FEW_ATTRITION = 0.001


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
        hint="Add the rows of each unit up first; leave out units seen under several variants.",
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
        uncovered = sum(part.uncovered for parts in arms.values() for part in parts)
        if uncovered == sum(n.values()):
            raise InputError(
                f"Covariate {metric.covariate!r} of metric {metric.label!r} is missing for every "
                "unit.",
                hint="Check the column, or leave the covariate out.",
            )
        if uncovered:
            warnings.append(
                f"covariate {metric.covariate!r} is missing for {uncovered:,} units of "
                f"{metric.label!r}, which stand at its mean"
            )
    return warnings


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
    from scipy.special import chdtrc

    whole = total + sum(n.values())
    expected = {key: (n[key] + lost[key]) * total / whole for key in n}
    measured = {key: (n[key] + lost[key]) - expected[key] for key in n}
    if all(measured.values()):
        chi = sum(
            (lost[key] - expected[key]) ** 2 * (1 / expected[key] + 1 / measured[key]) for key in n
        )
        if float(chdtrc(len(n) - 1, chi)) < _FEW_ATTRITION:
            said.append(
                f"{metric.label!r} is missing more often in one arm than in another: the units "
                "left are not comparable"
            )
    return said
