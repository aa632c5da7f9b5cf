"""Try a method on one's own data: A/A tests and power, by drawing experiments from real units."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from exp_jupyter.engine.comparison.compare import Judge, compare
from exp_jupyter.engine.comparison.methods import Frequentist
from exp_jupyter.engine.statistics.arguments import number, pair, whole
from exp_jupyter.engine.statistics.arrays import Booleans, Floats, floats
from exp_jupyter.engine.statistics.base import Statistic
from exp_jupyter.engine.statistics.covariates import Covariate
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio
from exp_jupyter.engine.statistics.quoting import described
from exp_jupyter.errors import InputError
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
    ever = refused = covered = 0
    total_estimate, answered, exaggerated, winners, losers = 0.0, 0, 0.0, 0, 0
    truth = effect if chosen.difference == "relative" else effect * units.mean
    done = 0
    for batch in _batches(replications, max(sizes)):
        control = units.drawn(rng, batch, sizes[0], looks)
        treatment = treated.drawn(rng, batch, sizes[1], looks)
        judged = compare(control, treatment, chosen, on_refusal="mask")
        ok: Booleans = np.asarray(judged.refusal) == ""
        found: Booleans = np.asarray(judged.significant) & ok
        won = found.any(axis=-1)
        estimate, last = floats(judged.estimate)[:, -1], ok[:, -1]
        low, high = (np.broadcast_to(floats(end), ok.shape)[:, -1] for end in judged.interval)
        ever += int(won.sum())
        refused += int((~last).sum())
        covered += int(((low <= truth) & (truth <= high) & last).sum())
        answered += int(last.sum())
        total_estimate += float(estimate[last].sum())
        # At the look that decided: a later one may have turned around.
        decided = _decided(floats(judged.estimate), found)[won]
        right = decided * truth > 0
        exaggerated += float(np.abs(decided[right]).sum())
        winners += int(right.sum())
        losers += int((~right).sum())
        done += batch
        if progress is not None:
            progress(done, replications)
    return Simulation(
        effect=truth,
        sizes=sizes,
        looks=looks,
        replications=replications,
        refused=refused,
        significant=ever / replications,
        interval=_wilson(ever, replications),
        coverage=covered / answered if answered else None,
        mean_estimate=total_estimate / answered if answered else None,
        wrong_sign=losers / (winners + losers) if winners + losers and truth else None,
        exaggeration=exaggerated / winners / abs(truth) if winners and truth else None,
        method=chosen.name,
        mode=chosen.mode,
        difference=chosen.difference,
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
        if others[0] is not None and others[1] is not None:
            raise InputError("A ratio with a covariate cannot be simulated.", hint="Leave one out.")
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
        pick = rng.integers(0, self.values.size, (batch, size))
        y = self.values[pick]
        if self.flip > 0:
            y = np.maximum(y, rng.random(y.shape) < self.flip)
        elif self.flip < 0:
            y = y * (rng.random(y.shape) >= -self.flip)

        def upto(part: Floats) -> Floats:
            steps = np.add.reduceat(part, stops[:-1], axis=1)
            return np.asarray(np.cumsum(steps, axis=1))

        n = np.broadcast_to(stops[1:].astype(float), (batch, looks))
        if self.denominator is not None:
            b = self.denominator[pick]
            return Ratio.unchecked(
                n=n,
                numerator_sum=upto(y),
                numerator_sum_squares=upto(y * y),
                denominator_sum=upto(b),
                denominator_sum_squares=upto(b * b),
                cross=upto(y * b),
            )
        carried = None
        if self.covariate is not None:
            x = self.covariate[pick]
            carried = Covariate(upto(x), upto(x * x), upto(x * y))
        if self.binary:
            return Proportion.unchecked(n=n, sum=upto(y), covariate=carried)
        return Mean.unchecked(n=n, sum=upto(y), sum_squares=upto(y * y), covariate=carried)


def _batches(replications: int, size: int) -> Iterator[int]:
    batch = max(1, _VALUES_AT_ONCE // size)
    left = replications
    while left > 0:
        yield min(batch, left)
        left -= batch


def _wilson(hits: int, n: int) -> tuple[float, float]:
    z = 1.959963984540054
    centre = (hits + z * z / 2) / (n + z * z)
    half = z * math.sqrt(hits * (n - hits) / n + z * z / 4) / (n + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)
