"""Several questions at once, but never too many, and none after an interrupt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from exp_jupyter.client.http.cancellation import until

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8
"""How many requests may be under way at once."""


def side_by_side(
    ask: Callable[[T], R],
    items: Sequence[T],
    progress: Callable[[int, int], None] | None = None,
) -> list[R]:
    """Return ``ask(item)`` for every item, in their order, at most eight asked at once.

    Parameters
    ----------
    ask
        Called in threads.
    items
        What to ask for.
    progress
        Called with how many are there and how many there will be, after each one.

    Notes
    -----
    The first one that fails, or an interrupt, begins no further one: neither the next item nor
    another try or page of one that is under way.

    Examples
    --------
    >>> side_by_side(str.upper, ["a", "b"])
    ['A', 'B']
    """
    given_up = threading.Event()
    one_of_many = until(given_up, ask)
    pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="exp_jupyter asking")
    try:
        asked = [pool.submit(one_of_many, item) for item in items]
        for count, one in enumerate(as_completed(asked), start=1):
            one.result()
            if progress is not None:
                progress(count, len(asked))
        return [one.result() for one in asked]
    finally:
        given_up.set()
        pool.shutdown(wait=False, cancel_futures=True)
