"""Does the effect differ between segments? One global test first, then corrected, shrunken ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.multiple.corrections import adjust
from exp_jupyter.engine.statistics.arguments import instance, number
from exp_jupyter.engine.statistics.arrays import Booleans, Floats, floats
from exp_jupyter.engine.statistics.quoting import described
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
        Each segment's own effect; of ``Effect`` objects the error under no effect, which does not
        move with the effect.
    pooled, pooled_standard_error, pooled_p_value
        The common effect, weighted by precision, its error, and the test that it is 0. The pooled
        effect over its error is the test's statistic.
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
    pooled_p_value: float

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
    Relative effects of ``Effect`` objects are pooled and compared as the difference of the means
    over both arms' mean, d = δ/(1 + πδ) with the treatment's share π, whose error does not depend
    on the effect; δ itself is largest where the control happens to be low and looks most precise
    where the treatment is, which biases every weighted average. Results are carried back to δ.

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
    number("alpha", alpha, 0, 1)
    if isinstance(estimates, (list, tuple)) and estimates and isinstance(estimates[0], Effect):
        measured = [_segment(effect) for effect in _single(estimates)]
    else:
        delta, error = floats(estimates, "estimates"), floats(standard_errors, "standard_errors")
        if delta.ndim != 1 or delta.shape != error.shape:
            raise InputError(_UNEQUAL)
        pairs = zip(delta.tolist(), error.tolist(), strict=True)
        measured = [_Segment(value, value, spread) for value, spread in pairs]
    count = len(measured)
    if count < 2:
        raise InputError(_UNEQUAL)
    own = np.array([segment.effect for segment in measured])
    delta = np.array([segment.scaled for segment in measured])
    error = np.array([segment.error for segment in measured])
    share = np.array([segment.share for segment in measured])
    freedom = np.array([segment.df for segment in measured])
    if not np.isfinite(delta).all() or not (np.isfinite(error) & (error > 0)).all():
        raise StatisticsError(
            "zero_variance",
            "A segment's effect or standard error is not finite and above 0.",
            hint="Leave out segments without enough units.",
        )
    names = tuple(map(str, range(1, count + 1)))
    if segments is not None:
        if not isinstance(segments, (list, tuple)) and getattr(segments, "ndim", 0) != 1:
            raise InputError(f"segments is {described(segments)}; expected a list of names.")
        names = tuple(map(str, segments))
    if len(names) != count:
        raise InputError(f"There are {len(names)} names for {count} segments.")
    from scipy import special

    variance = error**2
    pooled, precision = _pooled(delta, variance)
    weights = 1 / variance / precision
    # Estimated weights favour segments that look precise by chance (Meier, Variance of a
    # weighted mean); nothing without degrees of freedom.
    pooled_error = float((1 + 4 * (weights * (1 - weights) / freedom).sum()) / precision) ** 0.5
    common = float(weights @ share)
    q = float((((delta - pooled) ** 2) / variance).sum())
    df = count - 1
    tau_squared = _between(delta, variance)
    centre, weight = _pooled(delta, variance + tau_squared)
    kept = tau_squared / (tau_squared + variance)
    contrasts, contrast_errors = _against_the_rest(delta, variance)
    raw = 2 * special.ndtr(-np.abs(contrasts / contrast_errors))
    corrected = adjust(raw, "benjamini-hochberg", alpha=alpha)
    rest, shrunken = delta - contrasts, centre + kept * (delta - centre)
    shrunken_errors = np.sqrt(kept * variance + (1 - kept) ** 2 / weight)
    return Heterogeneity(
        segments=names,
        estimates=own,
        standard_errors=error,
        pooled=float(_carried(np.asarray(pooled), common)),
        pooled_standard_error=float(pooled_error / _slope(np.asarray(pooled), common)),
        q=q,
        df=df,
        p_value=_equal(q, weights, freedom),
        i_squared=max(0.0, 1 - df / q) if q > 0 else 0.0,
        tau=tau_squared**0.5,
        contrasts=_carried(delta, share) - _carried(rest, share),
        contrast_p_values=corrected.adjusted,
        differs=corrected.significant,
        shrunken=_carried(shrunken, share),
        shrunken_standard_errors=shrunken_errors / _slope(shrunken, share),
        alpha=alpha,
        pooled_p_value=float(2 * special.ndtr(-abs(pooled) / pooled_error)),
    )


def _single(effects: Sequence[object]) -> list[Effect]:
    """Return the effects of segments; refuse what is no effect, and effects of many arms."""
    for place, effect in enumerate(effects):
        instance(f"estimates[{place}]", effect, Effect, "the Effect of one segment")
        if cast("Effect", effect).shape:
            raise InputError(
                f"estimates[{place}] holds several effects; expected one for each segment.",
                hint="Take them out one by one with .at(…).",
            )
    return cast("list[Effect]", list(effects))


_UNEQUAL = "Give one effect and one standard error for each of 2 or more segments."


@dataclass(frozen=True)
class _Segment:
    """One segment: its effect, and the effect on the scale whose error does not move with it.

    ``share`` is the treatment's share of the units, by which a relative effect is carried between
    the two scales; 0 where they are one.
    """

    effect: float
    scaled: float
    error: float
    share: float = 0.0
    df: float = np.inf


def _segment(effect: Effect) -> _Segment:
    estimate, error = float(floats(effect.estimate)), float(floats(effect.standard_error))
    if effect.null_error is None or effect.null:
        return _Segment(estimate, estimate, error)
    known = effect.df is not None
    df = max(float(floats(effect.df)), 1.0) if known else np.inf
    own = float(floats(effect.null_error))
    if effect.difference == "absolute":
        return _Segment(estimate, estimate, own, df=df)
    n_c, n_t = float(floats(effect.control_n)), float(floats(effect.treatment_n))
    share = n_t / (n_c + n_t)
    # δ/(1 + πδ) is the gap of the means over both arms' mean; 1/π where control has nothing.
    scaled = estimate / (1 + share * estimate) if np.isfinite(estimate) else 1 / share
    return _Segment(estimate, scaled, own, share, df)


def _carried(scaled: Floats, share: Floats | float) -> Floats:
    """Return d/(1 − πd): the effect relative to the control of one relative to both arms."""
    return np.asarray(scaled / _slope(scaled, share))


def _slope(scaled: Floats, share: Floats | float) -> Floats:
    # An effect beyond any bounds is carried to a large one, not to the other sign.
    return np.asarray(np.maximum(1 - share * scaled, 1e-9))


def _equal(q: float, weights: Floats, freedom: Floats) -> float:
    """Return the p-value of Q; with degrees of freedom by Welch's F for estimated variances.

    Welch, *On the comparison of several mean values: an alternative approach*.
    """
    from scipy import special

    count = weights.size
    spread = float(((1 - weights) ** 2 / freedom).sum())
    if spread == 0:
        return float(special.chdtrc(count - 1, q))
    f = q / (count - 1) / (1 + 2 * (count - 2) / (count**2 - 1) * spread)
    return float(special.fdtrc(count - 1, (count**2 - 1) / (3 * spread), f))


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
