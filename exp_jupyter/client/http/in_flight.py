"""One write at a time for one project, and none made anew while one is still on its way.

A person who interrupts a cell and runs it again looks at the project before it writes. While the
first request is still being worked on, the project shows nothing of it, and it would be made
twice. So a write runs in a thread of its own, to its end, whoever leaves; and whoever looks in
order to write waits for it first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

_GLANCE = 0.2
"""Seconds between two looks for an interrupt, on systems that do not wake a waiting thread."""


class Turn:
    """The turn to write to one project."""

    def __init__(self) -> None:
        self._mine = threading.RLock()
        self._under_way: dict[int, _Sent[Any]] = {}

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Let nobody else of this process write in here, once what is on its way has arrived."""
        with self._mine:
            self.wait()
            yield

    def wait(self) -> None:
        """Wait until what is on its way has arrived."""
        for number, sent in [*self._under_way.items()]:
            sent.wait_unless_called_off()
            self._under_way.pop(number, None)

    def run(self, send: Callable[[], T]) -> T:
        """Return what ``send`` does; an interrupt leaves at once and does not stop it."""
        sent = _Sent(send)
        self._under_way[id(sent)] = sent  # before it begins, so that it is never overlooked
        sent.begin()
        sent.wait()
        self._under_way.pop(id(sent), None)
        return sent.result()


_TURNS: WeakValueDictionary[Hashable, Turn] = WeakValueDictionary()
_TURNS_LOCK = threading.Lock()


def turn_at(target: Hashable) -> Turn:
    """Return the turn to write to ``target``; the same for everybody in this process."""
    with _TURNS_LOCK:
        turn = _TURNS.get(target)
        if turn is None:
            turn = _TURNS[target] = Turn()
        return turn


class _Sent(Generic[T]):
    def __init__(self, send: Callable[[], T]) -> None:
        self._send = send
        self._begun = threading.Lock()
        self._over = threading.Event()
        self._outcome: T | BaseException

    def begin(self) -> None:
        threading.Thread(target=self._run, name="exp_jupyter write", daemon=True).start()

    def wait(self) -> None:
        while not self._over.wait(_GLANCE):
            pass

    def wait_unless_called_off(self) -> None:
        """Wait, or see to it that it never begins: its caller left before it had begun."""
        if not self._begun.acquire(blocking=False):
            self.wait()

    def result(self) -> T:
        outcome = self._outcome
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _run(self) -> None:
        if not self._begun.acquire(blocking=False):
            return
        try:
            self._outcome = self._send()
        except BaseException as failure:  # noqa: BLE001 - handed to whoever waits
            self._outcome = failure
        finally:
            self._over.set()
