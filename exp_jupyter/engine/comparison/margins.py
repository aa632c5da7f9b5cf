"""Not worse, or the same, within a margin: non-inferiority and equivalence."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.methods import Frequentist, Sequential
from exp_jupyter.engine.statistics.arguments import choose, number, pair
from exp_jupyter.engine.statistics.arrays import Flags, Numbers, flags, floats, numbers
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class NonInferiority(Shown):
    """Whether a treatment is not worse than a control by more than a margin.

    Attributes
    ----------
    margin
        The loss that would be accepted, above 0, on the scale of the difference.
    goal
        ``"increase"`` when larger is better, else ``"decrease"``.
    passed
        Whether the bound of the one-sided interval stays within the margin.
    p_value
        Against the null hypothesis that the treatment is worse by the margin.
    bound
        The bound of the one-sided interval on the harmful side.
    effect
        The one-sided comparison.
    """

    margin: float
    goal: str
    passed: Flags
    p_value: Numbers
    bound: Numbers
    effect: Effect


@dataclass(frozen=True, eq=False, repr=False)
class Equivalence(Shown):
    """Whether a treatment differs from a control by less than a margin.

    Attributes
    ----------
    margins
        The lower and the upper margin, on the scale of the difference.
    equivalent
        Whether both one-sided tests reject.
    p_value
        The larger of their p-values.
    interval
        The interval at level 1 − 2α, which lies inside the margins exactly when both reject.
    lower, upper
        The one-sided comparisons against the lower and against the upper margin.
    """

    margins: tuple[float, float]
    equivalent: Flags
    p_value: Numbers
    interval: tuple[Numbers, Numbers]
    lower: Effect
    upper: Effect


def non_inferiority(
    control: Statistic,
    treatment: Statistic,
    margin: float,
    method: Frequentist | Sequential | None = None,
    *,
    goal: Literal["increase", "decrease"] = "increase",
) -> NonInferiority:
    """Test whether the treatment is not worse than the control by more than a margin.

    Parameters
    ----------
    control, treatment
        The arms.
    margin
        The loss that would be accepted, above 0: 0.02 is 2 % of the control mean for a relative
        difference.
    method
        ``Frequentist`` (the default) or ``Sequential``, in recommended mode; alpha is one-sided.
    goal
        ``"increase"`` when larger is better, else ``"decrease"``.

    Examples
    --------
    >>> from exp_jupyter.engine.statistics.means import Proportion
    >>> found = non_inferiority(Proportion(20000, 4000), Proportion(20000, 4010), 0.05)
    >>> found.passed, round(found.bound, 3)
    (True, -0.03)
    """
    choose("goal", goal, ("increase", "decrease"))
    chosen = _usable(method)
    margin = number("margin", margin, 0, hint=_MARGIN)
    harm = -margin if goal == "increase" else margin
    one_sided = dataclasses.replace(
        chosen, alternative="greater" if goal == "increase" else "less", null=harm
    )
    effect = compare(control, treatment, one_sided)
    return NonInferiority(
        margin,
        goal,
        effect.significant,
        _present(effect.p_value),
        effect.interval[0] if goal == "increase" else effect.interval[1],
        effect,
    )


def equivalence(
    control: Statistic,
    treatment: Statistic,
    margin: float | tuple[float, float],
    method: Frequentist | Sequential | None = None,
) -> Equivalence:
    """Test whether the treatment differs from the control by less than a margin (two one-sided).

    Parameters
    ----------
    control, treatment
        The arms.
    margin
        The difference that would not matter, above 0, or a lower and an upper one.
    method
        ``Frequentist`` (the default) or ``Sequential``, in recommended mode.

    Notes
    -----
    Schuirmann's two one-sided tests, each at level alpha.

    Examples
    --------
    >>> from exp_jupyter.engine.statistics.means import Proportion
    >>> found = equivalence(Proportion(50000, 10000), Proportion(50000, 10040), 0.05)
    >>> found.equivalent, round(found.p_value, 4)
    (True, 0.0002)
    """
    chosen = _usable(method)
    low, high = _both_sides(margin)
    lower = compare(
        control, treatment, dataclasses.replace(chosen, alternative="greater", null=low)
    )
    upper = compare(control, treatment, dataclasses.replace(chosen, alternative="less", null=high))
    p = np.maximum(floats(_present(lower.p_value)), floats(_present(upper.p_value)))
    both = np.asarray(lower.significant) & np.asarray(upper.significant)
    return Equivalence(
        (low, high),
        flags(np.asarray(both)),
        numbers(np.asarray(p)),
        (lower.interval[0], upper.interval[1]),
        lower,
        upper,
    )


_MARGIN = "0.02 accepts a loss of 2 % of the control mean."


def _both_sides(margin: object) -> tuple[float, float]:
    """Return the lower and the upper margin of one or two numbers."""
    if not isinstance(margin, (tuple, list)):
        one = number("margin", margin, 0, hint=_MARGIN)
        return -one, one
    low, high = pair("margin", margin, hint="Give the lower margin, then the upper one.")
    if not low < high:
        raise InputError(
            f"the margins are {low:g} and {high:g}; expected the lower one first",
            hint="Pass one number above 0 for margins on both sides.",
        )
    return low, high


def _usable(method: Frequentist | Sequential | None) -> Frequentist | Sequential:
    chosen = Frequentist() if method is None else method
    if not isinstance(chosen, (Frequentist, Sequential)) or chosen.mode != "recommended":
        raise InputError(
            "a margin needs Frequentist or Sequential in recommended mode",
            hint="PostHog has no test against a margin.",
        )
    return chosen


def _present(p_value: Numbers | None) -> Numbers:
    if p_value is None:
        raise InputError("the method has no p-value, so it cannot test a margin")
    return p_value
