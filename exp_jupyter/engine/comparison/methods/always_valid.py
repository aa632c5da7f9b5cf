"""Any number of looks: the confidence sequence of the test of every value of the effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exp_jupyter.engine.comparison.contrast import (
    Contrast,
    Difference,
    Mode,
    no_variance,
    wide_baseline_caution,
)
from exp_jupyter.engine.comparison.methods.fixed_horizon import (
    Interval,
)
from exp_jupyter.engine.comparison.methods.intervals import (
    ANYTIME_INTERVALS,
    COMPAT_LEAST_UNITS,
    DEFAULT_TUNING_N,
    MODES,
    check_interval,
    chosen_interval,
    null_error,
)
from exp_jupyter.engine.inference.distributions import (
    Alternative,
    as_deviate,
    as_statistic,
    bounded,
    one_sided,
)
from exp_jupyter.engine.sequential.confidence_sequence import (
    anytime_p_value,
    half_width,
    log_e_value,
    mixture_precision,
)
from exp_jupyter.engine.statistics.arguments import choose, number
from exp_jupyter.engine.statistics.arrays import Floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.engine.statistics.refusals import Refusal
from exp_jupyter.engine.statistics.requirements import (
    ALTERNATIVES,
    DIFFERENCES,
    check_level,
    kind_mismatch,
    least_units,
)
from exp_jupyter.errors import InputError, StatisticsError


def _check_tuning(tuning_n: object) -> None:
    try:
        number("tuning_n", tuning_n, 0)
    except InputError as error:
        raise StatisticsError(
            "tuning_parameter_not_positive",
            f"tuning_n is {described(tuning_n)}; expected a finite number above 0",
            hint="Use the total number of units you plan for.",
        ) from error


@dataclass(frozen=True)
class Sequential:
    """Any number of looks: an asymptotic confidence sequence.

    Parameters
    ----------
    alpha
        Probability of ever excluding the truth, over all looks together.
    tuning_n
        Total units of both arms at which the interval is narrowest; about the planned sample size
        (a plan states it). The default, 5,000, costs a plan of 1,000 or of 50,000 units about
        15 % more of them.
    alternative
        ``"two-sided"``, ``"greater"`` or ``"less"``.
    difference
        ``"relative"`` to the control mean, or ``"absolute"``.
    null
        The difference under the null hypothesis.
    interval
        ``"test"`` (the default of recommended mode): the sequence of the test of every value at
        that value, inverted. ``"delta"`` (compat mode's): of the estimate with its standard error
        at the observed difference, which errs far more often than alpha where control's mean is
        uncertain. None takes the mode's default.
    mode
        ``"compat"`` uses PostHog's delta method and its closed approximation of the optimal
        mixture; the exact one is slightly narrower at ``tuning_n``.

    See Also
    --------
    exp_jupyter.engine.running_intersection : keep what earlier looks excluded.

    Examples
    --------
    >>> from exp_jupyter.engine import Proportion, compare
    >>> effect = compare(Proportion(5000, 500), Proportion(5000, 620), Sequential(tuning_n=10_000))
    >>> effect.significant, [round(bound, 3) for bound in effect.interval]
    (True, [0.044, 0.473])
    """

    name: ClassVar[str] = "sequential"

    alpha: float = 0.05
    tuning_n: float = DEFAULT_TUNING_N
    alternative: Alternative = "two-sided"
    difference: Difference = "relative"
    null: float = 0.0
    interval: Interval | None = None
    mode: Mode = "recommended"

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha, "alpha_out_of_range")
        choose("alternative", self.alternative, ALTERNATIVES)
        choose("difference", self.difference, DIFFERENCES)
        choose("mode", self.mode, MODES)
        check_interval(self.interval, self.mode, ANYTIME_INTERVALS)
        _check_tuning(self.tuning_n)
        number("null", self.null, hint="It is the difference to test against, usually 0.")
        if self.alternative != "two-sided" and self.alpha >= 0.5:
            raise StatisticsError(
                "alpha_out_of_range",
                f"alpha is {self.alpha}; a one-sided confidence sequence needs it below 0.5",
            )

    @property
    def level(self) -> float:
        """The interval's confidence level."""
        return 1 - self.alpha

    @property
    def positive_baseline(self) -> bool:
        """Whether a relative difference needs a positive control mean."""
        return self.mode == "recommended"

    @property
    def precision(self) -> Floats:
        """ρ²: the mixture's precision per unit."""
        level = self.alpha if self.alternative == "two-sided" else 2 * self.alpha
        return mixture_precision(level, self.tuning_n, exact=self.mode == "recommended")

    def refusals(self, control: Statistic, treatment: Statistic) -> list[Refusal]:
        """Return what this method refuses about the arms themselves."""
        if self.mode == "compat":
            return least_units(control, treatment, COMPAT_LEAST_UNITS)
        return [*kind_mismatch(control, treatment), *least_units(control, treatment, 2)]

    def judge(self, found: Contrast) -> dict[str, Any]:
        """Return the effect's fields, and what is refused under ``refusals``."""
        if chosen_interval(self.interval, self.mode) == "test":
            return self._inverted(found)
        one_sided = self.alternative != "two-sided"
        gap = found.estimate - self.null
        if self.alternative == "less":
            gap = -gap
        evidence = log_e_value(gap, found.variance, found.n, self.precision, one_sided=one_sided)
        width = np.asarray(
            half_width(found.variance, found.n, self.precision, self.alpha, one_sided=one_sided)
        )
        p = anytime_p_value(evidence)
        return {
            "alternative": self.alternative,
            "tuning_n": float(self.tuning_n),
            "interval_kind": "confidence_sequence",
            "null": self.null,
            "level": self.level,
            "estimate": found.estimate,
            "standard_error": np.sqrt(found.variance),
            "interval": bounded(found.estimate, width, width, self.alternative),
            "p_value": p,
            "log_e_value": np.asarray(evidence),
            "significant": p < self.alpha,
            "refusals": (no_variance(found.variance),),
            "cautions": (wide_baseline_caution(found),) if self.mode == "recommended" else (),
        }

    def _inverted(self, found: Contrast) -> dict[str, Any]:
        """Return the fields from the test of every value of the effect."""
        only_one = self.alternative != "two-sided"
        test = found.test()
        df = test.df(self.null)
        deviate = as_deviate(test.statistic(self.null), df)
        towards = -deviate if self.alternative == "less" else deviate
        n = np.broadcast_to(found.n, deviate.shape)
        evidence = np.asarray(
            log_e_value(towards, np.ones(()), n, self.precision, one_sided=only_one)
        )
        critical = np.asarray(
            half_width(np.ones(()), n, self.precision, self.alpha, one_sided=only_one)
        )
        p = anytime_p_value(evidence)
        bounds = test.bounds(as_statistic(critical, df), self.null)
        return {
            "alternative": self.alternative,
            "tuning_n": float(self.tuning_n),
            "interval_kind": "confidence_sequence",
            "null_error": null_error(test, self.null),
            "null": self.null,
            "level": self.level,
            "estimate": test.estimate,
            "standard_error": test.standard_error,
            "interval": one_sided(bounds, self.alternative),
            "p_value": p,
            "log_e_value": evidence,
            "significant": p < self.alpha,
            "refusals": (no_variance(test.variance(self.null)), *test.refusals),
            "cautions": test.cautions,
        }
