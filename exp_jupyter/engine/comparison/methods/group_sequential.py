"""A few planned looks: every value of the effect against group-sequential boundaries."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exp_jupyter.engine.comparison.contrast import Contrast, Difference, no_variance
from exp_jupyter.engine.comparison.methods.intervals import null_error
from exp_jupyter.engine.inference.cautions import Caution
from exp_jupyter.engine.inference.distributions import (
    Alternative,
    as_deviate,
    as_statistic,
    one_sided,
)
from exp_jupyter.engine.sequential.futility import futility_bounds
from exp_jupyter.engine.sequential.group_sequential import (
    SPENDING,
    GroupSequential,
    alpha_spending,
)
from exp_jupyter.engine.statistics.arguments import choose, number, whole
from exp_jupyter.engine.statistics.arrays import Booleans, Floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.refusals import Refusal
from exp_jupyter.engine.statistics.requirements import (
    ALTERNATIVES,
    DIFFERENCES,
    check_level,
    kind_mismatch,
    least_units,
)
from exp_jupyter.errors import InputError

FUTILE = (
    "the futility boundary of this look is passed: stopping for lack of an effect is allowed, and "
    "going on costs no false alarms"
)
OVERRUN = (
    "there are more units than planned: the look at the planned size spends all of alpha that is "
    "left, and later days decide nothing new"
)
_GRID = np.array([1e-6, 1e-5, 1e-4, 1e-3, 5e-3, 0.02, 0.1, 0.2, 0.35, 0.6])
"""Levels at which boundaries are worked out for a p-value between them."""


@dataclass(frozen=True)
class GroupSequentialTest:
    """A few planned looks: boundaries that spend alpha over them.

    Of a single comparison the earlier looks are those of the plan, evenly spaced; of an array the
    last axis holds the looks that were made, in order of time. Looks may come at any time, and
    be as many as one likes: what earlier ones spent, later ones do not change.

    Parameters
    ----------
    planned_n
        Units of the two compared arms together at the last look; a plan states it.
    looks
        Looks of the plan, evenly spaced; read for a single comparison.
    spending
        ``obrien-fleming`` (strict early, the default) or ``pocock`` (even).
    futility
        The power of the plan, such as 0.8: looks then also have a futility boundary, which spends
        1 minus the power as the efficacy boundary spends alpha. Non-binding: going on past it
        costs no false alarms. None for no such boundary.
    alpha
        Probability of a false alarm over all looks together.
    alternative
        ``two-sided``, ``greater`` or ``less``.
    difference
        ``relative`` to the control mean, or ``absolute``.
    null
        The difference under the null hypothesis.

    Notes
    -----
    The interval is the repeated confidence interval: the values that this look's boundary does
    not reject. The p-value is the smallest alpha whose boundary this look passes. Sources: Lan,
    DeMets, *Discrete sequential boundaries for clinical trials*; Jennison, Turnbull, *Group
    Sequential Methods with Applications to Clinical Trials*.

    Examples
    --------
    >>> from exp_jupyter.engine import Proportion, compare
    >>> method = GroupSequentialTest(planned_n=20_000)
    >>> effect = compare(Proportion(6000, 600), Proportion(6000, 720), method)
    >>> effect.significant, round(effect.p_value, 3)
    (True, 0.009)
    """

    name: ClassVar[str] = "group-sequential"
    mode: ClassVar[Any] = "recommended"
    positive_baseline: ClassVar[bool] = True

    planned_n: float
    looks: int = 5
    spending: str = "obrien-fleming"
    futility: float | None = None
    alpha: float = 0.05
    alternative: Alternative = "two-sided"
    difference: Difference = "relative"
    null: float = 0.0

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha, "alpha_out_of_range")
        choose("alternative", self.alternative, ALTERNATIVES)
        choose("difference", self.difference, DIFFERENCES)
        choose("spending", self.spending, SPENDING[:2])
        held = {
            "planned_n": number(
                "planned_n", self.planned_n, 1, hint="It is the plan's units of both arms."
            ),
            "null": number(
                "null", self.null, hint="It is the difference to test against, usually 0."
            ),
            "alpha": float(self.alpha),
        }
        if not 1 <= whole("looks", self.looks, 1) <= 100:
            raise InputError(f"looks is {self.looks}; expected 1 to 100.")
        if self.futility is not None:
            held["futility"] = number(
                "futility", self.futility, held["alpha"], 1, hint="It is the plan's power, 0.8."
            )
        for name, value in held.items():  # plain numbers, which can be looked up in a cache
            object.__setattr__(self, name, value)

    @property
    def level(self) -> float:
        """The intervals' confidence level, over all looks together."""
        return 1 - self.alpha

    def refusals(self, control: Statistic, treatment: Statistic) -> list[Refusal]:
        """Return what this method refuses about the arms themselves."""
        return [*kind_mismatch(control, treatment), *least_units(control, treatment, 2)]

    def boundaries(self, n: Any) -> GroupSequential:
        """Return the boundaries of looks at these sizes.

        Parameters
        ----------
        n
            Units of both arms: one number for a look of the plan, or one for each look made.

        Examples
        --------
        >>> GroupSequentialTest(planned_n=1000).boundaries(600).critical_z.round(3)
        array([4.877, 3.357, 2.68 ])
        """
        return _boundaries(self, self._information(np.asarray(n, dtype=float)), self.alpha)

    def judge(self, found: Contrast) -> dict[str, Any]:
        """Return the effect's fields, and what is refused under ``refusals``."""
        test = found.test()
        df = test.df(self.null)
        deviate = as_deviate(test.statistic(self.null), df)
        n = np.broadcast_to(found.n, deviate.shape)
        towards = {"two-sided": np.abs(deviate), "greater": deviate, "less": -deviate}
        reach = towards[self.alternative]
        critical, futile_below, late = self._edges(n)
        p = self._p_value(reach, n)
        significant = _settled(p < self.alpha, late)
        low, high = test.bounds(as_statistic(critical, df), self.null)
        cautions: list[Caution] = [*test.cautions, Caution("overrun", n > self.planned_n, OVERRUN)]
        if self.futility is not None:
            cautions.append(Caution("futile", (reach < futile_below) & ~significant, FUTILE))
        return {
            "alternative": self.alternative,
            "interval_kind": "repeated",
            "null_error": null_error(test, self.null),
            "null": self.null,
            "level": self.level,
            "estimate": test.estimate,
            "standard_error": test.standard_error,
            "interval": one_sided((low, high), self.alternative),
            "p_value": p,
            "statistic": test.statistic(self.null),
            "df": df,
            "significant": significant,
            "refusals": (no_variance(test.variance(self.null)), *test.refusals),
            "cautions": tuple(cautions),
        }

    def _information(self, n: Floats) -> tuple[float, ...]:
        """Return the looks up to the one at the planned size, as shares of it."""
        if n.ndim == 0:
            share = float(n) / self.planned_n
            planned = [k / self.looks for k in range(1, self.looks)]
            return (*(t for t in planned if t < min(share, 1.0) - 1e-9), share)
        shares = np.unique(n[np.isfinite(n) & (n > 0)]) / self.planned_n
        done = np.flatnonzero(shares >= 1)
        return tuple(shares[: done[0] + 1] if done.size else shares)

    def _rows(self, n: Floats) -> list[tuple[Any, tuple[float, ...]]]:
        """Return the looks of every series of looks, and where in the array they are."""
        if n.ndim == 0:
            return [((), self._information(n))]
        flat = n.reshape(-1, n.shape[-1])
        unique, whose = np.unique(flat, axis=0, return_inverse=True)
        return [
            (np.flatnonzero(whose.reshape(-1) == row), self._information(looks))
            for row, looks in enumerate(unique)
        ]

    def _placed(self, n: Floats, of: Any, fill: float) -> Floats:
        """Return for every element the value that belongs to its look."""
        if n.ndim == 0:
            return np.asarray(of(self._information(n))[-1])
        flat = n.reshape(-1, n.shape[-1])
        found = np.full(flat.shape, fill)
        for rows, looks in self._rows(n):
            if looks:
                values, shares = np.asarray(of(looks)), np.asarray(looks)
                place = np.searchsorted(shares, flat[rows] / self.planned_n - 1e-12)
                found[rows] = values[np.minimum(place, shares.size - 1)]
        return found.reshape(n.shape)

    def _edges(self, n: Floats) -> tuple[Floats, Floats, Booleans]:
        critical = self._placed(n, lambda looks: _boundaries(self, looks, self.alpha).critical_z, 9)
        nothing = np.full(n.shape, -np.inf)
        if n.ndim == 0:
            late = np.zeros((), dtype=bool)
        else:
            over = n >= self.planned_n
            # The first look at the planned size is the last that decides.
            late = over & (np.cumsum(over, axis=-1) > 1) & (np.diff(n, prepend=0, axis=-1) > 0)
            late = np.logical_or.accumulate(late, axis=-1)
        if self.futility is None:
            return critical, nothing, late
        return critical, self._placed(n, lambda looks: _futility(self, looks), -np.inf), late

    def _p_value(self, reach: Floats, n: Floats) -> Floats:
        levels = np.unique(np.append(_GRID, self.alpha))
        edges = np.stack(
            [
                self._placed(n, lambda looks, a=level: _boundaries(self, looks, a).critical_z, 9.0)
                for level in levels
            ]
        )
        # From the strictest level on, a boundary falls as its level rises.
        edges, logs = edges.reshape(len(levels), -1), np.log(levels)
        flat, found = reach.reshape(-1), np.empty(reach.size)
        for place, value in enumerate(flat):
            own = edges[:, place]
            # ln p falls nearly as a straight line over z².
            squares = np.maximum(own, 0.0) ** 2
            found[place] = np.exp(np.interp(-(value**2), -squares, logs))
            if value < own[-1]:
                found[place] = 1.0
        return found.reshape(reach.shape)


def _settled(passed: Booleans, late: Booleans) -> Booleans:
    """Return the decisions; what the look at the planned size decided stands afterwards."""
    if passed.ndim == 0 or not late.any():
        return np.asarray(passed)
    place = np.where(late, 0, np.arange(passed.shape[-1]))
    last = np.maximum.accumulate(place, axis=-1)
    return np.asarray(np.take_along_axis(passed, np.broadcast_to(last, passed.shape), axis=-1))


def _boundaries(
    method: GroupSequentialTest, looks: tuple[float, ...], alpha: float
) -> GroupSequential:
    return _spent(looks, alpha, method.alternative, method.spending)


@functools.lru_cache(maxsize=4096)
def _spent(
    looks: tuple[float, ...], alpha: float, alternative: str, spending: str
) -> GroupSequential:
    return alpha_spending(
        looks, alpha=alpha, alternative=alternative, spending=spending, overrunning=True
    )


@functools.lru_cache(maxsize=256)
def _futility(method: GroupSequentialTest, looks: tuple[float, ...]) -> Floats:
    return futility_bounds(
        _boundaries(method, looks, method.alpha), power=float(method.futility or 0.8)
    )
