"""How often each default errs where people use it: rare, skewed, small, unevenly split, peeked at.

Run with ``python -m benchmarks.error_rates`` from the repository; it takes about ten minutes on two
cores, uses all there are, and writes ``benchmarks/error_rates.md``. Everything is seeded by the
name of its cell. A cell draws many experiments, keeps their sums and judges them in one call of the
public ``compare``; its row shows both tails apart and how often p is below 0.001. Cells outside
their band are listed at the end, with the caution that a reader of such a result gets.
"""

from __future__ import annotations

import math
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.engine.comparison.estimates.quantiles import Quantile, compare_quantiles
from exp_jupyter.engine.comparison.margins import non_inferiority
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Prior, Sequential
from exp_jupyter.engine.comparison.methods.msprt import MixtureSPRT
from exp_jupyter.engine.multiple.corrections import adjust
from exp_jupyter.engine.multiple.dunnett import critical_value
from exp_jupyter.engine.statistics.covariates import Covariate
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio, Statistic
from exp_jupyter.errors import StatisticsError

EXPERIMENTS = 20_000
SKEWED_EXPERIMENTS = 10_000
SEQUENCES = 4000
QUANTILE_EXPERIMENTS = 5000
MOST_VALUES = 10_000
"""Values of both arms up to which single experiments on quantiles are drawn."""
LOOKS = 30
SPLITS = {"50/50": (1, 1), "90/10": (9, 1), "10/90": (1, 9)}
"""Units of control and treatment for each unit of the smaller arm."""

MOSTLY = 0.5
"""A cell whose experiments are refused more often than this, with the reason, errs in none."""

FEW_EVENTS = 20
LEAST, MOST, TAIL = 0.035, 0.062, 0.042
EVER = 0.055


@dataclass(frozen=True)
class Cell:
    """One row: what was drawn, what was asked, and how often it erred.

    ``above`` and ``below`` are the shares of experiments that say the treatment is better and
    worse; ``far`` is the share with p < 0.001. ``events`` is the expected number of events in the
    smaller arm, which decides whether a cell may be conservative.
    """

    family: str
    name: str
    above: float
    below: float
    far: float | None = None
    events: float = math.inf
    most: float = MOST
    least: float = LEAST
    tail: float = TAIL
    caution: str = ""
    cautioned: float = 0.0
    refused: float = 0.0

    @property
    def total(self) -> float:
        """Share of experiments that err on either side."""
        return self.above + self.below

    @property
    def holds(self) -> bool:
        """Whether the cell is inside its band, with two standard errors of the simulation."""
        if self.refused > MOSTLY:
            return True
        low = 0.0 if self.events < FEW_EVENTS else self.least
        slack = 2 * math.sqrt(self.most * (1 - self.most) / SKEWED_EXPERIMENTS)
        return (
            low - slack <= self.total <= self.most + slack
            and max(self.above, self.below) <= self.tail + slack
        )


def generator(name: str) -> np.random.Generator:
    """Return the generator that belongs to a cell's name."""
    return np.random.default_rng([20_240_617, zlib.crc32(name.encode())])


def cell(family: str, name: str, effect: Effect, **about: Any) -> Cell:
    """Return the row of a simultaneous comparison."""
    answered = np.asarray(effect.refusal) == ""
    decided = np.asarray(effect.significant) & answered
    up = np.asarray(effect.estimate) > effect.null
    far = None if effect.p_value is None else float(np.mean((effect.p_value < 0.001) & answered))
    shares = {
        sentence: float(np.mean(np.broadcast_to(where, answered.shape)))
        for sentence, where in zip(effect.warnings, effect.warned, strict=True)
    }
    caution = max(shares, key=lambda sentence: shares[sentence], default="")
    return Cell(
        family,
        name,
        float(np.mean(decided & up)),
        float(np.mean(decided & ~up)),
        far,
        caution=caution,
        cautioned=shares.get(caution, 0.0),
        **about,
    )


def rate_arm(rng: np.random.Generator, n: int, p: float, count: int) -> Proportion:
    """Return conversions of ``count`` experiments' arm."""
    return Proportion.unchecked(float(n), rng.binomial(n, p, count).astype(float))


def amounts(
    rng: np.random.Generator, n: int, buyers: float, sigma: float, count: int, lift: float = 1.0
) -> Mean:
    """Return sums of log-normal amounts that a share of units has, drawing only the buyers."""
    bought = rng.binomial(n, buyers, count)
    whose = np.repeat(np.arange(count), bought)
    y = lift * np.exp(rng.normal(0.0, sigma, whose.size))
    sums = [np.bincount(whose, y**power, count) for power in (1, 2, 3)]
    return Mean.unchecked(float(n), sums[0], sums[1], None, None, sums[2])


def drawn(
    draw: Callable[[np.random.Generator, tuple[int, int]], np.ndarray],
    rng: np.random.Generator,
    n: int,
    count: int,
) -> Mean:
    """Return sums of values drawn unit by unit, in batches."""
    parts = []
    for start in range(0, count, max(1, 2_000_000 // n)):
        size = min(max(1, 2_000_000 // n), count - start)
        y = draw(rng, (size, n))
        parts.append([(y**power).sum(axis=1) for power in (1, 2, 3)])
    y1, y2, y3 = (np.concatenate(piece) for piece in zip(*parts, strict=True))
    return Mean.unchecked(float(n), y1, y2, None, None, y3)


# --------------------------------------------------------------------------------- fixed horizon


def rates(rate: float, events: int, split: str) -> list[Cell]:
    """Return the cells of one rate, number of events in the smaller arm, and split."""
    name = f"{100 * rate:g} %, {events:,} events, {split}"
    rng = generator(f"rates {name}")
    n_c, n_t = (round(events / rate) * part for part in SPLITS[split])
    control, treatment = (rate_arm(rng, n, rate, EXPERIMENTS) for n in (n_c, n_t))
    return [
        cell(
            "rates", name, compare(control, treatment, Frequentist(), on_refusal="mask"),
            events=events,
        )
    ]  # fmt: skip


def small_rates(rate: float, n: int) -> list[Cell]:
    """Return the cell of a common rate in a small arm."""
    name = f"{100 * rate:g} %, n = {n}"
    rng = generator(f"small rates {name}")
    arms = [rate_arm(rng, n, rate, EXPERIMENTS) for _ in range(2)]
    effect = compare(arms[0], arms[1], Frequentist(), on_refusal="mask")
    return [cell("rates, few units", name, effect, events=n * min(rate, 1 - rate))]


def revenue(buyers: float, sigma: float, n: int, split: str) -> list[Cell]:
    """Return the cell of revenue per unit."""
    name = f"{100 * buyers:g} % buyers, sigma {sigma:g}, n = {n:,}, {split}"
    rng = generator(f"revenue {name}")
    n_c, n_t = (n * part for part in SPLITS[split])
    count = SKEWED_EXPERIMENTS if n * buyers * sum(SPLITS[split]) < 3000 else 4000
    control, treatment = (amounts(rng, size, buyers, sigma, count) for size in (n_c, n_t))
    effect = compare(control, treatment, Frequentist(), on_refusal="mask")
    return [cell("revenue", name, effect, events=n * buyers)]


VALUES: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(10, 5, shape),
    "Poisson(2)": lambda rng, shape: rng.poisson(2, shape).astype(float),
    "exponential": lambda rng, shape: rng.exponential(1.0, shape),
}


def values(kind: str, n: int, split: str, difference: str) -> list[Cell]:
    """Return the cell of a plain mean."""
    name = f"{kind}, n = {n:,}, {split}, {difference}"
    rng = generator(f"values {name}")
    n_c, n_t = (n * part for part in SPLITS[split])
    arms = [drawn(VALUES[kind], rng, size, SKEWED_EXPERIMENTS) for size in (n_c, n_t)]
    method = Frequentist(difference=difference)
    return [cell("means", name, compare(arms[0], arms[1], method, on_refusal="mask"))]


Pairs = Callable[[np.random.Generator, tuple[int, int]], tuple[np.ndarray, np.ndarray]]


def products(
    draw: Pairs, names: Sequence[str], rng: np.random.Generator, n: int, count: int
) -> list[np.ndarray]:
    """Return sums of products of two values a and b drawn unit by unit, in batches."""
    parts = []
    size = max(1, 1_000_000 // n)
    for start in range(0, count, size):
        a, b = draw(rng, (min(size, count - start), n))
        values = {"a": a, "b": b}
        parts.append([np.prod([values[x] for x in name], axis=0).sum(axis=1) for name in names])
    return [np.concatenate(piece) for piece in zip(*parts, strict=True)]


def clicks(rng: np.random.Generator, sessions: np.ndarray) -> np.ndarray:
    """Return clicks of units that differ in how often they click."""
    return rng.binomial(sessions, rng.beta(2, 18, sessions.shape)).astype(float)


def clicks_per_session(
    rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw clicks and about four sessions a unit."""
    sessions = 1 + rng.poisson(3, shape)
    return clicks(rng, sessions), sessions.astype(float)


def clicks_per_view(
    rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw clicks and views, of which a few units have very many."""
    views = np.ceil(np.exp(rng.normal(0.5, 1.2, shape))).astype(int)
    return clicks(rng, views), views.astype(float)


def revenue_per_order(
    rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw log-normal revenue and orders."""
    orders = 1.0 + rng.poisson(rng.gamma(0.5, 2.0, shape))
    return orders * np.exp(rng.normal(0.0, 1.0, shape)), orders


RATIOS: dict[str, Pairs] = {
    "clicks per session": clicks_per_session,
    "clicks per view, heavy-tailed views": clicks_per_view,
    "revenue per order": revenue_per_order,
}


def ratio(case: str, n: int, split: str) -> list[Cell]:
    """Return the cell of one value over another."""
    name = f"{case}, n = {n:,}, {split}"
    rng = generator(f"ratio {name}")
    arms: list[Statistic] = []
    names = ("a", "aa", "b", "bb", "ab", "aaa", "aab", "abb", "bbb")
    for part in SPLITS[split]:
        size = n * part
        sums = products(RATIOS[case], names, rng, size, SKEWED_EXPERIMENTS // 2)
        arms.append(Ratio.unchecked(float(size), *sums[:5], third_sums=tuple(sums[5:])))
    return [cell("ratios", name, compare(arms[0], arms[1], Frequentist(), on_refusal="mask"))]


def correlated(rho: float) -> Pairs:
    """Return a draw of normal values after and before."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(10, 3, shape)
        return 10 + rho * (x - 10) + math.sqrt(1 - rho**2) * rng.normal(0, 3, shape), x

    return draw


def heavy_tailed(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw amounts after and before of units of which most have none."""
    taste = rng.gamma(0.3, 1.0, shape)
    x = rng.poisson(taste) * np.exp(rng.normal(0, 1, shape))
    return rng.poisson(taste) * np.exp(rng.normal(0, 1, shape)), x


def heavy_and_strong(
    rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw log-normal amounts after and before, much alike."""
    taste = np.exp(rng.normal(0, 1.2, shape))
    return taste * np.exp(rng.normal(0, 0.4, shape)), taste * np.exp(rng.normal(0, 0.4, shape))


def missing_before(
    rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw heavy-tailed amounts of units half of which were not there before."""
    y, x = heavy_tailed(rng, shape)
    return y, np.where(rng.random(shape) < 0.5, 0.0, x)


ADJUSTED: dict[str, Pairs] = {
    "weak": correlated(0.2),
    "strong": correlated(0.9),
    "heavy-tailed": heavy_tailed,
    "heavy-tailed and strong": heavy_and_strong,
    "missing before": missing_before,
}


def cuped(case: str, n: int, split: str) -> list[Cell]:
    """Return the cell of a metric adjusted by what units did before."""
    name = f"{case}, n = {n:,}, {split}"
    rng = generator(f"cuped {name}")
    arms: list[Statistic] = []
    names = ("a", "aa", "aaa", "b", "bb", "ab", "bbb", "abb", "aab")
    for part in SPLITS[split]:
        size = n * part
        sums = products(ADJUSTED[case], names, rng, size, SKEWED_EXPERIMENTS // 2)
        before = Covariate(*sums[3:6], third_sums=(sums[6], sums[7], sums[8]))
        arms.append(Mean.unchecked(float(size), *sums[:2], before, sum_cubes=sums[2]))
    return [cell("CUPED", name, compare(arms[0], arms[1], Frequentist(), on_refusal="mask"))]


TIMES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(10.0, 3.0, n),
    "log-normal amounts": lambda rng, n: np.exp(rng.normal(0.0, 1.0, n)),
    "exponential times": lambda rng, n: rng.exponential(1.0, n),
    "whole seconds, mean 60": lambda rng, n: np.floor(rng.exponential(60.0, n)),
    "whole milliseconds, mean 2,000": lambda rng, n: np.floor(rng.exponential(2000.0, n)),
    "Poisson counts, mean 3": lambda rng, n: rng.poisson(3.0, n).astype(float),
}


def quantiles(kind: str, level: float, n: int, split: str) -> list[Cell]:
    """Return the cell of a relative difference of quantiles, refused experiments left out."""
    name = f"{kind}, quantile {level:g}, n = {n:,}, {split}"
    rng = generator(f"quantiles {name}")
    n_c, n_t = (n * part for part in SPLITS[split])
    rule = Rule(difference="relative")
    said: Counter[str] = Counter()
    above = below = far = answered = 0
    for _ in range(QUANTILE_EXPERIMENTS):
        arms = [Quantile.of(TIMES[kind](rng, size), level) for size in (n_c, n_t)]
        try:
            effect = compare_quantiles(*arms, rule)
        except StatisticsError as refusal:
            said[refusal.message] += 1
            continue
        answered += 1
        said.update(effect.warnings)
        above += bool(effect.significant and effect.estimate > 0)
        below += bool(effect.significant and effect.estimate < 0)
        far += bool(effect.p_value is not None and effect.p_value < 0.001)
    caution, count = said.most_common(1)[0] if said else ("", 0)
    each = max(answered, 1)
    return [
        Cell(
            "quantiles",
            name,
            above / each,
            below / each,
            far / each,
            caution=caution,
            cautioned=count / QUANTILE_EXPERIMENTS,
            refused=1 - answered / QUANTILE_EXPERIMENTS,
        )
    ]


def one_sided(rate: float, events: int, alternative: str) -> list[Cell]:
    """Return the cell of a one-sided test of two rates."""
    name = f"{alternative}, {100 * rate:g} %, {events} events"
    rng = generator(f"one-sided {name}")
    n = round(events / rate)
    arms = [rate_arm(rng, n, rate, EXPERIMENTS) for _ in range(2)]
    method = Frequentist(alternative=alternative)
    effect = compare(arms[0], arms[1], method, on_refusal="mask")
    return [cell("one-sided", name, effect, events=events, tail=MOST)]


def margin(kind: str, goal: str) -> list[Cell]:
    """Return the cell of a treatment that is worse by exactly the margin."""
    name = f"{kind}, goal {goal}, margin 10 %"
    rng = generator(f"margin {name}")
    lift = 0.9 if goal == "increase" else 1.1
    if kind == "2 % rate, 200 events":
        arms: list[Statistic] = [
            rate_arm(rng, 10_000, 0.02, EXPERIMENTS),
            rate_arm(rng, 10_000, 0.02 * lift, EXPERIMENTS),
        ]
    else:
        arms = [
            amounts(rng, 5000, 0.1, 1.0, SKEWED_EXPERIMENTS),
            amounts(rng, 5000, 0.1, 1.0, SKEWED_EXPERIMENTS, lift),
        ]
    found = non_inferiority(arms[0], arms[1], 0.1, goal=goal)
    passed = float(np.mean(found.passed))
    return [Cell("margins", name, passed, 0.0, tail=MOST)]


def family(kind: str) -> list[Cell]:
    """Return how often any of three treatments is called different, corrected."""
    rng = generator(f"family {kind}")
    count = SKEWED_EXPERIMENTS // 2
    if kind == "1 % rate, 50 events":
        arms: list[Statistic] = [rate_arm(rng, 5000, 0.01, count) for _ in range(4)]
    else:
        arms = [amounts(rng, 5000, 0.05, 1.0, count) for _ in range(4)]
    effects = [compare(arms[0], other, Frequentist(), on_refusal="mask") for other in arms[1:]]
    p = np.stack([np.asarray(effect.p_value) for effect in effects], axis=1)
    holm = adjust(p, "holm").significant.any(axis=1)
    z = np.stack([np.asarray(effect.statistic) for effect in effects], axis=1)
    found = [Cell("families", f"Holm, 3 treatments, {kind}", float(holm.mean()), 0.0, tail=MOST)]
    dunnetts = float((np.abs(z) > critical_value([0.5**0.5] * 3)).any(axis=1).mean())
    found.append(Cell("families", f"Dunnett, 3 treatments, {kind}", dunnetts, 0.0, tail=MOST))
    return found


# ------------------------------------------------------------------------------------ sequential


def looks(kind: str, block: int, lift: float, rng: np.random.Generator) -> Statistic:
    """Return one arm at 30 looks, ``block`` units apart."""
    shape = (SEQUENCES, LOOKS)
    n = np.broadcast_to(np.arange(1, LOOKS + 1, dtype=float) * block, shape)
    if kind.endswith("rate"):
        rate = float(kind.split()[0]) / 100
        x = rng.binomial(block, min(rate * lift, 1.0), shape).cumsum(axis=1).astype(float)
        return Proportion.unchecked(n, x)
    buyers = float(kind.split()[0]) / 100
    bought = rng.binomial(block, buyers, shape)
    whose = np.repeat(np.arange(bought.size), bought.reshape(-1))
    y = lift * np.exp(rng.normal(0.0, 1.5, whose.size))
    sums = [
        np.bincount(whose, y**power, bought.size).reshape(shape).cumsum(axis=1)
        for power in (1, 2, 3)
    ]
    return Mean.unchecked(n, sums[0], sums[1], None, None, sums[2])


def sequences(kind: str, block: int, lift: float) -> list[Cell]:
    """Return how often a sequence ever excludes the truth over 30 looks."""
    name = f"{kind}, {block:,} an arm and look" + (f", true {lift - 1:+.0%}" if lift != 1 else "")
    rng = generator(f"sequences {name}")
    control, treatment = looks(kind, block, 1.0, rng), looks(kind, block, lift, rng)
    found = []
    for label, method in (
        ("sequential", Sequential()),
        ("sequential, tuned to 1,000", Sequential(tuning_n=1000)),
        ("mSPRT, tau 0.1", MixtureSPRT(tau=0.1)),
        ("mSPRT, tau 1", MixtureSPRT(tau=1.0)),
    ):
        effect = compare(control, treatment, method, on_refusal="mask")
        answered = np.asarray(effect.refusal) == ""
        low, high = (np.asarray(bound) for bound in effect.interval)
        over = ((low > lift - 1) & answered).any(axis=1)
        under = ((high < lift - 1) & answered).any(axis=1)
        found.append(
            Cell(
                "sequences", f"{label}, {name}", float(over.mean()), float((under & ~over).mean()),
                most=EVER, least=0.0, tail=EVER,
            )
        )  # fmt: skip
    return found


def sequential_margin(kind: str, block: int) -> list[Cell]:
    """Return how often a treatment at the margin ever passes as not worse."""
    name = f"margin 5 % at the boundary, {kind}, {block:,} an arm and look"
    rng = generator(f"sequential margin {name}")
    control, treatment = looks(kind, block, 1.0, rng), looks(kind, block, 0.95, rng)
    method = Sequential(alternative="greater", null=-0.05)
    effect = compare(control, treatment, method, on_refusal="mask")
    decided = np.asarray(effect.significant) & (np.asarray(effect.refusal) == "")
    ever = float(decided.any(axis=1).mean())
    return [Cell("sequences", name, ever, 0.0, most=EVER, least=0.0, tail=EVER)]


# -------------------------------------------------------------------------------------- Bayesian


def bayesian(kind: str) -> list[Cell]:
    """Return how often the truth, drawn from the prior, lies outside the credible interval."""
    rng = generator(f"bayesian {kind}")
    count = 12_000
    if kind.startswith("rates"):
        n = float(kind.split()[-1].replace(",", ""))
        p_c, p_t = rng.random((2, count))
        arms: list[Statistic] = [
            Proportion.unchecked(n, rng.binomial(int(n), p).astype(float)) for p in (p_c, p_t)
        ]
        truth, method = p_t / p_c - 1, Bayesian()
    elif kind.startswith("rare"):
        # The effect from its prior, the baseline fixed: 2 %, 10,000 units an arm.
        truth = rng.normal(0.0, 0.1, count)
        arms = [
            Proportion.unchecked(10_000.0, rng.binomial(10_000, 0.02, count).astype(float)),
            Proportion.unchecked(10_000.0, rng.binomial(10_000, 0.02 * (1 + truth)).astype(float)),
        ]
        method = Bayesian(prior=Prior(0.0, 0.01))
    else:
        truth = rng.normal(0.0, 0.1, count)
        base = amounts(rng, 2000, 0.1, 1.0, count)
        other = amounts(rng, 2000, 0.1, 1.0, count)
        scale = 1 + truth
        arms = [
            base,
            Mean.unchecked(
                2000.0, np.asarray(other.sum) * scale, np.asarray(other.sum_squares) * scale**2,
                None, None, np.asarray(other.sum_cubes) * scale**3,
            ),
        ]  # fmt: skip
        method = Bayesian(prior=Prior(0.0, 0.01))
    effect = compare(arms[0], arms[1], method, on_refusal="mask")
    low, high = (np.asarray(bound) for bound in effect.interval)
    outside = Cell(
        "Bayesian",
        f"truth outside the 95 % interval, {kind}",
        float(np.mean(low > truth)),
        float(np.mean(high < truth)),
    )
    chance = np.asarray(effect.chance_to_win)
    # Among those with a chance of 80 to 99 %, the share that is truly worse, over what is due.
    band = (chance > 0.8) & (chance < 0.99)
    due = float(np.mean(1 - chance[band]))
    wrong = float(np.mean(truth[band] <= 0))
    calibrated = Cell(
        "Bayesian",
        f"truly worse at a chance of 80 to 99 %, over what is due / 20, {kind}",
        wrong / due / 20,
        0.0,
        most=0.075,
        least=0.03,
        tail=0.075,
    )
    return [outside, calibrated]


# ----------------------------------------------------------------------------------------- report

Job = tuple[Callable[..., list[Cell]], tuple[Any, ...]]


def jobs() -> list[Job]:
    """Return every cell to simulate."""
    found: list[Job] = [
        (rates, (rate, events, split))
        for rate in (0.001, 0.005, 0.02)
        for events in (5, 10, 20, 50, 200, 1000)
        for split in SPLITS
    ]
    found += [(small_rates, (rate, n)) for rate in (0.1, 0.3, 0.5, 0.9) for n in (20, 50, 200)]
    found += [
        (revenue, (buyers, sigma, n, split))
        for buyers in (0.02, 0.05, 0.1, 0.3)
        for sigma in (1.0, 1.5, 2.0)
        for n in (200, 1000, 5000)
        for split in SPLITS
    ]
    found += [
        (values, (kind, n, split, difference))
        for kind in VALUES
        for n, split in ((20, "50/50"), (50, "50/50"), (50, "90/10"), (50, "10/90"))
        for difference in ("relative", "absolute")
    ]
    found += [
        (ratio, (case, n, split))
        for case, sizes in (
            ("clicks per session", (50, 500)),
            ("clicks per view, heavy-tailed views", (200, 1000)),
            ("revenue per order", (200, 1000)),
        )
        for n in sizes
        for split in SPLITS
    ]
    found += [
        (cuped, (case, n, split)) for case in ADJUSTED for n in (100, 1000) for split in SPLITS
    ]
    found += [
        (quantiles, (kind, level, n, split))
        for kind in TIMES
        for level, n in ((0.5, 100), (0.5, 1000), (0.9, 100), (0.9, 500), (0.99, 2000))
        for split in SPLITS
        if n * sum(SPLITS[split]) <= MOST_VALUES
    ]
    found += [
        (one_sided, (0.01, events, side))
        for events in (10, 50, 200)
        for side in ("greater", "less")
    ]
    found += [
        (margin, (kind, goal))
        for kind in ("2 % rate, 200 events", "revenue, 10 % buyers, n = 5,000")
        for goal in ("increase", "decrease")
    ]
    found += [(family, (kind,)) for kind in ("1 % rate, 50 events", "revenue, 5 % buyers")]
    found += [
        (sequences, (kind, block, lift))
        for kind in ("1 % rate", "5 % rate", "3 % buyers", "5 % buyers", "30 % buyers")
        for block in (10, 100, 1000)
        for lift in (1.0, 1.3)
    ]
    found += [
        (sequential_margin, (kind, block))
        for kind in ("5 % rate", "30 % buyers")
        for block in (100, 1000)
    ]
    found += [
        (bayesian, (kind,))
        for kind in (
            "rates from the uniform prior, n = 50",
            "rates from the uniform prior, n = 1,000",
            "rare rates, N(0, 0.1²)",
            "revenue, N(0, 0.1²)",
        )
    ]
    return found


def _run(job: Job) -> list[Cell]:
    function, arguments = job
    return function(*arguments)


def percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f}"


TITLES = {
    "rates": "Rates: expected events in the smaller arm",
    "rates, few units": "Rates in small arms",
    "revenue": "Revenue per unit: n units in the smaller arm",
    "means": "Plain means",
    "ratios": "Ratios",
    "CUPED": "CUPED",
    "quantiles": "Quantiles, relative: n values in the smaller arm",
    "one-sided": "One-sided tests",
    "margins": "Non-inferiority at the margin: passes",
    "families": "Three treatments: any called different",
    "sequences": f"Sequences: ever excludes the truth in {LOOKS} looks (above, below)",
    "Bayesian": "Bayesian, the truth drawn from the prior",
}


def _line(row: Cell) -> str:
    if row.refused > MOSTLY:
        reason = row.caution.split(",")[0]
        return f"| {row.name} | refused in {percent(row.refused, 0)} %: {reason} | | | |"
    return (
        f"| {row.name} | {percent(row.above)} | {percent(row.below)} | {percent(row.total)} | "
        f"{percent(row.far, 2)} |"
    )


def report(cells: Sequence[Cell]) -> str:
    """Return the page of all cells, those outside their band at the end."""
    lines = [
        "# How often each default errs",
        "",
        (
            "Made by `python -m benchmarks.error_rates`; seeded, so it can be made again. Alpha is "
            f"0.05, in recommended mode. {EXPERIMENTS:,} experiments a cell, "
            f"{SKEWED_EXPERIMENTS:,} or fewer for skewed values, {SEQUENCES:,} sequences. "
            f"Bands: {percent(LEAST)} to {percent(MOST)} % in all (less is allowed below "
            f"{FEW_EVENTS} events), no tail over {percent(TAIL)} %; sequences "
            f"at most {percent(EVER)} % ever."
        ),
        "",
    ]
    for family_name, title in TITLES.items():
        rows = [one for one in cells if one.family == family_name]
        lines += [
            f"## {title}",
            "",
            "| cell | better | worse | in all | p < 0.001 |",
            "|---|---:|---:|---:|---:|",
        ]
        lines += [_line(row) for row in rows]
        lines.append("")
    outside = [one for one in cells if not one.holds]
    lines += ["## Outside their band", ""]
    if not outside:
        lines += ["None.", ""]
        return "\n".join(lines)
    conservative = [one for one in outside if one.total < one.least]
    lines += [
        (
            f"{len(outside)} of {len(cells)} cells, {len(conservative)} of them because they err "
            "too rarely: with few buyers and a heavy tail a test that kept its level would need "
            "the tail's shape, which the data do not show. The last columns are the caution that "
            "most readers of such a result get, and how many do."
        ),
        "",
        "| cell | better | worse | in all | caution | given to |",
        "|---|---:|---:|---:|---|---:|",
    ]
    lines += [
        f"| {row.family}: {row.name} | {percent(row.above)} | {percent(row.below)} | "
        f"{percent(row.total)} | {row.caution.split(':')[0] or '–'} | "
        f"{percent(row.cautioned, 0)} % |"
        for row in outside
    ]
    return "\n".join([*lines, ""])


def simulate(chosen: Sequence[Job], workers: int | None = None) -> list[Cell]:
    """Return the cells of some jobs, worked out side by side."""
    with ProcessPoolExecutor(workers) as pool:
        return [one for found in pool.map(_run, chosen, chunksize=1) for one in found]


def main() -> int:
    start = time.perf_counter()
    cells = simulate(jobs())
    Path(__file__).with_name("error_rates.md").write_text(report(cells), encoding="utf-8")
    outside = [one for one in cells if not one.holds]
    print(f"{len(cells)} cells, {len(outside)} outside, {time.perf_counter() - start:.0f} s")
    for one in outside:
        print(f"{one.family}: {one.name}: {percent(one.above)} + {percent(one.below)}")
    print(Counter(one.family for one in outside))
    # Erring too often is a defect; erring too rarely is said in the table.
    loose = [one for one in outside if one.total > one.most or max(one.above, one.below) > one.tail]
    return 1 if loose else 0


if __name__ == "__main__":
    sys.exit(main())
