"""The effect of a treatment: what a comparison says, for one pair of arms or for many at once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exp_jupyter.engine.statistics.arrays import Booleans, Flags, Numbers, element
from exp_jupyter.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class Effect(Shown):
    """Treatment minus control, with its uncertainty.

    All numbers are plain floats for one comparison and arrays for many; ``effect.at(i)`` takes
    one element out. What a method does not define is None.

    Attributes
    ----------
    method
        ``"frequentist"``, ``"sequential"``, ``"bayesian"``, ``"msprt"`` or
        ``"group-sequential"``.
    mode
        ``"compat"`` for PostHog's own formulas, ``"recommended"`` for the corrected ones.
    difference
        ``"relative"`` (a fraction of the control mean, 0.05 = 5 %) or ``"absolute"`` (the
        metric's unit).
    alternative
        ``"two-sided"``, ``"greater"`` or ``"less"``.
    interval_kind
        How the interval was formed: ``"score"`` (of two rates), ``"fieller"`` or ``"welch"`` (of
        two means), ``"delta"``, ``"log"``, ``"confidence_sequence"``, ``"repeated"`` (group
        sequential) or ``"credible"``.
    estimate
        The difference; for a Bayesian method the posterior mean.
    standard_error
        Its standard error at the estimate; for a Bayesian method the posterior standard deviation.
    null_error
        The standard error under the null hypothesis, which the test uses: the statistic times
        this is the difference over the baseline of both arms. None with ``interval="delta"``.
    interval
        Lower and upper bound. One-sided intervals have one infinite bound, and so has a relative
        effect whose control mean may be 0.
    level
        The interval's confidence or credible level.
    significant
        Whether the method's own rule decides.
    p_value, statistic, df
        The p-value against ``null``, the test statistic and its degrees of freedom.
    log_e_value
        The logarithm of the e-value of a sequential method.
    chance_to_win
        Posterior probability that the treatment is better.
    expected_loss, expected_loss_control
        What is lost on average by choosing the treatment, or by keeping the control, on the
        scale of the difference.
    control_mean, treatment_mean
        The arms' own means, before any adjustment.
    control_n, treatment_n
        The arms' units.
    theta
        The coefficient of the covariate (CUPED); None without one.
    variance_reduction
        Shares of the control's and of the treatment's variance that the covariate removed.
    warnings
        What to keep in mind when reading the numbers.
    refusal
        With ``on_refusal="mask"``, why each element has no numbers; "" where it has.
    null
        The value of the difference under the null hypothesis.
    tuning_n
        Of a sequential method: the total units at which its interval is narrowest.
    """

    method: str
    mode: str
    difference: str
    alternative: str
    interval_kind: str
    estimate: Numbers
    standard_error: Numbers
    interval: tuple[Numbers, Numbers]
    level: float
    significant: Flags
    control_mean: Numbers
    treatment_mean: Numbers
    control_n: Numbers
    treatment_n: Numbers
    p_value: Numbers | None = None
    statistic: Numbers | None = None
    df: Numbers | None = None
    log_e_value: Numbers | None = None
    chance_to_win: Numbers | None = None
    expected_loss: Numbers | None = None
    expected_loss_control: Numbers | None = None
    theta: Numbers | None = None
    variance_reduction: tuple[Numbers, Numbers] | None = None
    warnings: tuple[str, ...] = ()
    refusal: str | NDArray[Any] = ""
    null: float = 0.0
    null_error: Numbers | None = None
    tuning_n: float | None = None
    _warned: tuple[Booleans, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the comparison; () for one pair of arms."""
        return np.shape(self.estimate)

    @property
    def warned(self) -> tuple[Booleans, ...]:
        """For every warning, the elements it is about."""
        return self._warned

    @property
    def excludes_null(self) -> Flags:
        """Whether the interval excludes the null value."""
        low, high = self.interval
        if isinstance(low, float) and isinstance(high, float):
            return low > self.null or high < self.null
        outside: Booleans = np.asarray((low > self.null) | (high < self.null))
        return outside

    def at(self, index: int | tuple[int, ...]) -> Effect:
        """Return the effect of one element of a comparison of arrays.

        Examples
        --------
        >>> from exp_jupyter.engine import Frequentist, Proportion, compare
        >>> effects = compare(
        ...     Proportion([1000, 2000], [100, 210]),
        ...     Proportion([1000, 2000], [120, 260]),
        ...     Frequentist(difference="absolute"),
        ... )
        >>> round(effects.at(1).estimate, 3)
        0.025
        """
        shape = self.shape
        picked: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name.startswith("_"):
                continue
            if isinstance(value, tuple) and field.name != "warnings":
                picked[field.name] = tuple(_element(part, shape, index) for part in value)
            else:
                picked[field.name] = _element(value, shape, index)
        said = [
            sentence
            for sentence, where in zip(self.warnings, self._warned, strict=True)
            if np.any(element(np.broadcast_to(where, shape), index))
        ]
        return Effect(
            **(picked | {"warnings": tuple(said)}),
            _warned=(np.ones((), dtype=np.bool_),) * len(said),
        )


def _element(value: Any, shape: tuple[int, ...], index: int | tuple[int, ...]) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    part = element(np.broadcast_to(value, shape), index)
    return part.item() if hasattr(part, "item") and np.ndim(part) == 0 else part
