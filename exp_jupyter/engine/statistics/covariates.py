"""Pre-exposure sums that a statistic may carry, so that its variance can be reduced (CUPED)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from exp_jupyter.engine.statistics.arrays import Numbers


@dataclass(frozen=True, eq=False)
class Covariate:
    """Sums of one covariate x over the same units as the metric y.

    Parameters
    ----------
    sum
        Σx.
    sum_squares
        Σx².
    cross
        Σxy; for a ratio the product with the numerator.
    denominator_cross
        Only for a ratio: the sum of products of x and the denominator.
    centred
        Σ(x − x̄)² and Σ(x − x̄)(y − ȳ) when they are known better than the raw sums give them;
        set by ``Mean.of``.
    third_sums
        Σx³, Σx²y and Σxy², so that comparisons in recommended mode are corrected for the skewness
        of what the covariate leaves; None if unknown. Not used for a ratio.
    n
        Units behind the covariate, when they were counted on their own; they must be the metric's.

    Examples
    --------
    >>> from exp_jupyter.engine.statistics.means import Covariate, Mean
    >>> arm = Mean(4, 10.0, 30.0, covariate=Covariate(sum=8.0, sum_squares=20.0, cross=24.0))
    >>> arm.covariate.sum
    8.0
    """

    tuples: ClassVar[dict[str, int]] = {"centred": 2, "third_sums": 3}

    sum: Numbers
    sum_squares: Numbers
    cross: Numbers
    denominator_cross: Numbers | None = None
    centred: tuple[Numbers, Numbers] | None = None
    n: Numbers | None = None
    third_sums: tuple[Numbers, Numbers, Numbers] | None = None


@dataclass(frozen=True, eq=False)
class RatioCovariate:
    """Sums of a covariate that is itself a ratio w/u; only for a ratio metric a/b.

    Parameters
    ----------
    numerator_sum, numerator_sum_squares
        Σw, Σw².
    denominator_sum, denominator_sum_squares
        Σu, Σu².
    cross
        Σwu.
    numerator_by_numerator, numerator_by_denominator
        Σaw, Σau: products of the metric's numerator with both parts of the covariate.
    denominator_by_numerator, denominator_by_denominator
        Σbw, Σbu: the same for the metric's denominator.
    """

    numerator_sum: Numbers
    numerator_sum_squares: Numbers
    denominator_sum: Numbers
    denominator_sum_squares: Numbers
    cross: Numbers
    numerator_by_numerator: Numbers
    numerator_by_denominator: Numbers
    denominator_by_numerator: Numbers
    denominator_by_denominator: Numbers
