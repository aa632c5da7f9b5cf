"""Quantile metrics: a median or a 99th percentile, and how the treatment's differs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.clusters import cluster_labels
from exp_jupyter.engine.comparison.estimates.from_estimate import (
    ABSOLUTE,
    Rule,
    baseline_divisor,
    check_rule,
    judged,
)
from exp_jupyter.engine.inference.effect_test import welch_df
from exp_jupyter.engine.statistics.arguments import choose, instance, number, real
from exp_jupyter.engine.statistics.arrays import Floats, Numbers, floats
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.engine.statistics.ratio import Ratio
from exp_jupyter.engine.statistics.scalar_or_array import computable
from exp_jupyter.errors import InputError, StatisticsError

Z = 1.959963984540054
"""The normal quantile at 0.975, with which the order statistics are chosen."""


@dataclass(frozen=True, eq=False)
class Quantile:
    """A sample quantile of one arm and its variance.

    Parameters
    ----------
    n
        Values (events) it was taken from.
    level
        Which quantile: 0.5 is the median.
    value
        The sample quantile.
    variance
        Variance per value; the estimate's own variance is this over ``n``. NaN where unknown.
    tied
        Whether so many values are equal around the quantile that its variance is not known.
    """

    n: Numbers
    level: float
    value: Numbers
    variance: Numbers
    tied: bool = False

    def __post_init__(self) -> None:
        number("n", self.n, 1)
        number("level", self.level, 0, 1, hint="0.5 is the median.")
        number("value", self.value)
        real("variance", self.variance)
        if float(self.variance) < 0:
            raise InputError(f"variance is {described(self.variance)}; expected at least 0.")

    @classmethod
    def from_bounds(
        cls,
        n: Numbers,
        level: float,
        value: Numbers,
        lower: Numbers,
        upper: Numbers,
        *,
        bounds_n: Numbers | None = None,
        share: Ratio | None = None,
    ) -> Quantile:
        """Return the quantile from two order statistics around it.

        Parameters
        ----------
        lower, upper
            Sample quantiles at ``level ∓ z √(level (1 - level) / bounds_n)``, z = 1.96.
        bounds_n
            The n that the bounds were chosen for; by default ``n``.
        share
            With values inside randomised units: per unit, how many of its values are at most the
            quantile, over how many it has. It corrects the variance for the clustering.

        Notes
        -----
        ``σ² = (bounds_n - 1) · ((upper - lower) / (2 z))²``; clustered, times the delta-method
        variance of the share over ``level (1 - level) / n``. Sources: Deng, Knoblich, Lu, *Applying
        the Delta Method in Metric Analytics*; Liu, Sun, Varshney, Xu, *Large-Scale Online
        Experimentation with Quantile Metrics*.

        Examples
        --------
        >>> round(Quantile.from_bounds(4000, 0.9, 27.1, 25.4, 28.3).variance, 1)
        2188.7
        """
        number("level", level, 0, 1, hint="0.5 is the median.")
        count, low, high = number("n", n, 1), number("lower", lower), number("upper", upper)
        if low > high:
            raise InputError(f"lower is {low:g}, above upper, which is {high:g}.")
        chosen = count if bounds_n is None else number("bounds_n", bounds_n, 1)
        gap = (high - low) / (2 * Z)
        own = (chosen - 1) * gap * gap
        if share is not None:
            instance("share", share, Ratio, "Ratio.of(values at most the quantile, values)")
            independent = level * (1 - level) / count
            own *= float(floats(share.variance) / floats(share.n)) / independent
        return cls(count, level, value, own)

    @classmethod
    def of(cls, values: object, level: float, *, clusters: object = None) -> Quantile:
        """Return the quantile of values, one per unit, or many per unit with ``clusters``.

        Parameters
        ----------
        values
            The values of one arm.
        clusters
            The randomised unit of each value, when a unit may have several.

        Examples
        --------
        >>> arm = Quantile.of(np.arange(1.0, 1001.0), 0.5)
        >>> arm.value, round(arm.variance / 1000, 1)
        (500.5, 249.3)
        """
        y = floats(values, "values")
        number("level", level, 0, 1, hint="0.5 is the median.")
        if y.ndim != 1 or y.size < 2 or not np.isfinite(y).all():
            raise InputError("values must be a list of at least 2 finite numbers.")
        half = Z * np.sqrt(level * (1 - level) / y.size)
        if not 0 < level - half < level + half < 1:
            raise StatisticsError(
                "too_few_values",
                f"{y.size} values are too few for an interval around the quantile {level:g}.",
                hint="Wait for more units, or look at a quantile nearer to the median.",
            )
        low, value, high = np.quantile(y, [level - half, level, level + half])
        share = None
        if clusters is not None:
            _, member = cluster_labels(clusters, y.size)
            below = np.bincount(member, weights=(y <= value).astype(float))
            share = Ratio.of(below, np.bincount(member).astype(float))
        found = cls.from_bounds(y.size, level, float(value), float(low), float(high), share=share)
        ordered = np.sort(y)
        ranks = ((y.size - 1) * np.array([level - half, level, level + half])).astype(int)
        pairs = [(float(ordered[k]), float(ordered[min(k + 1, y.size - 1)])) for k in ranks]
        return dataclasses.replace(found, tied=ties_blur(pairs))


LEAST_STEPS = 12
"""Whole numbers blur a quantile's interval that spans fewer of them than this."""


def ties_blur(pairs: Sequence[tuple[float, float]]) -> bool:
    """Whether equal values hide how far a quantile varies.

    Parameters
    ----------
    pairs
        Neighbouring order statistics around the lower bound, the quantile and the upper bound.

    Examples
    --------
    >>> ties_blur([(3.0, 3.0), (3.0, 3.0), (3.0, 4.0)])
    True
    >>> ties_blur([(2.91, 2.94), (3.02, 3.03), (3.11, 3.16)])
    False
    """
    if not any(low == high for low, high in pairs):
        return False
    whole = all(value == int(value) for pair in pairs for value in pair)
    return not whole or pairs[-1][0] - pairs[0][0] < LEAST_STEPS


@computable()
@np.errstate(all="ignore")
def compare_quantiles(
    control: Quantile,
    treatment: Quantile,
    rule: Rule = ABSOLUTE,
    *,
    interval: Literal["test", "delta"] = "test",
) -> Effect:
    """Return the difference of two quantiles, treatment minus control.

    Parameters
    ----------
    control, treatment
        The arms' quantiles at the same level.
    rule
        Level of the test, alternative, scale and null value.
    interval
        ``"test"`` (the default): Welch's t-test of every value of the effect, so that a relative
        effect has the absolute one's p-value and Fieller's interval. ``"delta"``: a relative
        effect by its standard error at the observed ratio, which errs towards "worse".

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        ``tied_values``: so many values are equal around a quantile that nothing is known of its
        variation. ``zero_variance``, ``control_mean_not_positive``: as for means.

    Examples
    --------
    >>> control = Quantile.from_bounds(4000, 0.9, 27.11, 25.40, 28.30)
    >>> treatment = Quantile.from_bounds(4000, 0.9, 24.71, 23.20, 26.10)
    >>> effect = compare_quantiles(control, treatment)
    >>> round(effect.estimate, 2), round(effect.p_value, 4)
    (-2.4, 0.0218)
    >>> relative = compare_quantiles(control, treatment, Rule(difference="relative"))
    >>> round(relative.estimate, 3), round(relative.p_value, 4)
    (-0.089, 0.0218)
    """
    check_rule(rule)
    choose("interval", interval, ("test", "delta"))
    for name, arm in (("control", control), ("treatment", treatment)):
        instance(name, arm, Quantile, "a Quantile, for example Quantile.of(values, 0.5)")
    if control.level != treatment.level:
        raise InputError(
            f"Control's quantile is {control.level:g}, treatment's {treatment.level:g}."
        )
    if control.tied or treatment.tied:
        raise StatisticsError(
            "tied_values",
            f"Too many values are equal around the quantile {control.level:g}, so how far it "
            "varies by chance is not known.",
            hint="Compare the share of units at or below a limit, as a proportion, or the mean.",
        )
    if interval == "delta" and rule.difference == "relative":
        return _by_delta(control, treatment, rule)
    n_c, s_c = floats(control.n), floats(control.variance)
    n_t, s_t = floats(treatment.n), floats(treatment.variance)
    own = float(s_c / n_c)
    variance = float(s_t / n_t) + own

    def freedom(null: float) -> float | None:
        ratio = 1 + null if rule.difference == "relative" else 1.0
        return float(welch_df(n_c, ratio**2 * s_c, n_t, s_t)) if variance > 0 else None

    return judged(
        "quantile",
        rule,
        means=(float(control.value), float(treatment.value)),
        covariance=(variance, -own, own),
        counts=(control.n, treatment.n),
        freedom=freedom,
        signed=float(min(control.value, treatment.value)) < 0,
        warnings=_few_beyond(control, treatment),
    )


def _by_delta(control: Quantile, treatment: Quantile, rule: Rule) -> Effect:
    """Return a relative effect with its standard error at the observed ratio."""
    n_c, n_t = floats(control.n), floats(treatment.n)
    q_c, q_t = floats(control.value), floats(treatment.value)
    s_c, s_t = floats(control.variance), floats(treatment.variance)
    divisor = baseline_divisor(float(q_c))
    variance = (s_t / n_t + (q_t / q_c) ** 2 * s_c / n_c) / divisor**2
    df = float(welch_df(n_c, s_c, n_t, s_t)) if bool(variance > 0) else None
    found = judged(
        "quantile",
        dataclasses.replace(rule, difference="absolute"),
        means=(0.0, float((q_t - q_c) / divisor)),
        covariance=(float(variance), 0.0, 0.0),
        counts=(control.n, treatment.n),
        freedom=lambda _: df,
        warnings=_few_beyond(control, treatment),
    )
    return dataclasses.replace(
        found,
        difference="relative",
        interval_kind="delta",
        null_error=None,
        control_mean=control.value,
        treatment_mean=treatment.value,
    )


LEAST_BEYOND = 10
"""Values beyond an order statistic below which its distance says little of a quantile's spread."""

LEAST_BEYOND_UNEVEN = 100
"""The same where one arm is much smaller: its quantile and its spread then err together."""

UNEVEN = 3.0
"""How many times the units of the smaller arm the larger one has, to count as much larger."""


def _few_beyond(control: Quantile, treatment: Quantile) -> tuple[str, ...]:
    """Say where the smaller arm has few values beyond the order statistics around its quantile."""
    level = control.level
    tail = min(level, 1 - level)
    smaller, larger = sorted(float(floats(arm.n)) for arm in (control, treatment))
    uneven = larger > UNEVEN * smaller
    least = LEAST_BEYOND_UNEVEN if uneven else LEAST_BEYOND
    beyond = smaller * tail - Z * math.sqrt(smaller * tail * (1 - tail))
    if beyond >= least:
        return ()
    # m − z√(m(1 − p)) = least, for the m values beyond the quantile.
    spread = Z * math.sqrt(1 - tail)
    needed = math.ceil(((spread + math.sqrt(spread**2 + 4 * least)) / 2) ** 2 / tail)
    if uneven:
        errs = (
            f"few values of the smaller arm lie beyond the quantile {level:g}, and the test may "
            "err in up to 8 % of experiments where 5 % are due"
        )
    else:
        errs = (
            f"few values lie beyond the quantile {level:g}, and the test errs on the side of "
            "saying nothing"
        )
    return (f"{errs}: it needs about {needed:,} values in the smaller arm",)


def quantile_curve(
    control: object, treatment: object, levels: Any = None, rule: Rule = ABSOLUTE
) -> list[tuple[float, Effect]]:
    """Return the quantile effect at several levels: where in the distribution the change is.

    Examples
    --------
    >>> base = np.arange(1.0, 1001.0)
    >>> [(level, round(effect.estimate, 1)) for level, effect in quantile_curve(base, 1.1 * base)]
    [(0.25, 25.1), (0.5, 50.0), (0.75, 75.0), (0.9, 90.0)]
    """
    chosen = [0.25, 0.5, 0.75, 0.9] if levels is None else [float(level) for level in levels]
    y_c: Floats = floats(control, "control")
    y_t: Floats = floats(treatment, "treatment")
    return [
        (level, compare_quantiles(Quantile.of(y_c, level), Quantile.of(y_t, level), rule))
        for level in chosen
    ]
