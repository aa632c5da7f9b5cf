"""Does the effect differ between segments? One global test first, then corrected, shrunken ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.arrays import Booleans, Floats, floats
from exp_jupyter.engine.effect import Effect
from exp_jupyter.engine.limits import inside
from exp_jupyter.engine.multiplicity import adjust
from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class Heterogeneity(Shown):
    """How the effect varies over segments.

    Attributes
    ----------
    segments
        Names, in the given order.
    estimates, standard_errors
        Each segment's own effect.
    pooled, pooled_standard_error
        The common effect, weighted by precision.
    q, df, p_value
        Cochran's Q, its degrees of freedom, and the global test that all effects are equal.
    i_squared
        Share of the variation between segments that chance does not explain.
    tau
        Standard deviation of the true effects between segments (Paule-Mandel).
    contrasts, contrast_p_values, differs
        Each segment against all others together, p-values corrected (Benjamini-Hochberg), and
        whether it differs. Read them only when the global test says so.
    shrunken, shrunken_standard_errors
        Empirical-Bayes estimates: what to expect of each segment.
    alpha
        Level of the global test and the contrasts.
    """

    segments: tuple[str, ...]
    estimates: Floats
    standard_errors: Floats
    pooled: float
    pooled_standard_error: float
    q: float
    df: int
    p_value: float
    i_squared: float
    tau: float
    contrasts: Floats
    contrast_p_values: Floats
    differs: Booleans
    shrunken: Floats
    shrunken_standard_errors: Floats
    alpha: float

    @property
    def heterogeneous(self) -> bool:
        """Whether the global test finds that the effects differ."""
        return self.p_value < self.alpha


def compare_segments(
    estimates: object | Sequence[Effect],
    standard_errors: object = None,
    *,
    segments: Sequence[str] | None = None,
    alpha: float = 0.05,
) -> Heterogeneity:
    """Test and estimate how an effect varies over segments.

    Parameters
    ----------
    estimates
        One effect per segment: ``Effect`` objects, or numbers with ``standard_errors``.
    segments
        Their names; by default 1, 2, 3, …
    alpha
        Level of the global test and of the corrected contrasts.

    Notes
    -----
    ``Q = Σ (δ_k - δ̄)² / V_k`` is chi-square with ``K - 1`` degrees of freedom when all effects are
    equal (Cochran, *The combination of estimates from different experiments*). τ² solves
    ``Σ (δ_k - δ̄_τ)² / (V_k + τ²) = K - 1`` (Paule, Mandel). Shrunken estimates are
    ``δ̄_τ + τ²/(τ² + V_k) · (δ_k - δ̄_τ)``; their errors include that of ``δ̄_τ``.

    Examples
    --------
    >>> result = compare_segments([0.02, 0.03, 0.12], [0.01, 0.01, 0.02], segments=["a", "b", "c"])
    >>> round(result.q, 2), round(result.p_value, 5), result.differs
    (20.56, 3e-05, array([False, False,  True]))
    """
    inside("alpha", alpha, 0, 1)
    if isinstance(estimates, (list, tuple)) and estimates and isinstance(estimates[0], Effect):
        delta = np.array([float(floats(effect.estimate)) for effect in estimates])
        error = np.array([float(floats(effect.standard_error)) for effect in estimates])
    else:
        delta = floats(estimates, "estimates")
        error = floats(standard_errors, "standard_errors")
    count = delta.size
    if delta.ndim != 1 or delta.shape != error.shape or count < 2:
        raise InputError("Give one effect and one standard error for each of 2 or more segments.")
    if not np.isfinite(delta).all() or not (np.isfinite(error) & (error > 0)).all():
        raise StatisticsError(
            "zero_variance",
            "A segment's effect or standard error is not finite and above 0.",
            hint="Leave out segments without enough units.",
        )
    names = (
        tuple(map(str, segments)) if segments is not None else tuple(map(str, range(1, count + 1)))
    )
    if len(names) != count:
        raise InputError(f"There are {len(names)} names for {count} segments.")
    from scipy import special

    variance = error**2
    pooled, precision = _pooled(delta, variance)
    q = float((((delta - pooled) ** 2) / variance).sum())
    df = count - 1
    tau_squared = _between(delta, variance)
    centre, weight = _pooled(delta, variance + tau_squared)
    kept = tau_squared / (tau_squared + variance)
    contrasts, contrast_errors = _against_the_rest(delta, variance)
    raw = 2 * special.ndtr(-np.abs(contrasts / contrast_errors))
    corrected = adjust(raw, "benjamini-hochberg", alpha=alpha)
    return Heterogeneity(
        segments=names,
        estimates=delta,
        standard_errors=error,
        pooled=pooled,
        pooled_standard_error=precision**-0.5,
        q=q,
        df=df,
        p_value=float(special.chdtrc(df, q)),
        i_squared=max(0.0, 1 - df / q) if q > 0 else 0.0,
        tau=tau_squared**0.5,
        contrasts=contrasts,
        contrast_p_values=corrected.adjusted,
        differs=corrected.significant,
        shrunken=centre + kept * (delta - centre),
        shrunken_standard_errors=np.sqrt(kept * variance + (1 - kept) ** 2 / weight),
        alpha=alpha,
    )


def _pooled(delta: Floats, variance: Floats) -> tuple[float, float]:
    weights = 1 / variance
    total = float(weights.sum())
    return float(weights @ delta) / total, total


def _between(delta: Floats, variance: Floats) -> float:
    """Return Paule and Mandel's variance between segments: a falling function's root, or 0."""

    def excess(tau_squared: float) -> float:
        spread = variance + tau_squared
        centre, _ = _pooled(delta, spread)
        return float((((delta - centre) ** 2) / spread).sum()) - (delta.size - 1)

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(np.var(delta) * delta.size + variance.max())
    while excess(high) > 0:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def _against_the_rest(delta: Floats, variance: Floats) -> tuple[Floats, Floats]:
    weights = 1 / variance
    others = weights.sum() - weights
    rest = (weights @ delta - weights * delta) / others
    return delta - rest, np.sqrt(variance + 1 / others)
