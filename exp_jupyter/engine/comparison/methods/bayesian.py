"""The posterior of the effect: chance to win, credible interval, expected loss."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    MODES,
    check_interval,
    chosen_interval,
)
from exp_jupyter.engine.inference.cautions import Caution
from exp_jupyter.engine.inference.effect_posterior import flat_posterior, prior_posterior
from exp_jupyter.engine.inference.prior import FLAT, Prior, expected_losses
from exp_jupyter.engine.statistics.arguments import choose, instance, number, switch
from exp_jupyter.engine.statistics.arrays import Booleans, Floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.refusals import Refusal
from exp_jupyter.engine.statistics.requirements import (
    DIFFERENCES,
    check_level,
    kind_mismatch,
)
from exp_jupyter.errors import InputError

LEAST_EVENTS = 5
GREATEST_SUM = 1e15
SMALLEST_LOSS_PROBABILITY = 1e-10


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
        instance("prior", self.prior, Prior, "Prior(mean=…, variance=…)")
        switch("inverse", self.inverse)
        if self.loss_tolerance is None:
            return
        hint = "It is the expected loss you would accept, on the scale of the difference."
        number("loss_tolerance", self.loss_tolerance, 0, hint=hint)
        if self.mode == "compat":
            raise InputError("PostHog has no loss_tolerance.", hint='Use mode="recommended".')

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
