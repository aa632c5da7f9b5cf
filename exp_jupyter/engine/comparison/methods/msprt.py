"""The mixture sequential probability ratio test: any number of looks, with a plausible effect.

Johari, Koomen, Pekelis and Walsh, *Always Valid Inference: Continuous Monitoring of A/B Tests*.
Where the asymptotic confidence sequence is tuned to a sample size, this one is tuned to the size
of effect one expects; with τ² = V·n·ρ² the two are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exp_jupyter.engine.comparison.contrast import Contrast, Difference, Mode, no_variance
from exp_jupyter.engine.comparison.methods.intervals import null_error
from exp_jupyter.engine.inference.distributions import as_deviate, as_statistic
from exp_jupyter.engine.sequential.confidence_sequence import anytime_p_value
from exp_jupyter.engine.statistics.arguments import choose, number
from exp_jupyter.engine.statistics.arrays import Floats, Numbers, floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.refusals import Refusal
from exp_jupyter.engine.statistics.requirements import (
    DIFFERENCES,
    check_level,
    kind_mismatch,
    least_units,
)


def log_likelihood_ratio(estimate: Numbers, variance: Numbers, tau: Numbers) -> Floats:
    """Return ln Λ: the mixture likelihood ratio against no effect.

    Parameters
    ----------
    estimate, variance
        δ and V at this look.
    tau
        Standard deviation of the effects one thinks plausible, on the scale of δ.

    Notes
    -----
    Λ = √(V/(V + τ²))·exp(τ²δ²/(2V(V + τ²))).

    Examples
    --------
    >>> round(float(log_likelihood_ratio(0.1, 0.001, 0.05)), 4)
    2.945
    """
    delta, v = floats(estimate), floats(variance)
    ratio = floats(tau) ** 2 / v
    return np.asarray(0.5 * delta**2 / v * ratio / (1 + ratio) - 0.5 * np.log1p(ratio))


def mixture_half_width(variance: Numbers, tau: Numbers, alpha: float) -> Floats:
    """Return the half-width of the always-valid interval.

    Parameters
    ----------
    variance
        V at this look.
    tau
        Standard deviation of the effects one thinks plausible.
    alpha
        Probability of ever excluding the truth.

    Notes
    -----
    √(V(V + τ²)/τ²·(ln((V + τ²)/V) + 2 ln 1/α)).

    Examples
    --------
    >>> round(float(mixture_half_width(0.001, 0.05, 0.05)), 4)
    0.1007
    """
    v = floats(variance)
    ratio = floats(tau) ** 2 / v
    return np.asarray(np.sqrt(v * (1 + 1 / ratio) * (np.log1p(ratio) - 2 * np.log(alpha))))


@dataclass(frozen=True)
class MixtureSPRT:
    """Any number of looks, tuned to the size of effect one expects.

    Parameters
    ----------
    tau
        Standard deviation of the effects one thinks plausible, on the scale of the difference:
        0.05 says that relative effects are mostly within 10 %.
    alpha
        Probability of ever excluding the truth, over all looks together.
    difference
        ``"relative"`` to the control mean, or ``"absolute"``.
    null
        The difference under the null hypothesis.

    Examples
    --------
    >>> from exp_jupyter.engine import Proportion, compare
    >>> effect = compare(Proportion(5000, 500), Proportion(5000, 620), MixtureSPRT(tau=0.2))
    >>> effect.method, effect.significant
    ('msprt', True)
    """

    name: ClassVar[str] = "msprt"
    mode: ClassVar[Mode] = "recommended"

    tau: float
    alpha: float = 0.05
    difference: Difference = "relative"
    null: float = 0.0

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha, "alpha_out_of_range")
        choose("difference", self.difference, DIFFERENCES)
        hint = "It is the size of effect you think plausible; 0.05 is 5 %."
        number("tau", self.tau, 0, hint=hint)
        number("null", self.null, hint="It is the difference to test against, usually 0.")

    @property
    def level(self) -> float:
        """The interval's confidence level."""
        return 1 - self.alpha

    @property
    def positive_baseline(self) -> bool:
        """Whether a relative difference needs a positive control mean: yes."""
        return True

    def refusals(self, control: Statistic, treatment: Statistic) -> list[Refusal]:
        """Return what this method refuses about the arms themselves."""
        return [*kind_mismatch(control, treatment), *least_units(control, treatment, 2)]

    def judge(self, found: Contrast) -> dict[str, Any]:
        """Return the effect's fields."""
        test = found.test()
        df = test.df(self.null)
        deviate = as_deviate(test.statistic(self.null), df)
        # On the scale of the statistic the plausible effects have the deviation τ·baseline/error,
        # both under no effect, where the baseline does not move with the gap.
        error = null_error(test, self.null)
        tau = self.tau / error
        evidence = log_likelihood_ratio(deviate, np.ones(()), tau)
        critical = mixture_half_width(np.ones(()), tau, self.alpha)
        p = anytime_p_value(evidence)
        return {
            "alternative": "two-sided",
            "interval_kind": "confidence_sequence",
            "null_error": error,
            "null": self.null,
            "level": self.level,
            "estimate": test.estimate,
            "standard_error": test.standard_error,
            "interval": test.bounds(as_statistic(critical, df), self.null),
            "p_value": p,
            "log_e_value": evidence,
            "significant": p < self.alpha,
            "refusals": (no_variance(test.variance(self.null)), *test.refusals),
            "cautions": test.cautions,
        }
