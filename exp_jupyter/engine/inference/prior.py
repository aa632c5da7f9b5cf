"""The Gaussian posterior of a difference, and what each choice would cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exp_jupyter.engine.statistics.arguments import choose, number, switch
from exp_jupyter.engine.statistics.arrays import Floats, Numbers, floats
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError, StatisticsError


@dataclass(frozen=True)
class Prior:
    """A normal prior on the difference.

    Parameters
    ----------
    mean
        Its mean, on the scale of the difference (or of ``scale``).
    variance
        Its variance, above 0.
    proper
        Whether it is used; an improper prior is flat.
    scale
        ``"relative"`` or ``"absolute"`` when the prior speaks of that difference whatever is
        analysed: it is then carried over with the control mean. None takes it as it stands.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        ``prior_variance_not_positive``, also when the prior is not proper, as in PostHog.

    Examples
    --------
    >>> Prior(mean=0.0, variance=0.09).proper
    True
    """

    mean: float = 0.0
    variance: float = 1.0
    proper: bool = True
    scale: Literal["relative", "absolute"] | None = None

    def __post_init__(self) -> None:
        try:
            number("variance", self.variance, 0)
        except InputError as error:
            raise StatisticsError(
                "prior_variance_not_positive",
                f"the prior's variance is {described(self.variance)}; "
                "expected a finite number above 0",
                hint="For no prior at all use the default, which is flat.",
            ) from error
        try:
            number("mean", self.mean)
        except InputError as error:
            raise StatisticsError(
                "not_finite",
                f"the prior's mean is {described(self.mean)}; expected a finite number",
            ) from error
        switch("proper", self.proper)
        if self.scale is not None:
            choose("scale", self.scale, ("relative", "absolute"))

    def update(self, estimate: Floats, variance: Floats, unit: Floats) -> tuple[Floats, Floats]:
        """Return the posterior mean and variance of the difference.

        Parameters
        ----------
        estimate, variance
            δ and V.
        unit
            What one unit of the prior's scale is on the scale of the difference.
        """
        if not self.proper:
            return estimate, variance
        own_mean, own_variance = self.mean * unit, self.variance * unit**2
        weight = 1 / variance + 1 / own_variance
        return (estimate / variance + own_mean / own_variance) / weight, 1 / weight


FLAT = Prior(proper=False)
"""No prior: the posterior is N(δ, V)."""


def expected_losses(mean: Numbers, deviation: Numbers) -> tuple[Floats, Floats]:
    """Return what choosing the control and choosing the treatment cost on average.

    Parameters
    ----------
    mean, deviation
        Of the posterior of the difference, treatment minus control.

    Returns
    -------
    tuple
        σ·(zΦ(z) + φ(z)) for the control and σ·(φ(z) − zΦ(−z)) for the treatment, z = μ/σ.

    Notes
    -----
    The smaller of the two is formed from the scaled complementary error function, so that it
    keeps its digits however small it is.

    Examples
    --------
    >>> control, treatment = expected_losses(0.1, 0.05)
    >>> round(float(control), 6), round(float(treatment), 6)
    (0.100425, 0.000425)
    """
    from scipy import special

    mu, sigma = floats(mean), floats(deviation)
    z = np.abs(mu / sigma)
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    # φ(z) − zΦ(−z) = φ(z)·(1 − z·M(z)), M the Mills ratio √(π/2)·erfcx(z/√2).
    mills = np.sqrt(np.pi / 2) * special.erfcx(z / np.sqrt(2))
    remainder = np.where(z < 1e3, 1 - z * mills, 1 / (1 + z * z))
    small = sigma * density * np.maximum(remainder, 0.0)
    large = small + np.abs(mu)
    return np.where(mu >= 0, large, small), np.where(mu >= 0, small, large)
