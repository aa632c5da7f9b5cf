"""The statement in an engine's own words: what SQLGlot renders alike but engines mean otherwise.

The statement is written in DuckDB's dialect with few of its own functions. Each engine named here
has run every kind of metric against the naive analysis; another one is refused rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from exp_jupyter.errors import InputError

ENGINES = ("clickhouse", "datafusion", "duckdb", "postgres", "spark")
"""The engines that are tested."""

_NUMBER = r"^\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_SQLGLOT = {"datafusion": "postgres"}
_KEEPS_COMMON_TABLES = ("duckdb", "postgres")
_INSTANT = {
    "clickhouse": "toUnixTimestamp64Micro(toDateTime64({0}, 6, 'UTC'))",
    "datafusion": "CAST(arrow_cast({0}, 'Timestamp(Microsecond, None)') AS BIGINT)",
    "postgres": "CAST(EXTRACT(EPOCH FROM {0}) * 1000000 AS BIGINT)",
    "spark": "UNIX_MICROS(CAST({0} AS TIMESTAMP))",
}
_CONTAINS = {
    "clickhouse": "(position({0}, {1}) > 0)",
    "datafusion": "(STRPOS({0}, {1}) > 0)",
    "postgres": "(STRPOS({0}, {1}) > 0)",
    "spark": "CONTAINS({0}, {1})",
}
_WHOLE_PART = {
    "clickhouse": "intDiv({0}, {1})",
    "datafusion": "({0} / {1})",
    "postgres": "({0} / {1})",
    "spark": "({0} DIV {1})",
}
_NUMBER_OR_NULL = {
    "clickhouse": "toFloat64OrNull({0})",
    "datafusion": "TRY_CAST({0} AS DOUBLE)",
    "postgres": f"(CASE WHEN {{0}} ~ '{_NUMBER}' THEN CAST({{0}} AS DOUBLE PRECISION) END)",
    "spark": "TRY_CAST({0} AS DOUBLE)",
}
# ClickHouse joins fill with zeros, aggregates of nothing are zeros, and a column's new name hides
# the old one inside the same SELECT, all unless told otherwise. It writes every common table out
# where it is read, so that a funnel is more plan than it takes without being asked.
_AFTER = {
    "clickhouse": " SETTINGS join_use_nulls = 1, aggregate_functions_null_for_empty = 1, "
    "prefer_column_name_to_alias = 1, query_plan_max_optimizations_to_apply = 1000000"
}
_MARK = "exp_jupyter_bound_"
_MARKED = re.compile(rf"{_MARK}(\w+)")

Placeholder = Callable[[str, Any], str]
"""Given a parameter's name and value, how the driver writes its place."""


def rendered(
    sql: str, parameters: Mapping[str, Any], engine: str, place: Placeholder
) -> tuple[str, dict[str, Any], list[str]]:
    """Return a statement in an engine's words.

    Parameters
    ----------
    sql
        In DuckDB's dialect, ``$name`` where a value goes.
    parameters
        The values.
    engine
        One of ``ENGINES``.
    place
        How the driver writes the place of a value.

    Returns
    -------
    sql : str
        The statement.
    parameters : dict
        The values; where the engine names a property otherwise, its value is the new name.
    order : list of str
        The parameters' names in the order they occur, for drivers that go by it.

    Raises
    ------
    exp_jupyter.errors.InputError
        The engine is not one of the tested, or lacks something the statement needs.

    Examples
    --------
    >>> sql = "SELECT epoch_us(t) // 5 FROM events WHERE event = $p0"
    >>> rendered(sql, {"p0": "it's"}, "postgres", lambda name, _: f"%({name})s")[0]
    'SELECT (CAST(EXTRACT(EPOCH FROM t) * 1000000 AS BIGINT) / 5) FROM events WHERE event = %(p0)s'
    """
    if engine not in ENGINES:
        raise InputError(
            f"Events in {engine} cannot be analysed: the statement was never tested there.",
            hint=f"It runs on {', '.join(ENGINES)}. Elsewhere export the events to Parquet.",
        )
    import sqlglot

    values = dict(parameters)

    tree = sqlglot.parse_one(sql, read="duckdb")
    if engine != "duckdb":
        tree = tree.transform(_in_words, engine, values)
    tree = tree.transform(_marked)
    text = tree.sql(dialect=_SQLGLOT.get(engine, engine)) + _AFTER.get(engine, "")
    order: list[str] = []

    def placed(found: re.Match[str]) -> str:
        order.append(found[1])
        return place(found[1], values[found[1]])

    if "%" in place("p0", ""):
        text = text.replace("%", "%%")  # the driver reads it as its own sign
    text = _MARKED.sub(placed, text)
    return text, {name: values[name] for name in order}, order


def _marked(node: Any) -> Any:
    from sqlglot import exp

    if isinstance(node, (exp.Placeholder, exp.Parameter)):
        return exp.Var(this=f"{_MARK}{node.name}")
    return node


def _in_words(node: Any, engine: str, values: dict[str, Any]) -> Any:
    from sqlglot import exp

    if isinstance(node, exp.CTE) and engine not in _KEEPS_COMMON_TABLES:
        node.set("materialized", None)
    if isinstance(node, exp.Anonymous) and node.name.upper() == "EPOCH_US":
        return _template(_INSTANT[engine], engine, values, node.expressions[0])
    if isinstance(node, exp.IntDiv):
        return _template(_WHOLE_PART[engine], engine, values, node.this, node.expression)
    if isinstance(node, exp.Contains):
        return _template(_CONTAINS[engine], engine, values, node.this, node.expression)
    if isinstance(node, exp.TryCast) and node.to.this in exp.DataType.REAL_TYPES:
        return _template(_NUMBER_OR_NULL[engine], engine, values, node.this)
    if isinstance(node, (exp.JSONExtractScalar, exp.JSONExtract)):
        return _property(node, engine, values)
    return node


def _template(pattern: str, engine: str, values: dict[str, Any], *parts: Any) -> Any:
    """Return what a pattern in an engine's words becomes with its parts."""
    from sqlglot import exp

    said = [_said(part, engine, values) for part in parts]
    return exp.Var(this=pattern.format(*said))


def _said(part: Any, engine: str, values: dict[str, Any]) -> str:
    inner = part.copy().transform(_in_words, engine, values).transform(_marked)
    return str(inner.sql(dialect=_SQLGLOT.get(engine, engine)))


def _property(node: Any, engine: str, values: dict[str, Any]) -> Any:
    if engine != "postgres":
        raise InputError(
            f"On {engine} properties are read from columns of their own.",
            hint="Have a column for each, and name it: columns={'plan': 'plan_column'}.",
        )
    # A JSON pointer here, the bare key there.
    name = node.expression.name
    pointer = str(values[name])
    bare = f"{name}_key"
    values[bare] = pointer[1:].replace("~1", "/").replace("~0", "~")
    from sqlglot import exp

    return exp.Var(
        this=f"(CAST({_said(node.this, engine, values)} AS JSON) ->> CAST({_MARK}{bare} AS TEXT))"
    )
