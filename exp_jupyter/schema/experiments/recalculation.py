"""Requests to compute results again, and how far they are."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from exp_jupyter.schema.base import ApiObject, OffsetMoment
from exp_jupyter.schema.experiments.series import ExperimentResult

UNDER_WAY = frozenset({"pending", "in_progress"})
"""The states of a request that is not over."""


class Recalculation(ApiObject):
    """A request to compute a metric's daily series again."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "experiment_id", "status")

    id: str
    experiment_id: int
    metric_uuid: str | None = None
    fingerprint: str = ""
    status: str
    created_at: OffsetMoment | None = None


class RecalculatedMetric(ApiObject):
    """What became of one metric of a recalculation."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("metric_uuid", "status")

    metric_uuid: str
    status: str
    result: ExperimentResult | None = None
    error_message: str | None = None


class MetricsRecalculation(ApiObject):
    """A request to compute the newest result of every metric of an experiment."""

    shown_in_repr: ClassVar[tuple[str, ...]] = ("id", "experiment_id", "status")

    id: str
    experiment_id: int
    status: str
    total_metrics: int = 0
    completed_metrics: int = 0
    failed_metrics: int = 0
    metric_errors: dict[str, Any] = Field(default_factory=dict)
    trigger: str = ""
    created_at: OffsetMoment | None = None
    started_at: OffsetMoment | None = None
    completed_at: OffsetMoment | None = None
    query_to: OffsetMoment | None = None
    is_existing: bool = False
    result_source: str = ""
    results: list[RecalculatedMetric] | None = None
    active_run: dict[str, Any] | None = None
    """The job at work now, by ``id`` and ``status``, beside the finished one this is."""

    @property
    def is_under_way(self) -> bool:
        """Whether it is still to begin or to end."""
        return self.status in UNDER_WAY

    @property
    def words(self) -> str:
        """How far it is, in words.

        Examples
        --------
        >>> job = {"id": "a", "experiment_id": 7, "status": "in_progress", "total_metrics": 5}
        >>> MetricsRecalculation.model_validate({**job, "completed_metrics": 2}).words
        '2 of 5 metrics are computed'
        """
        failed = f", {self.failed_metrics} failed" if self.failed_metrics else ""
        return f"{self.completed_metrics} of {self.total_metrics} metrics are computed{failed}"
