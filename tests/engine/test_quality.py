"""Quality: the split, the units in two variants, the assumptions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from exp_jupyter.engine.checks.assumptions import (
    assumption_checks,
    covariate_imbalance,
    heavy_tail_share,
)
from exp_jupyter.engine.checks.sample_ratio import (
    anytime_sample_ratio_mismatch,
    binomial_mismatch_p_value,
    even_split,
    multiple_variant_bias,
    sample_ratio_mismatch,
)
from exp_jupyter.engine.statistics.means import Mean, Proportion
from exp_jupyter.errors import InputError

counts = st.lists(st.integers(0, 100_000), min_size=2, max_size=5).filter(lambda n: sum(n) >= 100)


@given(counts)
def test_the_chi_square_test_is_scipys(observed: list[int]) -> None:
    shares = [1.0 + position for position in range(len(observed))]
    names = [str(position) for position in range(len(observed))]
    found = sample_ratio_mismatch(
        dict(zip(names, observed, strict=True)), dict(zip(names, shares, strict=True))
    )
    expected = np.array(shares) / sum(shares) * sum(observed)
    peer = stats.chisquare(observed, expected)
    assert found.p_value == pytest.approx(peer.pvalue, rel=1e-9, abs=1e-300)
    assert found.statistic == pytest.approx(peer.statistic)
    assert found.mismatch == (peer.pvalue < 0.001)


def test_too_few_units_or_variants_are_not_tested() -> None:
    few = sample_ratio_mismatch({"a": 60, "b": 39}, {"a": 1, "b": 1})
    assert few.p_value is None
    assert few.wire() is None
    assert sample_ratio_mismatch({"a": 600}, {"a": 1, "b": 0}).p_value is None
    left_out = sample_ratio_mismatch(
        {"a": 600, "b": 500, "$multiple": 900}, {"a": 1, "b": 1}, excluded=["b"]
    )
    assert left_out.p_value is None


def test_counts_that_are_none_are_refused() -> None:
    with pytest.raises(InputError):
        sample_ratio_mismatch({"a": -1, "b": 600}, {"a": 1, "b": 1})
    with pytest.raises(InputError):
        sample_ratio_mismatch({"a": 1, "b": 600}, {"a": float("inf"), "b": 1})


@given(st.integers(0, 80), st.integers(1, 80), st.floats(0.1, 0.9))
def test_the_exact_binomial_test_is_scipys(control: int, treatment: int, share: float) -> None:
    peer = stats.binomtest(treatment, control + treatment, share).pvalue
    found = binomial_mismatch_p_value(control, treatment, share=share, method="exact")
    assert found == pytest.approx(peer, rel=1e-9)


def test_binomial_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(InputError):
        binomial_mismatch_p_value(0, 0)
    with pytest.raises(InputError):
        binomial_mismatch_p_value(5, 5, share=1.0)
    with pytest.raises(InputError):
        binomial_mismatch_p_value(5, 5, method="guess")  # type: ignore[arg-type]


def test_looking_every_day_errs_no_more_often_than_it_says() -> None:
    rng = np.random.default_rng(8)
    days, repeats = 60, 400
    control = np.cumsum(rng.binomial(500, 0.5, (repeats, days)), axis=-1)
    total = 500 * np.arange(1, days + 1)
    found = anytime_sample_ratio_mismatch(
        {"control": control, "test": total - control}, {"control": 1, "test": 1}, threshold=0.05
    )
    assert np.mean(np.asarray(found.p_value)[:, -1] < 0.05) <= 0.06
    gap = np.abs(control - total / 2) / np.sqrt(total / 4)
    assert np.mean((gap > 1.96).any(axis=-1)) > 0.15


def test_a_broken_split_is_found_and_stays_found() -> None:
    days = np.arange(1, 31)
    found = anytime_sample_ratio_mismatch(
        {"control": 1000 * days, "test": 940 * days}, {"control": 50, "test": 50}
    )
    assert found.mismatch
    assert found.first_mismatch is not None
    assert (np.diff(found.p_value) <= 0).all()


def test_one_look_gives_plain_numbers() -> None:
    found = anytime_sample_ratio_mismatch({"a": 500, "b": 510}, {"a": 1, "b": 1})
    assert found.p_value == 1.0
    assert type(found.log_bayes_factor) is float
    with pytest.raises(InputError):
        anytime_sample_ratio_mismatch({"a": 500}, {"a": 1})
    with pytest.raises(InputError):
        anytime_sample_ratio_mismatch({"a": -5, "b": 1}, {"a": 1, "b": 1})
    with pytest.raises(InputError):
        anytime_sample_ratio_mismatch({"a": 5, "b": 1}, {"a": 1, "b": 1}, concentration=0)


@given(st.integers(1, 100))
def test_an_even_split_is_whole_and_fair(variants: int) -> None:
    shares = even_split(variants)
    assert sum(shares) == 100
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


def test_bias_needs_an_uneven_split_of_a_running_experiment_that_excludes() -> None:
    seen = {"control": 500, "test": 490, "$multiple": 10}
    assert multiple_variant_bias(seen, [90, 10]) == pytest.approx(1.0)
    assert multiple_variant_bias(seen, [50, 50]) is None
    assert multiple_variant_bias(seen, [33, 34, 33]) is not None
    assert multiple_variant_bias(seen, [90, 10], handling="first_seen") is None
    assert multiple_variant_bias(seen, [90, 10], ended=True) is None
    assert multiple_variant_bias({}, [90, 10]) is None


def test_every_assumption_is_checked_and_only_broken_ones_warn() -> None:
    rng = np.random.default_rng(2)
    before = rng.normal(10, 1, (2, 1000))
    control, treatment = (Mean.of(x + rng.normal(0, 1, 1000), x) for x in before)
    fine = assumption_checks(
        control,
        treatment,
        split=(50, 50),
        values=[before[0]],
        mature_shares=(0.9, 0.92),
        multiple_share=0.0001,
        planned_n=2000,
    )
    assert {check.verdict for check in fine} == {"ok"}
    assert len({check.code for check in fine}) == len(fine)
    rough = assumption_checks(
        Mean.of([0.0] * 39 + [1000.0], [1.0] * 20 + [2.0] * 20),
        Mean.of([1.0] * 900, [9.0] * 450 + [8.0] * 450),
        split=(50, 50),
        values=[[0.0] * 39 + [1000.0]],
        mature_shares=(0.5, 0.9),
        multiple_share=0.02,
        planned_n=2000,
    )
    assert {check.code for check in rough if check.verdict == "warn"} == {
        "few_units",
        "zero_variance_arm",
        "wide_baseline",
        "covariate_imbalance",
        "sample_ratio_mismatch",
        "heavy_tail",
        "unequal_maturity",
        "multiple_variants",
        "peeking",
    }


def test_a_sequential_method_may_be_looked_at_early() -> None:
    arm = Proportion(1000, 200)
    assert not any(
        check.code == "peeking"
        for check in assumption_checks(arm, arm, planned_n=9000, sequential=True)
    )


def test_a_covariate_without_variance_is_balanced() -> None:
    arm = Mean.of([1.0, 2.0], [3.0, 3.0])
    assert covariate_imbalance(arm, arm) == 0.0


def test_a_metric_of_zeros_has_no_heavy_tail() -> None:
    assert heavy_tail_share([0.0, 0.0]) == 0.0
    assert heavy_tail_share(np.ones(1000)) == pytest.approx(0.01)
