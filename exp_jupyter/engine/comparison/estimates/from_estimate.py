"""From a difference and its variance to an effect: the last step of a regression or of strata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.methods.fixed_horizon import FixedRule, inverted_test
from exp_jupyter.engine.inference.distributions import Alternative
from exp_jupyter.engine.inference.effect_test import LinearTest, Weights
from exp_jupyter.engine.statistics.arguments import choose, instance, number
from exp_jupyter.engine.statistics.arrays import Floats, Numbers, flags, floats, numbers
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
        number("alpha", self.alpha, 0, 1, hint="0.05 is usual.")
        choose("alternative", self.alternative, ("two-sided", "greater", "less"))
        choose("difference", self.difference, ("relative", "absolute"))
        null = number("null", self.null)
        if self.difference == "relative" and null <= -1:
            raise InputError(f"null is {null:g}; expected a relative difference above -1.")


ABSOLUTE = Rule()


def check_rule(rule: object) -> None:
    """Refuse what is no rule."""
    instance("rule", rule, Rule, "Rule(alpha=…, difference=…)")


Freedom = Callable[[float], float | None]
"""Degrees of freedom at a null value of the effect; None for the normal distribution."""


@dataclass(frozen=True, eq=False)
class GapTest(LinearTest):
    """The test of a gap whose degrees of freedom are not Welch's.

    Parameters
    ----------
    freedom
        Degrees of freedom at a null value.
    """

    freedom: Freedom = lambda _: None

    def df(self, null: float) -> Floats | None:
        """Return the degrees of freedom at a null value."""
        found = self.freedom(null)
        return None if found is None else np.asarray(float(found))


@np.errstate(all="ignore")
def judged(
    method: str,
    rule: Rule,
    *,
    means: tuple[float, float],
    covariance: tuple[float, float, float],
    counts: tuple[Numbers, Numbers],
    freedom: Freedom = lambda _: None,
    signed: bool = False,
    warnings: tuple[str, ...] = (),
) -> Effect:
    """Return the effect of two (adjusted) means, every value of it tested at that value.

    A relative effect δ is tested by the gap m_T − (1 + δ)·m_C with its variance at δ, so it has
    the absolute effect's p-value, and Fieller's interval.

    Parameters
    ----------
    means
        Control's and treatment's mean.
    covariance
        Variance of the difference, its covariance with control's mean, and that mean's variance.
    counts
        Units of control and treatment.
    freedom
        Degrees of freedom at a null value; by default the normal distribution.
    signed
        Whether a value may be negative, so that a relative effect may fall below −100 %.

    Raises
    ------
    StatisticsError
        ``zero_variance``: there is nothing to judge the difference against.
        ``control_mean_not_positive``: nothing to divide by.
    """
    check_rule(rule)
    spread, shared, own = covariance
    if not np.isfinite([*means, *covariance]).all():
        raise InputError("The estimate is not a finite number; check the data for NaN.")
    relative = rule.difference == "relative"
    divisor = baseline_divisor(means[0]) if relative else 1.0
    n_c, n_t = (float(floats(n)) for n in counts)
    baseline = (n_c * means[0] + n_t * means[1]) / (n_c + n_t) if relative else 1.0
    nothing, one = np.zeros(()), np.ones(())
    terms = (-shared, own) if relative else (0.0, 0.0)
    test = GapTest(
        gap=np.asarray(means[1] - means[0]),
        divisor=np.asarray(divisor),
        control=Weights(one, np.asarray(spread), np.asarray(terms[0]), np.asarray(terms[1])),
        treatment=Weights(one, nothing, nothing, nothing),
        baseline=np.asarray(baseline),
        relative=relative,
        signed=np.asarray(signed),
        freedom=freedom,
    )
    variance = test.variance(rule.null)
    if not float(variance) > 0:
        raise StatisticsError(
            "zero_variance",
            "The estimate has no variance, so nothing can be said about chance.",
            hint="Check that the values differ between units.",
        )
    found = inverted_test(
        test,
        FixedRule(rule.alpha, rule.alternative, rule.null, equal_variances=False, normal=False),
    )
    if np.isnan([float(found.p_value), float(found.low), float(found.high)]).any():
        raise StatisticsError(
            "not_finite",
            "The numbers are too large or too small to compute with.",
            hint="Use another unit for the metric.",
        )
    return Effect(
        method=method,
        mode="recommended",
        difference=rule.difference,
        alternative=rule.alternative,
        interval_kind=test.kind,
        estimate=numbers(found.estimate),
        standard_error=numbers(found.standard_error),
        null_error=numbers(np.sqrt(variance) / np.abs(test.baseline)),
        interval=(numbers(found.low), numbers(found.high)),
        level=1 - rule.alpha,
        significant=flags(np.asarray(found.p_value < rule.alpha)),
        control_mean=means[0],
        treatment_mean=means[1],
        control_n=counts[0],
        treatment_n=counts[1],
        p_value=numbers(found.p_value),
        statistic=numbers(found.statistic),
        df=None if found.df is None else numbers(np.asarray(found.df)),
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
