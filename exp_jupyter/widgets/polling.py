"""Looking again by itself, ever more rarely, and then no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from exp_jupyter.errors import ExpError

UNTIL_DECIDED = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, *(300.0,) * 6)
"""Seconds between looks at a waiting approval: half an hour in all, then only by hand."""


class Polling:
    """Calls ``look`` after each delay, on a thread of its own, until it says it has seen enough.

    Parameters
    ----------
    delays
        Seconds before each look.
    look
        Returns whether to go on. A look that fails, as without a network, is no reason to stop.
    """

    def __init__(self, delays: Sequence[float], look: Callable[[], bool]) -> None:
        self._delays = delays
        self._look = look
        self._stopped = threading.Event()
        # A daemon, so that a notebook never waits for an approval in order to shut down.
        self.thread = threading.Thread(target=self._run, name="exp-jupyter-poll", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _run(self) -> None:
        for delay in self._delays:
            if self._stopped.wait(delay):
                return
            try:
                if not self._look():
                    return
            except ExpError:
                continue
