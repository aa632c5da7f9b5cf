"""Not worse, or the same, within a margin."""

from __future__ import annotations

import arms
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exp_jupyter.engine.comparison.margins import equivalence, non_inferiority
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Sequential
from exp_jupyter.engine.statistics.means import Proportion
from exp_jupyter.errors import InputError, StatisticsError


@given(
    arms.proportions(),
    arms.proportions(),
    st.floats(0.001, 0.5),
    st.sampled_from(["increase", "decrease"]),
    st.sampled_from(
        [
            Frequentist(),
            Frequentist(difference="absolute"),
            Frequentist(interval="log"),
            Sequential(),
        ]
    ),
)
def test_the_bound_and_the_p_value_agree(
    control: Proportion, treatment: Proportion, margin: float, goal: str, method: Frequentist
) -> None:
    found = non_inferiority(control, treatment, margin, method, goal=goal)  # type: ignore[arg-type]
    assume(abs(found.p_value / 0.05 - 1) > 1e-6)
    inside = found.bound > -margin if goal == "increase" else found.bound < margin
    assert found.passed == inside == (found.p_value < 0.05)


@given(arms.proportions(), arms.proportions(), st.floats(0.001, 0.5))
def test_equivalence_is_the_interval_inside_the_margins(
    control: Proportion, treatment: Proportion, margin: float
) -> None:
    found = equivalence(control, treatment, margin)
    assume(abs(found.p_value / 0.05 - 1) > 1e-6)
    low, high = found.interval
    assert found.equivalent == (low > -margin and high < margin)


def test_a_wider_margin_is_easier_to_keep() -> None:
    control, treatment = Proportion(10000, 2000), Proportion(10000, 1970)
    p = [non_inferiority(control, treatment, margin).p_value for margin in (0.01, 0.03, 0.1)]
    assert p == sorted(p, reverse=True)


def test_margins_may_differ_on_the_two_sides() -> None:
    control, treatment = Proportion(50000, 10000), Proportion(50000, 10300)
    assert equivalence(control, treatment, (-0.01, 0.08)).equivalent
    assert not equivalence(control, treatment, 0.03).equivalent


def test_margins_that_make_no_sense_are_refused() -> None:
    arm = Proportion(1000, 200)
    for margin in (0.0, -0.1, float("inf")):
        with pytest.raises(InputError):
            non_inferiority(arm, arm, margin)
    with pytest.raises(InputError):
        equivalence(arm, arm, (0.1, -0.1))
    with pytest.raises(InputError):
        non_inferiority(arm, arm, 0.1, Frequentist(mode="compat"))
    with pytest.raises(InputError):
        equivalence(arm, arm, 0.1, Bayesian())  # type: ignore[arg-type]
    with pytest.raises(StatisticsError):
        non_inferiority(arm, Proportion(1, 0), 0.1)
