"""The engine's statistic of one arm's sums as a result states them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from exp_jupyter.analysis.posthog.sums import CUBES, Kind


def arm_statistic(kind: Kind, row: Mapping[str, Any]) -> Any:
    """Return the statistic of an arm's sums.

    Parameters
    ----------
    kind
        The metric's kind: mean, funnel, ratio or retention.
    row
        The sums by the names the API gives them; what else it says is not read.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        The sums belong to no arm: there are no units, or a variance is negative.

    Examples
    --------
    >>> arm_statistic("funnel", {"number_of_samples": 100, "sum": 12}).mean
    0.12
    """
    from exp_jupyter.engine.posthog.named_sums import COVARIATE_SUMS, statistic_of
    from exp_jupyter.engine.posthog.settings import ADJUSTABLE

    own = {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }
    more: dict[str, Any] = {CUBES: own[CUBES]} if kind == "mean" and CUBES in own else {}
    adjusted = kind in ADJUSTABLE and own.keys() >= set(COVARIATE_SUMS)
    return statistic_of(kind, own, adjusted=adjusted, **more)
