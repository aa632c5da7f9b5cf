"""One look at the planned end: the test of every value of the effect, and its inversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from exp_jupyter.engine.comparison.contrast import (
    Contrast,
    Difference,
    Mode,
    wide_baseline_caution,
)
from exp_jupyter.engine.comparison.methods.fixed_horizon import (
    FixedRule,
    FixedTest,
    Interval,
    delta_test,
    fieller_test,
    inverted_test,
    log_test,
)
from exp_jupyter.engine.comparison.methods.intervals import (
    COMPAT_LEAST_UNITS,
    INTERVALS,
    MODES,
    check_interval,
    chosen_interval,
    null_error,
)
from exp_jupyter.engine.inference.cautions import Caution
from exp_jupyter.engine.inference.distributions import (
    Alternative,
)
from exp_jupyter.engine.inference.effect_test import EffectTest
from exp_jupyter.engine.statistics.arguments import choose, number, switch
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.refusals import Refusal
from exp_jupyter.engine.statistics.requirements import (
    ALTERNATIVES,
    DIFFERENCES,
    check_level,
    kind_mismatch,
    least_units,
)
from exp_jupyter.errors import InputError


@dataclass(frozen=True)
class Frequentist:
    """One look at the planned end: Welch's t-test.

    Parameters
    ----------
    alpha
        Level of the test; the interval's level is 1 − alpha.
    alternative
        ``"two-sided"``, ``"greater"`` (the treatment is larger) or ``"less"``.
    difference
        ``"relative"`` to the control mean, or ``"absolute"``.
    interval
        ``"test"`` (the default of recommended mode): the values that the test does not reject,
        which for rates is the score interval, for means Fieller's. By name: ``"delta"`` (the
        estimate plus and minus its standard error at the observed difference; the only one of
        compat mode), and for a relative difference ``"fieller"`` or ``"log"`` (of the ratio of
        means), each with the test that belongs to it. None takes the mode's default.
    null
        The difference under the null hypothesis; minus the margin for a non-inferiority test.
    equal_variances
        Pool the variances of both arms.
    normal
        Use the normal distribution in place of Student's.
    mode
        ``"compat"`` follows PostHog: the delta method, at least 5 units per arm, negative control
        means allowed, degrees of freedom of the absolute difference, p = 2(1 − F).
        ``"recommended"`` tests every value of the effect at that value, corrects the CUPED
        variance, takes the tail directly and refuses a negative control mean.

    Examples
    --------
    >>> from exp_jupyter.engine import Proportion, compare
    >>> effect = compare(Proportion(44700, 8502), Proportion(45489, 8279), Frequentist())
    >>> round(effect.estimate, 4), round(effect.p_value, 4)
    (-0.0431, 0.0016)
    """

    name: ClassVar[str] = "frequentist"

    alpha: float = 0.05
    alternative: Alternative = "two-sided"
    difference: Difference = "relative"
    interval: Interval | None = None
    null: float = 0.0
    equal_variances: bool = False
    normal: bool = False
    mode: Mode = "recommended"

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha, "alpha_out_of_range")
        choose("alternative", self.alternative, ALTERNATIVES)
        choose("difference", self.difference, DIFFERENCES)
        choose("mode", self.mode, MODES)
        for name in ("equal_variances", "normal"):
            switch(name, getattr(self, name))
        check_interval(self.interval, self.mode, INTERVALS)
        if self.interval in ("fieller", "log") and self.difference == "absolute":
            raise InputError(
                f'interval="{self.interval}" is for a relative difference',
                hint='Leave interval out, or use difference="relative".',
            )
        null = number("null", self.null, hint="It is the difference to test against, usually 0.")
        if self.difference == "relative" and null <= -1:
            raise InputError(
                f"null is {null:g}; expected a finite difference, above -1 if relative",
                hint="For a margin of 2 % below the control use null=-0.02.",
            )

    @property
    def level(self) -> float:
        """The interval's confidence level."""
        return 1 - self.alpha

    @property
    def positive_baseline(self) -> bool:
        """Whether a relative difference needs a positive control mean."""
        return self.mode == "recommended"

    def refusals(self, control: Statistic, treatment: Statistic) -> list[Refusal]:
        """Return what this method refuses about the arms themselves."""
        if self.mode == "compat":
            return least_units(control, treatment, COMPAT_LEAST_UNITS)
        return [*kind_mismatch(control, treatment), *least_units(control, treatment, 2)]

    def judge(self, found: Contrast) -> dict[str, Any]:
        """Return the effect's fields, and what is refused under ``refusals``."""
        rule = FixedRule(self.alpha, self.alternative, self.null, self.equal_variances, self.normal)
        kind: str = chosen_interval(self.interval, self.mode)
        cautions: tuple[Caution, ...] = ()
        test: EffectTest | None = None
        if kind == "test":
            test = found.test(equal_variances=self.equal_variances, normal=self.normal)
            result: FixedTest = inverted_test(test, rule)
            kind, cautions = test.kind, test.cautions
        else:
            result = {"delta": delta_test, "fieller": fieller_test, "log": log_test}[kind](
                found, rule
            )
            if kind == "delta" and self.mode == "recommended":
                cautions = (wide_baseline_caution(found),)
        return {
            "alternative": self.alternative,
            "interval_kind": kind,
            "null_error": None if test is None else null_error(test, self.null),
            "null": self.null,
            "level": self.level,
            "estimate": result.estimate,
            "standard_error": result.standard_error,
            "interval": (result.low, result.high),
            "p_value": result.p_value,
            "statistic": result.statistic,
            "df": result.df,
            "significant": result.p_value < self.alpha,
            "refusals": result.refusals,
            "cautions": cautions,
        }
