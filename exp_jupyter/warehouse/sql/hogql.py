"""HogQL expressions of filters and metrics, parsed as ClickHouse and rendered for DuckDB.

Every construct is translated by name; one that is not known is refused, so that an expression
never silently means something else here than in the project.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from exp_jupyter.errors import InputError
from exp_jupyter.warehouse.sql.hogql_functions import FUNCTIONS, NODES, Term, scope_of
from exp_jupyter.warehouse.sql.properties import PropertyReader


@dataclass(frozen=True)
class Aggregate:
    """An aggregate of a metric's expression.

    Parameters
    ----------
    columns
        SQL of the per-event columns it reads, name to expression.
    call
        SQL of the aggregate over those columns.
    """

    columns: dict[str, str]
    call: str


@dataclass(frozen=True)
class SplitExpression:
    """A metric's expression: aggregates over a unit's events and what is made of them.

    ``outer`` is SQL over the names ``<prefix>_0``, ``<prefix>_1``, … of the aggregates.
    """

    aggregates: tuple[Aggregate, ...]
    outer: str


def condition(text: str, reader: PropertyReader, where: str) -> str:
    """Return a HogQL filter as a condition that is true or false, never NULL.

    Parameters
    ----------
    text
        The expression, for example ``JSONExtractBool(properties, 'won')``.
    reader
        Reads properties and binds values.
    where
        What the filter belongs to, for a refusal's message.

    Raises
    ------
    exp_jupyter.errors.InputError
        The expression cannot be read, or has something that cannot be rendered.
    """
    translation = Translation(text, reader, where)
    return f"COALESCE({translation.as_bool(translation.term(_parse(text, where)))}, FALSE)"


def expression(text: str, reader: PropertyReader, where: str, *, number: bool) -> str:
    """Return a HogQL expression over one row, read as a number (NULL where it is none) or as text.

    Raises
    ------
    exp_jupyter.errors.InputError
        The expression cannot be read, or has something that cannot be rendered.
    """
    translation = Translation(text, reader, where)
    term = translation.term(_parse(text, where))
    return translation.as_number(term) if number else translation.as_text(term)


def split(text: str, reader: PropertyReader, where: str, prefix: str) -> SplitExpression:
    """Return a metric's HogQL expression split into aggregates and the rest.

    An expression without an aggregate is summed over the unit's events.
    """
    from sqlglot import exp

    tree = _parse(text, where)
    translation = Translation(text, reader, where, prefix=prefix)
    if not _has_aggregate(tree):
        tree = exp.Sum(this=tree)
    outer = translation.as_number(translation.term(tree))
    return SplitExpression(tuple(translation.aggregates), outer)


def has_nested_aggregates(text: str) -> bool:
    """Tell whether a metric's expression aggregates what it has aggregated already.

    Raises
    ------
    exp_jupyter.errors.InputError
        The expression cannot be read.

    Examples
    --------
    >>> has_nested_aggregates("sum(properties.price) / count()")
    False
    >>> has_nested_aggregates("avg(sum(properties.price))")
    True
    """
    tree = _parse(text, "the metric's expression")
    return any(
        _has_aggregate(inner)
        for node in tree.walk()
        if isinstance(node, _aggregates())
        for inner in node.iter_expressions()
    )


# A text without an end reaches to the end of the expression, and is looked at once.
_QUOTED = re.compile(
    r"'(?:[^'\\]|\\.|'')*+(?:'|\\?\Z)|`[^`]*+(?:`|\Z)|\"[^\"]*+(?:\"|\Z)", re.DOTALL
)
LONGEST_EXPRESSION = 20_000
DEEPEST_EXPRESSION = 100
_DOLLAR = re.compile(r"(?<![\w$])\$[\w$]+")
_JSON_CALL = re.compile(r"\bJSON(Extract\w*|Has)\s*\(")


def _parse(text: str, where: str) -> Any:
    import sqlglot
    from sqlglot.errors import SqlglotError

    # ClickHouse wants `$name` quoted where HogQL does not, and SQLGlot reads the path of some
    # JSONExtract calls as a path with dots where ClickHouse means one key.
    if len(text) > LONGEST_EXPRESSION:
        raise InputError(
            f"{where}: an expression may have at most {LONGEST_EXPRESSION:,} characters.",
            hint="Compare with a property that holds the answer, or use several filters.",
        )
    pieces, end = [], 0
    for quoted in _QUOTED.finditer(text):
        pieces += [_plain(text[end : quoted.start()]), quoted.group()]
        end = quoted.end()
    pieces.append(_plain(text[end:]))
    try:
        tree = sqlglot.parse_one("".join(pieces), read="clickhouse")
    except (SqlglotError, RecursionError) as error:
        raise InputError(
            f"{where}: the expression {text[:200]!r} cannot be read.",
            hint="Write it as a HogQL expression, for example properties.plan = 'pro'.",
        ) from error
    if _is_deeper(tree, DEEPEST_EXPRESSION):
        raise InputError(
            f"{where}: the expression is nested more than {DEEPEST_EXPRESSION} levels deep.",
            hint="Write it flatter: IN for many values, or several filters.",
        )
    return tree


def _is_deeper(tree: Any, levels: int) -> bool:
    """Whether a tree has more levels than that; whatever walks it later calls itself at each."""
    level = [tree]
    for _ in range(levels):
        level = [child for node in level for child in node.iter_expressions()]
        if not level:
            return False
    return True


def _plain(piece: str) -> str:
    return _JSON_CALL.sub(r"hogqljson\1(", _DOLLAR.sub(lambda found: f"`{found.group()}`", piece))


def _has_aggregate(tree: Any) -> bool:
    kinds = _aggregates()
    return any(isinstance(node, kinds) for node in tree.walk())


def _aggregates() -> tuple[type[Any], ...]:
    from sqlglot import exp

    return (exp.AggFunc, exp.CombinedAggFunc, exp.AnonymousAggFunc)


@dataclass
class Translation:
    """One expression on its way from ClickHouse's words to DuckDB's."""

    text_: str
    reader: PropertyReader
    where: str
    prefix: str = ""
    aggregates: list[Aggregate] = field(default_factory=list)
    _inside: bool = False

    def refuse(self, what: str) -> InputError:
        """Return the error for something that cannot be rendered."""
        return InputError(
            f"{self.where}: {what} in the expression {self.text_!r} is not supported here.",
            hint="Properties, comparisons, arithmetic, if, coalesce, lower, toFloat, JSONExtract* "
            "and the aggregates sum, avg, min, max, count, countIf, uniq, quantile, median, any, "
            "argMin and argMax are.",
        )

    # ------------------------------------------------------------ what a term is used for

    def as_number(self, term: Term) -> str:
        """Return a term read as a number, NULL where it is none."""
        if term.kind in ("property", "person"):
            return self.reader.number(term.key, scope_of(term))
        if term.kind == "text":
            return f"TRY_CAST({term.sql} AS DOUBLE)"
        if term.kind == "bool":  # which not every engine casts to a number
            return f"(CASE WHEN {term.sql} THEN 1e0 ELSE 0e0 END)"
        return term.sql

    def as_text(self, term: Term) -> str:
        """Return a term read as text."""
        if term.kind in ("property", "person"):
            return self.reader.text(term.key, scope_of(term))
        return term.sql if term.kind == "text" else f"CAST({term.sql} AS VARCHAR)"

    def as_bool(self, term: Term) -> str:
        """Return a term read as a condition."""
        if term.kind == "bool":
            return term.sql
        if term.kind == "number":
            return f"({term.sql} <> 0)"
        return f"({self.as_text(term)} = 'true')"

    # ------------------------------------------------------------ one node

    def term(self, node: Any) -> Term:
        """Return one node of the parsed expression, rendered."""
        from sqlglot import exp

        if isinstance(node, exp.Paren):
            inner = self.term(node.this)
            return inner if inner.key else Term(f"({inner.sql})", inner.kind)
        if isinstance(node, exp.Literal):
            if node.is_string:
                return Term(self.reader.parameters.bind(node.this), "text")
            return Term(self.reader.parameters.bind(float(node.this)), "number")
        if isinstance(node, exp.Boolean):
            return Term("TRUE" if node.this else "FALSE", "bool")
        if isinstance(node, exp.Null):
            return Term("NULL", "text")
        if isinstance(node, exp.Column):
            return self._column([part.name for part in node.parts])
        if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
            return self._bracket(node)
        if isinstance(node, (exp.AggFunc, exp.CombinedAggFunc, exp.AnonymousAggFunc)):
            return self._aggregate(node)
        build = NODES.get(type(node).__name__)
        if build is not None:
            return build(self, node)
        if isinstance(node, exp.Anonymous):
            return self._function(str(node.this).lower(), list(node.expressions))
        raise self.refuse(type(node).__name__)

    def _column(self, names: Sequence[str]) -> Term:
        term = self.reader.named(names)
        if term is None:
            raise self.refuse(f"the name {'.'.join(names)}")
        return term

    def _bracket(self, node: Any) -> Term:
        from sqlglot import exp

        holder, (key,) = node.this, node.expressions
        if isinstance(holder, exp.Column) and isinstance(key, exp.Literal) and key.is_string:
            names = [part.name for part in holder.parts]
            if names == ["properties"] or names == ["person", "properties"]:
                return self._column([*names, key.this])
        raise self.refuse("[…]")

    def _function(self, name: str, arguments: list[Any]) -> Term:
        if name.startswith("hogqljson"):
            return self._json(name.removeprefix("hogqljson"), arguments)
        build = FUNCTIONS.get(name)
        if build is None:
            raise self.refuse(f"the function {name}")
        try:
            return build(self, [self.term(argument) for argument in arguments])
        except (ValueError, IndexError):
            raise self.refuse(f"{name} with {len(arguments)} arguments") from None

    def _json(self, name: str, arguments: list[Any]) -> Term:
        from sqlglot import exp

        holder, *path = arguments
        scope = {("properties",): "event", ("person", "properties"): "person"}.get(
            tuple(part.name for part in holder.parts) if isinstance(holder, exp.Column) else ()
        )
        if scope is None or len(path) != 1 or not isinstance(path[0], exp.Literal):
            raise self.refuse(f"JSON{name} of anything but one key of properties")
        key = str(path[0].this)
        raw = self.reader.raw(key, scope)
        if name == "extractraw":
            return Term(raw, "text")
        if name == "has":
            return Term(f"({raw} <> '')", "bool")
        if name == "extractstring":
            # Only a JSON string has a string; anything else is empty.
            held = self.reader.text(key, scope)
            return Term(f"(CASE WHEN STARTS_WITH({raw}, '\"') THEN {held} ELSE '' END)", "text")
        if name == "extractbool":
            whole = f"COALESCE(TRY_CAST({raw} AS BIGINT), 0) <> 0"
            return Term(f"({raw} = 'true' OR {whole})", "bool")
        if name in ("extractfloat", "extractint"):
            kind = "DOUBLE" if name == "extractfloat" else "BIGINT"
            return Term(f"CAST(COALESCE(TRY_CAST({raw} AS {kind}), 0) AS DOUBLE)", "number")
        raise self.refuse(f"JSON{name}")

    # ------------------------------------------------------------ aggregates

    def _aggregate(self, node: Any) -> Term:
        from sqlglot import exp

        if not self.prefix:
            raise self.refuse("an aggregate")
        if self._inside:
            raise self.refuse("an aggregate inside an aggregate")
        self._inside = True
        index = len(self.aggregates)
        columns: dict[str, str] = {}

        def column(sql: str) -> str:
            name = f"{self.prefix}_{index}_{len(columns)}"
            columns[name] = sql
            return name

        name = type(node).__name__.lower()
        if isinstance(node, (exp.CombinedAggFunc, exp.AnonymousAggFunc)):
            name = str(node.this).lower()
            arguments = list(node.expressions)
        else:
            found = (node.args.get(part) for part in ("this", "expression"))
            arguments = [argument for argument in found if argument is not None]
        distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
        if distinct:
            arguments = list(arguments[0].expressions)
        call = self._call(name, node, [self.term(a) for a in arguments], column, distinct=distinct)
        self._inside = False
        self.aggregates.append(Aggregate(columns, call))
        return Term(f"{self.prefix}_{index}", "number")

    def _call(
        self,
        name: str,
        node: Any,
        terms: list[Term],
        column: Callable[[str], str],
        *,
        distinct: bool,
    ) -> str:
        plain = {"sum": "SUM", "avg": "AVG", "min": "MIN", "max": "MAX", "anyvalue": "ANY_VALUE"}
        if name in ("approxdistinct", "uniq", "uniqexact") or (name == "count" and distinct):
            return f"COUNT(DISTINCT {column(self.as_text(terms[0]))})"
        if name == "count":
            return f"COUNT({column(self.as_text(terms[0]) if terms else '1')})"
        if name == "countif":
            return f"COUNT({column(f'CASE WHEN {self.as_bool(terms[0])} THEN 1 END')})"
        if name in plain:
            return f"{plain[name]}({column(self.as_number(terms[0]))})"
        if name.endswith("if") and name.removesuffix("if") in plain and len(terms) == 2:
            kept = f"CASE WHEN {self.as_bool(terms[1])} THEN {self.as_number(terms[0])} END"
            return f"{plain[name.removesuffix('if')]}({column(kept)})"
        if name in ("quantile", "median"):
            share = node.args.get("quantile")
            level = 0.5 if share is None else float(share.this)
            return f"QUANTILE_CONT({column(self.as_number(terms[0]))}, {level!r})"
        if name in ("argmin", "argmax") and len(terms) == 2:
            first, second = column(self.as_number(terms[0])), column(self.as_number(terms[1]))
            return f"{'ARG_MIN' if name == 'argmin' else 'ARG_MAX'}({first}, {second})"
        raise self.refuse(f"the aggregate {name}")
