"""What stands in braces on a magic's line: a variable and the way into it, read without eval."""

from __future__ import annotations

import ast
import numbers
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from exp_jupyter.errors import InputError

_ARITHMETIC: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
}
_LONGEST = 200
"""Characters between braces that are looked at; what is longer is text."""


@dataclass(frozen=True)
class Place:
    """What stands in braces: ``name``, ``name.attribute``, ``name[0]``, or arithmetic of them.

    Attributes
    ----------
    node
        The parsed expression.
    names
        The variables it begins with.
    end
        Where the line goes on behind the braces.
    quiet
        Whether it is only text where there are no such variables.
    """

    node: ast.expr
    names: frozenset[str]
    end: int
    quiet: bool


def place_in(line: str, start: int, *, whole: bool) -> Place | None:
    """Return what stands in the braces that open at ``start``; None where they hold no expression.

    Parameters
    ----------
    whole
        Take only a variable and the way into it, and nothing to be computed: in quotes anything
        else is text.
    """
    end = line.find("}", start)
    while 0 <= end - start <= _LONGEST:
        node = _parsed(line[start + 1 : end])
        if node is not None:
            if whole and not _is_path(node):
                return None
            names = frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name))
            return Place(node, names, end + 1, quiet=whole)
        end = line.find("}", end + 1)
    return None


def value_of(place: Place, written: str, variables: Mapping[str, Any]) -> Any:
    """Return the value of what stands in braces.

    Raises
    ------
    exp_jupyter.errors.InputError
        There is no such variable, it lacks what is asked of it, or something else than a variable
        and arithmetic with numbers is asked for.
    """
    missing = sorted(name for name in place.names if name not in variables)
    if missing:
        raise InputError(
            f"There is no variable {missing[0]} in this notebook, as {written} asks for.",
            hint="Set it first; in 'single quotes' the text stands as it is.",
        )
    try:
        return _value(place.node, variables)
    except InputError:
        raise
    except Exception as wrong:  # an attribute or an index that is not there, of whatever object
        raise InputError(
            f"{written} has no value: {wrong}",
            hint="Look at the variable; in 'single quotes' the text stands as it is.",
        ) from wrong


def _parsed(source: str) -> ast.expr | None:
    try:
        node = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    # Alternatives, as in the glob data/{june,july}*.parquet, are text.
    return None if isinstance(node, ast.Tuple) else node


def _is_path(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Subscript) and not _is_index(node.slice):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def _is_index(node: ast.expr | None) -> bool:
    match node:
        case None | ast.Constant() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return True
        case ast.Slice(lower=lower, upper=upper, step=None):
            return _is_index(lower) and _is_index(upper)
    return False


def _value(node: ast.expr, variables: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return variables[name]
        case ast.Attribute(value=of, attr=name):
            return getattr(_value(of, variables), name)
        case ast.Subscript(value=of, slice=index) if _is_index(index):
            return _value(of, variables)[_index(index)]
        case ast.Constant(value=bool() | int() | float() as number):
            return number
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            return _ARITHMETIC[type(sign)](_number(left, variables), _number(right, variables))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand, variables)
    raise InputError(
        f"{{{ast.unparse(node)}}} is more than a variable or arithmetic with numbers.",
        hint="Compute it in Python first and name the variable here; in 'single quotes' the text "
        "stands as it is.",
    )


def _index(node: ast.expr | None) -> Any:
    match node:
        case ast.Slice(lower=lower, upper=upper):
            return slice(_index(lower), _index(upper))
        case ast.UnaryOp(operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Constant(value=value):
            return value
    return None


def _number(node: ast.expr, variables: Mapping[str, Any]) -> Any:
    value = _value(node, variables)
    if isinstance(value, numbers.Number):
        return value
    raise InputError(
        f"{{{ast.unparse(node)}}} is no number to compute with.",
        hint="Compute it in Python first and name the variable here.",
    )
