"""Means, covariances and third moments of the few per-unit variables behind one arm.

Every statistic of the engine is a smooth function of the means of one or two variables (a metric,
or a numerator and a denominator), each of its covariates likewise. With the joint moments at hand
one delta-method rule gives the variance of any of them and the covariance of any two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.statistics.arrays import Floats

LOST = 1e-13
"""Where rounding of the raw sums may hide a third moment, it is taken as 0."""

Triple = tuple[int, int, int]
Form = Mapping[int, Floats]
"""A linear form of the variables: {position: coefficient}."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Joint first and second moments of the variables of one arm.

    Parameters
    ----------
    n
        Units.
    means
        The mean of every variable.
    centred
        Sums of centred products Σ(a − ā)(b − b̄), keyed by the pair of positions (i ≤ j).
    """

    n: Floats
    means: tuple[Floats, ...]
    centred: dict[tuple[int, int], Floats]

    def covariance(self, i: int, j: int) -> Floats:
        """Return the sample covariance (n − 1) of variables ``i`` and ``j``; 0 when n = 1."""
        pair = (i, j) if i <= j else (j, i)
        n = self.n
        return self.centred[pair] / (n - 1 + (n <= 1)) * (n > 1)

    def pooled(self, other: Moments) -> Moments:
        """Return the moments of both arms' units taken together.

        The centred products add up with the between-arm term n₁n₂/(n₁+n₂)·Δᵢ·Δⱼ (Chan, Golub
        and LeVeque, *Algorithms for computing the sample variance*), which cancels far less than
        subtracting raw sums.
        """
        n = self.n + other.n
        gaps = [b - a for a, b in zip(self.means, other.means, strict=True)]
        weight = self.n * other.n / n
        return Moments(
            n,
            tuple(
                (self.n * a + other.n * b) / n for a, b in zip(self.means, other.means, strict=True)
            ),
            {
                (i, j): value + other.centred[i, j] + weight * gaps[i] * gaps[j]
                for (i, j), value in self.centred.items()
            },
        )

    def bilinear(self, first: dict[int, Floats], second: dict[int, Floats]) -> Floats:
        """Return the covariance of two linear forms given as {position: coefficient}."""
        total: Floats | None = None
        for i, a in first.items():
            for j, b in second.items():
                term = a * b * self.covariance(i, j)
                total = term if total is None else total + term
        if total is None:
            raise ValueError("a linear form needs at least one variable")
        return total


@dataclass(frozen=True, eq=False)
class Thirds:
    """Joint third central moments of the variables of one arm.

    Parameters
    ----------
    moments
        Their first and second moments.
    values
        E(a − ā)(b − b̄)(c − c̄) per unit, keyed by the positions (i ≤ j ≤ k).
    rounding
        How far rounding of the sums may have moved each of them.
    """

    moments: Moments
    values: dict[Triple, Floats]
    rounding: dict[Triple, Floats]

    @classmethod
    def of_sums(cls, moments: Moments, sums: Mapping[Triple, Floats]) -> Thirds:
        """Return the third central moments from raw sums Σabc of the units.

        Parameters
        ----------
        moments
            First and second moments of the same units.
        sums
            Σabc, keyed by the positions (i ≤ j ≤ k).

        Examples
        --------
        >>> import numpy as np
        >>> y = np.array([0.0, 0.0, 3.0])
        >>> moments = Moments(np.array(3.0), (y.mean(),), {(0, 0): y.var() * 3})
        >>> float(Thirds.of_sums(moments, {(0, 0, 0): (y**3).sum()}).values[0, 0, 0])
        2.0
        """
        values: dict[Triple, Floats] = {}
        rounding: dict[Triple, Floats] = {}
        for (i, j, k), total in sums.items():
            a, b, c = (moments.means[place] for place in (i, j, k))
            parts = (
                a * _per_unit(moments, j, k),
                b * _per_unit(moments, i, k),
                c * _per_unit(moments, i, j),
                a * b * c,
            )
            values[i, j, k] = np.asarray(total / moments.n - sum(parts))
            rounding[i, j, k] = np.asarray(LOST * sum(np.abs(part) for part in parts))
        return cls(moments, values, rounding)

    def of(self, first: Form, second: Form, third: Form) -> Floats:
        """Return the third central moment of three linear forms, 0 where rounding hides it."""
        total = lost = np.zeros(())
        for i, a in first.items():
            for j, b in second.items():
                for k, c in third.items():
                    low, middle, high = sorted((i, j, k))
                    weight = a * b * c
                    total = total + weight * self.values[low, middle, high]
                    lost = lost + np.abs(weight) * self.rounding[low, middle, high]
        scale = np.ones(())
        for form in (first, second, third):
            own = dict(form)
            scale = scale * np.sqrt(np.maximum(self.moments.bilinear(own, own), 0.0))
        return np.where(lost < scale, total, 0.0)


def _per_unit(moments: Moments, i: int, j: int) -> Floats:
    return moments.centred[min(i, j), max(i, j)] / moments.n
