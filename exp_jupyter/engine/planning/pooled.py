"""Power and size of the pooled two-proportion z-test, what most online calculators compute.

Its statistic takes the variance under the null hypothesis, so it is not quite the test that the
engine's own methods do; ``exp_jupyter.engine.planning.power`` plans for those.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from exp_jupyter.engine.statistics.arguments import choose, inside
from exp_jupyter.engine.statistics.scalar_or_array import everywhere, normal_cdf, normal_quantile
from exp_jupyter.errors import StatisticsError

if TYPE_CHECKING:
    from exp_jupyter.engine.statistics.scalar_or_array import Numbers


def pooled_power(
    baseline: Numbers,
    difference: Numbers,
    treatment_n: Numbers,
    *,
    ratio: Numbers = 1.0,
    alpha: Numbers = 0.05,
    alternative: str = "two-sided",
) -> Numbers:
    """Return the power of the pooled z-test.

    Parameters
    ----------
    baseline, difference
        Control's conversion rate, and the treatment's minus it.
    treatment_n, ratio
        Units of the treatment, and control's units per unit of the treatment.

    Notes
    -----
    ``Φ((|d| √n - z σ₀) / σ₁)`` with σ₀ from the pooled rate and σ₁ from both, and for two-sided
    tests the chance of the wrong direction. Source: Fleiss, Levin, Paik, *Statistical Methods for
    Rates and Proportions*.

    Examples
    --------
    >>> round(pooled_power(0.2, 0.04, 2000), 4)
    0.8632
    """
    inside("treatment_n", treatment_n, 0, math.inf)
    null, alternative_error = _errors(baseline, difference, ratio)
    z = _critical(alpha, alternative)
    direction = -1 if alternative == "less" else 1
    shift = difference * direction * treatment_n**0.5 / alternative_error
    edge = z * null / alternative_error
    power = normal_cdf(shift - edge)
    if alternative == "two-sided":
        power = power + normal_cdf(-shift - edge)
    return power


def pooled_size(
    baseline: Numbers,
    difference: Numbers,
    *,
    power: Numbers = 0.8,
    ratio: Numbers = 1.0,
    alpha: Numbers = 0.05,
    alternative: str = "two-sided",
) -> Numbers:
    """Return the units of the treatment that the pooled z-test needs, not rounded.

    Examples
    --------
    >>> round(pooled_size(0.2, 0.04), 1)
    1682.4
    """
    inside("power", power, 0, 1)
    null, alternative_error = _errors(baseline, difference, ratio)
    reach = _critical(alpha, alternative) * null + normal_quantile(power) * alternative_error
    return (reach / difference) ** 2


def _critical(alpha: Numbers, alternative: str) -> Numbers:
    choose("alternative", alternative, ("two-sided", "greater", "less"))
    inside("alpha", alpha, 0, 1)
    return -normal_quantile(alpha / 2 if alternative == "two-sided" else alpha)


def _errors(baseline: Numbers, difference: Numbers, ratio: Numbers) -> tuple[Numbers, Numbers]:
    """Return √n times the standard error, under the null hypothesis and under the effect."""
    inside("baseline", baseline, 0, 1, hint="A conversion rate is a fraction: 12 % is 0.12.")
    inside("ratio", ratio, 0, math.inf)
    rate = baseline + difference
    inside("baseline + difference", rate, 0, 1)
    if not everywhere(difference, lambda d: d != 0):
        raise StatisticsError("no_effect", "The difference is 0; no number of units can find it.")
    pooled = (rate + baseline * ratio) / (1 + ratio)
    null = (pooled * (1 - pooled) * (1 + 1 / ratio)) ** 0.5
    effect = (rate * (1 - rate) + baseline * (1 - baseline) / ratio) ** 0.5
    return cast("Numbers", null), cast("Numbers", effect)
