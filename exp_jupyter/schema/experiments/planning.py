"""The project's own answer to how long an experiment must run."""

from __future__ import annotations

from typing import ClassVar

from exp_jupyter.schema.base import ApiObject, Number


class RunningTime(ApiObject):
    """Sample size over all variants and running time, as ``calculate_running_time`` answers."""

    shown_in_repr: ClassVar[tuple[str, ...]] = (
        "recommended_sample_size",
        "recommended_running_time_days",
    )

    baseline_value: Number | None = None
    variance: Number | None = None
    recommended_sample_size: int | None = None
    recommended_running_time_days: int | None = None
