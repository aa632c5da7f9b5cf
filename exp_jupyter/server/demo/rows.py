"""Events as columns of integers, before they get names and become JSON."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from exp_jupyter.server.demo.draws import Ints
from exp_jupyter.server.demo.setting import EVENTS, NOW, milliseconds

SLOTS = ("a", "b", "c", "d", "e")
"""What an event carries besides its time and visit; the meaning depends on the event."""


class Rows:
    """Collects blocks of events of one kind each.

    Examples
    --------
    >>> rows = Rows()
    >>> rows.add("search", np.array([5, 3]), visit=np.array([0, 1]), a=np.array([2, 2]))
    >>> rows.columns()["at"].tolist()
    [3, 5]
    """

    def __init__(self) -> None:
        self._blocks: list[dict[str, NDArray[np.int64]]] = []

    def add(self, event: str, at: Ints, *, visit: Ints, **slots: ArrayLike) -> None:
        """Add events of one name.

        Parameters
        ----------
        event
            The name.
        at
            Milliseconds since the first day; what lies after the present moment is left out.
        visit
            The visit each belongs to.
        **slots
            Values of `SLOTS`, arrays of the same length or numbers.
        """
        past = at < milliseconds(NOW)
        block = {
            "event": np.full(len(at), EVENTS.index(event), dtype=np.int64),
            "at": at,
            "visit": visit,
            **{
                name: np.broadcast_to(np.asarray(slots.get(name, -1), dtype=np.int64), at.shape)
                for name in SLOTS
            },
        }
        self._blocks.append({name: column[past] for name, column in block.items()})

    def columns(self) -> Mapping[str, Ints]:
        """Return all events so far in time order; those of one instant in the order of adding."""
        merged = {
            name: np.concatenate([block[name] for block in self._blocks])
            for name in self._blocks[0]
        }
        order = np.argsort(merged["at"], kind="stable")
        return {name: column[order] for name, column in merged.items()}
