"""From an estimate and its variance to an effect: the last step of a regression or a quantile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from exp_jupyter.engine.arrays import Numbers, flags, floats, numbers
from exp_jupyter.engine.effect import Effect
from exp_jupyter.engine.limits import choose, inside
from exp_jupyter.engine.student import Alternative, bounded, p_value, upper_quantile
from exp_jupyter.errors import InputError, StatisticsError


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How an estimate is judged: level, direction and scale.

    Parameters
    ----------
    alpha
        Level of the test; the interval's level is 1 − alpha.
    alternative
        ``two-sided``, ``greater`` or ``less``.
    difference
        ``relative`` to the control mean, or ``absolute``.
    null
        The difference under the null hypothesis.
    """

    alpha: float = 0.05
    alternative: Alternative = "two-sided"
    difference: str = "absolute"
    null: float = 0.0

    def __post_init__(self) -> None:
        inside("alpha", self.alpha, 0, 1, hint="0.05 is usual.")
        choose("alternative", self.alternative, ("two-sided", "greater", "less"))
        choose("difference", self.difference, ("relative", "absolute"))
        inside("null", self.null, -np.inf, np.inf)


ABSOLUTE = Rule()


def judged(
    method: str,
    rule: Rule,
    *,
    estimate: Numbers,
    variance: Numbers,
    df: Numbers | None,
    means: tuple[Numbers, Numbers],
    counts: tuple[Numbers, Numbers],
    interval_kind: str = "delta",
    warnings: tuple[str, ...] = (),
) -> Effect:
    """Return the effect with this estimate, variance and degrees of freedom (None for the normal).

    Parameters
    ----------
    means, counts
        Value and units of control and treatment.

    Raises
    ------
    StatisticsError
        ``zero_variance``: there is nothing to judge the estimate against.
    """
    found, spread = floats(estimate), floats(variance)
    if not np.isfinite(found).all() or not np.isfinite(spread).all():
        raise InputError("The estimate is not a finite number; check the data for NaN.")
    if not (spread > 0).all():
        raise StatisticsError(
            "zero_variance",
            "The estimate has no variance, so nothing can be said about chance.",
            hint="Check that the values differ between units.",
        )
    error = np.sqrt(spread)
    freedom = None if df is None else np.broadcast_to(floats(df), found.shape)
    statistic = np.asarray((found - rule.null) / error)
    tail = rule.alpha / (2 if rule.alternative == "two-sided" else 1)
    width = upper_quantile(tail, freedom) * error
    low, high = bounded(found, width, width, rule.alternative)
    p = np.asarray(p_value(statistic, freedom, rule.alternative))
    return Effect(
        method=method,
        mode="recommended",
        difference=rule.difference,
        alternative=rule.alternative,
        interval_kind=interval_kind,
        estimate=numbers(found),
        standard_error=numbers(error),
        interval=(numbers(low), numbers(high)),
        level=1 - rule.alpha,
        significant=flags(np.asarray(p < rule.alpha)),
        control_mean=means[0],
        treatment_mean=means[1],
        control_n=counts[0],
        treatment_n=counts[1],
        p_value=numbers(p),
        statistic=numbers(statistic),
        df=None if freedom is None else numbers(np.asarray(freedom)),
        warnings=warnings,
        null=rule.null,
        _warned=(np.asarray(True),) * len(warnings),
    )


def baseline_divisor(control: Numbers) -> float:
    """Return a control value to divide by, or refuse one that is not positive."""
    value = cast("float", control)
    if not value > 0:
        raise StatisticsError(
            "control_mean_not_positive",
            f"The control value is {value:g}; a relative difference needs one above 0.",
            hint='Use difference="absolute".',
        )
    return value
