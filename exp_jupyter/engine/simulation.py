"""Try a method on one's own data: A/A tests and power, by drawing experiments from real units."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.comparison.compare import Judge, compare
from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule, check_rule
from exp_jupyter.engine.comparison.estimates.quantiles import Quantile, compare_quantiles
from exp_jupyter.engine.comparison.methods import Frequentist
from exp_jupyter.engine.statistics.arguments import number, pair, whole
from exp_jupyter.engine.statistics.arrays import Booleans, Floats, floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.covariates import Covariate
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError, StatisticsError
from exp_jupyter.shown import Shown

_VALUES_AT_ONCE = 2_000_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, repr=False)
class Simulation(Shown):
    """What a method did over many experiments drawn from the same units.

    Attributes
    ----------
    effect
        The true effect, on the scale of the method's difference.
    sizes
        Units of control and treatment.
    looks
        Times that each experiment was looked at; it counts as significant if ever.
    replications, refused
        Experiments drawn, and those of them on which the method gave no answer.
    significant
        Share of experiments that were significant: the power, or without an effect the
        false-positive rate.
    interval
        95 % Wilson interval of that share, for the chance in the simulation itself.
    coverage
        Share of intervals (at the last look) that hold the true effect.
    mean_estimate
        Average estimate; it should be the true effect.
    wrong_sign
        Type S: share of the significant experiments whose estimate has the wrong sign; None
        without a true effect or a significant experiment.
    exaggeration
        Type M: average of |estimate| over the significant experiments with the right sign, over
        the true effect; None without one. What a winner's number has to be divided by.
    method, mode, seed
        What was tried, and the seed that draws the same experiments again.
    """

    effect: float
    sizes: tuple[int, int]
    looks: int
    replications: int
    refused: int
    significant: float
    interval: tuple[float, float]
    coverage: float | None
    mean_estimate: float | None
    wrong_sign: float | None
    exaggeration: float | None
    method: str
    mode: str
    difference: str
    seed: int


def simulate(
    values: object,
    *,
    sizes: tuple[int, int],
    effect: float = 0.0,
    denominator: object = None,
    covariate: object = None,
    method: Judge | None = None,
    replications: int = 2000,
    looks: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Simulation:
    """Draw experiments from one's own units and judge each of them.

    Parameters
    ----------
    values
        One value per unit, with zeros; only 0 and 1 make it a proportion.
    sizes
        Units of control and treatment in each experiment, drawn with replacement.
    effect
        Relative effect put on the treatment: values are multiplied by ``1 + effect``; of a
        proportion, conversions are added or taken away at random. 0 makes an A/A test.
    denominator
        Per unit, the denominator of a ratio metric whose numerator is ``values``.
    covariate
        Per unit, a value from before exposure (CUPED).
    method
        The method to try; by default ``Frequentist()``.
    replications
        Experiments to draw.
    looks
        Evenly spaced looks at each experiment.
    seed
        The same seed draws the same experiments.
    progress
        Called with experiments done and in total, after each batch.

    Raises
    ------
    InputError
        Values that are not numbers, an impossible effect, or fewer than one experiment.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> values = rng.poisson(3.0, 5000)
    >>> run = simulate(values, sizes=(500, 500), replications=400)
    >>> 0.02 < run.significant < 0.09
    True
    """
    chosen: Judge = Frequentist() if method is None else method
    if not hasattr(chosen, "judge") or isinstance(chosen, type):
        raise InputError(f"method is {described(chosen)}; expected for example Frequentist().")
    units = _Units.of(values, denominator, covariate)
    sizes = _sizes(sizes)
    replications = _at_most("replications", replications, GREATEST_REPLICATIONS)
    looks = _at_most("looks", looks, min(sizes))
    effect = number("effect", effect, -1)
    seed = whole("seed", seed, 0)
    if progress is not None and not callable(progress):
        raise InputError(f"progress is {described(progress)}; expected a function of two numbers.")
    treated = units.changed(effect)
    rng = np.random.default_rng(seed)
    truth = effect if chosen.difference == "relative" else effect * units.mean
    counts = _Counts(truth)
    for batch in _batches(replications, max(sizes)):
        control = units.drawn(rng, batch, sizes[0], looks)
        treatment = treated.drawn(rng, batch, sizes[1], looks)
        counts.add(compare(control, treatment, chosen, on_refusal="mask"))
        if progress is not None:
            progress(counts.drawn, replications)
    return counts.simulation(sizes, looks, chosen.name, chosen.mode, chosen.difference, seed)


def simulate_quantile(
    values: object,
    level: float,
    *,
    sizes: tuple[int, int],
    effect: float = 0.0,
    rule: Rule | None = None,
    replications: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Simulation:
    """Draw experiments from one's own units and compare a quantile in each of them.

    Parameters
    ----------
    values
        One value per unit.
    level
        Which quantile: 0.5 is the median.
    sizes, effect, replications, seed, progress
        As in ``simulate``; the treatment's values are multiplied by ``1 + effect``.
    rule
        Level of the test, alternative and scale; by default 0.05, two-sided and absolute.

    Notes
    -----
    Values are drawn between neighbouring units, from the straight lines of the empirical quantile
    function: a unit drawn twice would tie with itself, which real units do not.

    Raises
    ------
    InputError
        Values that are not numbers, an impossible effect, or fewer than one experiment.

    Examples
    --------
    >>> seconds = np.random.default_rng(1).lognormal(1.0, 0.6, 5000)
    >>> run = simulate_quantile(seconds, 0.5, sizes=(500, 500), replications=200)
    >>> run.significant < 0.1
    True
    """
    chosen = Rule() if rule is None else rule
    check_rule(chosen)
    units = _Units.of(values, None, None)
    sizes = _sizes(sizes)
    replications = _at_most("replications", replications, GREATEST_REPLICATIONS)
    effect, seed = number("effect", effect, -1), whole("seed", seed, 0)
    rng = np.random.default_rng(seed)
    relative = chosen.difference == "relative"
    truth = effect if relative else effect * float(np.quantile(units.values, level))
    counts = _Counts(truth)
    ordered = np.sort(units.values)
    ranks = np.arange(ordered.size)
    for batch in _batches(replications, max(sizes)):
        own = [
            np.interp(rng.uniform(0, ordered.size - 1, (batch, size)), ranks, ordered)
            for size in sizes
        ]
        for control, treatment in zip(*own, strict=True):
            try:
                first, second = (
                    Quantile.of(arm, level) for arm in (control, treatment * (1 + effect))
                )
                counts.add(compare_quantiles(first, second, chosen))
            except StatisticsError:
                counts.refuse()
        if progress is not None:
            progress(counts.drawn, replications)
    return counts.simulation(sizes, 1, "frequentist", "recommended", chosen.difference, seed)


@dataclass
class _Counts:
    """What has been counted over the experiments drawn so far."""

    truth: float
    drawn: int = 0
    ever: int = 0
    refused: int = 0
    covered: int = 0
    answered: int = 0
    winners: int = 0
    losers: int = 0
    estimates: float = 0.0
    exaggerated: float = 0.0

    def refuse(self) -> None:
        """Count one experiment that the method refused."""
        self.drawn += 1
        self.refused += 1

    def add(self, effect: Effect) -> None:
        """Count experiments: effects of shape (experiments, looks), or a single one."""
        ok: Booleans = np.atleast_2d(np.asarray(effect.refusal) == "")
        found: Booleans = np.atleast_2d(np.asarray(effect.significant)) & ok
        estimates = np.broadcast_to(floats(effect.estimate), ok.shape)
        won, last = found.any(axis=-1), ok[:, -1]
        low, high = (np.broadcast_to(floats(end), ok.shape)[:, -1] for end in effect.interval)
        self.drawn += last.size
        self.ever += int(won.sum())
        self.refused += int((~last).sum())
        self.covered += int(((low <= self.truth) & (self.truth <= high) & last).sum())
        self.answered += int(last.sum())
        self.estimates += float(estimates[:, -1][last].sum())
        # At the look that decided: a later one may have turned around.
        decided = _decided(estimates, found)[won]
        right = decided * self.truth > 0
        self.exaggerated += float(np.abs(decided[right]).sum())
        self.winners += int(right.sum())
        self.losers += int((~right).sum())

    def simulation(
        self, sizes: tuple[int, int], looks: int, method: str, mode: str, difference: str, seed: int
    ) -> Simulation:
        """Return the shares."""
        truth, decided = self.truth, self.winners + self.losers
        return Simulation(
            effect=truth,
            sizes=sizes,
            looks=looks,
            replications=self.drawn,
            refused=self.refused,
            significant=self.ever / self.drawn,
            interval=wilson(self.ever, self.drawn),
            coverage=self.covered / self.answered if self.answered else None,
            mean_estimate=self.estimates / self.answered if self.answered else None,
            wrong_sign=self.losers / decided if decided and truth else None,
            exaggeration=self.exaggerated / self.winners / abs(truth)
            if self.winners and truth
            else None,
            method=method,
            mode=mode,
            difference=difference,
            seed=seed,
        )


GREATEST_REPLICATIONS = 10_000_000
GREATEST_SIZE = 10_000_000


def _sizes(sizes: object) -> tuple[int, int]:
    """Return whole units of control and treatment."""
    control, treatment = pair("sizes", sizes, hint="Give control's units, then treatment's.")
    return (
        _at_most("sizes", control, GREATEST_SIZE),
        _at_most("sizes", treatment, GREATEST_SIZE),
    )


def _at_most(name: str, value: object, most: int) -> int:
    found = whole(name, value, 1)
    if found > most:
        raise InputError(f"{name} is {found:,}; expected at most {most:,}.")
    return found


def _decided(estimates: Floats, significant: Booleans) -> Floats:
    """Return each experiment's estimate at its first significant look."""
    first = significant.argmax(axis=-1)
    return np.asarray(np.take_along_axis(estimates, first[:, None], axis=-1)[:, 0])


@dataclass(frozen=True)
class _Units:
    """The units to draw from: one row each."""

    values: Floats
    denominator: Floats | None
    covariate: Floats | None
    binary: bool
    flip: float = 0.0

    @classmethod
    def of(cls, values: object, denominator: object, covariate: object) -> _Units:
        y = floats(values, "values")
        others = [
            None if part is None else floats(part, name)
            for part, name in ((denominator, "denominator"), (covariate, "covariate"))
        ]
        for part in (y, *others):
            if part is None:
                continue
            if part.ndim != 1 or part.shape != y.shape or part.size < 2:
                raise InputError("Give one value per unit, the same units everywhere, 2 or more.")
            if not np.isfinite(part).all():
                raise InputError("A value is not a finite number.", hint="Count no event as 0.")
        binary = others[0] is None and bool(np.isin(y, (0.0, 1.0)).all())
        return cls(y, others[0], others[1], binary)

    @property
    def mean(self) -> float:
        if self.denominator is not None:
            return float(self.values.sum() / self.denominator.sum())
        return float(self.values.mean())

    def changed(self, effect: float) -> _Units:
        """Return the units as the treatment makes them."""
        if not effect:
            return self
        if not self.binary:
            with np.errstate(over="ignore"):
                lifted = self.values * (1 + effect)
            if not np.isfinite(lifted).all():
                raise InputError("The effect would bring a value beyond what can be computed with.")
            return _Units(lifted, self.denominator, self.covariate, binary=False)
        rate = self.mean
        if rate * (1 + effect) > 1:
            raise InputError("The effect would bring the conversion rate above 1.")
        # Zeros turn to ones, or ones to zeros, with this probability.
        flip = rate * effect / (1 - rate) if effect > 0 else effect
        return _Units(self.values, None, self.covariate, binary=True, flip=flip)

    def drawn(self, rng: np.random.Generator, batch: int, size: int, looks: int) -> Statistic:
        """Return statistics of shape (batch, looks): each experiment at each of its looks."""
        stops = np.linspace(0, size, looks + 1).round().astype(int)
        n = np.broadcast_to(stops[1:].astype(float), (batch, looks))
        if self.binary and self.covariate is None:
            rate = self.mean
            rate += (1 - rate) * self.flip if self.flip > 0 else rate * self.flip
            joined = rng.binomial(np.diff(stops), rate, (batch, looks)).astype(float)
            return Proportion.unchecked(n=n, sum=np.cumsum(joined, axis=1))
        pick = rng.integers(0, self.values.size, (batch, size))
        y = self.values[pick]
        if self.flip > 0:
            y = np.maximum(y, rng.random(y.shape) < self.flip)
        elif self.flip < 0:
            y = y * (rng.random(y.shape) >= -self.flip)

        def upto(part: Floats) -> Floats:
            steps = np.add.reduceat(part, stops[:-1], axis=1)
            return np.asarray(np.cumsum(steps, axis=1))

        x = None if self.covariate is None else self.covariate[pick]
        if self.denominator is not None:
            b = self.denominator[pick]
            return Ratio.unchecked(
                n=n,
                numerator_sum=upto(y),
                numerator_sum_squares=upto(y * y),
                denominator_sum=upto(b),
                denominator_sum_squares=upto(b * b),
                cross=upto(y * b),
                covariate=None
                if x is None
                else Covariate(upto(x), upto(x * x), upto(x * y), denominator_cross=upto(x * b)),
            )
        carried = None if x is None else Covariate(upto(x), upto(x * x), upto(x * y))
        if self.binary:
            return Proportion.unchecked(n=n, sum=upto(y), covariate=carried)
        return Mean.unchecked(
            n=n,
            sum=upto(y),
            sum_squares=upto(y * y),
            covariate=carried,
            sum_cubes=upto(y * y * y),
            signed=bool(self.values.min() < 0),
        )


def _batches(replications: int, size: int) -> Iterator[int]:
    batch = max(1, _VALUES_AT_ONCE // size)
    left = replications
    while left > 0:
        yield min(batch, left)
        left -= batch


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share.

    Examples
    --------
    >>> low, high = wilson(5, 100)
    >>> round(low, 3), round(high, 3)
    (0.022, 0.112)
    """
    z = 1.959963984540054
    centre = (hits + z * z / 2) / (n + z * z)
    half = z * math.sqrt(hits * (n - hits) / n + z * z / 4) / (n + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)
