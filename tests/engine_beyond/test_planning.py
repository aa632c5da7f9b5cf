"""One plan: the API's formula to the bit, the general one, and refusals a person understands."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exp_jupyter.engine.planning.design import Design
from exp_jupyter.engine.planning.sample_size import KINDS, SizePlan, sample_size
from exp_jupyter.engine.planning.whole_arms import rate_power
from exp_jupyter.engine.statistics.means import Mean, Proportion, Ratio
from exp_jupyter.errors import InputError, StatisticsError

COUNTS = {"number_of_samples": 10_000, "sum": 40_000, "sum_squares": 300_000}
RATIO = {
    "number_of_samples": 10_000,
    "sum": 500_000,
    "sum_squares": 3e7,
    "denominator_sum": 50_000,
    "denominator_sum_squares": 300_000,
    "numerator_denominator_sum_product": 2_600_000,
}


@pytest.mark.parametrize(
    ("arguments", "size", "days"),
    [
        ({"kind": "mean_count", "baseline": 4, "mde": 5, "rate": 100}, 6400, 64),
        ({"kind": "mean_sum_or_avg", "baseline": 50, "mde": 5}, 3200, None),
        ({"kind": "mean_sum_or_avg", "baseline": 50, "mde": 5, "variants": 3}, 4800, None),
        ({"kind": "funnel", "baseline": 0.1, "mde": 50}, 1152, None),
        ({"kind": "ratio", "stats": RATIO, "mde": 10}, 1024, None),
        ({"kind": "funnel", "baseline": 0.25, "mde": 1, "variants": 4, "rate": 2500}, 1920000, 768),
        ({"kind": "funnel", "baseline": 0.12, "mde": 5, "rate": 0}, 93867, None),
    ],
)
def test_in_compat_mode_the_plan_is_the_apis(arguments: dict, size: int, days: int | None) -> None:
    plan = sample_size(**arguments, mode="compat")
    assert (plan.mode, plan.sample_size, plan.days) == ("compat", size, days)
    # It also stands beside the package's own plan.
    own = sample_size(**arguments)
    assert (own.mode, own.api_sample_size) == ("recommended", size)


@pytest.mark.parametrize(
    ("baseline", "mde", "power"), [(0.01, 50, 0.72), (0.05, 30, 0.755), (0.12, 5, 0.799)]
)
def test_the_apis_size_stands_beside_with_the_power_it_really_has(
    baseline: float, mde: float, power: float
) -> None:
    plan = sample_size("funnel", baseline=baseline, mde=mde)
    assert plan.api_power == pytest.approx(power, abs=0.002)
    again = sample_size("funnel", baseline=baseline, mde=mde, mode="compat")
    assert again.api_power == plan.api_power
    arms = (again.sample_size / 2,) * 2
    exact = rate_power(
        (baseline, baseline * (1 + mde / 100)),
        tuple(map(round, arms)),
        critical=1.96,
        design=Design(),
    )
    assert plan.api_power == pytest.approx(exact, abs=0.002)


@pytest.mark.parametrize(
    "setting",
    [
        {"alpha": 0.05},
        {"power": 0.8},
        {"alternative": "two-sided"},
        {"correlation": 0.5},
        {"split": (50, 50)},
        {"sequential": True},
        {"comparisons": 1},
        {"effect": "multiplicative"},
    ],
)
def test_the_apis_formula_knows_no_further_setting(setting: dict) -> None:
    assert sample_size("funnel", baseline=0.1, mde=5, **setting).mode == "recommended"
    with pytest.raises(InputError, match="knows no"):
        sample_size("funnel", baseline=0.1, mde=5, mode="compat", **setting)


@pytest.mark.parametrize("baseline", [0.001, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("split", [None, (90, 10), (10, 90)])
def test_a_small_plan_of_rates_reaches_its_power_in_whole_units(
    baseline: float, alternative: str, split: tuple | None
) -> None:
    for mde in (10, 60):
        sign = -1 if alternative == "less" else 1
        rates = (baseline, baseline * (1 + sign * mde / 100))
        if rates[1] > 0.99 or (mde == 10 and baseline < 0.1):
            continue
        plan = sample_size(
            "funnel", baseline=baseline, mde=mde, alternative=alternative, split=split
        )
        reached = rate_power(
            rates,
            plan.per_variant,
            critical=1.959964 if alternative == "two-sided" else 1.644854,
            design=Design(alternative=alternative),
        )
        # One unit more in an arm of five is worth several points of power.
        assert 0.79 <= reached <= (0.815 if plan.sample_size > 100 else 0.87), plan


def test_several_treatments_are_told_what_the_plan_holds_for() -> None:
    alone = sample_size("funnel", baseline=0.1, mde=5, variants=4)
    assert "comparisons=3" in alone.warnings[0]
    family = sample_size("funnel", baseline=0.1, mde=5, variants=4, comparisons=3)
    assert family.warnings == ()
    assert family.sample_size > alone.sample_size


def test_a_sequential_plan_knows_the_tuning_of_its_analysis() -> None:
    plan = sample_size("funnel", baseline=0.1, mde=5, variants=3, sequential=True)
    assert plan.tuning_n == plan.per_variant[0] + plan.per_variant[1]
    assert sample_size("funnel", baseline=0.1, mde=5, sequential=9000).tuning_n == 9000
    assert sample_size("funnel", baseline=0.1, mde=5).tuning_n is None


def test_the_api_plan_says_what_the_exact_formula_asks() -> None:
    api = sample_size("funnel", baseline=0.12, mde=5, mode="compat")
    exact = sample_size("funnel", baseline=0.12, mde=5)
    assert api.exact_sample_size == exact.sample_size == exact.exact_sample_size


def test_units_are_shared_out_without_remainder() -> None:
    even = sample_size("funnel", baseline=0.1, mde=7, variants=3)
    assert sum(even.per_variant) == even.sample_size
    assert max(even.per_variant) - min(even.per_variant) <= 1
    uneven = sample_size("funnel", baseline=0.1, mde=7, split={"control": 60, "a": 20, "b": 20})
    assert sum(uneven.per_variant) == uneven.sample_size
    assert uneven.variants == 3
    assert uneven.per_variant[0] > 2 * uneven.per_variant[1]


def test_observed_sums_may_be_the_engines_own_statistics() -> None:
    mapped = sample_size("mean_count", stats=COUNTS, mde=5)
    typed = sample_size("mean_count", stats=Mean(10_000, 40_000, 300_000), mde=5)
    assert mapped.sample_size == typed.sample_size
    assert sample_size("funnel", stats=Proportion(1000, 120), mde=5).baseline == 0.12
    ratio = Ratio(10_000, 500_000, 3e7, 50_000, 300_000, 2_600_000)
    assert sample_size("ratio", stats=ratio, mde=10, mode="compat").sample_size == 1024


def test_the_general_formula_uses_the_observed_variance_of_a_mean() -> None:
    plan = sample_size("mean_count", stats=COUNTS, mde=5, power=0.8)
    assert plan.variance == pytest.approx((300_000 - 40_000**2 / 10_000) / 9_999)
    assert plan.warnings == ()
    guessed = sample_size("mean_count", baseline=4, mde=5, power=0.8)
    assert guessed.variance == 8
    assert "guess" in guessed.warnings[0]


def test_settings_move_the_size_in_the_right_direction() -> None:
    def size(**setting: object) -> int:
        return sample_size("mean", baseline=10, variance=50, mde=5, **setting).sample_size

    plain = size(power=0.8)
    assert size(power=0.9) > plain
    assert size(alpha=0.01) > plain
    assert size(alternative="greater") < plain
    assert size(correlation=0.7) < 0.6 * plain
    assert size(sequential=True) > plain
    assert size(comparisons=3) > plain
    assert size(variants=3) > plain
    assert size(split=(80, 20)) > plain


def test_a_non_inferiority_plan_needs_no_effect() -> None:
    plan = sample_size("funnel", baseline=0.3, margin=5, rate=1000)
    assert (plan.mode, plan.alternative, plan.mde) == ("recommended", "greater", 0.0)
    curve = dict(plan.curve(plan.days))
    assert curve[plan.days] == pytest.approx(5, rel=0.03)


@pytest.mark.parametrize("mode", ["compat", "recommended"])
@pytest.mark.parametrize("kind", ["funnel", "mean_count", "mean_sum_or_avg"])
def test_the_curve_meets_the_plan(kind: str, mode: str) -> None:
    plan = sample_size(kind, baseline=0.3, mde=8, rate=500, mode=mode)
    assert plan.detectable(plan.sample_size) == pytest.approx(8, rel=1e-3)
    curve = plan.curve()
    effects = [mde for _, mde in curve]
    assert effects == sorted(effects, reverse=True)
    assert curve[-1][0] >= plan.days
    assert dict(curve)[plan.days] <= 8 + 1e-9


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    baseline=st.floats(0.01, 0.9),
    mde=st.floats(0.5, 8),
    variants=st.integers(2, 6),
    mode=st.sampled_from(["compat", "recommended"]),
)
def test_every_plan_is_finite_and_inverts(
    baseline: float, mde: float, variants: int, mode: str
) -> None:
    plan = sample_size("funnel", baseline=baseline, mde=mde, variants=variants, mode=mode)
    assert plan.sample_size > 0
    assert sum(plan.per_variant) == plan.sample_size
    assert all(math.isfinite(value) for value in (plan.baseline, plan.mde, plan.alpha, plan.power))
    # Rounding up buys a little more than was asked for.
    assert plan.detectable(plan.sample_size) == pytest.approx(mde, rel=0.05)
    assert plan.detectable(plan.sample_size) <= mde * (1 + 1e-12)


def test_the_plan_says_how_to_make_it_again() -> None:
    plan = sample_size("funnel", baseline=0.12, mde=5, rate=1800, variants=2)
    assert plan.code() == "exp_jupyter.sample_size('funnel', baseline=0.12, mde=5, rate=1800)"
    again = eval(plan.code().replace("exp_jupyter.", ""))
    assert again == plan


REFUSED = [
    ({"baseline": 12.0}, "12 % is 0.12"),
    ({"baseline": 0.0}, "fraction"),
    ({"baseline": 1.0}, "fraction"),
    ({"baseline": math.nan}, "finite"),
    ({"baseline": "0.1"}, "expected a number"),
    ({"baseline": None}, "baseline"),
    ({"mde": 0}, "percent"),
    ({"mde": -5}, "percent"),
    ({"mde": math.inf}, "finite"),
    ({"mde": None}, "percent"),
    ({"mde": 1e-200}, "percent"),
    ({"rate": -1}, "new units"),
    ({"rate": math.nan}, "finite"),
    ({"variants": 1}, "Control counts"),
    ({"variants": 2.5}, "whole"),
    ({"alpha": 0}, "alpha"),
    ({"alpha": 1.5}, "alpha"),
    ({"power": 1}, "power"),
    ({"alternative": "bigger"}, "two-sided"),
    ({"correlation": 1}, "correlation"),
    ({"split": (50,)}, "arms"),
    ({"split": (50, 0)}, "split"),
    ({"split": {"a": 50, "b": 50}}, "control"),
    ({"split": (50, 25, 25), "variants": 4}, "3 shares"),
    ({"sequential": -1}, "sequential"),
    ({"comparisons": 0}, "comparisons"),
    ({"margin": -2}, "margin"),
    ({"margin": 2, "alternative": "two-sided"}, "one-sided"),
    ({"mode": "exact"}, "compat"),
    ({"mode": "compat", "power": 0.9}, "recommended"),
    ({"kind": "conversion"}, "funnel"),
    ({"kind": "ratio", "baseline": 2.0}, "variance"),
    ({"kind": "mean", "baseline": 2.0}, "variance"),
    ({"kind": "mean", "baseline": 2.0, "variance": -1}, "variance"),
    ({"kind": "mean", "baseline": -2.0, "variance": 1}, "above 0"),
    ({"kind": "ratio", "baseline": None, "stats": COUNTS}, "denominator_sum"),
    ({"stats": {"sum": 3}, "baseline": None}, "number_of_samples"),
    ({"stats": 3, "baseline": None}, "observed sums"),
    ({"baseline": 0.9, "mde": 50, "power": 0.8}, "0 to 1"),
    ({"mde": 50, "alternative": "greater", "baseline": 0.8}, "0 to 1"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED, ids=[str(change) for change, _ in REFUSED])
def test_what_cannot_be_planned_is_refused_in_plain_words(change: dict, said: str) -> None:
    arguments = {"kind": "funnel", "baseline": 0.1, "mde": 5} | change
    with pytest.raises(InputError) as refusal:
        sample_size(**arguments)
    assert said in f"{refusal.value.message} {refusal.value.hint}"


def test_a_curve_without_a_rate_is_refused() -> None:
    with pytest.raises(InputError, match="no arrival rate"):
        sample_size("funnel", baseline=0.1, mde=5).curve()


def test_an_impossible_exact_plan_does_not_hide_the_apis() -> None:
    plan = sample_size("funnel", baseline=0.9, mde=50, mode="compat")
    assert plan.api_power is None
    assert plan.exact_sample_size is None
    assert "0 to 1" in plan.warnings[0]


def test_kinds_are_the_apis_and_a_mean() -> None:
    assert KINDS == ("funnel", "mean_count", "mean_sum_or_avg", "ratio", "retention", "mean")
    assert isinstance(sample_size("retention", baseline=0.4, mde=5, power=0.8), SizePlan)
    with pytest.raises(InputError):
        sample_size("retention", baseline=0.4, mde=5, mode="compat")
    with pytest.raises(StatisticsError):
        sample_size("mean_count", baseline=0, mde=5)


def test_a_first_plan_brings_in_neither_numpy_nor_scipy() -> None:
    script = (
        "import sys; from exp_jupyter.engine.planning.sample_size import sample_size;"
        "sample_size('funnel', baseline=0.12, mde=5, rate=1800, power=0.9).curve();"
        "print(sorted({'numpy', 'scipy', 'pydantic', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
