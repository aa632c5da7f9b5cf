"""A hundred thousand comparisons in one call, against a loop over scipy's t-test from statistics.

Run with ``python -m benchmarks.comparisons`` from the repository. Goal: at least 100 times faster
per comparison than ``scipy.stats.ttest_ind_from_stats``, which gives a p-value and no interval.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential
from exp_jupyter.engine.statistics.means import Mean

COMPARISONS = 100_000
SAMPLE = 500
ROUNDS = 7


def arms() -> tuple[Mean, Mean]:
    rng = np.random.default_rng(11)
    made = []
    for _ in range(2):
        n = rng.integers(100, 100_000, COMPARISONS).astype(float)
        mean = rng.uniform(1, 50, COMPARISONS)
        variance = mean * rng.uniform(0.5, 10, COMPARISONS)
        made.append(Mean(n, n * mean, variance * (n - 1) + n * mean**2))
    return made[0], made[1]


def seconds(call: Callable[[], object]) -> float:
    """Return the CPU time of one call, so that a busy machine tells the same."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> dict[str, float]:
    from scipy import stats

    control, treatment = arms()
    method = Frequentist(difference="absolute")
    effect = compare(control, treatment, method)
    parts = [
        (np.asarray(arm.mean), np.sqrt(np.asarray(arm.variance)), np.asarray(arm.n))
        for arm in (treatment, control)
    ]

    def loop() -> list[float]:
        return [
            stats.ttest_ind_from_stats(
                *(float(part[i]) for part in parts[0]),
                *(float(part[i]) for part in parts[1]),
                equal_var=False,
            ).pvalue
            for i in range(SAMPLE)
        ]

    assert np.allclose(effect.p_value[:SAMPLE], loop(), rtol=1e-6, atol=1e-300)
    ratios: dict[str, float] = {}
    for name, chosen in (
        ("absolute Welch", method),
        ("relative Welch", Frequentist()),
        ("sequential", Sequential()),
        ("Bayesian", Bayesian()),
    ):
        # Both sides in turn, so that a machine that slows down slows both.
        rounds = []
        for _ in range(ROUNDS):
            theirs = seconds(loop) / SAMPLE
            ours = seconds(lambda chosen=chosen: compare(control, treatment, chosen)) / COMPARISONS
            rounds.append((theirs / ours, ours))
        ratios[name], each = sorted(rounds)[ROUNDS // 2]
        print(
            f"{name}: {each * 1e9:.0f} ns each, {ratios[name]:,.0f} times faster than scipy's loop"
        )
    return ratios


if __name__ == "__main__":
    main()
