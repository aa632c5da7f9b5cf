"""A million sample-size plans in one call, against statsmodels' solver and against bare numpy.

Run with ``python -m benchmarks.planning`` from the repository. Ratios of CPU time within one run
count, so that a busy machine tells the same. Goals: at least 1,000 times faster per plan than
statsmodels' ``NormalIndPower``, at most 2 times slower than numpy doing only the closed form.
"""

from __future__ import annotations

import time

import numpy as np
from scipy import special

from exp_jupyter.engine.planning.design import Design
from exp_jupyter.engine.planning.power import required_size

PLANS = 1_000_000
SAMPLE = 200


def grid() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    mean = rng.uniform(1, 100, PLANS)
    variance = mean * rng.uniform(0.5, 20, PLANS)
    effect = rng.uniform(0.01, 0.2, PLANS) * mean
    alpha = rng.choice([0.01, 0.05, 0.1], PLANS)
    power = rng.choice([0.8, 0.9, 0.95], PLANS)
    return mean, variance, effect, alpha, power


def ours(
    mean: np.ndarray,
    variance: np.ndarray,
    effect: np.ndarray,
    alpha: np.ndarray,
    power: np.ndarray,
) -> np.ndarray:
    # The textbook's own settings, so that both answer the same question.
    design = Design(alpha=alpha, difference="absolute", degrees_of_freedom="normal")
    return required_size(mean, effect, variance=variance, power=power, design=design)


def bare(
    variance: np.ndarray, effect: np.ndarray, alpha: np.ndarray, power: np.ndarray
) -> np.ndarray:
    reach = special.ndtri(1 - alpha / 2) + special.ndtri(power)
    return reach**2 * (variance / 0.5 + variance / 0.5) / effect**2


def statsmodels_sizes(
    variance: np.ndarray, effect: np.ndarray, alpha: np.ndarray, power: np.ndarray
) -> np.ndarray:
    from statsmodels.stats.power import NormalIndPower

    solver = NormalIndPower()
    return np.array(
        [
            2
            * solver.solve_power(
                effect_size=float(effect[i] / np.sqrt(variance[i])),
                alpha=float(alpha[i]),
                power=float(power[i]),
                ratio=1.0,
            )
            for i in range(SAMPLE)
        ]
    )


def seconds(call: object, repeats: int = 5) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def main() -> dict[str, float]:
    mean, variance, effect, alpha, power = grid()
    result = ours(mean, variance, effect, alpha, power)
    assert np.allclose(result, bare(variance, effect, alpha, power), rtol=1e-12)
    start = time.process_time()
    theirs = statsmodels_sizes(variance, effect, alpha, power)
    per_plan_theirs = (time.process_time() - start) / SAMPLE
    assert np.allclose(result[:SAMPLE], theirs, rtol=1e-4)
    own = seconds(lambda: ours(mean, variance, effect, alpha, power))
    floor = seconds(lambda: bare(variance, effect, alpha, power))
    ratios = {
        "times faster per plan than statsmodels": per_plan_theirs / (own / PLANS),
        "times the time of bare numpy": own / floor,
    }
    print(f"{PLANS:,} plans in {own:.3f} s ({own / PLANS * 1e9:.0f} ns each)")
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:,.2f}")
    return ratios


if __name__ == "__main__":
    main()
