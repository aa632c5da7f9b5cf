"""The ratio statistic: one per-unit sum over another, with the delta method's variance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from exp_jupyter.engine.statistics.arguments import instance
from exp_jupyter.engine.statistics.arrays import Floats, Numbers, floats, numbers
from exp_jupyter.engine.statistics.base import (
    NO_DENOMINATOR,
    Statistic,
    centred_squares,
    count_refusals,
    covariate_refusals,
    not_finite,
    per_unit,
    success_refusals,
    sums_refusals,
)
from exp_jupyter.engine.statistics.covariates import Covariate, RatioCovariate
from exp_jupyter.engine.statistics.moments import Moments, Thirds
from exp_jupyter.engine.statistics.refusals import Refusal, raise_first
from exp_jupyter.errors import InputError

Part = Literal["mean", "proportion"]


@dataclass(frozen=True, eq=False)
class Ratio(Statistic):
    """A ratio Σa/Σb of two per-unit values, for example orders per session.

    Parameters
    ----------
    n
        Units (not events), at least 1.
    numerator_sum, numerator_sum_squares
        Σa, Σa².
    denominator_sum, denominator_sum_squares
        Σb, Σb².
    cross
        Σab.
    covariate
        A pre-exposure covariate: one value per unit (``Covariate`` with ``denominator_cross``), or
        itself a ratio (``RatioCovariate``).
    numerator_kind, denominator_kind
        ``"mean"``, or ``"proportion"`` for a 0/1 part whose variance is p(1 − p) without n/(n − 1).
    centred
        Σ(a − ā)², Σ(b − b̄)², Σ(a − ā)(b − b̄) when they are known better than the raw sums give
        them; set by ``Ratio.of``.
    third_sums
        Σa³, Σa²b, Σab², Σb³, so that comparisons in recommended mode are corrected for skewness;
        None if unknown. Not used together with a covariate.

    Raises
    ------
    exp_jupyter.errors.StatisticsError
        ``n_not_positive``, ``sum_squares_inconsistent``, ``successes_negative``,
        ``successes_exceed_n``, ``ratio_denominator_zero`` (b̄ within 1e-10 of 0), ``not_finite``.

    Notes
    -----
    The variance per unit is the delta method's s²ₐ/b̄² + ā²s²_b/b̄⁴ − 2āc/b̄³ (Deng, Knoblich, Lu,
    *Applying the Delta Method in Metric Analytics*).

    Examples
    --------
    >>> arm = Ratio(100, 1000.0, 10500.0, 200.0, 450.0, 2100.0)
    >>> arm.mean, round(arm.variance, 6)
    (5.0, 1.893939)
    """

    kind: ClassVar[str] = "ratio"
    tuples: ClassVar[dict[str, int]] = {"centred": 3, "third_sums": 4}
    _carries: ClassVar[tuple[type, ...]] = (Covariate, RatioCovariate)

    numerator_sum: Numbers
    numerator_sum_squares: Numbers
    denominator_sum: Numbers
    denominator_sum_squares: Numbers
    cross: Numbers
    covariate: Covariate | RatioCovariate | None = None
    numerator_kind: Part = "mean"
    denominator_kind: Part = "mean"
    centred: tuple[Numbers, Numbers, Numbers] | None = None
    third_sums: tuple[Numbers, Numbers, Numbers, Numbers] | None = None

    @classmethod
    def of(cls, numerator: object, denominator: object) -> Ratio:
        """Return the statistic of per-unit numerators and denominators, from centred sums.

        Parameters
        ----------
        numerator, denominator
            One value per unit along the last axis, in the same order.

        Examples
        --------
        >>> Ratio.of([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]).mean
        2.0
        """
        a, b = per_unit(numerator, "numerator"), per_unit(denominator, "denominator")
        if a.shape != b.shape:
            raise InputError(
                f"numerator has shape {a.shape}, denominator has {b.shape}",
                hint="Give one numerator and one denominator per unit, in the same order.",
            )
        da, db = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)

        def total(part: Floats) -> Numbers:
            return numbers(np.asarray(part.sum(axis=-1)))

        return cls(
            float(a.shape[-1]),
            total(a),
            total(a * a),
            total(b),
            total(b * b),
            total(a * b),
            centred=(total(da * da), total(db * db), total(da * db)),
            third_sums=(total(a * a * a), total(a * a * b), total(a * b * b), total(b * b * b)),
        )

    @classmethod
    def from_parts(
        cls,
        numerator: Statistic,
        denominator: Statistic,
        cross: Numbers,
        covariate: Covariate | RatioCovariate | None = None,
    ) -> Ratio:
        """Return the ratio of two statistics of the same units, each keeping its own variance.

        Parameters
        ----------
        numerator, denominator
            ``Mean`` or ``Proportion``.
        cross
            Σab.
        covariate
            A pre-exposure covariate.

        Raises
        ------
        exp_jupyter.errors.StatisticsError
            ``ratio_n_mismatch``: the parts count different units; or what ``Ratio`` refuses.

        Examples
        --------
        >>> from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio
        >>> Ratio.from_parts(Mean(10, 30.0, 120.0), Proportion(10, 6), 30.0).mean
        5.0
        """
        for name, part in (("numerator", numerator), ("denominator", denominator)):
            instance(name, part, Statistic, "a Mean or a Proportion")
            if isinstance(part, Ratio):
                raise InputError(f"the {name} is itself a ratio; expected a Mean or a Proportion.")
        differing = np.asarray(floats(numerator.n) != floats(denominator.n))
        message = "the numerator and the denominator were summed over different units"
        raise_first([Refusal("ratio_n_mismatch", differing, message)])
        sums: list[Numbers] = []
        kinds: list[Part] = []
        for part in (numerator, denominator):
            total: Numbers = getattr(part, "sum", np.nan)
            sums += [total, getattr(part, "sum_squares", total)]
            kinds.append("proportion" if part.kind == "proportion" else "mean")
        return cls(
            numerator.n,
            sums[0],
            sums[1],
            sums[2],
            sums[3],
            cross,
            covariate=covariate,
            numerator_kind=kinds[0],
            denominator_kind=kinds[1],
        )

    def refusals(self, *, exact: bool = False) -> list[Refusal]:
        """Return what is wrong with the sums."""
        n, a, b = floats(self.n, "n"), floats(self.numerator_sum), floats(self.denominator_sum)
        aa, bb = floats(self.numerator_sum_squares), floats(self.denominator_sum_squares)
        found = [*count_refusals(n, a, aa, b, bb, floats(self.cross))]
        parts = (
            (self.numerator_kind, a, aa, " of the numerator"),
            (self.denominator_kind, b, bb, " of the denominator"),
        )
        for kind, total, squares, of in parts:
            if kind == "proportion":
                found += success_refusals(n, total)
            else:
                found += sums_refusals(n, total, squares, exact=exact, of=of)
        with np.errstate(all="ignore"):
            found.append(
                Refusal(
                    "ratio_denominator_zero",
                    np.abs(b / n) < NO_DENOMINATOR,
                    "the mean of the denominator is 0, so the ratio is not defined",
                    "Check the denominator's metric, or analyse the numerator alone.",
                )
            )
        if isinstance(self.covariate, RatioCovariate):
            return found + ratio_covariate_refusals(n, self.covariate, exact=exact)
        return found + covariate_refusals(n, self.covariate, exact=exact)

    @cached_property
    def mean(self) -> Numbers:
        """Σa/Σb."""
        return numbers(floats(self.numerator_sum) / floats(self.denominator_sum))

    @cached_property
    def variance(self) -> Numbers:
        """The delta method's variance per unit."""
        moments = self.moments()
        a, b = moments.means[:2]
        own = self.part_variance(self.numerator_kind, moments, 0)
        other = self.part_variance(self.denominator_kind, moments, 1)
        shared = moments.covariance(0, 1)
        value = own / b**2 + a**2 * other / b**4 - 2 * a * shared / b**3
        return numbers(np.asarray(value))

    @staticmethod
    def part_variance(kind: Part, moments: Moments, position: int) -> Floats:
        """Return the variance of the numerator or denominator, by the rule of its kind."""
        if kind == "proportion":
            p = moments.means[position]
            return p * (1 - p)
        return moments.covariance(position, position)

    def moments(self) -> Moments:
        """Return the moments of a and b, then of the covariate's one or two variables."""
        n, a, b = floats(self.n), floats(self.numerator_sum), floats(self.denominator_sum)
        if self.centred is not None:
            aa, bb, ab = (floats(part) for part in self.centred)
        else:
            aa = centred_squares(n, a, floats(self.numerator_sum_squares))
            bb = centred_squares(n, b, floats(self.denominator_sum_squares))
            ab = floats(self.cross) - a * b / n
        sums, centred = [a, b], {(0, 0): aa, (1, 1): bb, (0, 1): ab}
        carried = self.covariate
        if isinstance(carried, Covariate):
            x = floats(carried.sum)
            sums.append(x)
            centred[2, 2] = centred_squares(n, x, floats(carried.sum_squares))
            centred[0, 2] = floats(carried.cross) - a * x / n
            if carried.denominator_cross is not None:
                centred[1, 2] = floats(carried.denominator_cross) - b * x / n
        elif isinstance(carried, RatioCovariate):
            w, u = floats(carried.numerator_sum), floats(carried.denominator_sum)
            sums += [w, u]
            centred[2, 2] = centred_squares(n, w, floats(carried.numerator_sum_squares))
            centred[3, 3] = centred_squares(n, u, floats(carried.denominator_sum_squares))
            centred[2, 3] = floats(carried.cross) - w * u / n
            centred[0, 2] = floats(carried.numerator_by_numerator) - a * w / n
            centred[0, 3] = floats(carried.numerator_by_denominator) - a * u / n
            centred[1, 2] = floats(carried.denominator_by_numerator) - b * w / n
            centred[1, 3] = floats(carried.denominator_by_denominator) - b * u / n
        return Moments(n, tuple(total / n for total in sums), centred)

    def thirds(self, moments: Moments) -> Thirds | None:
        """Return the third moments of a and b, where there is no covariate."""
        if self.third_sums is None or self.covariate is not None:
            return None
        keys = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1))
        sums = dict(zip(keys, (floats(part) for part in self.third_sums), strict=True))
        return Thirds.of_sums(moments, sums)

    def gradient(self, moments: Moments) -> dict[int, Floats]:
        """Return ∂(ā/b̄): 1/b̄ and −ā/b̄²."""
        a, b = moments.means[:2]
        return {0: 1 / b, 1: -a / b**2}

    def covariate_gradient(self, moments: Moments) -> dict[int, Floats]:
        """Return the same for the covariate: 1, or the derivatives of w̄/ū."""
        if isinstance(self.covariate, RatioCovariate):
            w, u = moments.means[2:]
            return {2: 1 / u, 3: -w / u**2}
        return {2: np.ones(())}

    def covariate_value(self, moments: Moments) -> Floats:
        """Return x̄, or w̄/ū."""
        if isinstance(self.covariate, RatioCovariate):
            return moments.means[2] / moments.means[3]
        return moments.means[2]


def ratio_covariate_refusals(n: Floats, covariate: RatioCovariate, *, exact: bool) -> list[Refusal]:
    """Return what is wrong with the sums of a covariate that is a ratio."""
    w, u = floats(covariate.numerator_sum), floats(covariate.denominator_sum)
    ww = floats(covariate.numerator_sum_squares)
    uu = floats(covariate.denominator_sum_squares)
    crosses = [
        floats(part)
        for part in (
            covariate.cross,
            covariate.numerator_by_numerator,
            covariate.numerator_by_denominator,
            covariate.denominator_by_numerator,
            covariate.denominator_by_denominator,
        )
    ]
    with np.errstate(all="ignore"):
        empty = np.abs(u / n) < NO_DENOMINATOR
    return [
        Refusal(
            "not_finite",
            not_finite(w, u, ww, uu, *crosses),
            "the covariate's sums must be finite numbers",
        ),
        *sums_refusals(n, w, ww, exact=exact, of=" of the covariate's numerator"),
        *sums_refusals(n, u, uu, exact=exact, of=" of the covariate's denominator"),
        Refusal(
            "ratio_denominator_zero",
            empty,
            "the mean of the covariate's denominator is 0, so the covariate is not defined",
            "Leave the covariate out.",
        ),
    ]
