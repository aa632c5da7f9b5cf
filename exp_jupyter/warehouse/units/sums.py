"""Sums of a table with one row a unit: one group-by statement in the engine that holds it.

Every value is summed around its variant's mean, so that large values with a small spread keep
their variance: Σ(y − c) and Σ(y − c)², where raw sums would cancel. The means come from a first
pass inside the same statement. A covariate is summed around its mean over all units, where those
without one stand.
"""

# ruff: noqa: S608 - names are quoted; no value is written into a statement
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sources.open_units import UnitSource, quoted

Missing = Literal["refuse", "zero", "drop"]
Key = tuple[str, tuple[str | None, ...]]
"""A variant, and its values of the breakdown columns."""

Bounds = tuple[float | None, float | None]
"""The least and the greatest value that counts as it is; None for no bound on that side."""

MOST_CELLS = 2000
"""Variants times breakdown values a table may have; more are surely the wrong column."""


@dataclass(frozen=True)
class UnitValue:
    """What is summed for one metric: a column, or one column over another, and a covariate.

    ``bounds`` are those that values are clamped to, by column.
    """

    column: str
    denominator: str | None = None
    covariate: str | None = None
    binary: bool = False
    bounds: Mapping[str, Bounds] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The columns it reads."""
        return [name for name in (self.column, self.denominator, self.covariate) if name]


@dataclass(frozen=True)
class ValueSums:
    """Sums of one metric in one cell: Σ(a − c) and the centred products Σ(a − ā)(b − b̄).

    Parameters
    ----------
    n
        Units with a value.
    missing, uncovered
        Units without a value, and units with a value but without a covariate; the latter stand at
        the covariate's mean.
    strange
        Values of a yes/no metric that are neither 0 nor 1.
    centres
        What was subtracted from a, b and x.
    shifts
        Σ(a − c) of a, b and x.
    squares
        Σ(a − c_a)(b − c_b) for the pairs aa, bb, xx, ab, ax, bx.
    heaviest
        The largest square of one unit among those the variance is made of: (a − c_a)², and of a
        ratio R of (a − c_a) − R·(b − c_b).
    cubes
        Σ(a − c_a)³ as ``aaa``, and with a denominator or a covariate the mixed products: ``aab``,
        ``abb``, ``bbb``, or ``aax``, ``axx``, ``xxx``. None for a yes/no metric alone and for a
        ratio with a covariate, whose tests use none.
    least
        The least value of a.
    """

    n: int
    missing: int
    uncovered: int
    strange: int
    centres: tuple[float, float, float]
    shifts: tuple[float, float, float]
    squares: tuple[float, float, float, float, float, float]
    heaviest: float = 0.0
    cubes: Mapping[str, float] = field(default_factory=dict)
    least: float = 0.0

    @property
    def spread(self) -> float:
        """The sum of squares that ``heaviest`` is one of."""
        (c_a, c_b, _), (a, b, _) = self.centres, self.shifts
        aa, bb, _, ab, _, _ = self.squares
        n = max(self.n, 1)
        if not bb or not c_b:
            return aa - a * a / n
        ratio = c_a / c_b
        return aa - 2 * ratio * ab + ratio * ratio * bb - (a - ratio * b) ** 2 / n

    def cube(self, name: str) -> float:
        """Return a sum of products of three values as they are, not around their centres."""
        i, j, k = ("abx".index(part) for part in name)
        c, s = self.centres, self.shifts
        pairs = {frozenset(pair): part for pair, part in zip(_PLACES, self.squares, strict=True)}
        moved = sum(
            c[one] * pairs[frozenset(rest)] for one, rest in ((i, (j, k)), (j, (i, k)), (k, (i, j)))
        )
        moved += c[i] * c[j] * s[k] + c[i] * c[k] * s[j] + c[j] * c[k] * s[i]
        return self.cubes[name] + moved + self.n * c[i] * c[j] * c[k]

    def plus(self, other: ValueSums) -> ValueSums:
        """Return the sums of the units of two cells of one variant, whose centres are the same."""
        return ValueSums(
            self.n + other.n,
            self.missing + other.missing,
            self.uncovered + other.uncovered,
            self.strange + other.strange,
            self.centres,
            _added(self.shifts, other.shifts),
            _added(self.squares, other.squares),
            max(self.heaviest, other.heaviest),
            {name: part + other.cubes[name] for name, part in self.cubes.items()},
            min(self.least, other.least),
        )


def _added(left: Sequence[float], right: Sequence[float]) -> Any:
    return tuple(a + b for a, b in zip(left, right, strict=True))


@dataclass(frozen=True)
class UnitSums:
    """What the statement found: units per cell, and each metric's sums per cell."""

    units: dict[Key, int]
    values: list[dict[Key, ValueSums]]
    statement: str


_LEADING = 5
"""Numbers of a metric before its shifts: counts, the heaviest unit, the least value."""

_PAIRS = (("a", "a"), ("b", "b"), ("x", "x"), ("a", "b"), ("a", "x"), ("b", "x"))
_PLACES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_TRIPLES = {
    "a": ("aaa",),
    "ab": ("aaa", "aab", "abb", "bbb"),
    "ax": ("aaa", "aax", "axx", "xxx"),
}


def unit_sums(
    source: UnitSource,
    values: Sequence[UnitValue],
    *,
    variant: str,
    breakdown: Sequence[str] = (),
    missing: Missing = "refuse",
) -> UnitSums:
    """Return the sums of every metric per variant and breakdown value.

    Parameters
    ----------
    source
        The table.
    values
        What to sum.
    variant, breakdown
        The columns that make the cells.
    missing
        ``zero`` counts a missing value as 0; otherwise its unit is left out of that metric.

    Raises
    ------
    exp_jupyter.errors.InputError
        A variant is missing, there are too many cells, or a sum is not finite.
    """
    selected = [f"{quoted(variant)} AS v"]
    selected += [f"{quoted(name)} AS g{i}" for i, name in enumerate(breakdown)]
    own, sums = ["v"], ["COUNT(*) AS n"]
    common: list[str] = []
    for i, value in enumerate(values):
        parts = value_parts(source, value, missing)
        selected += [f"{sql} AS {part}{i}" for part, sql in parts.items()]
        for part in parts:
            (common if part == "x" else own).append(f"AVG({part}{i}) AS {part}{i}")
        sums += _sums(i, parts, value)
    cells = ", ".join(["u.v", *(f"u.g{i}" for i in range(len(breakdown)))])
    statement = (
        f"WITH exp_units AS (SELECT {', '.join(selected)} FROM {source.relation}), "
        f"exp_centre AS (SELECT {', '.join(own)} FROM exp_units GROUP BY v)"
    )
    if common:
        statement += f", exp_whole AS (SELECT {', '.join(common)} FROM exp_units)"
    statement += (
        f" SELECT {cells}, {', '.join(sums)} FROM exp_units AS u "
        f"LEFT JOIN exp_centre AS c ON u.v = c.v{' CROSS JOIN exp_whole AS w' if common else ''} "
        f"GROUP BY {cells} LIMIT {MOST_CELLS + 1}"
    )
    return _read(source.rows(statement), values, variant, len(breakdown), statement)


def value_parts(source: UnitSource, value: UnitValue, missing: Missing) -> dict[str, str]:
    """Return SQL for a metric's numbers: NULL where its unit does not count."""
    number = {
        name: _clamped(as_number(source, name), value.bounds.get(name)) for name in value.columns
    }
    parts = {"a": number[value.column]}
    if value.denominator:
        parts["b"] = number[value.denominator]
    if missing == "zero":
        parts = {part: f"COALESCE({sql}, 0.0)" for part, sql in parts.items()}
    elif value.denominator:
        # A unit counts with both parts or not at all.
        a, b = parts["a"], parts["b"]
        parts = {
            "a": f"CASE WHEN {b} IS NULL THEN NULL ELSE {a} END",
            "b": f"CASE WHEN {a} IS NULL THEN NULL ELSE {b} END",
        }
    if value.covariate:
        parts["x"] = f"CASE WHEN {parts['a']} IS NULL THEN NULL ELSE {number[value.covariate]} END"
    return parts


def _clamped(number: str, bounds: Bounds | None) -> str:
    low, high = bounds or (None, None)
    sides = [] if low is None else [f"WHEN {number} < {low!r} THEN {low!r}"]
    sides += [] if high is None else [f"WHEN {number} > {high!r} THEN {high!r}"]
    return f"CASE {' '.join(sides)} ELSE {number} END" if sides else number


def as_number(source: UnitSource, column: str) -> str:
    """Return SQL for a column as a number: yes is 1, no is 0, and NaN is NULL.

    Of text it is the number that the text stands for, NULL where it stands for none.
    """
    name = quoted(column)
    kind = source.columns.get(column)
    if kind == "boolean":
        return f"CASE WHEN {name} THEN 1.0 WHEN NOT {name} THEN 0.0 END"
    if kind == "text" and source.numbers is not None:
        return f"NULLIF({source.numbers.sql(f'CAST({name} AS VARCHAR)')}, 'nan')"
    cast = f"CAST({name} AS DOUBLE)"
    return f"NULLIF({cast}, 'nan')" if column in source.floats else cast


def _sums(i: int, parts: Mapping[str, str], value: UnitValue) -> list[str]:
    centres = {part: f"{'w' if part == 'x' else 'c'}.{part}{i}" for part in parts}
    gaps = {part: f"(u.{part}{i} - {centre})" for part, centre in centres.items()}
    if "x" in gaps:
        # A unit without a covariate stands at its mean: it adjusts nothing and biases nothing.
        gaps["x"] = f"COALESCE({gaps['x']}, 0.0)"
    found = [f"COUNT(u.a{i})"]
    found.append(f"COUNT(u.x{i})" if "x" in parts else "0")
    odd = f"SUM(CASE WHEN u.a{i} <> 0 AND u.a{i} <> 1 THEN 1 ELSE 0 END)"
    found.append(odd if value.binary else "0")
    own = gaps["a"]
    if "b" in parts:
        own = f"({own} - {centres['a']} / NULLIF({centres['b']}, 0.0) * {gaps['b']})"
    found.append("0" if value.binary else f"MAX({own} * {own})")
    found.append(f"MIN(u.a{i})")
    found += [f"SUM({gaps[part]})" for part in parts]
    found += [f"SUM({gaps[p]} * {gaps[q]})" for p, q in _PAIRS if p in parts and q in parts]
    found += [f"SUM({' * '.join(gaps[part] for part in name)})" for name in _triples(value)]
    return found + [f"MIN({centre})" for centre in centres.values()]


def _read(
    rows: Iterable[Sequence[Any]],
    values: Sequence[UnitValue],
    variant: str,
    breakdowns: int,
    statement: str,
) -> UnitSums:
    units: dict[Key, int] = {}
    found: list[dict[Key, ValueSums]] = [{} for _ in values]
    for row in rows:
        if len(units) == MOST_CELLS:
            raise InputError(
                f"Column {variant!r} and the breakdown have more than {MOST_CELLS:,} combinations.",
                hint="Variants and breakdowns are columns with few values.",
            )
        name = key_of(row[0])
        if name is None:
            raise InputError(
                f"Column {variant!r} is missing for {int(row[1 + breakdowns]):,} units; every "
                "unit needs its variant.",
                hint="Leave those rows out, or correct the column.",
            )
        key = (name, tuple(key_of(part) for part in row[1 : 1 + breakdowns]))
        numbers = [0.0 if part is None else float(part) for part in row[1 + breakdowns :]]
        n, place = round(numbers[0]), 1
        units[key] = units.get(key, 0) + n
        for i, value in enumerate(values):
            parts = _present(value)
            pairs = [pair for pair in _PAIRS if pair[0] in parts and pair[1] in parts]
            triples = _triples(value)
            size = _LEADING + 2 * len(parts) + len(pairs) + len(triples)
            own = numbers[place : place + size]
            place += size
            _finite(value, own)
            shifts = dict(zip(parts, own[_LEADING:], strict=False))
            squares = dict(zip(pairs, own[_LEADING + len(parts) :], strict=False))
            cubes = dict(zip(triples, own[_LEADING + len(parts) + len(pairs) :], strict=False))
            middle = dict(zip(parts, own[-len(parts) :], strict=True))
            counted = round(own[0])
            sums = ValueSums(
                n=counted,
                missing=n - counted,
                uncovered=counted - round(own[1]) if value.covariate else 0,
                strange=round(own[2]),
                centres=_three(middle),
                shifts=_three(shifts),
                squares=tuple(squares.get(pair, 0.0) for pair in _PAIRS),  # type: ignore[arg-type]
                heaviest=own[3],
                cubes=cubes,
                least=own[4],
            )
            if key in found[i]:
                raise InputError(
                    f"Column {variant!r} holds {name!r} both as text and as a number.",
                    hint="Make the column one type.",
                )
            found[i][key] = sums
    return UnitSums(units, found, statement)


def _present(value: UnitValue) -> list[str]:
    return ["a", *(["b"] if value.denominator else []), *(["x"] if value.covariate else [])]


def _triples(value: UnitValue) -> tuple[str, ...]:
    parts = "".join(_present(value))
    return () if value.binary and parts == "a" else _TRIPLES.get(parts, ())


def _three(parts: Mapping[str, float]) -> tuple[float, float, float]:
    return parts.get("a", 0.0), parts.get("b", 0.0), parts.get("x", 0.0)


def _finite(value: UnitValue, sums: Sequence[float]) -> None:
    if all(math.isfinite(total) for total in sums):
        return
    names = " or ".join(repr(name) for name in value.columns)
    raise InputError(
        f"Column {names} holds values that are not finite, or too large to square.",
        hint="Replace infinite values, or use another unit.",
    )


def key_of(value: Any) -> str | None:
    """Return a variant or breakdown value as a key: text, ``true`` or ``false``, 1 for 1.0.

    Examples
    --------
    >>> key_of("test"), key_of(1.0), key_of(True), key_of(None), key_of(float("nan"))
    ('test', '1', 'true', None, None)
    """
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        if value != value:  # NaN is a missing value
            return None
        return str(int(value)) if value == int(value) else str(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
