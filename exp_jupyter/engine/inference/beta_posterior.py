"""The posterior of two conversion rates: independent Beta distributions, and what follows of them.

Each rate has the uniform prior, Beta(1, 1), so its posterior is Beta(x + 1, n − x + 1). The chance
that the treatment's rate is the larger, the quantiles of p_T/p_C or p_T − p_C and the expected
losses are all read off the same two distributions. Where every count is large the logarithm of the
ratio (or the difference) has its exact cumulants carried to quantiles by the expansion of Cornish
and Fisher; elsewhere the control's rate is integrated out numerically.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exp_jupyter.engine.inference.prior import expected_losses
from exp_jupyter.engine.inference.roots import Index, crossings
from exp_jupyter.engine.statistics.arrays import Booleans, Floats

UNIFORM = 1.0
"""Both parameters of the prior of a rate."""

_MANY = 100.0
"""From this many of each count on the cumulants serve; their error is then below 1e-5."""

_NODES = 160
_REACH = 9.0
_FARTHEST = 40.0


@dataclass(frozen=True, eq=False)
class BetaPosterior:
    """The posterior of the difference of two rates, relative or absolute.

    Parameters
    ----------
    x_c, n_c, x_t, n_t
        Conversions and units of control and treatment, on one axis.
    relative
        Whether the difference is p_T/p_C − 1, else p_T − p_C.
    """

    x_c: Floats
    n_c: Floats
    x_t: Floats
    n_t: Floats
    relative: bool

    @cached_property
    def _parameters(self) -> tuple[Floats, Floats, Floats, Floats]:
        return (
            self.x_c + UNIFORM,
            self.n_c - self.x_c + UNIFORM,
            self.x_t + UNIFORM,
            self.n_t - self.x_t + UNIFORM,
        )

    @cached_property
    def many(self) -> Booleans:
        """Where every count is large enough for the expansion."""
        least = np.minimum.reduce(self._parameters)
        return np.asarray(least >= _MANY)

    @cached_property
    def means(self) -> tuple[Floats, Floats]:
        """The posterior means of the rates, control first."""
        a_c, b_c, a_t, b_t = self._parameters
        return a_c / (a_c + b_c), a_t / (a_t + b_t)

    @cached_property
    def deviation(self) -> Floats:
        """The posterior standard deviation of the difference, over control's mean if relative."""
        spread = np.zeros(self.x_c.shape)
        a_c, b_c, a_t, b_t = self._parameters
        for a, b in ((a_c, b_c), (a_t, b_t)):
            spread = spread + a * b / ((a + b) ** 2 * (a + b + 1))
        return np.asarray(np.sqrt(spread) / (self.means[0] if self.relative else 1.0))

    def chance(self) -> Floats:
        """Return the probability that the treatment's rate is the larger."""
        everything = np.arange(self.x_c.size, dtype=np.intp)
        return np.asarray(1 - self._below(np.zeros(everything.size), everything))

    def quantiles(self, probability: float) -> Floats:
        """Return the difference that the posterior leaves this probability below."""
        from scipy import special

        deviate = float(special.ndtri(probability))
        found = np.empty(self.x_c.size)
        many = np.nonzero(self.many)[0]
        if many.size:
            found[many] = self._back(_expanded(deviate, self._cumulants(many)))
        few = np.nonzero(~self.many)[0]
        if few.size:
            found[few] = self._inverted(deviate, few)
        return found

    def losses(self) -> tuple[Floats, Floats]:
        """Return the expected losses of choosing the control and the treatment.

        On the scale of the difference: as a share of control's posterior mean if relative.
        """
        mean = self.means[1] - self.means[0]
        scale = self.means[0] if self.relative else np.ones(self.x_c.shape)
        control, treatment = expected_losses(mean / scale, self.deviation)
        control, treatment = np.array(control), np.array(treatment)
        few = np.nonzero(~self.many)[0]
        if few.size:
            lost = self._integrated_loss(few) / scale[few]
            treatment[few] = lost
            control[few] = np.maximum(lost + (mean / scale)[few], 0.0)
        return control, treatment

    # ------------------------------------------------------------------ by cumulants

    @cached_property
    def _all_cumulants(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The first four cumulants of ln p_T − ln p_C, or of p_T − p_C."""
        a_c, b_c, a_t, b_t = self._parameters
        one = _log_cumulants if self.relative else _plain_cumulants
        control, treatment = one(a_c, b_c), one(a_t, b_t)
        first, second, third, fourth = (
            t + sign * c
            for t, c, sign in zip(treatment, control, (-1.0, 1.0, -1.0, 1.0), strict=True)
        )
        return first, second, third, fourth

    def _cumulants(self, index: Index) -> tuple[Floats, Floats, Floats, Floats]:
        first, second, third, fourth = (part[index] for part in self._all_cumulants)
        return first, second, third, fourth

    def _back(self, value: Floats) -> Floats:
        return np.expm1(value) if self.relative else value

    # ------------------------------------------------------------------ by integration

    def _below(self, difference: Floats, index: Index) -> Floats:
        """Return the posterior probability below a difference, one for each index."""
        from scipy import special

        found = np.empty(index.size)
        many = self.many[index]
        if many.any():
            # Steps of a fixed point: the expansion is all but linear in the deviate.
            at = np.log1p(difference[many]) if self.relative else difference[many]
            cumulants = self._cumulants(index[many])
            k1, scale = cumulants[0], np.sqrt(cumulants[1])
            z = (at - k1) / scale
            for _ in range(8):
                z = z + (at - _expanded(z, cumulants)) / scale
            found[many] = special.ndtr(z)
        few = index[~many]
        if few.size:
            # Each rate integrated out in turn, so that swapping the arms changes no digit.
            at = difference[~many][:, None]
            a_c, b_c, a_t, b_t = (part[few][:, None] for part in self._parameters)
            p, weights = _nodes(a_c, b_c)
            edge = (1 + at) * p if self.relative else p + at
            below = (weights * special.betainc(a_t, b_t, np.clip(edge, 0.0, 1.0))).sum(axis=1)
            p, weights = _nodes(a_t, b_t)
            with np.errstate(divide="ignore", invalid="ignore"):
                edge = np.where(at > -1, p / (1 + at), np.inf) if self.relative else p - at
            above = (weights * special.betainc(a_c, b_c, np.clip(edge, 0.0, 1.0))).sum(axis=1)
            found[~many] = 0.5 * (below + 1 - above)
        return found

    def _inverted(self, deviate: float, index: Index) -> Floats:
        from scipy import special

        level = np.full(index.size, -deviate)

        def at(points: Floats, chosen: Index) -> Floats:
            below = self._below(self._back(points), index[chosen])
            return np.asarray(-special.ndtri(np.clip(below, 1e-300, 1 - 1e-16)))

        k1, k2, _, _ = self._cumulants(index)
        guess = k1 + np.sqrt(k2) * deviate
        step = np.sqrt(k2) * (0.3 if deviate > 0 else -0.3)
        limit = np.copysign(_FARTHEST if self.relative else 1.0, deviate)
        outer = guess + step
        if not self.relative:
            guess, outer = np.clip(guess, -0.999, 0.999), np.clip(outer, -1.0, 1.0)
            outer = np.where(outer == guess, limit, outer)
        return self._back(
            crossings(
                at, level, guess - step, outer, float(limit), upwards=deviate > 0, tolerance=1e-9
            )
        )

    def _integrated_loss(self, index: Index) -> Floats:
        """Return E[(p_C − p_T)⁺]: for every rate of the control, what the treatment falls short."""
        from scipy import special

        a_c, b_c, a_t, b_t = (part[index][:, None] for part in self._parameters)
        p, weights = _nodes(a_c, b_c)
        mean = self.means[1][index][:, None]
        short = p * special.betainc(a_t, b_t, p) - mean * special.betainc(a_t + 1, b_t, p)
        return np.asarray((weights * np.maximum(short, 0.0)).sum(axis=1))


def _expanded(deviate: Floats | float, cumulants: tuple[Floats, Floats, Floats, Floats]) -> Floats:
    """Return the quantile at a normal deviate, by Cornish and Fisher's expansion."""
    k1, k2, k3, k4 = cumulants
    skew, peak = k3 / k2**1.5, k4 / k2**2
    z = deviate
    square = z * z
    w = z + skew * (square - 1) / 6 + peak * z * (square - 3) / 24
    w = w - skew * skew * z * (2 * square - 5) / 36
    return np.asarray(k1 + np.sqrt(k2) * w)


def _nodes(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return rates along a new last axis, and their weights under Beta(a, b).

    Evenly spaced in the log odds, where the density falls off exponentially on both sides, so
    that the trapezoidal rule converges faster than any power of the step.
    """
    from scipy import special

    centre = special.digamma(a) - special.digamma(b)
    width = np.sqrt(special.polygamma(1, a) + special.polygamma(1, b))
    points = centre + width * np.linspace(-_REACH, _REACH, _NODES)
    logs = -a * np.logaddexp(0.0, -points) - b * np.logaddexp(0.0, points)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return special.expit(points), weights / weights.sum(axis=1, keepdims=True)


def _log_cumulants(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the first four cumulants of the logarithm of a Beta variable."""
    from scipy import special

    whole = a + b
    return (
        special.digamma(a) - special.digamma(whole),
        special.polygamma(1, a) - special.polygamma(1, whole),
        special.polygamma(2, a) - special.polygamma(2, whole),
        special.polygamma(3, a) - special.polygamma(3, whole),
    )


def _plain_cumulants(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the first four cumulants of a Beta variable."""
    n = a + b
    mean = a / n
    variance = a * b / (n * n * (n + 1))
    skew = 2 * (b - a) * np.sqrt(n + 1) / ((n + 2) * np.sqrt(a * b))
    peak = 6 * ((a - b) ** 2 * (n + 1) - a * b * (n + 2)) / (a * b * (n + 2) * (n + 3))
    return mean, variance, skew * variance**1.5, peak * variance**2
