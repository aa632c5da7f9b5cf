"""Plans of randomised clusters reach their power, and history tells what they need."""

from __future__ import annotations

import numpy as np
import pytest

import exp_jupyter
from exp_jupyter.engine.planning.clusters import cluster_variation
from exp_jupyter.errors import InputError

PLAN = {"kind": "mean", "baseline": 10.0, "variance": 4.0, "mde": 5}


def test_clusters_of_one_unit_cost_nothing():
    plain = exp_jupyter.sample_size(**PLAN)
    single = exp_jupyter.sample_size(**PLAN, icc=0.3, cluster_size=1)
    assert single.design_effect == 1
    assert single.sample_size == pytest.approx(plain.sample_size, rel=0.02)


def test_a_plan_of_clusters_has_its_power_in_the_analysis():
    icc, size = 0.1, 20
    plan = exp_jupyter.sample_size(**PLAN, icc=icc, cluster_size=size)
    assert plan.design_effect == pytest.approx(2.9)
    control, treatment = plan.clusters
    total = control + treatment
    rng = np.random.default_rng(4)
    cluster = np.repeat(np.arange(total), size)
    treated = (cluster >= control).astype(float)
    found = 0
    for _ in range(400):
        own = 2 * np.sqrt(icc) * rng.normal(size=total)[cluster]
        rest = 2 * np.sqrt(1 - icc) * rng.normal(size=cluster.size)
        y = 10 + 0.5 * treated + own + rest
        found += exp_jupyter.engine.cluster_robust(y, treated, cluster).significant
    assert found / 400 == pytest.approx(0.8, abs=0.06)


def test_history_gives_back_the_correlation_it_was_drawn_with():
    rng = np.random.default_rng(9)
    cluster = np.repeat(np.arange(800), 15)
    y = rng.normal(size=800)[cluster] * np.sqrt(0.2) + rng.normal(size=12_000) * np.sqrt(0.8)
    found = cluster_variation(y, cluster)
    assert found.icc == pytest.approx(0.2, abs=0.02)
    assert found.design_effect == pytest.approx(1 + 14 * found.icc)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"icc": 0.1}, "cluster_size is missing"),
        ({"cluster_size": 20}, "icc is missing"),
        ({"icc": 1.5, "cluster_size": 20}, "icc"),
        ({"icc": 0.1, "cluster_size": 0.5}, "cluster_size"),
        ({"icc": 0.1, "cluster_size": 20, "sequential": True}, "fixed horizon"),
        ({"icc": 0.1, "cluster_size": 20, "mode": "compat"}, "clusters"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        exp_jupyter.sample_size(**PLAN, **settings)
