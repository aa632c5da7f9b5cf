"""Sufficient statistics: the few sums per arm from which every effect is computed.

Units with no events count with value 0, so ``n`` is always the number of exposed units. All sums
take a number or an array; an array holds one element per comparison (a day, a metric, a segment),
and arrays broadcast as numpy's do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from exp_jupyter.engine.statistics.arrays import Flags, Floats, Numbers, floats, numbers
from exp_jupyter.engine.statistics.base import (
    Statistic,
    centred_squares,
    count_refusals,
    covariate_refusals,
    per_unit,
    single_moments,
    single_thirds,
    success_refusals,
    sums_refusals,
)
from exp_jupyter.engine.statistics.covariates import Covariate, RatioCovariate
from exp_jupyter.engine.statistics.moments import LOST, Moments, Thirds
from exp_jupyter.engine.statistics.ratio import Ratio
from exp_jupyter.engine.statistics.refusals import Refusal
from exp_jupyter.errors import InputError

__all__ = ["Covariate", "Mean", "Proportion", "Ratio", "RatioCovariate", "Statistic"]


@dataclass(frozen=True, eq=False)
class Mean(Statistic):
    """Sums of a per-unit value: a count, an amount, anything but a yes/no.

    Parameters
    ----------
    n
        Units, at least 1.
    sum
        Σy, in the metric's unit.
    sum_squares
        Σy².
    covariate
        Sums of a pre-exposure covariate over the same units (CUPED).
    centred
        Σ(y − ȳ)² when it is known better than the raw sums give it; set by ``Mean.of``.
    sum_cubes
        Σy³, so that comparisons in recommended mode are corrected for skewness; None if unknown.
    signed
        Whether a value may be negative, so that a relative effect may fall below −100 %.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        ``n_not_positive``, ``sum_squares_inconsistent`` (with a tolerance of 1e-9·Σy² for
        rounding), ``not_finite``.

    Notes
    -----
    ``variance`` is the sample variance (Σy² − (Σy)²/n)/(n − 1), and 0 for a single unit.

    Examples
    --------
    >>> arm = Mean(n=4, sum=10.0, sum_squares=30.0)
    >>> arm.mean, round(arm.variance, 6)
    (2.5, 1.666667)
    >>> Mean([4, 5], [10.0, 20.0], [30.0, 90.0]).mean
    array([2.5, 4. ])
    """

    kind: ClassVar[str] = "mean"

    sum: Numbers
    sum_squares: Numbers
    covariate: Covariate | None = None
    centred: Numbers | None = None
    sum_cubes: Numbers | None = None
    signed: Flags = False

    @classmethod
    def of(cls, values: object, covariate: object = None) -> Mean:
        """Return the statistic of per-unit values, from centred sums.

        Parameters
        ----------
        values
            One value per unit along the last axis, zeros included.
        covariate
            One covariate value per unit, in the same order.

        Examples
        --------
        >>> round(Mean.of([1e9 + 1, 1e9 + 2, 1e9 + 3]).variance, 6)
        1.0
        """
        y = per_unit(values, "values")
        n = float(y.shape[-1])
        mean = y.mean(axis=-1, keepdims=True)
        gaps = y - mean
        total, own = y.sum(axis=-1), (gaps * gaps).sum(axis=-1)
        carried: Covariate | None = None
        if covariate is not None:
            x = per_unit(covariate, "covariate")
            if x.shape != y.shape:
                raise InputError(
                    f"covariate has shape {x.shape}, values have {y.shape}",
                    hint="Give one covariate value per unit, in the same order as the values.",
                )
            off = x - x.mean(axis=-1, keepdims=True)
            carried = Covariate(
                numbers(x.sum(axis=-1)),
                numbers((x * x).sum(axis=-1)),
                numbers((x * y).sum(axis=-1)),
                centred=(numbers((off * off).sum(axis=-1)), numbers((off * gaps).sum(axis=-1))),
                third_sums=(
                    numbers((x * x * x).sum(axis=-1)),
                    numbers((x * x * y).sum(axis=-1)),
                    numbers((x * y * y).sum(axis=-1)),
                ),
            )
        squares = (y * y).sum(axis=-1)
        return cls(
            n,
            numbers(total),
            numbers(squares),
            covariate=carried,
            centred=numbers(own),
            sum_cubes=numbers((y**3).sum(axis=-1)),
            signed=bool((y < 0).any()),
        )

    @classmethod
    def from_moments(cls, n: Numbers, mean: Numbers, variance: Numbers) -> Mean:
        """Return the statistic with this many units, mean and sample variance (n − 1).

        Examples
        --------
        >>> Mean.from_moments(100, 5.0, 4.0).variance
        4.0
        """
        count, centre = floats(n, "n"), floats(mean, "mean")
        spread = floats(variance, "variance")
        with np.errstate(over="ignore", invalid="ignore"):
            own, total = spread * (count - 1), count * centre
            squares = own + total * centre
        return cls(n, numbers(total), numbers(squares), centred=numbers(own))

    def refusals(self, *, exact: bool = False) -> list[Refusal]:
        """Return what is wrong with the sums."""
        n, total, squares = floats(self.n, "n"), floats(self.sum, "sum"), floats(self.sum_squares)
        found = [*count_refusals(n, total, squares)]
        found += sums_refusals(n, total, squares, exact=exact)
        return found + covariate_refusals(n, self.covariate, exact=exact)

    @cached_property
    def mean(self) -> Numbers:
        """Σy/n."""
        return numbers(floats(self.sum) / floats(self.n))

    @cached_property
    def centred_sum_squares(self) -> Floats:
        """Σ(y − ȳ)²."""
        if self.centred is not None:
            return floats(self.centred)
        return centred_squares(floats(self.n), floats(self.sum), floats(self.sum_squares))

    @cached_property
    def variance(self) -> Numbers:
        """The sample variance; 0 when n = 1."""
        n = floats(self.n)
        return numbers(self.centred_sum_squares / (n - 1 + (n <= 1)) * (n > 1))

    @cached_property
    def third(self) -> Floats | None:
        """The third central moment per unit, Σ(y − ȳ)³/n; None without the sum of cubes."""
        if self.sum_cubes is None:
            return None
        n, mean = floats(self.n), floats(self.mean)
        spread = floats(self.centred_sum_squares) / n
        # Σ(y − m)³ = Σy³ − 3mΣ(y − m)² − nm³.
        third = floats(self.sum_cubes) / n - 3 * mean * spread - mean**3
        lost = LOST * (np.abs(mean) ** 3 + 3 * np.abs(mean) * spread)
        return np.where(lost < spread**1.5, third, 0.0)

    def moments(self) -> Moments:
        """Return the moments of y, then of x."""
        return single_moments(self.n, self.sum, self.centred_sum_squares, self.covariate)

    def thirds(self, moments: Moments) -> Thirds | None:
        """Return the third moments of y and x."""
        if self.sum_cubes is None:
            return None
        return single_thirds(moments, self.sum_cubes, self.covariate)


@dataclass(frozen=True, eq=False)
class Proportion(Statistic):
    """A yes/no per unit: how many units, and how many of them did it.

    Parameters
    ----------
    n
        Units, at least 1.
    sum
        Units that did it, between 0 and n.
    covariate
        Sums of a pre-exposure covariate over the same units (CUPED).

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        ``n_not_positive``, ``successes_negative``, ``successes_exceed_n``, ``not_finite``.

    Notes
    -----
    ``variance`` is p(1 − p), without the factor n/(n − 1).

    Examples
    --------
    >>> arm = Proportion(n=200, sum=30)
    >>> arm.mean, round(arm.variance, 4)
    (0.15, 0.1275)
    """

    kind: ClassVar[str] = "proportion"

    sum: Numbers
    covariate: Covariate | None = None

    def refusals(self, *, exact: bool = False) -> list[Refusal]:
        """Return what is wrong with the counts."""
        n, total = floats(self.n, "n"), floats(self.sum, "sum")
        found = [*count_refusals(n, total)]
        found += success_refusals(n, total)
        return found + covariate_refusals(n, self.covariate, exact=exact)

    @cached_property
    def mean(self) -> Numbers:
        """The share of units that did it."""
        return numbers(floats(self.sum) / floats(self.n))

    @cached_property
    def variance(self) -> Numbers:
        """p(1 − p)."""
        p = floats(self.mean)
        return numbers(p * (1 - p))

    def moments(self) -> Moments:
        """Return the moments of the 0/1 values, then of x."""
        n, total = floats(self.n), floats(self.sum)
        return single_moments(self.n, self.sum, total * (1 - total / n), self.covariate)

    def thirds(self, moments: Moments) -> Thirds | None:
        """Return the third moments of the 0/1 values and x."""
        return single_thirds(moments, self.sum, self.covariate)
