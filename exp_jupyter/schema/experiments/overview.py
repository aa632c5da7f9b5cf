"""Short answers: how many experiments run, and whether flags are in the events."""

from __future__ import annotations

from typing import ClassVar

from exp_jupyter.schema.base import ApiObject, Number


class ExperimentStats(ApiObject):
    """How many experiments were launched, run and were completed lately."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("active_experiments", "launched_last_30d")

    launched_last_30d: int
    launched_previous_30d: int
    percent_change: Number
    active_experiments: int
    completed_last_30d: int


class FlagImplementation(ApiObject):
    """Whether the target events look as if no flag had been built into the product yet.

    ``result`` is True when flag information is missing from recent events, so the reader
    should be warned; False when it was found.
    """

    shown_in_repr: ClassVar[tuple[str, ...]] = ("result",)

    result: bool

    @property
    def required(self) -> bool:
        """The same as ``result``, by its meaning: the flag still has to be implemented."""
        return self.result
