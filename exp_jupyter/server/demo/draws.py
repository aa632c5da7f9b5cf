"""Random draws that are the same on every machine and under every version of NumPy.

Only the raw 64-bit output of PCG64 is used (NumPy promises never to change it), and what is made
of it needs no mathematical library: shifts, products, comparisons and tables.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Draws:
    """A stream of draws.

    Parameters
    ----------
    seed
        The same seed gives the same draws.

    Examples
    --------
    >>> Draws(1).below(6, 5).tolist() == Draws(1).below(6, 5).tolist()
    True
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def uniform(self, count: int) -> Floats:
        """Return ``count`` numbers in [0, 1), each a multiple of 2**-53."""
        raw = self._bits.random_raw(count)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, bound: int, count: int) -> Ints:
        """Return ``count`` integers in [0, ``bound``); ``bound`` is at most 2**31."""
        raw = self._bits.random_raw(count) >> np.uint64(32)
        return ((raw * np.uint64(bound)) >> np.uint64(32)).astype(np.int64)

    def hashes(self, count: int) -> Ints:
        """Return ``count`` integers in [0, 2**63)."""
        return (self._bits.random_raw(count) >> np.uint64(1)).astype(np.int64)

    def pick(self, weights: Sequence[int], count: int) -> Ints:
        """Return ``count`` positions in ``weights``, each with its share of their sum."""
        ends = np.cumsum(np.asarray(weights, dtype=np.int64))
        return np.searchsorted(ends, self.below(int(ends[-1]), count), side="right")

    def from_table(self, table: Ints, count: int) -> Ints:
        """Return ``count`` integers from a distribution given by equally spaced quantiles.

        Between two entries of ``table`` (ascending) the distribution is uniform.
        """
        raw = self._bits.random_raw(count)
        place = ((raw >> np.uint64(32)) * np.uint64(len(table) - 1)) >> np.uint64(32)
        low = place.astype(np.int64)
        within = (raw & np.uint64(0xFFFF)).astype(np.int64)
        return table[low] + (((table[low + 1] - table[low]) * within) >> 16)


def scrambled(numbers: Ints, salt: int) -> Ints:
    """Return for each number another 64 bits that look like chance; no two are alike.

    Notes
    -----
    The finisher of SplitMix64 (Steele, Lea & Flood, 2014), which can be undone and so maps no two
    numbers to one.
    """
    mixed = numbers.astype(np.uint64) + np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))).view(np.int64)


def log_normal_table(median: float, sigma: float, *, scale: int = 1, steps: int = 512) -> Ints:
    """Return the quantiles of a log-normal distribution as integers.

    Parameters
    ----------
    median
        The median, in the unit of the result divided by ``scale``.
    sigma
        The standard deviation of the logarithm.
    scale
        How many parts one unit has, for example 100 for cents.
    steps
        How many equal shares the distribution is cut into; more of them let the tail reach out
        further, which ends at the quantile 1 - 1 / (2 * steps).

    Notes
    -----
    Rounding to integers takes away the last bit in which two machines' ``exp`` may differ.

    Examples
    --------
    >>> log_normal_table(30.0, 0.7, scale=100)[256].item()
    3000
    """
    normal = NormalDist()
    shares = [min(max(i / steps, 0.5 / steps), 1 - 0.5 / steps) for i in range(steps + 1)]
    values = [median * math.exp(sigma * normal.inv_cdf(share)) * scale for share in shares]
    return np.asarray([round(value) for value in values], dtype=np.int64)
