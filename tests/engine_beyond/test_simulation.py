"""Experiments drawn from one's own units: seeded, honest about chance, and true to the planner."""

from __future__ import annotations

import numpy as np
import pytest

from exp_jupyter.engine.comparison.methods import Frequentist, Sequential
from exp_jupyter.engine.planning.design import Design
from exp_jupyter.engine.planning.power import required_size
from exp_jupyter.engine.simulation import simulate, simulate_quantile
from exp_jupyter.errors import InputError

UNITS = np.random.default_rng(21)
ORDERS = UNITS.poisson(UNITS.gamma(1.0, 2.0, 4000)).astype(float)
BUYERS = (UNITS.random(4000) < 0.2).astype(float)


def test_the_same_seed_draws_the_same_experiments() -> None:
    runs = [simulate(ORDERS, sizes=(200, 200), replications=100, seed=s) for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_an_a_a_test_errs_as_often_as_it_says() -> None:
    run = simulate(ORDERS, sizes=(600, 600), replications=1500)
    assert run.significant == pytest.approx(0.05, abs=0.02)
    assert run.coverage == pytest.approx(0.95, abs=0.02)
    assert run.interval[0] < run.significant < run.interval[1]
    assert run.exaggeration is None


def test_planned_power_is_simulated_power() -> None:
    rate = float(BUYERS.mean())
    size = required_size(rate, 0.25, design=Design())
    arm = round(size / 2)
    run = simulate(BUYERS, sizes=(arm, arm), effect=0.25, replications=2000)
    assert run.significant == pytest.approx(0.8, abs=0.03)
    assert run.mean_estimate == pytest.approx(0.25, abs=0.02)


def test_underpowered_winners_exaggerate() -> None:
    run = simulate(BUYERS, sizes=(300, 300), effect=0.1, replications=800)
    assert run.exaggeration is not None
    assert run.exaggeration > 2


def test_a_decrease_of_a_rate_is_simulated_too() -> None:
    run = simulate(
        BUYERS,
        sizes=(800, 800),
        effect=-0.3,
        replications=500,
        method=Frequentist(difference="absolute"),
    )
    assert run.mean_estimate == pytest.approx(-0.3 * BUYERS.mean(), rel=0.1)


def test_ratios_and_covariates_can_be_drawn() -> None:
    sessions = 1.0 + UNITS.poisson(3.0, 4000)
    ratio = simulate(ORDERS, denominator=sessions, sizes=(400, 400), replications=400)
    assert ratio.significant == pytest.approx(0.05, abs=0.035)
    before = ORDERS + UNITS.normal(size=4000)
    plain = simulate(ORDERS, sizes=(400, 400), effect=0.2, replications=300)
    cuped = simulate(ORDERS, covariate=before, sizes=(400, 400), effect=0.2, replications=300)
    assert cuped.significant > plain.significant + 0.2


def test_a_ratio_takes_a_covariate_too() -> None:
    sessions = 1.0 + UNITS.poisson(3.0, 4000)
    before = ORDERS + UNITS.normal(size=4000)
    drawn = {"denominator": sessions, "sizes": (400, 400), "effect": 0.2, "replications": 300}
    plain = simulate(ORDERS, **drawn)
    cuped = simulate(ORDERS, covariate=before, **drawn)
    assert cuped.significant > plain.significant + 0.05
    assert cuped.coverage == pytest.approx(0.95, abs=0.04)


def test_a_skewed_mean_is_judged_with_its_third_moment_as_an_analysis_does() -> None:
    revenue = np.where(UNITS.random(4000) < 0.05, UNITS.lognormal(3, 1.2, 4000), 0.0)
    run = simulate(revenue, sizes=(4000, 1500), replications=2000)
    assert run.significant == pytest.approx(0.05, abs=0.02)


def test_a_quantile_errs_as_often_as_it_says() -> None:
    seconds = UNITS.lognormal(1.0, 0.7, 4000)
    null = simulate_quantile(seconds, 0.5, sizes=(400, 400), replications=600)
    assert null.significant == pytest.approx(0.05, abs=0.025)
    slower = simulate_quantile(seconds, 0.5, sizes=(400, 400), effect=0.3, replications=100)
    assert slower.significant > 0.8
    assert slower.coverage == pytest.approx(0.95, abs=0.06)


def test_peeking_costs_and_a_sequence_does_not() -> None:
    peeked = simulate(ORDERS, sizes=(1000, 1000), looks=20, replications=400)
    always = simulate(
        ORDERS, sizes=(1000, 1000), looks=20, replications=400, method=Sequential(tuning_n=2000)
    )
    assert peeked.significant > 0.12
    assert always.significant < 0.06


def test_progress_is_told_and_ends_at_the_total() -> None:
    told: list[tuple[int, int]] = []
    simulate(
        ORDERS,
        sizes=(30_000, 100),
        replications=130,
        progress=lambda done, total: told.append((done, total)),
    )
    assert len(told) > 1
    assert told[-1] == (130, 130)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


@pytest.mark.parametrize(
    "arguments",
    [
        {"values": [1.0]},
        {"values": [1.0, np.nan]},
        {"values": BUYERS, "effect": 9.0},
        {"values": ORDERS, "effect": -1.5},
        {"values": ORDERS, "replications": 0},
        {"values": ORDERS, "looks": 200},
        {"values": ORDERS, "denominator": [1.0, 2.0]},
    ],
)
def test_the_rest_is_refused(arguments: dict) -> None:
    with pytest.raises(InputError):
        simulate(**({"sizes": (100, 100)} | arguments))
