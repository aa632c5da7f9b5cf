"""Means and covariances of the few per-unit variables behind one arm, and what they pool to.

Every statistic of the engine is a smooth function of the means of one or two variables (a metric,
or a numerator and a denominator), each of its covariates likewise. With the joint moments at hand
one delta-method rule gives the variance of any of them and the covariance of any two.
"""

from __future__ import annotations

from dataclasses import dataclass

from exp_jupyter.engine.statistics.arrays import Floats


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
