"""The words of HogQL this package knows: operators and functions, each with its rendering."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from exp_jupyter.warehouse.sql.hogql import Translation

Kind = Literal["text", "number", "bool", "property", "person"]


@dataclass(frozen=True)
class Term:
    """A rendered expression; a property is read as what it is used for."""

    sql: str
    kind: Kind
    key: str = ""


def scope_of(term: Term) -> str:
    """Return whose property a term is."""
    return "person" if term.kind == "person" else "event"


def _numeric(terms: Sequence[Term]) -> bool:
    return any(term.kind in ("number", "bool") for term in terms)


def _common(t: Translation, terms: Sequence[Term]) -> tuple[Callable[[Term], str], Kind]:
    """Return how to read terms that become one value, and what kind that is."""
    if any(term.kind == "number" for term in terms):
        return t.as_number, "number"
    if any(term.kind == "bool" for term in terms):
        return t.as_bool, "bool"
    return t.as_text, "text"


def _compared(t: Translation, sign: str, terms: Sequence[Term]) -> Term:
    left, right = terms
    same = {"=": "IS NOT DISTINCT FROM", "<>": "IS DISTINCT FROM"}
    if any(term.kind == "bool" for term in terms) and sign in same:
        return Term(f"({t.as_bool(left)} {same[sign]} {t.as_bool(right)})", "bool")
    read = t.as_number if _numeric(terms) else t.as_text
    if sign in same:
        return Term(f"({read(left)} {same[sign]} {read(right)})", "bool")
    return Term(f"COALESCE({read(left)} {sign} {read(right)}, FALSE)", "bool")


def _comparison(sign: str) -> Callable[[Translation, Any], Term]:
    return lambda t, node: _compared(t, sign, [t.term(node.this), t.term(node.expression)])


def _arithmetic(sign: str) -> Callable[[Translation, Any], Term]:
    return lambda t, node: Term(
        f"({t.as_number(t.term(node.this))} {sign} {t.as_number(t.term(node.expression))})",
        "number",
    )


def _connective(word: str) -> Callable[[Translation, Any], Term]:
    return lambda t, node: Term(
        f"({t.as_bool(t.term(node.this))} {word} {t.as_bool(t.term(node.expression))})", "bool"
    )


def _one_of(t: Translation, node: Any) -> Term:
    held = t.term(node.this)
    choices = [t.term(choice) for choice in node.expressions]
    if not choices:
        raise t.refuse("IN with a query")
    read = t.as_number if _numeric(choices) else t.as_text
    listed = ", ".join(read(choice) for choice in choices)
    return Term(f"COALESCE({read(held)} IN ({listed}), FALSE)", "bool")


def _is(t: Translation, node: Any) -> Term:
    from sqlglot import exp

    if not isinstance(node.expression, exp.Null):
        raise t.refuse("IS with anything but NULL")
    return Term(f"({t.as_text(t.term(node.this))} IS NULL)", "bool")


def _like(word: str) -> Callable[[Translation, Any], Term]:
    return lambda t, node: Term(
        f"COALESCE({t.as_text(t.term(node.this))} {word} "
        f"{t.as_text(t.term(node.expression))}, FALSE)",
        "bool",
    )


def _same(t: Translation, call: str, terms: Sequence[Term]) -> Term:
    read, kind = _common(t, terms)
    listed = ", ".join(read(term) for term in terms)
    return Term(f"{call}({listed})", kind)


def _choice(t: Translation, terms: Sequence[Term]) -> Term:
    *pairs, last = terms
    if not pairs or len(pairs) % 2:
        raise ValueError("conditions and values come in pairs")
    results = [*pairs[1::2], last]
    read, kind = _common(t, results)
    whens = " ".join(
        f"WHEN {t.as_bool(test)} THEN {read(result)}"
        for test, result in zip(pairs[::2], pairs[1::2], strict=True)
    )
    return Term(f"(CASE {whens} ELSE {read(last)} END)", kind)


def _numbers(call: str) -> Callable[[Translation, Any], Term]:
    def build(t: Translation, node: Any) -> Term:
        inner = t.as_number(t.term(node.this))
        decimals = node.args.get("decimals")
        more = f", {int(decimals.this)}" if decimals is not None else ""
        return Term(f"{call}({inner}{more})", "number")

    return build


def _texts(call: str) -> Callable[[Translation, Any], Term]:
    return lambda t, node: Term(f"{call}({t.as_text(t.term(node.this))})", "text")


def _listed(node: Any) -> list[Any]:
    first = [node.this] if node.this is not None else []
    return [*first, *node.expressions]


NODES: dict[str, Callable[[Translation, Any], Term]] = {
    "EQ": _comparison("="),
    "NEQ": _comparison("<>"),
    "GT": _comparison(">"),
    "GTE": _comparison(">="),
    "LT": _comparison("<"),
    "LTE": _comparison("<="),
    "Add": _arithmetic("+"),
    "Sub": _arithmetic("-"),
    "Mul": _arithmetic("*"),
    "Div": _arithmetic("/"),
    "Mod": _arithmetic("%"),
    "And": _connective("AND"),
    "Or": _connective("OR"),
    "Not": lambda t, node: Term(f"(NOT {t.as_bool(t.term(node.this))})", "bool"),
    "Neg": lambda t, node: Term(f"(-{t.as_number(t.term(node.this))})", "number"),
    "In": _one_of,
    "Is": _is,
    "Like": _like("LIKE"),
    "ILike": _like("ILIKE"),
    "Coalesce": lambda t, node: _same(t, "COALESCE", [t.term(part) for part in _listed(node)]),
    "Nullif": lambda t, node: _same(t, "NULLIF", [t.term(node.this), t.term(node.expression)]),
    "Greatest": lambda t, node: Term(
        f"GREATEST({', '.join(t.as_number(t.term(part)) for part in _listed(node))})", "number"
    ),
    "Least": lambda t, node: Term(
        f"LEAST({', '.join(t.as_number(t.term(part)) for part in _listed(node))})", "number"
    ),
    "If": lambda t, node: _choice(
        t, [t.term(node.this), t.term(node.args["true"]), t.term(node.args["false"])]
    ),
    "Abs": _numbers("ABS"),
    "Round": _numbers("ROUND"),
    "Floor": _numbers("FLOOR"),
    "Ceil": _numbers("CEIL"),
    "Lower": _texts("LOWER"),
    "Upper": _texts("UPPER"),
    "Trim": _texts("TRIM"),
    "Length": lambda t, node: Term(f"LENGTH({t.as_text(t.term(node.this))})", "number"),
}

FUNCTIONS: dict[str, Callable[[Translation, list[Term]], Term]] = {
    "tofloat": lambda t, a: Term(t.as_number(a[0]), "number"),
    "tofloat64": lambda t, a: Term(t.as_number(a[0]), "number"),
    "tofloatornull": lambda t, a: Term(t.as_number(a[0]), "number"),
    "tofloatorzero": lambda t, a: Term(f"COALESCE({t.as_number(a[0])}, 0)", "number"),
    "toint": lambda t, a: Term(f"TRUNC({t.as_number(a[0])})", "number"),
    "tostring": lambda t, a: Term(t.as_text(a[0]), "text"),
    "tobool": lambda t, a: Term(t.as_bool(a[0]), "bool"),
    "isnull": lambda t, a: Term(f"({t.as_text(a[0])} IS NULL)", "bool"),
    "isnotnull": lambda t, a: Term(f"({t.as_text(a[0])} IS NOT NULL)", "bool"),
    "empty": lambda t, a: Term(f"(COALESCE({t.as_text(a[0])}, '') = '')", "bool"),
    "notempty": lambda t, a: Term(f"(COALESCE({t.as_text(a[0])}, '') <> '')", "bool"),
    "equals": lambda t, a: _compared(t, "=", a),
    "notequals": lambda t, a: _compared(t, "<>", a),
    "greater": lambda t, a: _compared(t, ">", a),
    "greaterorequals": lambda t, a: _compared(t, ">=", a),
    "less": lambda t, a: _compared(t, "<", a),
    "lessorequals": lambda t, a: _compared(t, "<=", a),
    "multiif": lambda t, a: _choice(t, a),
    "not": lambda t, a: Term(f"(NOT {t.as_bool(a[0])})", "bool"),
}
