"""How an experiment is split and judged: what a plan has to know beside its metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from exp_jupyter.engine.statistics.arguments import choose, inside, switch
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.engine.statistics.scalar_or_array import (
    as_numbers,
    everywhere,
    log,
    normal_quantile,
    where,
)
from exp_jupyter.errors import InputError

if TYPE_CHECKING:
    from exp_jupyter.engine.statistics.scalar_or_array import Numbers

ALTERNATIVES = ("two-sided", "greater", "less")
EFFECTS = ("additive", "multiplicative", "conversion")


@dataclass(frozen=True, kw_only=True)
class Design:
    """How the experiment will be split and judged. Every number may be an array.

    Parameters
    ----------
    alpha
        Probability of a false positive; one-sided when ``alternative`` is.
    alternative
        ``two-sided``, ``greater`` or ``less``.
    difference
        ``relative`` (effects are fractions of the baseline, the default) or ``absolute``.
    variants
        Number of arms, control included; they share the units evenly unless ``split`` is given.
    split
        Share of each arm, control first; scaled to sum to 1. The smallest treatment arm counts.
    margin
        Non-inferiority margin on the scale of ``difference``: the treatment may be worse by less
        than this. Needs a one-sided alternative (``greater`` when higher is better).
    correlation
        Correlation of the metric with its CUPED covariate, between -1 and 1.
    comparisons
        Number of comparisons that share ``alpha`` (Bonferroni).
    sequential
        True for a confidence sequence tightest at the planned size; a number sets its tuning
        parameter (total units of the two compared arms); False for a fixed horizon.
    effect
        What the effect does to the variance per unit of a mean: ``additive`` leaves it as it is
        (the default), ``multiplicative`` scales every value, so that the variance grows with the
        square of 1 + effect, ``conversion`` lets it be p(1 - p) of each arm's own rate. Rates
        without a variance have p(1 - p) in any case.
    wrong_direction
        Count significant results of the wrong sign as power, as textbook solvers do. Off by
        default: it makes no visible difference above 50 % power.
    degrees_of_freedom
        ``own`` (the default): those of the package's own test, Welch's for means and none for
        rates, with the non-central t in closed form. By name: ``normal``, ``t`` (non-central t
        with ``n_T + n_C - 2`` degrees of freedom) or ``welch`` (Welch's, at equal variances per
        unit).
    refined
        Plan for the package's own test: its error at the null value, and the gap's error under the
        effect. Off, the textbook formula of the delta method, which takes the error under the
        effect for both.

    Examples
    --------
    >>> Design(alpha=0.01, variants=3).shares
    (0.333..., 0.333...)
    """

    alpha: Numbers = 0.05
    alternative: str = "two-sided"
    difference: str = "relative"
    variants: Numbers = 2
    split: Sequence[Numbers] | None = None
    margin: Numbers = 0.0
    correlation: Numbers = 0.0
    comparisons: Numbers = 1
    sequential: bool | Numbers = False
    effect: str = "additive"
    wrong_direction: bool = False
    degrees_of_freedom: str = "own"
    refined: bool = True

    def __post_init__(self) -> None:
        choose("alternative", self.alternative, ALTERNATIVES)
        choose("difference", self.difference, ("relative", "absolute"))
        choose("degrees_of_freedom", self.degrees_of_freedom, ("own", "normal", "t", "welch"))
        choose("effect", self.effect, EFFECTS)
        for name in ("alpha", "correlation", "variants", "comparisons", "margin"):
            object.__setattr__(self, name, as_numbers(name, getattr(self, name)))
        inside("alpha", self.alpha, 0, 1, hint="Usual values are 0.05 and 0.01.")
        inside("correlation", self.correlation, -1, 1)
        inside("variants", self.variants, 2, math.inf, closed=True)
        inside("comparisons", self.comparisons, 1, math.inf, closed=True)
        inside("margin", self.margin, 0, math.inf, closed=True)
        if self.split is not None:
            shares = tuple(as_numbers("split", share) for share in arm_shares(self.split))
            for share in shares:
                inside("split", share, 0, math.inf)
            object.__setattr__(self, "split", shares)
        switch("wrong_direction", self.wrong_direction)
        switch("refined", self.refined)
        if not isinstance(self.sequential, bool):
            object.__setattr__(self, "sequential", as_numbers("sequential", self.sequential))
            inside("sequential", self.sequential, 0, math.inf)
        if self.alternative == "two-sided" and not everywhere(self.margin, lambda m: m == 0):
            raise InputError(
                "A non-inferiority margin needs a one-sided alternative.",
                hint='Say alternative="greater" when higher is better, "less" when lower is.',
            )
        if self.sequential is not False and self.degrees_of_freedom in ("t", "welch"):
            raise InputError("A confidence sequence has no t distribution; leave it at own.")

    @property
    def shares(self) -> tuple[Numbers, Numbers]:
        """The shares of control and of the smallest treatment arm."""
        if self.split is None:
            return 1 / self.variants, 1 / self.variants
        total = sum(self.split[1:], self.split[0])
        smallest = self.split[1]
        for share in self.split[2:]:
            smallest = where(share < smallest, share, smallest)
        return self.split[0] / total, smallest / total

    def freedom(self, size: Numbers) -> Numbers:
        """Return the degrees of freedom of a t test at this total size."""
        control, treatment = (share * size for share in self.shares)
        if self.degrees_of_freedom == "t":
            return control + treatment - 2
        spread = (1 / control + 1 / treatment) ** 2
        return spread / (1 / control**2 / (control - 1) + 1 / treatment**2 / (treatment - 1))

    @property
    def sign(self) -> int:
        """The direction that counts as an effect: -1 for ``less``, otherwise 1."""
        return -1 if self.alternative == "less" else 1

    @property
    def tail(self) -> Numbers:
        """The probability in the tail where an effect is declared, after correction."""
        return self.alpha / self.comparisons / (2 if self.alternative == "two-sided" else 1)

    def boundary(self, size: Numbers | None = None) -> Numbers:
        """Return the critical value of the z statistic, at total ``size`` when it depends on it."""
        if self.sequential is False:
            return -normal_quantile(self.tail)
        rate = optimal_mixture(2 * self.tail)
        if self.sequential is True or size is None:
            k = 1 + rate
            return (2 * k / rate * log(k**0.5 / (2 * self.tail))) ** 0.5
        control, treatment = self.shares
        rate = rate * (size * (control + treatment)) / self.sequential
        k = 1 + rate
        return cast("Numbers", (2 * k / rate * log(k**0.5 / (2 * self.tail))) ** 0.5)


def _has_arms(split: object) -> bool:
    return hasattr(split, "__iter__") and getattr(split, "ndim", 1) > 0


def arm_shares(split: object) -> Sequence[object]:
    """Return the shares of a split, one an arm; refuse what has no arms in order."""
    if isinstance(split, (str, bytes, Mapping, Set)) or not _has_arms(split):
        raise InputError(
            f"split is {described(split)}; expected the share of each arm.",
            hint="Give the control's share first, for example (0.8, 0.2).",
        )
    shares = list(cast("Sequence[object]", split))
    if len(shares) < 2:
        raise InputError(f"A split needs at least two arms, not {len(shares)}.")
    return shares


FIXED = Design()


def optimal_control_share(variants: Numbers) -> Numbers:
    """Return the control share that needs the fewest units when treatments share it.

    ``√(k-1) / (k - 1 + √(k-1))`` for ``k`` arms, the treatments equal.

    Examples
    --------
    >>> optimal_control_share(2), round(optimal_control_share(5), 4)
    (0.5, 0.3333)
    """
    inside("variants", variants, 2, math.inf, closed=True)
    root = (variants - 1) ** 0.5
    return cast("Numbers", root / (variants - 1 + root))


def optimal_mixture(alpha: Numbers) -> Numbers:
    """Return ``ρ²·N`` of the confidence sequence at ``alpha`` that is tightest at ``N`` units.

    The exact optimum ``-W₋₁(-α²/e) - 1`` (Lambert W, lower branch).

    Examples
    --------
    >>> round(optimal_mixture(0.05), 4), round(optimal_mixture(0.01), 4)
    (8.212, 11.7564)
    """
    # y - ln y = 1 - 2 ln α for y = -W; Newton from the usual approximation.
    target = 1 - 2 * log(alpha)
    y = target + log(target)
    for _ in range(6):
        y = y - (y - log(y) - target) / (1 - 1 / y)
    return y - 1
