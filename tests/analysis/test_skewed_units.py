"""A unit table's ratios and adjusted means are tested as the units themselves would be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import exp_jupyter
from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.methods import Frequentist
from exp_jupyter.engine.statistics.means import Mean, Ratio

UNITS = 3000


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Return skewed orders of one unit a row, a tenth of them treated."""
    rng = np.random.default_rng(3)
    taste = np.exp(rng.normal(0, 1, UNITS))
    orders = 1.0 + rng.poisson(taste)
    return pd.DataFrame(
        {
            "variant": np.where(rng.random(UNITS) < 0.1, "test", "control"),
            "revenue": orders * np.exp(rng.normal(0, 1, UNITS)),
            "orders": orders,
            "before": taste * np.exp(rng.normal(0, 0.4, UNITS)),
            "country": rng.integers(0, 3, UNITS),
        }
    )


def judged(table: pd.DataFrame, **arguments: object) -> tuple[float, tuple[float, float]]:
    """Return what ``analyze`` finds."""
    effect = exp_jupyter.analyze(table, variant="variant", control="control", **arguments).effect()  # type: ignore[arg-type]
    return effect.p_value, effect.interval


@pytest.mark.parametrize("breakdown", [(), "country"])
def test_a_ratio_is_tested_as_its_units_are(
    table: pd.DataFrame, breakdown: str | tuple[()]
) -> None:
    arms = [
        Ratio.of(part["revenue"], part["orders"]) for _, part in table.groupby("variant", sort=True)
    ]
    expected = compare(*arms, Frequentist())
    p, interval = judged(table, metrics=["revenue/orders:ratio"], breakdown=breakdown)
    assert p == pytest.approx(expected.p_value, rel=1e-9)
    assert interval == pytest.approx(expected.interval, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_an_adjusted_mean_is_tested_as_its_units_are(table: pd.DataFrame, shift: float) -> None:
    arms = [
        Mean.of(part["revenue"], part["before"]) for _, part in table.groupby("variant", sort=True)
    ]
    expected = compare(*arms, Frequentist())
    moved = table.assign(before=table["before"] + shift)
    p, interval = judged(moved, metrics=["revenue:mean"], covariate="before")
    assert p == pytest.approx(expected.p_value, rel=1e-6)
    assert interval == pytest.approx(expected.interval, rel=1e-6)
