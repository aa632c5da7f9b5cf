"""The call that makes a result again, as a reader would type it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from exp_jupyter.shown import Shown

P = ParamSpec("P")
T = TypeVar("T", bound="Shown")
Writing = Callable[[Any], Any]
"""What an argument is written as: a value whose ``repr`` is its source."""


class Name:
    """A variable in the call, for what has no short writing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def variable(name: str, *, inside: str = "") -> Writing:
    """Return a writing that makes a table a variable, and leaves text and numbers as they are.

    Parameters
    ----------
    name
        The variable.
    inside
        What a table inside a mapping is called; by default as its key.
    """

    def write(given: Any) -> Any:
        if isinstance(given, Mapping):
            return {key: variable(inside or str(key))(value) for key, value in given.items()}
        if isinstance(given, Path):
            return str(given)
        if given is None or isinstance(given, (str, bool, int, float, list, tuple)):
            return given
        return Name(f"exp_jupyter.engine.{given!r}" if hasattr(given, "judge") else name)

    return write


def reproducible(
    call: str, *, data: str = "", always: tuple[str, ...] = (), **writings: Writing
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator that notes on a result the call that makes it again.

    The call states what differs from the function's own defaults.

    Parameters
    ----------
    call
        What is called.
    data
        What the first argument is called where it is no text and no path.
    always
        The arguments that are written even where they are as usual.
    **writings
        What some arguments are written as. Others are written as they are, moments and paths as
        text, and ``progress`` not at all.

    Examples
    --------
    >>> from exp_jupyter.shown import Shown
    >>> @reproducible("lift", data="units")
    ... def lift(units, *, alpha=0.05, variants=()):
    ...     return Shown()
    >>> lift([1, 2], alpha=0.1, variants=()).code()
    'lift(units, alpha=0.1)'
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> T:
            given = signature.bind(*args, **kwargs).arguments
            said = []
            for place, (name, parameter) in enumerate(signature.parameters.items()):
                if name == "progress" or (name not in given and name not in always):
                    continue
                write, value = writings.get(name, _plain), given.get(name, parameter.default)
                if data and not place:
                    path = isinstance(value, (str, Path))
                    said.append(repr(str(value)) if path else data)
                elif parameter.default is parameter.empty:
                    said.append(repr(write(value)))
                elif name in always or repr(write(value)) != repr(write(parameter.default)):
                    said.append(f"{name}={write(value)!r}")
            return function(*args, **kwargs).coded(f"{call}({', '.join(said)})")

        return called

    return decorate


def chained(before: str, method: str, *, defaults: Callable[..., Any], **given: Any) -> str:
    """Return the call of a result's method that makes another result.

    Parameters
    ----------
    before
        The call that makes the result the method belongs to; without one it is ``analysis``.
    method
        Its name.
    defaults
        The method itself: what is given as its signature has it is not written.
    **given
        The arguments.

    Examples
    --------
    >>> def report(self, question="", *, final=False): ...
    >>> chained("analyze(units)", "report", defaults=report, question="Why?", final=False)
    "analyze(units).report(question='Why?')"
    """
    usual = inspect.signature(defaults).parameters
    said = [f"{name}={value!r}" for name, value in given.items() if value != usual[name].default]
    return f"{before or 'analysis'}.{method}({', '.join(said)})"


def _plain(given: Any) -> Any:
    if isinstance(given, date):
        return given.isoformat()
    return str(given) if isinstance(given, Path) else given
