"""One statement: the decision, the p-value and the interval agree, whichever arm is control."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from exp_jupyter.engine import compare
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential
from exp_jupyter.engine.comparison.methods.msprt import MixtureSPRT
from exp_jupyter.engine.statistics.covariates import Covariate
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio, Statistic

DRAWS = int(os.environ.get("EXP_JUPYTER_DRAWS", "3000"))
"""Comparisons a rule; the full check takes 200,000."""

Pair = tuple[Statistic, Statistic]


def rare_rates(rng: np.random.Generator) -> Pair:
    n = rng.choice([20, 200, 5000, 100_000], DRAWS), rng.choice([20, 1000, 9000], DRAWS)
    p = rng.choice([0.0005, 0.01, 0.2, 0.97], DRAWS)
    lift = rng.choice([1.0, 0.5, 1.03], DRAWS)
    return (
        Proportion.unchecked(n[0].astype(float), rng.binomial(n[0], p).astype(float)),
        Proportion.unchecked(n[1].astype(float), rng.binomial(n[1], p * lift).astype(float)),
    )


def amounts(rng: np.random.Generator) -> Pair:
    arms = []
    for size in (40, 400):
        y = (rng.random((DRAWS, size)) < 0.1) * np.exp(rng.normal(0, 1.5, (DRAWS, size)))
        sums = [(y**power).sum(axis=1) for power in (1, 2, 3)]
        arms.append(Mean.unchecked(float(size), sums[0], sums[1], None, None, sums[2]))
    return arms[0], arms[1]


def sums_only(rng: np.random.Generator) -> Pair:
    control, treatment = amounts(rng)
    return tuple(  # type: ignore[return-value]
        Mean.unchecked(arm.n, arm.sum, arm.sum_squares)  # type: ignore[attr-defined]
        for arm in (control, treatment)
    )


def clicks(rng: np.random.Generator) -> Pair:
    arms = []
    for size in (60, 90):
        b = 1.0 + rng.poisson(2, (DRAWS, size))
        a = rng.binomial(b.astype(int), 0.1).astype(float)
        arms.append(
            Ratio.unchecked(float(size), *(x.sum(axis=1) for x in (a, a * a, b, b * b, a * b)))
        )
    return arms[0], arms[1]


def adjusted(rng: np.random.Generator) -> Pair:
    arms = []
    for size in (30, 120):
        x = rng.gamma(1.0, 2.0, (DRAWS, size))
        y = x + rng.normal(0, 2, x.shape)
        y1, y2, x1, x2, xy = (part.sum(axis=1) for part in (y, y * y, x, x * x, x * y))
        arms.append(Mean.unchecked(float(size), y1, y2, Covariate(x1, x2, xy)))
    return arms[0], arms[1]


KINDS: dict[str, Callable[[np.random.Generator], Pair]] = {
    "rates": rare_rates,
    "amounts": amounts,
    "amounts without cubes": sums_only,
    "ratios": clicks,
    "adjusted means": adjusted,
}
RULES: dict[str, Any] = {
    "two-sided": Frequentist(),
    "absolute": Frequentist(difference="absolute"),
    "greater": Frequentist(alternative="greater"),
    "margin": Frequentist(alternative="greater", null=-0.1),
    "sequential": Sequential(tuning_n=500),
    "sequential, one-sided": Sequential(alternative="less"),
    "msprt": MixtureSPRT(tau=0.3),
    "absolute sequence": Sequential(difference="absolute", tuning_n=500),
}


def compared(kind: str, rule: Any, *, swapped: bool = False) -> Any:
    control, treatment = KINDS[kind](np.random.default_rng(len(kind)))
    arms = (treatment, control) if swapped else (control, treatment)
    effect = compare(*arms, rule, on_refusal="mask")
    assert (np.asarray(effect.refusal) == "").mean() > 0.5
    return effect


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_p_value_and_the_interval_decide_alike(kind: str, rule: str) -> None:
    effect = compared(kind, RULES[rule])
    answered = np.asarray(effect.refusal) == ""
    low, high = (np.asarray(bound) for bound in effect.interval)
    excluded = (low > effect.null) | (high < effect.null)
    assert (excluded == (np.asarray(effect.p_value) < 0.05))[answered].all()
    assert (excluded == np.asarray(effect.significant))[answered].all()


@pytest.mark.parametrize("rule", ["two-sided", "absolute", "sequential", "msprt"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_decision_depends_on_which_arm_is_called_control(kind: str, rule: str) -> None:
    one, other = compared(kind, RULES[rule]), compared(kind, RULES[rule], swapped=True)
    both = (np.asarray(one.refusal) == "") & (np.asarray(other.refusal) == "")
    assert (np.asarray(one.significant) == np.asarray(other.significant))[both].all()
    np.testing.assert_allclose(one.p_value[both], other.p_value[both], rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("rule", ["two-sided", "greater", "sequential", "msprt"])
@pytest.mark.parametrize("kind", ["rates", "amounts", "amounts without cubes"])
def test_nothing_falls_below_minus_100_percent(kind: str, rule: str) -> None:
    effect = compared(kind, RULES[rule])
    assert np.nanmin(np.asarray(effect.interval[0])) >= -1


@pytest.mark.parametrize("kind", [*KINDS])
@pytest.mark.parametrize("difference", ["relative", "absolute"])
def test_chance_interval_and_decision_of_a_posterior_agree(kind: str, difference: str) -> None:
    effect = compared(kind, Bayesian(difference=difference))
    answered = np.asarray(effect.refusal) == ""
    low, high = (np.asarray(bound) for bound in effect.interval)
    sure = np.abs(np.asarray(effect.chance_to_win) - 0.5) > 0.475 + 1e-7
    unsure = np.abs(np.asarray(effect.chance_to_win) - 0.5) < 0.475 - 1e-7
    excluded = (low > 0) | (high < 0)
    assert excluded[sure & answered].all()
    assert not excluded[unsure & answered].any()


def test_the_relative_and_the_absolute_test_of_no_effect_are_one() -> None:
    for kind in ("amounts without cubes", "ratios", "rates"):
        relative, absolute = compared(kind, RULES["two-sided"]), compared(kind, RULES["absolute"])
        both = (np.asarray(relative.refusal) == "") & (np.asarray(absolute.refusal) == "")
        np.testing.assert_allclose(
            relative.p_value[both], absolute.p_value[both], rtol=1e-9, atol=1e-300
        )
