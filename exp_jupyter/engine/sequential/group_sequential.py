"""A few planned looks: group-sequential boundaries by alpha spending, their power and price."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.statistics.arguments import choose, number, switch
from exp_jupyter.engine.statistics.arrays import Floats, floats
from exp_jupyter.engine.statistics.scalar_or_array import normal_cdf, normal_quantile
from exp_jupyter.errors import InputError
from exp_jupyter.shown import Shown

SPENDING = ("obrien-fleming", "pocock", "power")
_FAR = 9.0
_GREATEST_DRIFT = 1e6
_NODES_PER_STEP = 6


@dataclass(frozen=True, eq=False, repr=False)
class GroupSequential(Shown):
    """The boundaries of a group-sequential test.

    Attributes
    ----------
    information
        Share of the final information (units) at each look, increasing, the last at most 1.
    critical_z
        A look stops for an effect when its z statistic passes this.
    nominal_alpha
        The same as a p-value threshold for the look (one- or two-sided as the test).
    spent
        Alpha spent up to each look.
    alpha, alternative, spending
        The test's level and direction, and its spending function.
    exponent
        ρ of the power family ``α t^ρ``; None otherwise.
    """

    information: Floats
    critical_z: Floats
    nominal_alpha: Floats
    spent: Floats
    alpha: float
    alternative: str
    spending: str
    exponent: float | None

    def crossed(self, z_statistics: Sequence[float]) -> int | None:
        """Return the first look (from 0) at which the test stops, or None.

        Examples
        --------
        >>> alpha_spending([0.5, 1.0]).crossed([2.1, 2.2])
        1
        """
        z = floats(z_statistics, "z_statistics")
        if z.ndim != 1 or z.size > self.critical_z.size or not np.isfinite(z).all():
            raise InputError(f"Give at most {self.critical_z.size} finite z statistics, in order.")
        reach = {"two-sided": np.abs(z), "greater": z, "less": -z}[self.alternative]
        over = np.flatnonzero(reach > self.critical_z[: z.size])
        return int(over[0]) if over.size else None

    def stopping(self, drift: float) -> Floats:
        """Return the probability to stop at each look.

        Parameters
        ----------
        drift
            Expected z statistic at full information, ``effect / standard error``; 0 for none.

        Examples
        --------
        >>> alpha_spending([0.5, 1.0]).stopping(2.8).round(3)
        array([0.163, 0.635])
        """
        drift = number("drift", drift)
        # Beyond this every look stops, and the arithmetic would overflow.
        drift = min(max(drift, -_GREATEST_DRIFT), _GREATEST_DRIFT)
        found: list[float] = []
        walk = _Walk(
            self.alternative == "two-sided", -drift if self.alternative == "less" else drift
        )
        for t, z in zip(self.information, self.critical_z, strict=True):
            walk.step(float(t))
            found.append(walk.beyond(float(z) * math.sqrt(float(t))))
            walk.stay(float(z) * math.sqrt(float(t)))
        return np.array(found)

    def power(self, drift: float) -> float:
        """Return the probability to stop for an effect at any look."""
        return float(self.stopping(drift).sum())

    def drift_for(self, power: float = 0.8) -> float:
        """Return the drift that this test finds with ``power``.

        Examples
        --------
        >>> round(alpha_spending([0.5, 1.0]).drift_for(0.8), 3)
        2.807
        """
        power = number("power", power, self.alpha, 1)
        low, high = 0.0, 20.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self.power(middle) < power else (low, middle)
        return (low + high) / 2

    def inflation(self, power: float = 0.8) -> float:
        """Return how many times the units of a fixed-horizon test the last look needs.

        Examples
        --------
        >>> round(alpha_spending([0.25, 0.5, 0.75, 1.0]).inflation(0.8), 3)
        1.02
        """
        power = number("power", power, self.alpha, 1)
        tail = self.alpha / (2 if self.alternative == "two-sided" else 1)
        fixed = float(normal_quantile(1 - tail)) + float(normal_quantile(power))
        return (self.drift_for(power) / fixed) ** 2


def alpha_spending(
    information: Sequence[float],
    *,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    spending: str = "obrien-fleming",
    exponent: float = 2.0,
    search_tolerance: float = 0.0,
    overrunning: bool = False,
) -> GroupSequential:
    """Return the boundaries for these looks.

    Parameters
    ----------
    information
        Units at each look over the units planned at the end. Looks need not be known beforehand:
        what was spent earlier is not changed by later looks.
    alpha
        Level over all looks together; two-sided tests spend half on either side.
    spending
        ``obrien-fleming`` (``2 - 2 Φ(z_{α/2} / √t)``, strict early), ``pocock``
        (``α ln(1 + (e - 1) t)``, even), or ``power`` (``α t^ρ``).
    exponent
        ρ of the power family.
    overrunning
        Let the last look have more units than were planned (a share above 1): it spends all of
        alpha that is left, for the information there really is.
    search_tolerance
        Accept a boundary as soon as it spends this close to its share of alpha, found in decimal
        steps as R's ldbounds does with 1e-7; by default boundaries are exact.

    Notes
    -----
    Boundaries by numerical recursion over the density of the score process inside the boundaries
    (Armitage, McPherson, Rowe), with Gauss-Legendre quadrature. Sources: Lan, DeMets, *Discrete
    sequential boundaries for clinical trials*; Jennison, Turnbull, *Group Sequential Methods with
    Applications to Clinical Trials*.

    Examples
    --------
    >>> alpha_spending([0.2, 0.4, 0.6, 0.8, 1.0]).critical_z.round(3)
    array([4.877, 3.357, 2.68 , 2.29 , 2.031])
    """
    choose("alternative", alternative, ("two-sided", "greater", "less"))
    choose("spending", spending, SPENDING)
    alpha = number("alpha", alpha, 0, 1)
    exponent = number("exponent", exponent, 0)
    search_tolerance = number("search_tolerance", search_tolerance, 0, 0.01, closed=True)
    t = floats(information, "information")
    overrunning = switch("overrunning", overrunning)
    most = math.inf if overrunning and (t.size < 2 or t[-2] < 1) else 1.0
    if t.ndim != 1 or t.size == 0 or not (np.diff(t, prepend=0.0) > 0).all() or t[-1] > most:
        raise InputError(
            "information must increase, from above 0 to at most 1.",
            hint="Divide the units at each look by the units planned at the end.",
        )
    two_sided = alternative == "two-sided"
    side = alpha / 2 if two_sided else alpha
    spend = _spending(spending, side, exponent)
    spent = np.array([spend(min(float(share), 1.0)) for share in t])
    walk = _Walk(two_sided, 0.0)
    edges: list[float] = []
    before = 0.0
    for share, target in zip(t, spent, strict=True):
        walk.step(float(share))
        edge = walk.edge_for(float(target) - before)
        if search_tolerance and edges:
            last = edges[-1] * math.sqrt(float(t[len(edges) - 1]))
            edge = walk.edge_within(search_tolerance, float(target) - before, last)
        walk.stay(edge)
        before = float(target)
        edges.append(edge / math.sqrt(float(share)))
    z = np.array(edges)
    sides = 2 if two_sided else 1
    nominal = np.array([sides * float(normal_cdf(-float(value))) for value in z])
    return GroupSequential(
        information=t,
        critical_z=z,
        nominal_alpha=nominal,
        spent=sides * spent,
        alpha=alpha,
        alternative=alternative,
        spending=spending,
        exponent=exponent if spending == "power" else None,
    )


def _spending(name: str, alpha: float, exponent: float) -> Callable[[float], float]:
    if name == "power":
        return lambda t: alpha * t**exponent
    if name == "pocock":
        return lambda t: alpha * math.log1p((math.e - 1) * t)
    strict = float(normal_quantile(1 - alpha / 2))
    return lambda t: 2 * float(normal_cdf(-strict / math.sqrt(t)))


class _Walk:
    """The score process among those experiments that have not stopped yet."""

    def __init__(self, two_sided: bool, drift: float) -> None:
        self._two_sided = two_sided
        self._drift = drift
        self._time = 0.0
        self._spread = 0.0
        # The whole mass sits at 0 before the first look.
        self._points = np.zeros(1)
        self._mass = np.ones(1)

    def step(self, time: float) -> None:
        """Let the process run to ``time``."""
        gap = time - self._time
        self._points = self._points + self._drift * gap
        self._spread = math.sqrt(gap)
        self._time = time

    def beyond(self, edge: float) -> float:
        """Return the probability to lie outside the boundary now."""
        from scipy import special

        above = float(self._mass @ special.ndtr((self._points - edge) / self._spread))
        if not self._two_sided:
            return above
        return above + float(self._mass @ special.ndtr((-edge - self._points) / self._spread))

    def edge_for(self, probability: float) -> float:
        """Return the boundary that is passed upwards with this probability."""
        sides = 2 if self._two_sided else 1
        low, high = -_FAR * math.sqrt(self._time), _FAR * math.sqrt(self._time)
        if self._two_sided:
            low = 0.0
        from scipy import optimize

        def excess(edge: float) -> float:
            return self.beyond(edge) - sides * probability

        if excess(high) >= 0:  # next to nothing is spent
            return high
        if excess(low) <= 0:
            return low
        return float(optimize.brentq(excess, low, high, xtol=1e-14, rtol=1e-14))

    def edge_within(self, tolerance: float, probability: float, start: float) -> float:
        """Return a boundary that is passed with nearly this probability, in decimal steps."""
        sides = 2 if self._two_sided else 1
        edge, stride = start, 1.0
        for _ in range(16):
            excess = self.beyond(edge) / sides - probability
            if abs(excess) <= tolerance:
                break
            direction = 1.0 if excess > 0 else -1.0
            while direction * excess > tolerance:
                edge += direction * stride
                excess = self.beyond(edge) / sides - probability
            stride /= 10
        return edge

    def stay(self, edge: float) -> None:
        """Drop what lies outside the boundary and carry the rest on, on fresh nodes."""
        # The process may not fall far below its mean without stopping: nothing is lost there.
        centre = self._drift * self._time
        floor = -edge if self._two_sided else min(centre, edge) - _FAR * math.sqrt(self._time)
        ceiling = min(edge, centre + _FAR * math.sqrt(self._time))
        self._points, self._mass = score_nodes(
            self._points, self._mass, self._spread, floor, ceiling
        )


def score_nodes(
    means: Floats, mass: Floats, spread: float, floor: float, ceiling: float
) -> tuple[Floats, Floats]:
    """Return the score process inside two bounds one step later, on fresh nodes.

    Parameters
    ----------
    means, mass
        Where the process is expected from each node before the step, and the nodes' mass.
    spread
        Standard deviation of the step.
    floor, ceiling
        The bounds it stays inside.
    """
    count = max(64, math.ceil(_NODES_PER_STEP * (ceiling - floor) / spread))
    nodes, weights = _legendre(min(count, 4000))
    points = floor + (ceiling - floor) * (nodes + 1) / 2
    gaps = (points[:, None] - means[None, :]) / spread
    density = np.exp(-0.5 * gaps * gaps) @ mass / (spread * math.sqrt(2 * math.pi))
    return points, density * weights * (ceiling - floor) / 2


def _legendre(count: int) -> tuple[Floats, Floats]:
    """Return composite Gauss-Legendre nodes and weights on -1 to 1: panels of 16 points."""
    nodes, weights = _panel()
    panels = -(-count // 16)
    starts = np.arange(panels) * 2 / panels - 1
    spread = 1 / panels
    points = (starts[:, None] + spread * (nodes + 1)).ravel()
    return points, np.tile(weights * spread, panels)


@functools.cache
def _panel() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(16)
    return nodes, weights
