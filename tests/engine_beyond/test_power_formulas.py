"""Plans solved for size, effect, power and days: one formula, scalars and whole grids."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exp_jupyter.engine.planning.arrival import carried_on, days_to_find, mde_over_days
from exp_jupyter.engine.planning.design import Design, optimal_control_share, optimal_mixture
from exp_jupyter.engine.planning.pooled import pooled_power, pooled_size
from exp_jupyter.engine.planning.power import (
    days_for,
    detectable_effect,
    power_of,
    required_size,
)
from exp_jupyter.errors import InputError

quick = settings(derandomize=True, max_examples=50, deadline=None)


@st.composite
def designs(draw: st.DrawFn) -> Design:
    alternative = draw(st.sampled_from(["two-sided", "greater", "less"]))
    return Design(
        alpha=draw(st.sampled_from([0.01, 0.05, 0.1])),
        alternative=alternative,
        difference=draw(st.sampled_from(["relative", "absolute"])),
        split=draw(st.sampled_from([None, (0.5, 0.5), (0.8, 0.2), (0.4, 0.3, 0.3)])),
        correlation=draw(st.sampled_from([0.0, 0.3, 0.7])),
        comparisons=draw(st.sampled_from([1, 3])),
        sequential=draw(st.sampled_from([False, True, 3000.0])),
        refined=draw(st.booleans()),
    )


@quick
@given(
    design=designs(),
    baseline=st.floats(0.05, 0.6),
    change=st.floats(0.01, 0.2),
    variance=st.sampled_from([None, 0.3, 4.0]),
    power=st.sampled_from([0.6, 0.8, 0.95]),
)
def test_solving_back_returns_what_went_in(
    design: Design, baseline: float, change: float, variance: float | None, power: float
) -> None:
    effect = design.sign * change * (1 if design.difference == "relative" else baseline)
    size = required_size(baseline, effect, variance=variance, power=power, design=design)
    assert size > 0
    assert power_of(baseline, effect, size, variance=variance, design=design) == pytest.approx(
        power, rel=1e-9
    )
    assert detectable_effect(
        baseline, size, variance=variance, power=power, design=design
    ) == pytest.approx(effect, rel=1e-9)
    days = days_for(baseline, effect, 100.0, variance=variance, power=power, design=design)
    assert days == pytest.approx(size / 100)


@quick
@given(design=designs(), baseline=st.floats(0.1, 0.5), change=st.floats(0.02, 0.2))
def test_power_grows_with_units_and_with_the_effect(
    design: Design, baseline: float, change: float
) -> None:
    scale = design.sign * (1 if design.difference == "relative" else baseline)
    sizes = [500.0, 5_000.0, 50_000.0]
    powers = [power_of(baseline, scale * change, size, design=design) for size in sizes]
    assert powers == sorted(powers)
    effects = [power_of(baseline, scale * change * f, 5000.0, design=design) for f in (0.5, 1, 1.5)]
    assert effects == sorted(effects)
    assert all(0 <= power <= 1 for power in powers + effects)


@quick
@given(design=designs(), variance=st.sampled_from([None, 2.0]))
def test_an_array_is_its_elements(design: Design, variance: float | None) -> None:
    scale = design.sign * (1 if design.difference == "relative" else 0.2)
    baselines = np.array([[0.1], [0.2], [0.4]])
    effects = scale * np.array([0.03, 0.06, 0.1, 0.15])
    sizes = required_size(baselines, effects, variance=variance, design=design)
    assert sizes.shape == (3, 4)
    for row, baseline in enumerate(baselines[:, 0]):
        for column, effect in enumerate(effects):
            alone = required_size(float(baseline), float(effect), variance=variance, design=design)
            assert sizes[row, column] == pytest.approx(alone, rel=1e-12)
    back = detectable_effect(baselines, sizes, variance=variance, design=design)
    np.testing.assert_allclose(back, np.broadcast_to(effects, (3, 4)), rtol=1e-9)


def test_every_part_of_a_design_may_vary_over_the_grid() -> None:
    design = Design(
        alpha=np.array([0.01, 0.05]),
        variants=np.array([2, 3]),
        correlation=np.array([0.0, 0.5]),
        comparisons=np.array([1, 2]),
    )
    sizes = required_size(0.2, 0.1, power=np.array([0.8, 0.9]), design=design)
    second = Design(alpha=0.05, variants=3, correlation=0.5, comparisons=2)
    assert sizes[1] == pytest.approx(required_size(0.2, 0.1, power=0.9, design=second))


def test_a_textbook_plan_for_a_mean() -> None:
    design = Design(difference="absolute", degrees_of_freedom="normal")
    size = required_size(10.0, 1.0, variance=25.0, design=design)
    assert size == pytest.approx(4 * 25 * (1.959964 + 0.841621) ** 2, rel=1e-5)


def test_a_textbook_plan_for_two_rates_is_the_pooled_test() -> None:
    size = required_size(0.2, 0.04, design=Design(difference="absolute"))
    # What the pooled formula leaves out: its own error moves with the rates, and N/(N - 1).
    assert size == pytest.approx(2 * pooled_size(0.2, 0.04), rel=0.005)


@pytest.mark.parametrize("difference", ["relative", "absolute"])
def test_without_a_margin_relative_and_absolute_plans_are_one(difference: str) -> None:
    effect = 0.3 if difference == "relative" else 0.3 * 5.0
    design = Design(difference=difference, correlation=0.5)
    size = required_size(5.0, effect, variance=9.0, design=design)
    same = required_size(
        5.0, 1.5, variance=9.0, design=Design(correlation=0.5, difference="absolute")
    )
    assert size == pytest.approx(same, rel=1e-12)


def test_a_multiplicative_effect_widens_the_treatment() -> None:
    def size(effect: str, change: float) -> float:
        return required_size(5.0, change, variance=9.0, design=Design(effect=effect))

    assert size("multiplicative", 0.5) == pytest.approx(
        size("additive", 0.5) * (1 + 1.5**2) / 2, rel=0.02
    )
    assert size("multiplicative", -0.5) < size("additive", -0.5)


def test_without_refinement_the_relative_plan_is_the_plain_delta_method() -> None:
    size = required_size(0.2, 0.1, design=Design(refined=False))
    variance = (0.22 * 0.78 + 1.1**2 * 0.2 * 0.8) / 0.5 / 0.2**2
    assert size == pytest.approx((1.959964 + 0.841621) ** 2 * variance / 0.01, rel=1e-5)


def test_the_covariate_saves_its_share_of_an_absolute_plan() -> None:
    normal = {"difference": "absolute", "degrees_of_freedom": "normal"}
    plain = required_size(10.0, 1.0, variance=25.0, design=Design(**normal))
    cuped = Design(correlation=0.6, **normal)
    assert required_size(10.0, 1.0, variance=25.0, design=cuped) == pytest.approx(0.64 * plain)


def test_the_optimal_control_share_is_the_best_split() -> None:
    arms = 4

    def size(control: float) -> float:
        rest = (1 - control) / (arms - 1)
        design = Design(difference="absolute", split=(control, rest, rest, rest))
        return required_size(10.0, 1.0, variance=25.0, design=design)

    best = optimal_control_share(arms)
    assert size(best) < min(size(best - 0.02), size(best + 0.02), size(0.25))


def test_a_tuned_sequence_is_cheapest_when_tuned_for_its_size() -> None:
    ideal = required_size(0.2, 0.1, design=Design(sequential=True))
    for tuning in (ideal / 10, ideal * 10):
        assert required_size(0.2, 0.1, design=Design(sequential=tuning)) > ideal
    same = required_size(0.2, 0.1, design=Design(sequential=ideal))
    assert same == pytest.approx(ideal, rel=1e-9)


def test_the_exact_optimal_mixture() -> None:
    assert optimal_mixture(0.05) == pytest.approx(8.2120, abs=1e-4)
    assert optimal_mixture(0.01) == pytest.approx(11.7564, abs=1e-4)


def test_non_inferiority_needs_fewer_units_for_a_wider_margin() -> None:
    sizes = [
        required_size(0.3, 0.0, design=Design(alternative="greater", margin=margin))
        for margin in (0.02, 0.05, 0.1)
    ]
    assert sizes == sorted(sizes, reverse=True)
    mirrored = required_size(0.3, 0.0, design=Design(alternative="less", margin=0.05))
    assert mirrored == pytest.approx(sizes[1], rel=0.2)


def test_counting_the_wrong_direction_hardly_matters_above_half_power() -> None:
    both = Design(difference="absolute", wrong_direction=True)
    one = Design(difference="absolute")
    assert power_of(0.2, 0.02, 5000.0, design=both) == pytest.approx(
        power_of(0.2, 0.02, 5000.0, design=one), abs=2e-4
    )
    null = power_of(0.2, 1e-9, 5000.0, design=both)
    assert null == pytest.approx(0.05, abs=1e-4)


def test_student_asks_for_a_few_more_units() -> None:
    normal = Design(difference="absolute", degrees_of_freedom="normal")
    student = Design(difference="absolute", degrees_of_freedom="t", wrong_direction=True)
    few = required_size(0.0, 1.0, variance=1.0, design=normal)
    exact = required_size(0.0, 1.0, variance=1.0, design=student)
    assert few < exact < few + 5
    # The plan's own degrees of freedom need no distribution function, and agree.
    own = required_size(0.0, 1.0, variance=1.0, design=Design(difference="absolute"))
    assert own == pytest.approx(exact, rel=0.001)


@pytest.mark.parametrize(
    "call",
    [
        lambda: required_size(0.2, 0.0),
        lambda: required_size(0.2, math.nan),
        lambda: required_size(1.2, 0.1),
        lambda: required_size(0.9, 0.5),
        lambda: required_size(0.2, -0.1, design=Design(alternative="greater")),
        lambda: required_size(0.2, 0.1, power=0.0),
        lambda: required_size(-5.0, 0.1, variance=1.0),
        lambda: required_size(5.0, 0.1, variance=0.0),
        lambda: required_size(np.array([0.2, np.nan]), 0.1),
        lambda: required_size(np.array([]), 0.1),
        lambda: required_size(0.2, np.array([0.1, 0.0])),
        lambda: required_size(0.2, "a lot"),
        lambda: required_size(0.2, 0.05, power=0.001),
        lambda: detectable_effect(0.2, 0),
        lambda: detectable_effect(0.2, 6),
        lambda: Design(effect="large"),
        lambda: required_size(0.3, 0.0, design=Design(alternative="greater", margin=1.0)),
        lambda: power_of(0.2, 0.1, -5),
        lambda: days_for(0.2, 0.1, 0),
        lambda: Design(alpha=0),
        lambda: Design(alternative="up"),
        lambda: Design(margin=0.1),
        lambda: Design(sequential=True, degrees_of_freedom="t"),
        lambda: optimal_control_share(1),
        lambda: pooled_power(0.2, 0.9, 100),
        lambda: pooled_size(0.2, 0.0),
        lambda: carried_on([5, 3], 10),
        lambda: mde_over_days([], baseline=0.1),
    ],
)
def test_the_rest_is_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()


@quick
@given(
    st.floats(0.02, 0.5), st.floats(0.01, 0.3), st.floats(0.3, 4), st.sampled_from([0.6, 0.8, 0.95])
)
def test_the_pooled_test_solves_back_too(
    baseline: float, difference: float, ratio: float, power: float
) -> None:
    n = pooled_size(baseline, difference, power=power, ratio=ratio)
    assume(n > 10)
    assert pooled_power(baseline, difference, n, ratio=ratio) == pytest.approx(power, abs=1e-3)


def test_arrivals_that_slow_down_delay_the_end() -> None:
    flat, slowing = (
        [1000.0 * day for day in range(1, 15)],
        [1000 * day**0.6 for day in range(1, 15)],
    )
    quick_end = days_to_find(0.05, flat, baseline=0.2)
    late_end = days_to_find(0.05, slowing, baseline=0.2, max_days=5000)
    assert quick_end is not None
    assert late_end is not None
    assert quick_end < late_end
    assert days_to_find(0.001, slowing, baseline=0.2) is None


def test_the_curve_falls_and_meets_the_days() -> None:
    arrivals = [900 * day**0.7 for day in range(1, 11)]
    curve = mde_over_days(arrivals, baseline=0.2, max_days=60)
    found = [effect for effect in curve.effects if effect is not None]
    assert found == sorted(found, reverse=True)
    assert len(curve.days) == 60
    assert curve.observed_days == 10
    assert curve.days_until(0.12) == days_to_find(0.12, arrivals, baseline=0.2)


def test_a_variance_per_horizon_is_used_day_by_day() -> None:
    growing = mde_over_days([1000, 2000, 3000], baseline=5.0, variance=[10, 20, 30])
    fixed = mde_over_days([1000, 2000, 3000], baseline=5.0, variance=10)
    assert growing.effects[0] == fixed.effects[0]
    assert growing.effects[2] > fixed.effects[2]


def test_days_without_any_detectable_effect_are_empty() -> None:
    curve = mde_over_days([3, 5, 4000], baseline=0.1)
    assert curve.effects[0] is None
    assert curve.effects[2] is not None


def test_designs_are_values() -> None:
    assert dataclasses.replace(Design(), alpha=0.01) == Design(alpha=0.01)
