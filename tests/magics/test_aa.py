"""``%exp_aa``: a method tried on a variable of the notebook."""

import pytest

from exp_jupyter.errors import InputError

TABLE = """
import numpy as np, pandas as pd
draws = np.random.default_rng(1)
units = pd.DataFrame({
    "variant": ["control", "test"] * 400,
    "revenue": draws.gamma(1.0, 4.0, 800).round(2),
})
"""


@pytest.fixture
def table(run):
    run(TABLE)


def test_counts_a_methods_errors(run, table):
    found = run("%exp_aa units --metric revenue:mean --mde 20 --replications 200 --seed 3")
    assert found.trustworthy
    assert found.results[0].lifted.effect == pytest.approx(0.2)
    assert found.code() == (
        "exp_jupyter.simulate(units, metrics=['revenue:mean'], mde=20.0, replications=200, seed=3)"
    )


def test_takes_the_planned_size_split_and_looks(run, table):
    found = run(
        "%exp_aa units --metric revenue:mean --units 1000 --split 90/10 --looks 5 "
        "--method sequential --tuning 1000 --replications 100"
    )
    assert found.sizes == (900, 100)
    assert (found.looks, found.method) == (5, "sequential")


def test_an_unknown_table_is_said(run, table):
    with pytest.raises(InputError, match="no variable 'unit'"):
        run("%exp_aa unit --metric revenue:mean")
