"""Confidence sequences: intervals that stay valid however often one looks.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (*Time-uniform
central limit theory and asymptotic confidence sequences*) is the normal mixture boundary of Howard,
Ramdas, McAuliffe and Sekhon (*Time-uniform, nonparametric, nonasymptotic confidence sequences*) at
intrinsic time n. ``tuning_n`` is the *total* number of units at which it is narrowest.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from exp_jupyter.engine.statistics.arrays import Floats, Numbers, floats, numbers


def mixture_precision(alpha: float, tuning_n: Numbers, *, exact: bool = False) -> Floats:
    """Return ρ², the mixture's precision per unit, that makes the sequence narrowest at a size.

    Parameters
    ----------
    alpha
        Two-sided level, in (0, 1).
    tuning_n
        Total units at which the sequence is narrowest.
    exact
        Use the exact optimum −W₋₁(−α²/e) − 1 (Lambert W) in place of the closed approximation
        −2 ln α + ln(1 − 2 ln α).

    Examples
    --------
    >>> round(float(mixture_precision(0.05, 1.0)), 4)
    7.9362
    >>> round(float(mixture_precision(0.05, 1.0, exact=True)), 4)
    8.212
    """
    doubled = -2 * np.log(alpha)
    scaled = _lambert_optimum(alpha) if exact else doubled + np.log1p(doubled)
    return np.asarray(scaled / floats(tuning_n))


def _lambert_optimum(alpha: float) -> float:
    from scipy import special

    argument = -(alpha**2) / np.e
    if argument == 0.0:
        # α² underflows: the fixed point x = −2 ln α + ln(1 + x) of the same equation.
        x = -2.0 * float(np.log(alpha))
        for _ in range(60):
            x = -2.0 * float(np.log(alpha)) + float(np.log1p(x))
        return x
    return float(-special.lambertw(argument, -1).real - 1)


def normal_mixture_boundary(
    intrinsic_time: Numbers, precision: Numbers, alpha: float, *, one_sided: bool = False
) -> Numbers:
    """Return the boundary that a martingale's sum crosses with probability at most ``alpha``.

    Parameters
    ----------
    intrinsic_time
        The accumulated variance, v ≥ 0.
    precision
        The mixture's precision: the prior of the drift is N(0, precision); see
        ``mixture_precision``.
    alpha
        Probability of ever crossing, on either side unless ``one_sided``.
    one_sided
        Bound only from above, with the mixture over positive drifts.

    Examples
    --------
    >>> round(normal_mixture_boundary(10.0, mixture_precision(0.05, 50.0), 0.05), 6)
    10.637547
    """
    spread = 1 + floats(intrinsic_time) * floats(precision)
    doubled = -2 * np.log(alpha)
    z = _one_sided_root(spread, alpha) if one_sided else np.sqrt(np.log(spread) + doubled)
    return numbers(np.asarray(z * np.sqrt(spread / floats(precision))))


def _one_sided_root(spread: Floats, alpha: float) -> Floats:
    """Return z with ½ ln(4/spread) + z²/2 + ln Φ(z) = ln 1/α, by Newton's method.

    The left side is increasing and convex in z and the start lies above the root, so every step
    stays above it and none can diverge.
    """
    from scipy import special

    target = -np.log(alpha) + 0.5 * np.log(spread / 4)
    z = np.sqrt(2 * np.maximum(target + np.log(2.0), 0.0))
    for _ in range(30):
        log_cdf = special.log_ndtr(z)
        slope = z + np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_cdf)
        z = z - (0.5 * z * z + log_cdf - target) / slope
    return np.asarray(z)


def normal_log_mixture(
    total: Numbers, intrinsic_time: Numbers, precision: Numbers, *, one_sided: bool = False
) -> Numbers:
    """Return the logarithm of the mixture martingale: the e-value against zero drift.

    Parameters
    ----------
    total
        The martingale's sum S.
    intrinsic_time
        Its accumulated variance v.
    precision
        The mixture's precision ρ²; see ``mixture_precision``.
    one_sided
        Mix over positive drifts only.

    Examples
    --------
    >>> round(normal_log_mixture(-20.0, 400.0, 0.04), 6)
    -0.946018
    """
    scale = floats(precision)
    spread = 1 + floats(intrinsic_time) * scale
    s = floats(total)
    value = 0.5 * s * s * scale / spread - 0.5 * np.log(spread)
    if one_sided:
        from scipy import special

        value = value + np.log(2.0) + special.log_ndtr(s * np.sqrt(scale / spread))
    return numbers(np.asarray(value))


def half_width(
    variance: Numbers, n: Numbers, precision: Numbers, alpha: float, *, one_sided: bool = False
) -> Numbers:
    """Return the half-width of the asymptotic confidence sequence of an estimate.

    Parameters
    ----------
    variance
        V, the variance of the estimate at this look.
    n
        Units of both arms at this look.
    precision
        ρ²; see ``mixture_precision``.
    alpha
        Level.

    Notes
    -----
    √(V·n)·√(2K ln(√K/α))/(nρ) with K = nρ² + 1.

    Examples
    --------
    >>> round(half_width(0.0004, 5000, mixture_precision(0.05, 5000), 0.05), 6)
    0.060704
    """
    count = floats(n)
    boundary = floats(normal_mixture_boundary(count, precision, alpha, one_sided=one_sided))
    return numbers(np.asarray(boundary * np.sqrt(floats(variance) / count)))


def log_e_value(
    estimate: Numbers,
    variance: Numbers,
    n: Numbers,
    precision: Numbers,
    *,
    one_sided: bool = False,
) -> Numbers:
    """Return the logarithm of the e-value of an estimate against 0.

    Parameters
    ----------
    estimate, variance
        δ and V at this look; for a one-sided test, a positive δ speaks against the null.
    n
        Units of both arms at this look.
    precision
        ρ²; see ``mixture_precision``.

    Examples
    --------
    >>> log_e_value(0.0, 0.0004, 5000, mixture_precision(0.05, 5000)) < 0
    True
    """
    count = floats(n)
    total = floats(estimate) * np.sqrt(count / floats(variance))
    return normal_log_mixture(numbers(total), numbers(count), precision, one_sided=one_sided)


def anytime_p_value(log_evidence: Numbers) -> Floats:
    """Return min(1, 1/E) from ln E, without ever forming E."""
    return cast("Floats", np.exp(-np.maximum(floats(log_evidence), 0.0)))
