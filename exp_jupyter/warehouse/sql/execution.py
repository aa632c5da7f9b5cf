"""Long statements that say how far they are, and stop in the engine when their reader does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

Progress = Callable[[float, str], None]
"""Told the share that is done, between 0 and 1, and in a few words what is being done."""

PAUSE = 0.1
"""Seconds between two looks at a running statement."""


@dataclass
class _Watch:
    """One reader's progress over a number of statements of equal weight."""

    progress: Progress
    sentence: str
    steps: int | None = None
    done: int = 0
    told: float = 0.0

    def tell(self, share: float) -> None:
        """Tell the share of all the work, given the share of the present statement."""
        # Without a number of statements one more is always expected: the end is said only once.
        total = self.done + 2 if self.steps is None else max(self.steps, self.done + (share > 0))
        share = (self.done + min(1.0, max(0.0, share))) / max(total, 1)
        # An engine's own estimate may step back; a reader's line does not.
        self.told = max(self.told, share)
        self.progress(self.told, self.sentence)


_watch: ContextVar[_Watch | None] = ContextVar("exp_jupyter_watch", default=None)


@contextmanager
def watched(progress: Progress | None, sentence: str) -> Iterator[None]:
    """Tell a reader how far the statements run inside are.

    Parameters
    ----------
    progress
        Called with the share done and a sentence, 0 first and 1 last, never falling; None tells
        nobody. An error it raises stops the work, as ``KeyboardInterrupt`` does.
    sentence
        What is being done.

    Examples
    --------
    >>> import duckdb
    >>> told = []
    >>> with watched(lambda share, sentence: told.append((share, sentence)), "Counting"):
    ...     result = run(duckdb.connect(), "SELECT 42", {}, lambda found: found.fetchall())
    >>> result, told[0], told[-1]
    ([(42,)], (0.0, 'Counting'), (1.0, 'Counting'))
    """
    if progress is None:
        yield
        return
    watch = _Watch(progress, sentence)
    token = _watch.set(watch)
    try:
        watch.tell(0.0)
        yield
        progress(1.0, sentence)
    finally:
        _watch.reset(token)


def expect(steps: int) -> None:
    """Say how many statements there will be from now on, once that is known."""
    watch = _watch.get()
    if watch is not None:
        watch.steps = watch.done + steps


def run(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: Mapping[str, Any],
    read: Callable[[Any], T],
) -> T:
    """Run a DuckDB statement and return what ``read`` makes of its result.

    In the main thread, where Ctrl-C arrives, or when somebody watches, the statement runs on a
    thread of its own: an interruption of the caller then stops it inside the engine at once.

    Parameters
    ----------
    connection
        Where it runs.
    sql, parameters
        The statement and the values to bind.
    read
        Takes the executed connection, for example ``lambda found: found.fetchall()``.

    Raises
    ------
    KeyboardInterrupt
        The reader stopped it; the engine has stopped too, and the connection can be used again.
    duckdb.Error
        The engine refuses it.
    """

    def work() -> T:
        return read(connection.execute(sql, dict(parameters)))

    return attended(connection, work)


def attended(
    connection: duckdb.DuckDBPyConnection | None,
    work: Callable[[], T],
    stop: Callable[[], None] | None = None,
) -> T:
    """Do ``work``, which runs one statement, as ``run`` does.

    Parameters
    ----------
    connection
        The DuckDB connection whose statement ``work`` runs, to follow and to interrupt it; None
        when it is another engine's or cannot be reached.
    work
        Runs the statement.
    stop
        Stops another engine's statement, called from a second thread until ``work`` has ended.
    """
    if connection is not None:
        stop = connection.interrupt
    watch = _watch.get()
    if watch is None and threading.current_thread() is not threading.main_thread():
        return work()
    result: list[T] = []
    failed: list[BaseException] = []
    # Not Thread.join, which takes a thread for ended when Ctrl-C interrupts the waiting.
    over = threading.Event()

    def carry_out() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            failed.append(error)
        finally:
            over.set()

    thread = threading.Thread(target=carry_out, name="exp_jupyter statement", daemon=True)
    with _measured(connection if watch is not None else None):
        thread.start()
        try:
            # Most statements are over before anybody could look.
            ended = over.wait(PAUSE / 10)
            while not ended:
                if watch is not None and connection is not None:
                    watch.tell(connection.query_progress() / 100)
                ended = over.wait(PAUSE)
        except BaseException:
            # An interruption that comes before the engine has begun is forgotten, so repeat it.
            while stop is not None and not over.wait(PAUSE / 10):
                stop()
            raise
    if failed:
        raise failed[0]
    if watch is not None:
        watch.done += 1
        watch.tell(0.0)
    return result[0]


def stopping(relation: duckdb.DuckDBPyRelation) -> Callable[[], None]:
    """Return what stops a statement on the connection that a relation belongs to.

    A relation has no public way to its connection. Newer versions of DuckDB keep it in the
    relation; where it is not there, it is taken to be the default one, as of ``duckdb.sql``.

    Examples
    --------
    >>> import duckdb
    >>> stopping(duckdb.sql("SELECT 42"))()
    """
    import duckdb

    own = getattr(relation, "_con", None)
    if not isinstance(own, duckdb.DuckDBPyConnection):
        own = duckdb.default_connection()
    stop: Callable[[], None] = own.interrupt
    return stop


@contextmanager
def _measured(connection: duckdb.DuckDBPyConnection | None) -> Iterator[None]:
    """Let DuckDB measure its progress, without printing it, and restore what was set before."""
    if connection is None:
        yield
        return
    names = ("enable_progress_bar", "enable_progress_bar_print")
    asked = ", ".join(f"current_setting('{name}')" for name in names)
    before = connection.execute(f"SELECT {asked}").fetchone() or (False, True)
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            connection.execute(f"SET {name} = {'true' if value else 'false'}")
