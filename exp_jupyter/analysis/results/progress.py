"""How far an experiment is on the way to its planned size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exp_jupyter.analysis.definition.experiment import as_mapping, instant


@dataclass(frozen=True)
class PlanProgress:
    """Where an experiment stands in its plan.

    Parameters
    ----------
    day
        Days it has run, the one under way included; 1 on the first.
    units
        Units exposed so far, over all variants.
    planned_days, planned_units
        What the saved plan asks for; None where it does not say.
    growing
        Whether newcomers are still exposed: not when it is paused, frozen or over.

    Examples
    --------
    >>> progress = PlanProgress(22, 3909, 27, 4616)
    >>> progress.finished, progress.days_left, round(progress.share, 2)
    (False, 4, 0.85)
    >>> PlanProgress(22, 3909).finished is None
    True
    """

    day: int
    units: int
    planned_days: int | None = None
    planned_units: int | None = None
    growing: bool = True

    @property
    def share(self) -> float | None:
        """The share of the plan that is done, between 0 and 1; None without a plan."""
        for done, planned in ((self.units, self.planned_units), (self.day, self.planned_days)):
            if planned:
                return min(done / planned, 1.0)
        return None

    @property
    def finished(self) -> bool | None:
        """Whether the planned size, else the planned time, is reached; None without a plan."""
        share = self.share
        return None if share is None else share >= 1

    @property
    def days_left(self) -> int | None:
        """Days to the planned size at the pace so far; None where none can be promised."""
        if self.finished is not False or not self.growing:
            return None
        if self.planned_units:
            pace = self.units / self.day
            return math.ceil((self.planned_units - self.units) / pace) if pace else None
        return (self.planned_days or 0) - self.day

    @classmethod
    def of(cls, experiment: Any, units: int, as_of: datetime | None) -> PlanProgress | None:
        """Return an experiment's progress; None before its launch.

        Parameters
        ----------
        experiment
            Typed or as a dictionary; its ``running_time_calculation`` is the plan.
        units
            Units exposed so far.
        as_of
            The moment of the analysis, with its time zone.
        """
        body = as_mapping(experiment)
        start, end = instant(body.get("start_date")), instant(body.get("end_date"))
        last = end or as_of
        if start is None or last is None:
            return None
        plan = as_mapping(body.get("running_time_calculation") or {})
        return cls(
            day=max(1, math.ceil((last - start).total_seconds() / 86400)),
            units=units,
            planned_days=_whole(plan.get("recommended_running_time")),
            planned_units=_whole(plan.get("recommended_sample_size")),
            growing=str(body.get("status") or "") == "running",
        )


def _whole(value: Any) -> int | None:
    usable = isinstance(value, (int, float)) and math.isfinite(value) and value > 0
    return math.ceil(value) if usable else None
