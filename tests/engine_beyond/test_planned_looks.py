"""A few planned looks, as a method of every analysis: boundaries, giving up, more than planned."""

from __future__ import annotations

import numpy as np
import pytest

from exp_jupyter.engine import GroupSequentialTest, Mean, Proportion, compare
from exp_jupyter.engine.sequential.futility import futility_bounds
from exp_jupyter.engine.sequential.group_sequential import alpha_spending
from exp_jupyter.errors import InputError

PLAN = 20_000


def rates(treatment: float, experiments: int, looks: int, seed: int = 3):
    rng = np.random.default_rng(seed)
    step = PLAN // (2 * looks)
    n = np.broadcast_to(np.arange(1.0, looks + 1) * step, (experiments, looks))
    arms = [
        rng.binomial(step, p, (experiments, looks)).cumsum(axis=1).astype(float)
        for p in (0.1, treatment)
    ]
    return [Proportion.unchecked(n, successes) for successes in arms]


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("looks", [1, 3, 8])
def test_all_looks_together_err_as_often_as_alpha(spending, looks):
    control, treatment = rates(0.1, 6000, looks)
    method = GroupSequentialTest(PLAN, spending=spending)
    effect = compare(control, treatment, method, on_refusal="mask")
    ever = effect.significant.any(axis=1).mean()
    assert 0.035 < ever < 0.062
    assert (effect.excludes_null == effect.significant).all()


def test_the_power_is_that_of_the_plan():
    boundaries = alpha_spending(np.arange(1, 6) / 5)
    control, treatment = rates(0.1125, 3000, 5)
    effect = compare(control, treatment, GroupSequentialTest(PLAN), on_refusal="mask")
    drift = 0.0125 / np.sqrt(0.10625 * 0.89375 * 4 / PLAN)
    found = effect.significant.any(axis=1).mean()
    assert found == pytest.approx(boundaries.power(drift), abs=0.025)


def test_one_look_at_the_planned_size_is_the_fixed_test():
    control, treatment = Proportion(10_000, 1000), Proportion(10_000, 1090)
    planned = compare(control, treatment, GroupSequentialTest(PLAN, looks=1))
    fixed = compare(control, treatment)
    assert planned.interval == pytest.approx(fixed.interval, rel=1e-6)
    assert planned.p_value == pytest.approx(fixed.p_value, rel=0.02)


def test_a_single_comparison_counts_the_looks_of_the_plan_before_it():
    method = GroupSequentialTest(PLAN, looks=5)
    assert method.boundaries(0.6 * PLAN).information == pytest.approx([0.2, 0.4, 0.6])
    assert method.boundaries(0.6 * PLAN).critical_z == pytest.approx(
        alpha_spending([0.2, 0.4, 0.6, 0.8, 1.0]).critical_z[:3]
    )


def test_the_p_value_is_the_alpha_at_which_the_boundary_is_just_passed():
    control, treatment = Proportion(6000, 600), Proportion(6000, 690)
    p = compare(control, treatment, GroupSequentialTest(PLAN)).p_value
    for factor, decided in ((0.9, False), (1.1, True)):
        method = GroupSequentialTest(PLAN, alpha=p * factor)
        assert bool(compare(control, treatment, method).significant) is decided


def test_giving_up_spends_what_the_plan_left_for_missing_the_effect():
    design = alpha_spending(np.arange(1, 6) / 5)
    below = futility_bounds(design, power=0.8)
    assert (np.diff(below) > 0).all()
    assert (below <= design.critical_z + 1e-9).all()
    rng = np.random.default_rng(5)
    steps = rng.normal(design.drift_for(0.8) / 5, np.sqrt(0.2), (200_000, 5))
    z = steps.cumsum(axis=1) / np.sqrt(design.information)
    up, down = z > design.critical_z, z < below
    first_up = np.where(up.any(axis=1), up.argmax(axis=1), 9)
    first_down = np.where(down.any(axis=1), down.argmax(axis=1), 9)
    given_up = (first_down < first_up).mean()
    assert given_up == pytest.approx(0.2, abs=0.02)


def test_a_look_below_the_futility_boundary_says_so():
    control, treatment = Proportion(8000, 800), Proportion(8000, 799)
    plain = compare(control, treatment, GroupSequentialTest(PLAN))
    told = compare(control, treatment, GroupSequentialTest(PLAN, futility=0.8))
    assert not any("futility" in word for word in plain.warnings)
    assert any("futility boundary of this look is passed" in word for word in told.warnings)
    assert told.interval == plain.interval


def test_more_units_than_planned_spend_what_is_left_and_are_said():
    method = GroupSequentialTest(PLAN)
    effect = compare(Proportion(12_000, 1200), Proportion(12_000, 1290), method)
    assert any("more units than planned" in word for word in effect.warnings)
    assert method.boundaries(24_000).spent[-1] == pytest.approx(0.05)


def test_what_the_look_at_the_planned_size_decided_stands_afterwards():
    n = np.array([5000.0, 10_000.0, 12_000.0])
    control = Proportion(n, [500.0, 1000.0, 1200.0])
    treatment = Proportion(n, [520.0, 1030.0, 1500.0])
    effect = compare(control, treatment, GroupSequentialTest(PLAN))
    assert effect.significant.tolist() == [False, False, False]
    assert effect.excludes_null.tolist() == [False, False, False]


@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_one_sided_looks_err_as_often_as_alpha(alternative):
    control, treatment = rates(0.1, 6000, 4, seed=9)
    method = GroupSequentialTest(PLAN, alternative=alternative)
    effect = compare(control, treatment, method, on_refusal="mask")
    assert 0.035 < effect.significant.any(axis=1).mean() < 0.062


def test_means_have_looks_too():
    control = Mean(5000, 50_000.0, 545_000.0)
    treatment = Mean(5000, 51_500.0, 575_000.0)
    effect = compare(control, treatment, GroupSequentialTest(PLAN))
    assert effect.method == "group-sequential"
    assert bool(effect.significant)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"planned_n": 0}, "planned_n"),
        ({"planned_n": 100, "looks": 0}, "looks"),
        ({"planned_n": 100, "spending": "obrien"}, "spending is 'obrien'"),
        ({"planned_n": 100, "futility": 0.01}, "futility"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(options, said):
    with pytest.raises(InputError, match=said):
        GroupSequentialTest(**options)
