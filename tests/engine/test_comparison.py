"""What holds for every comparison: symmetry, invariance, agreement, scalar = array, no NaN."""

from __future__ import annotations

import math
from typing import Any

import arms
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.methods import Bayesian, Frequentist, Prior, Sequential
from exp_jupyter.engine.comparison.methods.msprt import MixtureSPRT
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio, Statistic
from exp_jupyter.errors import InputError, StatisticsError

RELATIVE = [
    Frequentist(),
    Frequentist(mode="compat"),
    Frequentist(interval="log"),
    Frequentist(interval="fieller"),
    Frequentist(alternative="greater"),
    Frequentist(alternative="less", interval="log", null=0.01),
    Frequentist(normal=True, null=-0.02, alternative="greater", interval="fieller"),
    Sequential(),
    Sequential(mode="compat"),
    Sequential(alternative="greater", tuning_n=500),
    Bayesian(),
    Bayesian(mode="compat", inverse=True),
    Bayesian(prior=Prior(0.0, 0.09)),
    MixtureSPRT(tau=0.1),
]
ABSOLUTE = [
    Frequentist(difference="absolute"),
    Frequentist(difference="absolute", equal_variances=True),
    Frequentist(difference="absolute", mode="compat"),
    Sequential(difference="absolute"),
    Bayesian(difference="absolute"),
    MixtureSPRT(tau=0.1, difference="absolute"),
]
TESTS = [method for method in [*RELATIVE, *ABSOLUTE] if not isinstance(method, Bayesian)]
methods = st.sampled_from([*RELATIVE, *ABSOLUTE])


def attempt(control: Statistic, treatment: Statistic, method: Any) -> Effect:
    try:
        return compare(control, treatment, method)
    except StatisticsError:
        assume(condition=False)
        raise


def numbers(effect: Effect) -> dict[str, Any]:
    found = {
        name: getattr(effect, name)
        for name in (
            "estimate",
            "standard_error",
            "p_value",
            "statistic",
            "df",
            "log_e_value",
            "chance_to_win",
            "expected_loss",
            "expected_loss_control",
        )
        if getattr(effect, name) is not None
    }
    return found | {"low": effect.interval[0], "high": effect.interval[1]}


@given(arms.pairs(), st.sampled_from(ABSOLUTE))
def test_swapping_the_arms_turns_an_absolute_difference_around(
    pair: tuple[Statistic, Statistic], method: Any
) -> None:
    there, back = attempt(*pair, method), attempt(*pair[::-1], method)
    # Estimates of nearly nothing keep only the digits that their error shows.
    tiny = {"rel": 1e-7, "abs": 1e-9 * float(there.standard_error)}
    assert back.estimate == pytest.approx(-there.estimate, **tiny)
    assert back.standard_error == pytest.approx(there.standard_error)
    assert back.interval[0] == pytest.approx(-there.interval[1], **tiny)
    assert back.interval[1] == pytest.approx(-there.interval[0], **tiny)
    if there.p_value is not None:
        assert back.p_value == pytest.approx(there.p_value, rel=1e-6, abs=1e-12)
    if there.chance_to_win is not None:
        assert back.chance_to_win == pytest.approx(1 - there.chance_to_win, rel=1e-6, abs=1e-9)
        assert back.expected_loss == pytest.approx(there.expected_loss_control, rel=1e-6, abs=1e-9)


@given(arms.pairs())
def test_swapping_the_arms_turns_a_log_ratio_around(pair: tuple[Statistic, Statistic]) -> None:
    method = Frequentist(interval="log")
    there, back = attempt(*pair, method), attempt(*pair[::-1], method)
    assume(max(there.interval[1], back.interval[1]) < 1e3)
    assert (1 + back.estimate) * (1 + there.estimate) == pytest.approx(1)
    assert (1 + back.interval[0]) * (1 + there.interval[1]) == pytest.approx(1)
    assert back.p_value == pytest.approx(there.p_value, rel=1e-6, abs=1e-12)


@given(arms.means(), arms.means(), st.floats(1e-3, 1e3), st.sampled_from(RELATIVE))
def test_the_unit_of_the_metric_does_not_change_a_relative_difference(
    control: Mean, treatment: Mean, scale: float, method: Any
) -> None:
    scaled = [
        Mean.from_moments(arm.n, arm.mean * scale, arm.variance * scale**2)
        for arm in (control, treatment)
    ]
    here, there = attempt(control, treatment, method), attempt(*scaled, method)
    for name, value in numbers(here).items():
        assert numbers(there)[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name


@given(arms.means(), arms.means(), st.floats(-1e3, 1e3), st.sampled_from(ABSOLUTE))
def test_adding_a_constant_does_not_change_an_absolute_difference(
    control: Mean, treatment: Mean, shift: float, method: Any
) -> None:
    moved = [
        Mean.from_moments(arm.n, arm.mean + shift, arm.variance) for arm in (control, treatment)
    ]
    here, there = attempt(control, treatment, method), attempt(*moved, method)
    slack = 1e-9 * (abs(shift) + float(abs(here.estimate)) + 1)
    assert there.estimate == pytest.approx(here.estimate, abs=slack)
    assert there.standard_error == pytest.approx(here.standard_error)


@given(arms.pairs(), st.sampled_from(TESTS))
def test_the_interval_and_the_p_value_agree(pair: tuple[Statistic, Statistic], method: Any) -> None:
    effect = attempt(*pair, method)
    assert effect.p_value is not None
    assume(abs(effect.p_value / method.alpha - 1) > 1e-6)
    assert effect.excludes_null == (effect.p_value < method.alpha)
    assert effect.significant == (effect.p_value < method.alpha)


@given(arms.pairs(), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_recommended_bayesian_decision_agrees_with_its_interval(
    pair: tuple[Statistic, Statistic], level: float
) -> None:
    effect = attempt(*pair, Bayesian(level))
    assume(abs(min(abs(effect.interval[0]), abs(effect.interval[1]))) > 1e-12)
    assert effect.significant == effect.excludes_null


@given(arms.pairs(), methods)
def test_the_interval_holds_the_estimate(pair: tuple[Statistic, Statistic], method: Any) -> None:
    effect = attempt(*pair, method)
    low, high = effect.interval
    assert low <= effect.estimate <= high


@given(arms.pairs(), st.floats(0.001, 0.4), st.floats(1.01, 2))
@settings(max_examples=30)
def test_a_stricter_level_widens_the_interval(
    pair: tuple[Statistic, Statistic], alpha: float, factor: float
) -> None:
    for build in (
        lambda a: Frequentist(a, difference="absolute"),
        lambda a: Sequential(a, difference="absolute"),
        lambda a: Bayesian(1 - a, difference="absolute"),
    ):
        strict, loose = attempt(*pair, build(alpha)), attempt(*pair, build(alpha * factor))
        assert strict.interval[0] <= loose.interval[0]
        assert strict.interval[1] >= loose.interval[1]


@given(arms.means(), st.floats(0.5, 2), st.floats(1.001, 2))
def test_a_larger_difference_is_never_less_significant(
    control: Mean, first: float, factor: float
) -> None:
    method = Frequentist(difference="absolute", alternative="greater")
    here = Mean.from_moments(control.n, control.mean * first, control.variance)
    there = Mean.from_moments(control.n, control.mean * first * factor, control.variance)
    near, far = attempt(control, here, method), attempt(control, there, method)
    assert far.p_value <= near.p_value * (1 + 1e-9)


@given(st.lists(arms.pairs(adjusted=False), min_size=2, max_size=6), methods)
def test_an_array_is_compared_element_by_element(
    many: list[tuple[Statistic, Statistic]], method: Any
) -> None:
    kind = many[0][0].kind
    chosen = [pair for pair in many if pair[0].kind == kind]
    effects = []
    usable = []
    for pair in chosen:
        try:
            effects.append(compare(*pair, method))
        except StatisticsError:
            continue
        usable.append(pair)
    assume(len(usable) > 1)
    together = compare(_stacked([p[0] for p in usable]), _stacked([p[1] for p in usable]), method)
    for index, alone in enumerate(effects):
        picked = together.at(index)
        assert picked.significant == alone.significant
        assert picked.warnings == alone.warnings
        for name, value in numbers(alone).items():
            assert numbers(picked)[name] == pytest.approx(value, rel=1e-10, abs=1e-300), name


def _stacked(many: list[Any]) -> Statistic:
    def column(name: str) -> np.ndarray:
        return np.array([getattr(arm, name) for arm in many], dtype=float)

    first = many[0]
    if isinstance(first, Proportion):
        return Proportion(column("n"), column("sum"))
    if isinstance(first, Mean):
        return Mean(column("n"), column("sum"), column("sum_squares"), centred=column("centred"))
    names = ("numerator_sum", "numerator_sum_squares", "denominator_sum")
    sums = [column(name) for name in (*names, "denominator_sum_squares", "cross")]
    return Ratio(column("n"), *sums)


@given(methods)
def test_many_elements_take_the_fast_road_to_the_same_numbers(method: Any) -> None:
    rng = np.random.default_rng(11)
    n = rng.integers(20, 20_000, 2_000)
    control = Proportion(n, np.ceil(n * rng.uniform(0.3, 0.6, n.size)))
    treatment = Proportion(n, np.ceil(n * rng.uniform(0.3, 0.6, n.size)))
    together = compare(control, treatment, method)
    for index in (0, 7, 1_999):
        alone = compare(control.at(index), treatment.at(index), method)
        for name, value in numbers(alone).items():
            got = numbers(together.at(index))[name]
            assert got == pytest.approx(value, rel=1e-10, abs=1e-300), name


anything = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, 1.0, -1.0, 5.0, 1e-300, 1e300, 1e150, 1e15, 100.0]),
    st.integers(-3, 200).map(float),
)


@given(st.tuples(*[anything] * 6), methods)
@settings(max_examples=400)
def test_every_number_is_finite_or_the_input_is_refused(
    raw: tuple[float, ...], method: Any
) -> None:
    try:
        effect = compare(Mean(*raw[:3]), Mean(*raw[3:]), method)
    except StatisticsError:
        return
    for name, value in numbers(effect).items():
        # A bound may be missing: a control mean that may be 0, a sequence that knows nothing yet.
        assert math.isfinite(value) or name in ("low", "high"), (name, value)
    assert not any(math.isnan(bound) for bound in effect.interval)


@given(st.tuples(*[anything] * 6), st.sampled_from(ABSOLUTE))
@settings(max_examples=150)
def test_a_mask_leaves_the_good_elements_alone(raw: tuple[float, ...], method: Any) -> None:
    good = 1000.0, 500.0, 400.0
    control = Mean.unchecked(*(np.array(both) for both in zip(raw[:3], good, strict=True)))
    treatment = Mean.unchecked(*(np.array(both) for both in zip(raw[3:], good, strict=True)))
    effect = compare(control, treatment, method, on_refusal="mask")
    assert effect.refusal[1] == ""
    assert effect.estimate[1] == 0.0
    if effect.refusal[0]:
        assert all(math.isnan(value[0]) for value in numbers(effect).values())
        assert not effect.significant[0]
    else:
        assert math.isfinite(effect.estimate[0])


def test_a_masked_series_says_why_each_day_has_no_numbers() -> None:
    control = Proportion.unchecked([0, 3, 400], [0, 1, 40])
    treatment = Proportion.unchecked([0, 300, 410], [0, 100, 60])
    effect = compare(control, treatment, Frequentist(mode="compat"), on_refusal="mask")
    assert list(effect.refusal) == [
        "treatment_n_below_minimum",
        "control_n_below_minimum",
        "",
    ]


def test_what_cannot_be_compared_is_refused_in_words() -> None:
    arm = Proportion(100, 20)
    with pytest.raises(StatisticsError) as kinds:
        compare(arm, Mean(100, 20.0, 20.0))
    assert kinds.value.code == "statistic_type_mismatch"
    with pytest.raises(InputError, match="control is a tuple"):
        compare((20, 100), arm)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expected Frequentist"):
        compare(arm, arm, "frequentist")  # type: ignore[arg-type]
    adjusted = Mean.of([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    with pytest.raises(InputError, match="only one of the two arms"):
        compare(adjusted, adjusted.without_covariate())


def test_numbers_are_plain_for_one_pair_of_arms() -> None:
    effect = compare(Proportion(100, 20), Proportion(100, 30))
    assert type(effect.estimate) is float
    assert type(effect.significant) is bool
    assert type(effect.interval[0]) is float
    assert effect.refusal == ""
    assert effect.shape == ()


def test_fields_broadcast() -> None:
    effect = compare(Proportion(1000, [100, 120]), Proportion([[900], [800]], 110))
    assert effect.shape == (2, 2)
    alone = compare(Proportion(1000, 120), Proportion(800, 110))
    assert effect.at((1, 1)).p_value == pytest.approx(alone.p_value)
