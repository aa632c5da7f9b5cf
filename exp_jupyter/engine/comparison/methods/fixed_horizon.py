"""The fixed-horizon test: one look, and four ways to form an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exp_jupyter.engine.comparison.arm import Arm
from exp_jupyter.engine.comparison.contrast import Contrast, no_variance
from exp_jupyter.engine.inference.distributions import (
    Alternative,
    bounded,
    compat_p_value,
    one_sided,
    p_value,
    upper_quantile,
)
from exp_jupyter.engine.inference.effect_test import EffectTest, welch_df
from exp_jupyter.engine.statistics.arrays import Floats
from exp_jupyter.engine.statistics.refusals import Refusal

Interval = Literal["test", "delta", "fieller", "log"]


@dataclass(frozen=True, eq=False)
class FixedTest:
    """What a fixed-horizon test says."""

    estimate: Floats
    standard_error: Floats
    statistic: Floats
    df: Floats | None
    p_value: Floats
    low: Floats
    high: Floats
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class FixedRule:
    """How to test: level, direction, null value and the approximations to make."""

    alpha: float
    alternative: Alternative
    null: float
    equal_variances: bool
    normal: bool

    @property
    def tail(self) -> float:
        """The upper-tail probability of the critical value."""
        return self.alpha / 2 if self.alternative == "two-sided" else self.alpha

    def spread(
        self, control: tuple[Floats, Floats], treatment: tuple[Floats, Floats]
    ) -> tuple[Floats, Floats | None]:
        """Return the variance of a difference and its degrees of freedom.

        Parameters
        ----------
        control, treatment
            Units, and variance per unit on the scale of the difference.

        Notes
        -----
        Welch–Satterthwaite, or n − 2 with the pooled variance when ``equal_variances``; no
        degrees of freedom when ``normal``.
        """
        (n_c, v_c), (n_t, v_t) = control, treatment
        if self.equal_variances:
            pooled = ((n_c - 1) * v_c + (n_t - 1) * v_t) / (n_c + n_t - 2)
            variance, df = pooled * (1 / n_c + 1 / n_t), n_c + n_t - 2
        else:
            variance, df = v_c / n_c + v_t / n_t, welch_df(n_c, v_c, n_t, v_t)
        return variance, None if self.normal else np.broadcast_to(df, variance.shape)


def delta_test(found: Contrast, rule: FixedRule) -> FixedTest:
    """Return Welch's t-test of the difference, with a symmetric interval.

    In compat mode the degrees of freedom are those of the absolute difference and the p-value is
    2(1 − F), as in PostHog; otherwise they are those of the difference tested, and the tail is
    formed directly.
    """
    control, treatment = found.control, found.treatment
    variance, df = rule.spread((control.n, control.share), (treatment.n, treatment.share))
    if found.mode == "compat" and df is not None and not rule.equal_variances:
        df = welch_df(control.n, control.variance, treatment.n, treatment.variance)
        df = np.broadcast_to(df, variance.shape)
    error = np.sqrt(variance)
    statistic = (found.estimate - rule.null) / error
    if found.mode == "compat" and df is not None and rule.alternative == "two-sided":
        p = compat_p_value(statistic, df)
    else:
        p = p_value(statistic, df, rule.alternative)
    width = upper_quantile(rule.tail, df) * error
    low, high = bounded(found.estimate, width, width, rule.alternative)
    return FixedTest(found.estimate, error, statistic, df, p, low, high, (no_variance(variance),))


def inverted_test(test: EffectTest, rule: FixedRule) -> FixedTest:
    """Return the test of the effect at its null value, and the values that it does not reject."""
    df = test.df(rule.null)
    statistic = test.statistic(rule.null)
    if df is not None:
        df = np.broadcast_to(df, statistic.shape)
    critical = np.broadcast_to(upper_quantile(rule.tail, df), statistic.shape)
    low, high = test.bounds(critical, rule.null)
    p = p_value(statistic, df, rule.alternative)
    low, high = one_sided((low, high), rule.alternative)
    return FixedTest(
        test.estimate,
        test.standard_error,
        statistic,
        df,
        p,
        low,
        high,
        (no_variance(test.variance(rule.null)), *test.refusals),
    )


def log_test(found: Contrast, rule: FixedRule) -> FixedTest:
    """Return the test of the logarithm of the ratio of means, its interval carried back.

    The interval is (m_T/m_C)·exp(± t·√(s²_T/(n_T m_T²) + s²_C/(n_C m_C²))) − 1; both means must
    be positive.
    """
    control, treatment = found.control, found.treatment
    positive = [
        Refusal(
            "control_mean_not_positive",
            control.value <= 0,
            "a logarithm needs a positive control mean",
            'Use interval="fieller" or difference="absolute".',
        ),
        Refusal(
            "treatment_mean_not_positive",
            treatment.value <= 0,
            "a logarithm needs a positive treatment mean",
            'Use interval="fieller" or difference="absolute".',
        ),
    ]
    variance, df = rule.spread(_log_part(control), _log_part(treatment))
    error = np.sqrt(variance)
    ratio = treatment.value / control.value
    centre = np.log(ratio)
    statistic = (centre - np.log1p(rule.null)) / error
    width = upper_quantile(rule.tail, df) * error
    below = ratio * -np.expm1(-width)
    above = ratio * np.expm1(width)
    low, high = bounded(ratio - 1, below, above, rule.alternative)
    return FixedTest(
        ratio - 1,
        ratio * error,
        statistic,
        df,
        p_value(statistic, df, rule.alternative),
        low,
        high,
        tuple(positive),
    )


def _log_part(arm: Arm) -> tuple[Floats, Floats]:
    return arm.n, arm.variance / arm.value**2


def fieller_test(found: Contrast, rule: FixedRule) -> FixedTest:
    """Return the test of m_T − (1 + null)·m_C, and Fieller's interval for m_T/m_C − 1.

    The interval holds the values that the test does not reject (Fieller, *Some problems in
    interval estimation*), with the degrees of freedom of the null value throughout. When the
    control mean itself is not distinguishable from 0 the interval has no bounds and is refused.
    """
    control, treatment = found.control, found.treatment
    ratio = 1 + rule.null
    difference, df = rule.spread(
        (control.n, ratio**2 * control.variance), (treatment.n, treatment.variance)
    )
    gap = treatment.value - ratio * control.value
    direction = np.sign(control.value)
    statistic = direction * gap / np.sqrt(difference)
    q = upper_quantile(rule.tail, df)
    v_t, v_c = treatment.variance / treatment.n, control.variance / control.n
    if rule.equal_variances:
        pooled, _ = rule.spread((control.n, control.variance), (treatment.n, treatment.variance))
        per_unit = pooled / (1 / control.n + 1 / treatment.n)
        v_t, v_c = per_unit / treatment.n, per_unit / control.n
        statistic = direction * gap / np.sqrt(v_t + ratio**2 * v_c)
    g = q**2 * v_c / control.value**2
    centre = treatment.value / control.value
    width = np.abs(q / control.value) * np.sqrt(np.maximum((1 - g) * v_t + centre**2 * v_c, 0.0))
    width = width / (1 - g)
    low, high = bounded(centre / (1 - g) - 1, width, width, rule.alternative)
    unbounded = Refusal(
        "control_mean_indistinct",
        g >= 1,
        "the control mean is not distinguishable from 0, so Fieller's interval has no bounds",
        'Use difference="absolute", or wait for more units.',
    )
    error = np.sqrt(v_t + centre**2 * v_c) / np.abs(control.value)
    p = p_value(statistic, df, rule.alternative)
    return FixedTest(centre - 1, error, statistic, df, p, low, high, (unbounded,))
