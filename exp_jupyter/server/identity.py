"""Where new UUIDs come from: chance in a working project, a seed in one that must repeat itself."""

from __future__ import annotations

import random
import threading
import uuid
from typing import Protocol


class Identity(Protocol):
    """Makes UUIDs."""

    def new(self) -> str:
        """Return a UUID that was not returned before."""
        ...


class RandomIdentity:
    """UUIDs from the machine's own randomness."""

    def new(self) -> str:
        """Return a random UUID."""
        return str(uuid.uuid4())


class SeededIdentity:
    """The same UUIDs in the same order for the same seed.

    Examples
    --------
    >>> SeededIdentity(7).new() == SeededIdentity(7).new()
    True
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - names, not secrets
        self._lock = threading.Lock()

    def new(self) -> str:
        """Return the next UUID of the sequence."""
        with self._lock:
            return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
