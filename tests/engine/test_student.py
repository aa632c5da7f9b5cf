"""Student's t over many degrees of freedom: the fast roads arrive where the direct one does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from exp_jupyter.engine.inference.distributions import p_value, tail_probability, upper_quantile

RNG = np.random.default_rng(4)
FREEDOM = np.concatenate([10 ** RNG.uniform(0, 7, 3000), [1.0, 1.5, 2.0, 4.0, 20.0, 20.1]])


@pytest.mark.parametrize("tail", [0.5, 0.4, 0.05, 0.025, 0.005, 1e-4, 1e-8])
def test_quantiles_of_an_array_are_those_of_its_elements(tail: float) -> None:
    direct = -special.stdtrit(FREEDOM, tail)
    assert upper_quantile(tail, FREEDOM) == pytest.approx(direct, rel=1e-10, abs=1e-12)


def test_tails_of_an_array_are_those_of_its_elements() -> None:
    for scale in (0.1, 1.0, 3.0, 10.0, 40.0):
        t = RNG.normal(size=FREEDOM.size) * scale
        direct = special.stdtr(FREEDOM, -t)
        assert tail_probability(t, FREEDOM) == pytest.approx(direct, rel=1e-11, abs=1e-300)


def test_quantile_and_tail_undo_each_other() -> None:
    t = upper_quantile(0.01, FREEDOM)
    assert tail_probability(t, FREEDOM) == pytest.approx(0.01, rel=1e-9)


def test_without_degrees_of_freedom_it_is_the_normal_distribution() -> None:
    assert upper_quantile(0.025, None) == pytest.approx(1.959963984540054)
    assert p_value(np.array(-1.959963984540054), None, "two-sided") == pytest.approx(0.05)
    assert p_value(np.array(-2.0), None, "less") == pytest.approx(special.ndtr(-2.0))
