"""Do the methods hold their word? Simulated coverage, false positives and power, as one table.

Run with ``python -m benchmarks.coverage`` from the repository; it takes a few minutes and writes
``benchmarks/coverage.md``, and then ``benchmarks/error_rates.md``, the cells where people live.
Everything is seeded. Units are drawn in batches and only their sums are kept, so each cell judges
2,000 experiments in one call.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks import error_rates
from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential
from exp_jupyter.engine.planning.design import Design
from exp_jupyter.engine.planning.power import required_size
from exp_jupyter.engine.sequential.group_sequential import alpha_spending
from exp_jupyter.engine.statistics.covariates import Covariate
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio, Statistic

REPLICATIONS = 2000
POWER_REPLICATIONS = 20_000
CUPED_REPLICATIONS = 10_000
SIZES = (50, 500, 5000)
LOOKS = 50
AT_ONCE = 4_000_000
SEED = 20_240_617

Draw = Callable[[np.random.Generator, tuple[int, int], float], tuple[np.ndarray, ...]]


def draw_normal(
    rng: np.random.Generator, shape: tuple[int, int], lift: float
) -> tuple[np.ndarray, ...]:
    return (rng.normal(10 * lift, 5, shape),)


def draw_poisson(
    rng: np.random.Generator, shape: tuple[int, int], lift: float
) -> tuple[np.ndarray, ...]:
    return (rng.poisson(2 * lift, shape).astype(float),)


def draw_revenue(
    rng: np.random.Generator, shape: tuple[int, int], lift: float
) -> tuple[np.ndarray, ...]:
    buyers = rng.random(shape) < 0.3
    return (np.where(buyers, lift * np.exp(rng.normal(1.0, 0.8, shape)), 0.0),)


def draw_ratio(
    rng: np.random.Generator, shape: tuple[int, int], lift: float
) -> tuple[np.ndarray, ...]:
    sessions = 1 + rng.poisson(3, shape)
    taste = rng.beta(4, 12, shape)
    return rng.binomial(sessions, np.minimum(taste * lift, 1)).astype(float), sessions.astype(float)


def draw_binary(
    rng: np.random.Generator, shape: tuple[int, int], lift: float
) -> tuple[np.ndarray, ...]:
    return ((rng.random(shape) < 0.2 * lift).astype(float),)


KINDS: dict[str, Draw] = {
    "normal": draw_normal,
    "Poisson": draw_poisson,
    "zero-inflated log-normal": draw_revenue,
    "ratio": draw_ratio,
    "binary": draw_binary,
}


def statistic(kind: str, n: object, sums: list[np.ndarray]) -> Statistic:
    if kind == "ratio":
        return Ratio.unchecked(n, *sums)
    if kind == "binary":
        return Proportion.unchecked(n, sums[0])
    return Mean.unchecked(n, *sums)


def sums_of(values: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    if len(values) == 1:
        y = values[0]
        return [y.sum(axis=1), (y * y).sum(axis=1)]
    a, b = values
    return [part.sum(axis=1) for part in (a, a * a, b, b * b, a * b)]


def batches(total: int, width: int) -> Iterator[int]:
    size = max(1, AT_ONCE // width)
    while total > 0:
        yield min(size, total)
        total -= size


def arm(
    rng: np.random.Generator, kind: str, n: int, replications: int, lift: float = 1.0
) -> Statistic:
    """Return one arm of ``n`` units in each of many experiments."""
    parts = [sums_of(KINDS[kind](rng, (batch, n), lift)) for batch in batches(replications, n)]
    return statistic(kind, float(n), [np.concatenate(piece) for piece in zip(*parts, strict=True)])


def arm_in_looks(rng: np.random.Generator, kind: str, block: int, replications: int) -> Statistic:
    """Return one arm at each of many looks, ``block`` units apart."""
    looks = [sums_of(KINDS[kind](rng, (replications, block), 1.0)) for _ in range(LOOKS)]
    sums = [np.cumsum(np.stack(piece, axis=1), axis=1) for piece in zip(*looks, strict=True)]
    n = np.arange(1, LOOKS + 1, dtype=float) * block
    return statistic(kind, np.broadcast_to(n, (replications, LOOKS)), sums)


def answered(effect: Effect) -> np.ndarray:
    return np.asarray(effect.refusal) == ""


def covered(effect: Effect, truth: float) -> float:
    """Return the share of intervals, among those given, that hold the truth."""
    ok = answered(effect)
    low, high = (np.broadcast_to(bound, ok.shape) for bound in effect.interval)
    return float(((low <= truth) & (truth <= high))[ok].mean()) if ok.any() else math.nan


# ------------------------------------------------------------------------------------- coverage

METHODS = {
    "absolute": Frequentist(difference="absolute"),
    "relative": Frequentist(),
    "relative, delta": Frequentist(interval="delta"),
    "relative, log": Frequentist(interval="log"),
    "relative, Fieller": Frequentist(interval="fieller"),
    "Bayesian, flat prior": Bayesian(),
    "PostHog (compat)": Frequentist(mode="compat"),
}


@dataclasses.dataclass(frozen=True)
class Coverage:
    method: str
    kind: str
    n: int
    coverage: float
    coverage_under_lift: float


def coverages(
    sizes: tuple[int, ...] = SIZES, replications: int = REPLICATIONS, lift: float = 1.2
) -> list[Coverage]:
    found: list[Coverage] = []
    for kind in KINDS:
        for n in sizes:
            rng = np.random.default_rng([SEED, list(KINDS).index(kind), n])
            control = arm(rng, kind, n, replications)
            same = arm(rng, kind, n, replications)
            lifted = arm(rng, kind, n, replications, lift)
            base = {"normal": 10.0, "Poisson": 2.0, "ratio": 0.25, "binary": 0.2}.get(
                kind, 0.3 * math.exp(1 + 0.8**2 / 2)
            )
            for name, method in METHODS.items():
                truth = lift - 1 if method.difference == "relative" else (lift - 1) * base
                found.append(
                    Coverage(
                        name,
                        kind,
                        n,
                        covered(compare(control, same, method, on_refusal="mask"), 0.0),
                        covered(compare(control, lifted, method, on_refusal="mask"), truth),
                    )
                )
    return found


# ---------------------------------------------------------------------------------------- CUPED


def draw_with_past(
    rng: np.random.Generator, case: str, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a metric and the same metric before exposure."""
    if case.startswith("normal"):
        rho = float(case.split()[-1])
        x = rng.normal(10, 3, shape)
        return 10 + rho * (x - 10) + math.sqrt(1 - rho * rho) * rng.normal(0, 3, shape), x
    if case == "sparse orders":
        taste = rng.gamma(0.5, 0.6, shape)
        return rng.poisson(taste).astype(float), rng.poisson(taste).astype(float)
    if case == "session counts":
        taste = rng.gamma(2.0, 4.0, shape)
        return rng.poisson(taste).astype(float), rng.poisson(taste).astype(float)
    taste = rng.beta(0.7, 1.6, shape)
    return (rng.random(shape) < taste).astype(float), (rng.random(shape) < taste).astype(float)


CUPED_CASES = (
    "normal, correlation 0.5",
    "normal, correlation 0.7",
    "normal, correlation 0.9",
    "sparse orders",
    "session counts",
    "funnel",
)


@dataclasses.dataclass(frozen=True)
class Cuped:
    case: str
    correlation: float
    compat: float
    recommended: float
    unadjusted: float
    interval_ratio: float


def cupeds(replications: int = CUPED_REPLICATIONS, n: int = 1000) -> list[Cuped]:
    found: list[Cuped] = []
    for case in CUPED_CASES:
        rng = np.random.default_rng([SEED, 100 + CUPED_CASES.index(case)])
        arms: list[Statistic] = []
        correlation = 0.0
        for _ in range(2):
            parts: list[list[np.ndarray]] = []
            for batch in batches(replications, n):
                y, x = draw_with_past(rng, case, (batch, n))
                correlation = float(np.corrcoef(y.ravel(), x.ravel())[0, 1])
                parts.append([p.sum(axis=1) for p in (y, y * y, x, x * x, x * y)])
            y, yy, x, xx, xy = (np.concatenate(piece) for piece in zip(*parts, strict=True))
            covariate = Covariate(x, xx, xy)
            arms.append(
                Proportion.unchecked(float(n), y, covariate)
                if case == "funnel"
                else Mean.unchecked(float(n), y, yy, covariate)
            )
        plain = [single.without_covariate() for single in arms]
        exact = compare(*arms, Frequentist())
        raw = compare(*plain, Frequentist())
        width = np.asarray(exact.standard_error) / np.asarray(raw.standard_error)
        found.append(
            Cuped(
                case,
                correlation,
                float(np.mean(compare(*arms, Frequentist(mode="compat")).significant)),
                float(np.mean(exact.significant)),
                float(np.mean(raw.significant)),
                float(width.mean()),
            )
        )
    return found


# ----------------------------------------------------------------------------------- sequential


@dataclasses.dataclass(frozen=True)
class Crossing:
    kind: str
    recommended: float
    compat: float
    one_sided: float
    five_looks: float
    peeking: float


def crossings(replications: int = REPLICATIONS, block: int = 100) -> list[Crossing]:
    """Return how often each method ever excludes 0 over 50 looks without an effect."""
    found: list[Crossing] = []
    boundaries = alpha_spending([0.2, 0.4, 0.6, 0.8, 1.0]).critical_z
    for kind in KINDS:
        rng = np.random.default_rng([SEED, 200 + list(KINDS).index(kind)])
        control = arm_in_looks(rng, kind, block, replications)
        treatment = arm_in_looks(rng, kind, block, replications)
        z = np.asarray(compare(control, treatment, Frequentist(normal=True)).statistic)

        def ever(
            method: Frequentist | Sequential,
            control: Statistic = control,
            other: Statistic = treatment,
        ) -> float:
            effect = compare(control, other, method, on_refusal="mask")
            return float((np.asarray(effect.significant) & answered(effect)).any(axis=1).mean())

        found.append(
            Crossing(
                kind,
                ever(Sequential()),
                ever(Sequential(mode="compat")),
                ever(Sequential(alternative="greater")),
                float((np.abs(z[:, 9::10]) > boundaries).any(axis=1).mean()),
                ever(Frequentist()),
            )
        )
    return found


# ---------------------------------------------------------------------------------------- power


@dataclasses.dataclass(frozen=True)
class Power:
    case: str
    planned: float
    simulated: float
    units: int


@dataclasses.dataclass(frozen=True)
class Plan:
    case: str
    baseline: float
    effect: float
    variance: float | None
    design: Design
    power: float = 0.8
    relative: bool = True


PLANS = (
    Plan("funnel 12 %, +10 %", 0.12, 0.1, None, Design()),
    Plan("funnel 12 %, +10 %, power 0.9, alpha 0.01", 0.12, 0.1, None, Design(alpha=0.01), 0.9),
    Plan("funnel 30 %, -8 %, one-sided", 0.3, -0.08, None, Design(alternative="less")),
    Plan("funnel 5 %, +40 %, split 80 : 20", 0.05, 0.4, None, Design(split=(0.8, 0.2))),
    Plan("mean, +5 %", 20.0, 0.05, 400.0, Design()),
    Plan("mean, +30 %, absolute", 20.0, 6.0, 400.0, Design(difference="absolute")),
    Plan("mean, CUPED 0.7, +5 %", 20.0, 0.05, 400.0, Design(correlation=0.7)),
    Plan("mean, CUPED 0.7, +15 %", 20.0, 0.15, 400.0, Design(correlation=0.7)),
    Plan("funnel, non-inferior by 5 %", 0.3, 0.0, None, Design(alternative="greater", margin=0.05)),
    Plan("mean, sequential, +5 %", 20.0, 0.05, 400.0, Design(sequential=True)),
    Plan(
        "mean, sequential tuned to 5,000, one-sided, +5 %",
        20.0,
        0.05,
        400.0,
        Design(sequential=5000.0, alternative="greater"),
    ),
    Plan("mean, 4 arms, Bonferroni, +5 %", 20.0, 0.05, 400.0, Design(variants=4, comparisons=3)),
)


def normal_arm(
    rng: np.random.Generator, n: int, mean: float, variance: float, rho: float, count: int
) -> Mean:
    """Return exact sums of bivariate normal units, without drawing the units."""
    # Bartlett's decomposition of the 2 x 2 scatter of metric and covariate.
    first = np.sqrt(rng.chisquare(n - 1, count))
    cross = rng.normal(size=count)
    second = np.sqrt(rng.chisquare(n - 2, count))
    sd = math.sqrt(variance)
    x_scatter = variance * first**2
    xy_scatter = variance * (rho * first**2 + math.sqrt(1 - rho * rho) * first * cross)
    y_scatter = variance * (
        (rho * first + math.sqrt(1 - rho * rho) * cross) ** 2 + (1 - rho * rho) * second**2
    )
    z = rng.normal(size=(2, count)) * sd / math.sqrt(n)
    x_mean = mean + z[0]
    y_mean = mean + rho * z[0] + math.sqrt(1 - rho * rho) * z[1]
    covariate = None
    if rho:
        covariate = Covariate(
            n * x_mean, x_scatter + n * x_mean**2, xy_scatter + n * x_mean * y_mean
        )
    return Mean.unchecked(float(n), n * y_mean, y_scatter + n * y_mean**2, covariate)


def simulated_power(plan: Plan, replications: int = POWER_REPLICATIONS) -> Power:
    rng = np.random.default_rng([SEED, 300 + PLANS.index(plan)])
    design = plan.design
    total = required_size(
        plan.baseline, plan.effect, variance=plan.variance, power=plan.power, design=design
    )
    control_n, treatment_n = (math.ceil(total * share) for share in design.shares)
    lifted = (
        plan.baseline + plan.effect
        if design.difference == "absolute"
        else plan.baseline * (1 + plan.effect)
    )
    arms: list[Statistic] = []
    for n, mean in ((control_n, plan.baseline), (treatment_n, lifted)):
        if plan.variance is None:
            arms.append(Proportion.unchecked(float(n), rng.binomial(n, mean, replications) * 1.0))
        else:
            rho = float(design.correlation)
            single = normal_arm(rng, n, mean, plan.variance, rho, replications)
            if rho and single.covariate is not None:
                # The covariate comes from before the experiment: no lift in it.
                gap = mean - plan.baseline
                c = single.covariate
                x = c.sum - n * gap
                single = dataclasses.replace(
                    single,
                    covariate=Covariate(
                        x,
                        c.sum_squares - 2 * gap * c.sum + n * gap * gap,
                        c.cross - gap * single.sum,
                    ),
                )
            arms.append(single)
    alpha = float(design.alpha) / float(design.comparisons)
    if design.sequential is False:
        method: Frequentist | Sequential = Frequentist(
            alpha=alpha,
            alternative=design.alternative,
            difference=design.difference,
            null=-float(design.margin),
        )
    else:
        tuning = float(control_n + treatment_n) if design.sequential is True else design.sequential
        method = Sequential(
            alpha=alpha,
            alternative=design.alternative,
            difference=design.difference,
            tuning_n=tuning,
        )
    effect = compare(arms[0], arms[1], method)
    return Power(plan.case, plan.power, float(np.mean(effect.significant)), math.ceil(total))


# --------------------------------------------------------------------------------------- report


def percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f}"


def report(
    coverage: list[Coverage], cuped: list[Cuped], crossing: list[Crossing], power: list[Power]
) -> str:
    lines = [
        "# Simulated coverage, false positives and power",
        "",
        (
            "Made by `python -m benchmarks.coverage`; seeded, so it can be made again. "
            f"{REPLICATIONS:,} experiments per cell, {CUPED_REPLICATIONS:,} for CUPED and "
            f"{POWER_REPLICATIONS:,} for power. "
            "The chance in a cell near 95 % is ±1 point (two standard errors)."
        ),
        "",
        "## Coverage of 95 % intervals, in percent",
        "",
        (
            "No effect, and in brackets a treatment 20 % above control; n units per arm. "
            "The band to hold is 93.5–96.5 at n ≥ 500."
        ),
        "",
    ]
    sizes = sorted({row.n for row in coverage})
    for kind in KINDS:
        lines += [
            f"### {kind}",
            "",
            "| method | " + " | ".join(f"n = {n:,}" for n in sizes) + " |",
            "|---|" + "---:|" * len(sizes),
        ]
        for name in METHODS:
            cells = [
                f"{percent(row.coverage)} ({percent(row.coverage_under_lift)})"
                for n in sizes
                for row in coverage
                if (row.method, row.kind, row.n) == (name, kind, n)
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    lines += [
        "## CUPED: false positives at alpha 0.05, in percent",
        "",
        (
            "Relative effect, 1,000 units per arm, no effect. The band to hold is 4–6 in "
            "recommended mode. The last column is the adjusted standard error over the plain one."
        ),
        "",
        "| data | correlation | compat | recommended | no adjustment | standard error |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {row.case} | {row.correlation:.2f} | {percent(row.compat)} | "
            f"{percent(row.recommended)} | {percent(row.unadjusted)} | {row.interval_ratio:.2f} |"
            for row in cuped
        ),
        "",
        f"## Sequential: ever significant over {LOOKS} looks without an effect, in percent",
        "",
        (
            "100 to 5,000 units per arm, alpha 0.05. The bar is 6 at most. The "
            "group-sequential test looks at every tenth; the last column is the fixed-horizon "
            "test when it is peeked at."
        ),
        "",
        "| data | recommended | compat | one-sided | alpha spending, 5 looks | peeking at Welch |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {row.kind} | {percent(row.recommended)} | {percent(row.compat)} | "
            f"{percent(row.one_sided)} | {percent(row.five_looks)} | {percent(row.peeking)} |"
            for row in crossing
        ),
        "",
        "## Power: planned and simulated, in percent",
        "",
        "Experiments of the planned size, judged by the engine. The bar is 2 points apart at most.",
        "",
        "| plan | units in all | planned | simulated |",
        "|---|---:|---:|---:|",
        *(
            f"| {row.case} | {row.units:,} | {percent(row.planned)} | {percent(row.simulated)} |"
            for row in power
        ),
        "",
    ]
    return "\n".join(lines)


def violations(
    coverage: list[Coverage], cuped: list[Cuped], crossing: list[Crossing], power: list[Power]
) -> list[str]:
    """Return every cell that leaves its band."""
    found = [
        f"{row.method}, {row.kind}, n = {row.n}: coverage {row.coverage:.4f}"
        for row in coverage
        if row.n >= 500 and not 0.935 <= row.coverage <= 0.965
    ]
    found += [
        f"CUPED recommended, {row.case}: {row.recommended:.4f}"
        for row in cuped
        if not 0.04 <= row.recommended <= 0.06
    ]
    found += [
        f"sequential, {row.kind}: {row.recommended:.4f}, {row.compat:.4f}, {row.one_sided:.4f}"
        for row in crossing
        if max(row.recommended, row.compat, row.one_sided, row.five_looks) > 0.06
    ]
    found += [
        f"power, {row.case}: {row.simulated:.4f}"
        for row in power
        if abs(row.simulated - row.planned) > 0.02
    ]
    return found


def main() -> int:
    start = time.perf_counter()
    results = coverages(), cupeds(), crossings(), [simulated_power(plan) for plan in PLANS]
    page = report(*results)
    Path(__file__).with_name("coverage.md").write_text(page, encoding="utf-8")
    print(page)
    print(f"{time.perf_counter() - start:.0f} s")
    outside = violations(*results)
    for line in outside:
        print("outside its band:", line)
    return max(error_rates.main(), 1 if outside else 0)


if __name__ == "__main__":
    sys.exit(main())
