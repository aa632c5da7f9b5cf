"""Paginated lists."""

from __future__ import annotations

from typing import TypeVar

from exp_jupyter.schema.approval import ChangeRequest
from exp_jupyter.schema.base import ApiList
from exp_jupyter.schema.experiment import Experiment
from exp_jupyter.schema.flag import FeatureFlag

T = TypeVar("T")


class Page(ApiList[T]):
    """One page of a list, or all pages joined; ``count`` is the number of objects that match."""

    count: int
    next: str | None = None
    previous: str | None = None
    results: list[T]


class ExperimentList(Page[Experiment]):
    """Experiments with their basic fields."""


class FlagList(Page[FeatureFlag]):
    """Feature flags."""


class ChangeRequestList(Page[ChangeRequest]):
    """Change requests, newest first."""

    @property
    def waiting_for_me(self) -> list[ChangeRequest]:
        """Those the person whose key is used can vote on and has not."""
        return [request for request in self.results if request.waits_for_me]
