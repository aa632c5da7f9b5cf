"""The methods: how a difference is judged, each in PostHog's own form and in the corrected one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from exp_jupyter.engine.arrays import Booleans, Floats
from exp_jupyter.engine.cautions import Caution
from exp_jupyter.engine.confidence_sequence import (
    anytime_p_value,
    half_width,
    log_e_value,
    mixture_precision,
)
from exp_jupyter.engine.contrast import (
    Contrast,
    Difference,
    Mode,
    no_variance,
    wide_baseline_caution,
)
from exp_jupyter.engine.effect_posterior import flat_posterior, prior_posterior
from exp_jupyter.engine.effect_test import EffectTest
from exp_jupyter.engine.fixed_horizon import (
    FixedRule,
    FixedTest,
    Interval,
    delta_test,
    fieller_test,
    inverted_test,
    log_test,
)
from exp_jupyter.engine.limits import choose
from exp_jupyter.engine.posterior import FLAT, Prior, expected_losses
from exp_jupyter.engine.refusals import Refusal
from exp_jupyter.engine.requirements import (
    ALTERNATIVES,
    DIFFERENCES,
    check_level,
    kind_mismatch,
    least_units,
)
from exp_jupyter.engine.student import (
    Alternative,
    as_deviate,
    as_statistic,
    bounded,
    one_sided,
)
from exp_jupyter.engine.sums import Statistic
from exp_jupyter.errors import InputError, StatisticsError

__all__ = ["Bayesian", "Frequentist", "Method", "Prior", "Sequential"]

INTERVALS = ("test", "delta", "fieller", "log")
MODES = ("recommended", "compat")

ANYTIME_INTERVALS = ("test", "delta")

DEFAULT_TUNING_N = 5000.0
"""Total units at which a confidence sequence is narrowest, unless a plan says better."""

COMPAT_LEAST_UNITS = 5
LEAST_EVENTS = 5
GREATEST_SUM = 1e15
SMALLEST_LOSS_PROBABILITY = 1e-10


def check_interval(given: str | None, mode: Mode, allowed: tuple[str, ...]) -> None:
    """Refuse an interval that a method or PostHog does not have."""
    if given is None:
        return
    choose("interval", given, allowed)
    if given != "delta" and mode == "compat":
        raise InputError(f'PostHog has no interval="{given}"', hint='Use mode="recommended".')


def chosen_interval(given: Interval | None, mode: Mode) -> Interval:
    """Return the interval to form: the one given, or the mode's own."""
    return given or ("delta" if mode == "compat" else "test")


def null_error(test: EffectTest, null: float) -> Floats:
    """Return the standard error of the gap at the null value, over the baseline without an effect.

    Unlike the standard error at the observed effect it does not move with the effect, so effects
    of several segments may be weighted by it.
    """
    return np.asarray(np.sqrt(test.variance(null)) / test.baseline)


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
        check_interval(self.interval, self.mode, INTERVALS)
        if self.interval in ("fieller", "log") and self.difference == "absolute":
            raise InputError(
                f'interval="{self.interval}" is for a relative difference',
                hint='Leave interval out, or use difference="relative".',
            )
        if not np.isfinite(self.null) or (self.difference == "relative" and self.null <= -1):
            raise InputError(
                f"null is {self.null}; expected a finite difference, above -1 if relative",
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
    exp_jupyter.engine.running_intersection.running_intersection : keep what earlier looks excluded.

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
        if not self.tuning_n > 0 or not np.isfinite(self.tuning_n):
            raise StatisticsError(
                "tuning_parameter_not_positive",
                f"tuning_n is {self.tuning_n}; expected a finite number above 0",
                hint="Use the total number of units you plan for.",
            )
        if not np.isfinite(self.null):
            raise InputError(f"null is {self.null}; expected a finite number")
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


@dataclass(frozen=True)
class Bayesian:
    """A posterior of the difference: chance to win, credible interval, expected loss.

    Parameters
    ----------
    credible_level
        Probability inside the credible interval.
    difference
        ``"relative"`` to the control mean, which must be positive, or ``"absolute"``.
    prior
        The prior of the difference; flat by default.
    inverse
        A smaller metric is better.
    loss_tolerance
        Decide when the expected loss of the better arm is below this, on the scale of the
        difference; by default decide on the chance to win. Only in recommended mode.
    interval
        ``"test"`` (the default of recommended mode): rates have Beta posteriors from a uniform
        prior, other means flat ones or, with ``prior``, the likelihood of every value of the
        effect.
        ``"delta"`` (compat mode's): a normal posterior around the estimate with its standard error
        at the observed difference. None takes the mode's default.
    mode
        ``"compat"`` decides when the chance leaves (1 − level, level), which errs in 10 % of
        experiments without an effect at level 0.95, and ``inverse`` does not swap the losses.
        ``"recommended"`` decides when it leaves ((1 − level)/2, (1 + level)/2), so the decision
        and the interval agree.

    Notes
    -----
    A Bayesian read-out is not by itself immune to peeking.

    Examples
    --------
    >>> from exp_jupyter.engine import Proportion, compare
    >>> effect = compare(Proportion(5000, 500), Proportion(5000, 560), Bayesian())
    >>> round(effect.chance_to_win, 3), effect.significant
    (0.974, False)
    """

    name: ClassVar[str] = "bayesian"

    credible_level: float = 0.95
    difference: Difference = "relative"
    prior: Prior = field(default=FLAT)
    inverse: bool = False
    loss_tolerance: float | None = None
    interval: Interval | None = None
    mode: Mode = "recommended"

    def __post_init__(self) -> None:
        check_level("credible_level", self.credible_level, "ci_level_out_of_range")
        choose("difference", self.difference, DIFFERENCES)
        choose("mode", self.mode, MODES)
        check_interval(self.interval, self.mode, ANYTIME_INTERVALS)
        if self.loss_tolerance is not None and (
            self.mode == "compat" or not 0 < self.loss_tolerance < np.inf
        ):
            raise InputError(
                f"loss_tolerance is {self.loss_tolerance}; expected a finite number above 0, "
                'in mode="recommended"',
                hint="It is the expected loss you would accept, on the scale of the difference.",
            )

    @property
    def level(self) -> float:
        """The interval's credible level."""
        return self.credible_level

    @property
    def positive_baseline(self) -> bool:
        """Whether a relative difference needs a positive control mean: always."""
        return True

    def refusals(self, control: Statistic, treatment: Statistic) -> list[Refusal]:
        """Return what this method refuses about the arms themselves."""
        found = kind_mismatch(control, treatment)
        adjusted = control.covariate_sums is not None
        inverted = chosen_interval(self.interval, self.mode) == "test"
        for name, arm in (("treatment", treatment), ("control", control)):
            if arm.kind == "mean":
                total, squares = np.asarray(arm.mean) * arm.n, getattr(arm, "sum_squares", 0.0)
                large = (np.abs(total) > GREATEST_SUM) | (np.asarray(squares) > GREATEST_SUM**2)
                found.append(
                    Refusal(
                        "sum_too_large",
                        np.asarray(large),
                        f"the sums of the {name} are too large: beyond 1e15, or 1e30 squared",
                        "Use a larger unit for the metric.",
                    )
                )
            elif arm.kind == "proportion" and not adjusted and not inverted:
                found.append(self._few_events(name, arm))
        return found

    @staticmethod
    def _few_events(name: str, arm: Statistic) -> Refusal:
        successes = np.asarray(getattr(arm, "sum", 0.0), dtype=float)
        rarer = np.minimum(successes, np.asarray(arm.n) - successes)
        p = np.asarray(arm.mean)
        few = (rarer < LEAST_EVENTS) | (np.minimum(p, 1 - p) < 1e-10)
        return Refusal(
            "normal_approximation_invalid",
            np.asarray(few),
            f"the {name} has fewer than {LEAST_EVENTS} successes or failures",
            "Wait for more units, or use an exact test.",
        )

    def judge(self, found: Contrast) -> dict[str, Any]:
        """Return the effect's fields, and what is refused under ``refusals``."""
        if chosen_interval(self.interval, self.mode) == "test":
            return self._inverted(found)
        from scipy import special

        unit = self._prior_unit(found)
        mean, variance = self.prior.update(found.estimate, found.variance, unit)
        deviation = np.sqrt(variance)
        z = mean / deviation
        chance = np.asarray(special.ndtr(-z if self.inverse else z))
        width = special.ndtri(0.5 + self.credible_level / 2) * deviation
        control_loss, treatment_loss = expected_losses(mean, deviation)
        if self.mode == "recommended" and self.inverse:
            control_loss, treatment_loss = treatment_loss, control_loss
        if self.mode == "compat":
            improbable = SMALLEST_LOSS_PROBABILITY
            control_loss = np.where(special.ndtr(z) <= improbable, 0.0, control_loss)
            treatment_loss = np.where(special.ndtr(-z) <= improbable, 0.0, treatment_loss)
        significant = self._decides(chance, control_loss, treatment_loss)
        low, high = mean - width, mean + width
        return {
            "alternative": "two-sided",
            "interval_kind": "credible",
            "level": self.level,
            "estimate": mean,
            "standard_error": deviation,
            "interval": (low, high),
            "chance_to_win": chance,
            "expected_loss": treatment_loss,
            "expected_loss_control": control_loss,
            "significant": significant,
            "refusals": (no_variance(found.variance),),
            "cautions": self._cautions(found, significant, low, high),
        }

    def _cautions(
        self, found: Contrast, significant: Booleans, low: Floats, high: Floats
    ) -> tuple[Caution, ...]:
        if self.mode == "compat":
            return (self._loose_rule(significant, low, high),)
        return (wide_baseline_caution(found),)

    def _inverted(self, found: Contrast) -> dict[str, Any]:
        """Return the fields from the posterior that belongs to the test of every value."""
        test = found.test()
        if self.prior.proper:
            posterior = prior_posterior(test, self.prior, self._prior_unit(found), self.level)
        else:
            posterior = flat_posterior(test, self.level)
        chance, losses = posterior.chance, (posterior.control_loss, posterior.treatment_loss)
        if self.inverse:
            chance, losses = 1 - chance, losses[::-1]
        return {
            "alternative": "two-sided",
            "interval_kind": "credible",
            "level": self.level,
            "estimate": posterior.estimate,
            "standard_error": posterior.deviation,
            "interval": (posterior.low, posterior.high),
            "chance_to_win": chance,
            "expected_loss": losses[1],
            "expected_loss_control": losses[0],
            "significant": self._decides(chance, losses[0], losses[1]),
            "refusals": (no_variance(test.variance(0.0)), *test.refusals),
            # A posterior of rates is exact for few counts too, and always has bounds.
            "cautions": () if test.kind == "score" else test.cautions,
        }

    def _decides(self, chance: Floats, control_loss: Floats, treatment_loss: Floats) -> Booleans:
        if self.loss_tolerance is not None:
            return np.asarray(np.minimum(control_loss, treatment_loss) < self.loss_tolerance)
        bar = self.credible_level if self.mode == "compat" else 0.5 + self.credible_level / 2
        return np.asarray((chance > bar) | (chance < 1 - bar))

    def _prior_unit(self, found: Contrast) -> Floats:
        scale = self.prior.scale
        if not self.prior.proper or scale is None or scale == found.difference:
            return np.ones(())
        baseline = found.control.mean
        return baseline if scale == "relative" else 1 / baseline

    def _loose_rule(self, significant: Booleans, low: Floats, high: Floats) -> Caution:
        inside = (low <= 0) & (high >= 0)
        return Caution(
            "loose_decision_rule",
            np.asarray(significant & inside),
            "called significant although the credible interval holds 0: PostHog's rule at level "
            f"{self.credible_level:g} is a {2 * (1 - self.credible_level):.0%} rule",
        )


Method: TypeAlias = Frequentist | Sequential | Bayesian
MethodName = Literal["frequentist", "sequential", "bayesian"]
