"""Asking in threads that stops once nobody waits for the answer any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import TypeVar

from exp_jupyter.errors import ConnectionFailedError

T = TypeVar("T")
R = TypeVar("R")

_GIVEN_UP: ContextVar[threading.Event | None] = ContextVar("exp_jupyter_given_up", default=None)


def until(given_up: threading.Event, ask: Callable[[T], R]) -> Callable[[T], R]:
    """Return ``ask`` for a thread in which nothing is begun once ``given_up`` is set."""

    def asked(item: T) -> R:
        def run() -> R:
            _GIVEN_UP.set(given_up)
            refuse_if_given_up()
            return ask(item)

        return copy_context().run(run)

    return asked


def refuse_if_given_up() -> None:
    """Begin nothing more for somebody who has left.

    Raises
    ------
    exp_jupyter.errors.ConnectionFailedError
        Nobody waits for the answer; nobody sees this error either.
    """
    given_up = _GIVEN_UP.get()
    if given_up is not None and given_up.is_set():
        raise ConnectionFailedError("The question was given up.", hint="Ask again.")


def rest(seconds: float) -> None:
    """Sleep, but not on after the asking was given up."""
    given_up = _GIVEN_UP.get()
    if given_up is None:
        time.sleep(seconds)
    else:
        given_up.wait(seconds)
