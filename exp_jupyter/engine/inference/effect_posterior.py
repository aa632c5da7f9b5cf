"""The posterior of an effect: what a Bayesian method says, from the test of every value.

Without a prior the means of both arms have flat priors, so the probability that the effect is
below δ is that of the gap at δ being negative: the interval is Fieller's, and the chance to win is
the test's one-sided p-value. Rates have Beta posteriors. With a normal prior on the effect the
likelihood of every value is multiplied by it and integrated on a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.inference.beta_posterior import BetaPosterior
from exp_jupyter.engine.inference.distributions import as_deviate, as_statistic
from exp_jupyter.engine.inference.effect_test import EffectTest, LinearTest
from exp_jupyter.engine.inference.prior import Prior, expected_losses
from exp_jupyter.engine.inference.rate_test import RateTest
from exp_jupyter.engine.statistics.arrays import Floats

_NODES = 1025
_REACH = 9.0
_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class EffectPosterior:
    """What the posterior of an effect says, one element a comparison.

    Parameters
    ----------
    estimate, deviation
        Its centre and standard deviation, on the scale of the difference.
    low, high
        The credible interval with equal tails.
    chance
        The probability that the effect is above 0.
    control_loss, treatment_loss
        The expected losses of choosing the control and the treatment, on the scale of the
        difference; relative ones are shares of the control mean.
    """

    estimate: Floats
    deviation: Floats
    low: Floats
    high: Floats
    chance: Floats
    control_loss: Floats
    treatment_loss: Floats


def flat_posterior(test: EffectTest, level: float) -> EffectPosterior:
    """Return the posterior without a prior on the effect.

    Parameters
    ----------
    test
        The test of every value of the effect.
    level
        Of the credible interval.
    """
    return _of_rates(test, level) if isinstance(test, RateTest) else _of_means(test, level)


def _of_rates(test: RateTest, level: float) -> EffectPosterior:
    shape = test.x_c.shape
    x_c, n_c, x_t, n_t = (part.reshape(-1) for part in (test.x_c, test.n_c, test.x_t, test.n_t))
    posterior = BetaPosterior(x_c, n_c, x_t, n_t, relative=test.relative)
    control, treatment = posterior.losses()
    return EffectPosterior(
        np.asarray(test.estimate),
        posterior.deviation.reshape(shape),
        posterior.quantiles(0.5 - level / 2).reshape(shape),
        posterior.quantiles(0.5 + level / 2).reshape(shape),
        posterior.chance().reshape(shape),
        control.reshape(shape),
        treatment.reshape(shape),
    )


def _of_means(test: EffectTest, level: float) -> EffectPosterior:
    from scipy import special

    df = test.df(0.0)
    deviate = as_deviate(test.statistic(0.0), df)
    critical = as_statistic(np.asarray(special.ndtri(0.5 + level / 2)), df)
    low, high = test.bounds(np.broadcast_to(critical, deviate.shape), 0.0)
    error = np.sqrt(test.variance(0.0)) / test.baseline
    control, treatment = expected_losses(deviate * error, error)
    return EffectPosterior(
        test.estimate,
        test.standard_error,
        low,
        high,
        np.asarray(special.ndtr(deviate)),
        control,
        treatment,
    )


def prior_posterior(test: EffectTest, prior: Prior, unit: Floats, level: float) -> EffectPosterior:
    """Return the posterior with a normal prior on the effect.

    Parameters
    ----------
    test
        The test of every value of the effect.
    prior
        A proper prior.
    unit
        What one unit of the prior's scale is on the scale of the difference.
    level
        Of the credible interval.
    """
    shape = np.shape(test.statistic(0.0))
    mean = np.broadcast_to(prior.mean * unit, shape)
    deviation = np.broadcast_to(np.sqrt(prior.variance) * unit, shape)
    if isinstance(test, LinearTest) and not test.relative:
        return _conjugate(test, mean, deviation, level)
    low, high = _support(test, mean, deviation, shape)
    points = low[..., None] + (high - low)[..., None] * np.linspace(0.0, 1.0, _NODES)
    with np.errstate(all="ignore"):
        logs = test.log_likelihood(points)
    logs = logs - 0.5 * ((points - mean[..., None]) / deviation[..., None]) ** 2
    logs = np.where(np.isnan(logs), -np.inf, logs)
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    centre = (weights * points).sum(axis=-1)
    spread = (weights * (points - centre[..., None]) ** 2).sum(axis=-1)
    # The share of a node's own weight that lies below it is taken as a half.
    below = np.cumsum(weights, axis=-1) - 0.5 * weights
    return EffectPosterior(
        centre,
        np.sqrt(spread),
        _interpolated(below, points, 0.5 - level / 2),
        _interpolated(below, points, 0.5 + level / 2),
        1 - _at_zero(below, points),
        (weights * np.maximum(points, 0.0)).sum(axis=-1),
        (weights * np.maximum(-points, 0.0)).sum(axis=-1),
    )


def _conjugate(test: LinearTest, mean: Floats, deviation: Floats, level: float) -> EffectPosterior:
    from scipy import special

    variance = test.variance(0.0)
    weight = 1 / variance + 1 / deviation**2
    centre = (test.estimate / variance + mean / deviation**2) / weight
    spread = np.sqrt(1 / weight)
    width = float(special.ndtri(0.5 + level / 2)) * spread
    control, treatment = expected_losses(centre, spread)
    chance = np.asarray(special.ndtr(centre / spread))
    return EffectPosterior(
        centre, spread, centre - width, centre + width, chance, control, treatment
    )


def _support(
    test: EffectTest, mean: Floats, deviation: Floats, shape: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """Return where the posterior can have any weight: where both its factors do."""
    low, high = test.bounds(np.full(shape, _REACH), 0.0)
    from_prior = mean - _REACH * deviation, mean + _REACH * deviation
    start, end = np.maximum(low, from_prior[0]), np.minimum(high, from_prior[1])
    apart = ~(start < end)
    start = np.where(apart, np.minimum(low, from_prior[0]), start)
    end = np.where(
        apart, np.where(np.isinf(high), from_prior[1], np.fmax(high, from_prior[1])), end
    )
    return start, end


def _interpolated(below: Floats, points: Floats, probability: float) -> Floats:
    flat, at = below.reshape(-1, _NODES), points.reshape(-1, _NODES)
    found = np.array([np.interp(probability, b, x) for b, x in zip(flat, at, strict=True)])
    return found.reshape(below.shape[:-1])


def _at_zero(below: Floats, points: Floats) -> Floats:
    flat, at = below.reshape(-1, _NODES), points.reshape(-1, _NODES)
    found = [np.interp(0.0, x, b, left=0.0, right=1.0) for b, x in zip(flat, at, strict=True)]
    return np.array(found).reshape(below.shape[:-1])
