"""Sufficient statistics: what they say, what they refuse, how they add up."""

from __future__ import annotations

import arms
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exp_jupyter.engine.statistics.means import Covariate, Mean, Proportion, Ratio, RatioCovariate
from exp_jupyter.errors import InputError, StatisticsError

values = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


@given(values)
def test_a_mean_of_values_has_their_mean_and_sample_variance(units: list[float]) -> None:
    arm = Mean.of(units)
    assert arm.n == len(units)
    assert arm.mean == pytest.approx(np.mean(units), rel=1e-12, abs=1e-9)
    assert arm.variance == pytest.approx(np.var(units, ddof=1), rel=1e-9, abs=1e-9)


def test_a_proportions_variance_has_no_small_sample_factor() -> None:
    assert Proportion(10, 3).variance == pytest.approx(0.21)


def test_a_single_unit_has_no_variance() -> None:
    assert Mean(1, 3.0, 9.0).variance == 0.0


@given(arms.ratios())
def test_a_ratio_of_proportional_parts_has_no_variance(ratio: Ratio) -> None:
    n, a, aa = ratio.n, ratio.numerator_sum, ratio.numerator_sum_squares
    same = Ratio(n, a, aa, 2 * a, 4 * aa, 2 * aa)
    assert same.mean == pytest.approx(0.5)
    assert same.variance == pytest.approx(0.0, abs=1e-9)


def test_a_ratio_of_units_matches_a_ratio_of_their_sums() -> None:
    rng = np.random.default_rng(1)
    b = rng.poisson(3, 500) + 1.0
    a = b * rng.gamma(2, 1, 500)
    from_units = Ratio.of(a, b)
    from_sums = Ratio(500, a.sum(), (a * a).sum(), b.sum(), (b * b).sum(), (a * b).sum())
    assert from_units.mean == pytest.approx(from_sums.mean)
    assert from_units.variance == pytest.approx(from_sums.variance)


def test_values_far_from_zero_keep_their_variance() -> None:
    units = 1e9 + np.array([0.0, 1.0, 2.0, 3.0])
    assert Mean.of(units).variance == pytest.approx(5 / 3, rel=1e-12)
    assert Mean(4, units.sum(), (units**2).sum()).variance != pytest.approx(5 / 3, rel=1e-3)


@pytest.mark.parametrize(
    ("code", "build"),
    [
        ("n_not_positive", lambda: Mean(0, 0.0, 0.0)),
        ("n_not_positive", lambda: Proportion(-5, 0)),
        ("sum_squares_inconsistent", lambda: Mean(100, 500.0, 2400.0)),
        ("sum_squares_inconsistent", lambda: Mean(1, 4.0, 15.0)),
        ("sum_squares_inconsistent", lambda: Mean(10, 0.0, -1.0)),
        ("successes_negative", lambda: Proportion(100, -1)),
        ("successes_exceed_n", lambda: Proportion(100, 101)),
        ("ratio_denominator_zero", lambda: Ratio(10, 1.0, 1.0, 0.0, 4.0, 0.0)),
        ("not_finite", lambda: Mean(10, float("nan"), 1.0)),
        ("not_finite", lambda: Mean(10, float("inf"), 1.0)),
        ("not_finite", lambda: Proportion(float("nan"), 1)),
        (
            "sum_squares_inconsistent",
            lambda: Mean(10, 10.0, 20.0, covariate=Covariate(10.0, 5.0, 1.0)),
        ),
        (
            "ratio_denominator_zero",
            lambda: Ratio(
                10,
                10.0,
                20.0,
                10.0,
                20.0,
                12.0,
                covariate=RatioCovariate(1.0, 1.0, 0.0, 4.0, 0.0, 1.0, 0.0, 1.0, 0.0),
            ),
        ),
    ],
)
def test_sums_that_no_data_can_give_are_refused(code: str, build: object) -> None:
    with pytest.raises(StatisticsError) as refused:
        build()  # type: ignore[operator]
    assert refused.value.code == code


def test_parts_and_covariates_must_count_the_same_units() -> None:
    with pytest.raises(StatisticsError) as ratio:
        Ratio.from_parts(Mean(10, 30.0, 120.0), Proportion(11, 6), 30.0)
    assert ratio.value.code == "ratio_n_mismatch"
    with pytest.raises(StatisticsError) as covariate:
        Mean(10, 30.0, 120.0, covariate=Covariate(1.0, 1.0, 3.0, n=11))
    assert covariate.value.code == "cuped_n_mismatch"


def test_rounding_is_no_inconsistency_but_posthogs_exact_check_says_so() -> None:
    total, squares = 0.1 + 0.1 + 0.1, 0.1**2 + 0.1**2 + 0.1**2
    arm = Mean(3, total, squares)
    assert arm.variance == 0.0
    assert [refusal.code for refusal in arm.refusals(exact=True) if refusal.where.any()] == [
        "sum_squares_inconsistent"
    ]


def test_an_array_says_which_element_is_refused() -> None:
    with pytest.raises(StatisticsError, match=r"1 of 3 elements, the first at 1"):
        Proportion([10, 10, 10], [1, 11, 2])


def test_unchecked_builds_what_the_class_refuses() -> None:
    arm = Proportion.unchecked([10, 0], [1, 0])
    assert arm.shape == (2,)
    with pytest.raises(TypeError):
        Proportion.unchecked(10)


@given(values, values)
def test_adding_two_statistics_is_taking_their_units_together(
    one: list[float], other: list[float]
) -> None:
    together = Mean.of([*one, *other])
    added = Mean.of(one) + Mean.of(other)
    assert added.n == together.n
    assert added.sum == pytest.approx(together.sum, abs=1e-6)
    assert added.sum_squares == pytest.approx(together.sum_squares)


def test_different_statistics_do_not_add() -> None:
    with pytest.raises(TypeError):
        Mean(3, 1.0, 1.0) + Proportion(3, 1)  # type: ignore[operator]


def test_an_element_of_an_array_statistic_is_a_scalar_one() -> None:
    arm = Mean(
        [10, 20],
        [10.0, 40.0],
        [30.0, 100.0],
        covariate=Covariate([1.0, 2.0], [1.0, 4.0], [3.0, 5.0]),
    )
    second = arm.at(1)
    assert (second.n, second.sum, second.mean) == (20.0, 40.0, 2.0)
    assert second.covariate is not None
    assert second.covariate.sum == 2.0


def test_dropping_the_covariate_keeps_the_sums() -> None:
    arm = Mean.of([1.0, 2.0, 4.0], [1.0, 1.0, 2.0])
    plain = arm.without_covariate()
    assert plain.covariate is None
    assert plain.variance == arm.variance


def test_a_covariate_needs_one_value_per_unit() -> None:
    with pytest.raises(InputError, match="covariate has shape"):
        Mean.of([1.0, 2.0], [1.0])
    with pytest.raises(InputError, match="at least one unit"):
        Mean.of([])
    with pytest.raises(InputError, match="must be a number"):
        Mean("many", 1.0, 1.0)  # type: ignore[arg-type]
