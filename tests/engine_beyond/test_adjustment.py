"""Regression, clusters, strata, quantiles, ranks and segments, by what must hold of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.estimates.clusters import cluster_robust
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.engine.comparison.estimates.quantiles import Quantile, compare_quantiles
from exp_jupyter.engine.comparison.estimates.regression import regression_adjusted
from exp_jupyter.engine.comparison.estimates.strata import post_stratified
from exp_jupyter.engine.comparison.methods import Frequentist
from exp_jupyter.engine.multiple.segments import compare_segments
from exp_jupyter.engine.small_samples.rank import rank_sum
from exp_jupyter.engine.statistics.means import Mean, Proportion
from exp_jupyter.errors import InputError

RELATIVE = Rule(difference="relative")


def units(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    treated = np.arange(n) % 2
    y = 10 + x @ [2.0, -1.0, 0.5] + treated * (1 + 0.5 * x[:, 0]) + rng.normal(size=n)
    return y, treated, x


def test_regression_finds_the_effect_with_less_noise() -> None:
    y, treated, x = units(1)
    adjusted = regression_adjusted(y, treated, x)
    plain = compare(
        Mean.of(y[treated == 0]), Mean.of(y[treated == 1]), Frequentist(difference="absolute")
    )
    assert adjusted.interval[0] < 1 < adjusted.interval[1]
    assert adjusted.standard_error < 0.6 * plain.standard_error


def test_regression_on_nothing_is_welch() -> None:
    y, treated, _ = units(2)
    constant = regression_adjusted(y, treated, np.zeros((y.size, 1)))
    plain = compare(
        Mean.of(y[treated == 0]), Mean.of(y[treated == 1]), Frequentist(difference="absolute")
    )
    assert constant.estimate == pytest.approx(plain.estimate)
    assert constant.standard_error == pytest.approx(plain.standard_error)


def test_regression_ignores_the_scale_of_covariates_and_repeated_ones() -> None:
    y, treated, x = units(3)
    once = regression_adjusted(y, treated, x, rule=RELATIVE)
    again = regression_adjusted(y, treated, np.column_stack([7 + 100 * x, x[:, 0]]), rule=RELATIVE)
    assert again.estimate == pytest.approx(once.estimate)
    assert again.standard_error == pytest.approx(once.standard_error, rel=1e-6)


def test_the_corrections_are_ordered() -> None:
    y, treated, x = units(4, 40)
    errors = [
        regression_adjusted(y, treated, x, covariance=name).standard_error
        for name in ("HC0", "HC2", "HC3")
    ]
    assert errors == sorted(errors)


def test_relative_regression_covers_the_truth() -> None:
    held = 0
    for seed in range(200):
        y, treated, x = units(1000 + seed, 200)
        low, high = regression_adjusted(y, treated, x, rule=RELATIVE).interval
        held += low <= 0.1 <= high
    assert held / 200 == pytest.approx(0.95, abs=0.035)


def test_clusters_of_one_are_units() -> None:
    y, treated, _ = units(5)
    clustered = cluster_robust(y, treated, np.arange(y.size), correction="CR2")
    plain = regression_adjusted(y, treated, np.zeros(y.size))
    assert clustered.standard_error == pytest.approx(plain.standard_error)


def test_ignoring_clusters_is_overconfident() -> None:
    rng = np.random.default_rng(6)
    found = {"CR0": 0, "CR1": 0, "CR2": 0, "none": 0}
    for _ in range(200):
        cluster = np.repeat(np.arange(24), 10)
        y = rng.normal(size=24)[cluster] + rng.normal(size=cluster.size)
        treated = cluster % 2
        for name in ("CR0", "CR1", "CR2"):
            found[name] += cluster_robust(y, treated, cluster, correction=name).significant
        found["none"] += regression_adjusted(y, treated, np.zeros(y.size)).significant
    assert found["none"] / 200 > 0.2
    assert found["CR2"] / 200 == pytest.approx(0.05, abs=0.035)
    assert found["CR2"] <= found["CR0"]


def test_strata_remove_what_they_explain() -> None:
    rng = np.random.default_rng(7)
    rates, n = [0.05, 0.3, 0.7], [800, 500, 200]
    control = [
        Proportion(size, int(rng.binomial(size, rate))) for size, rate in zip(n, rates, strict=True)
    ]
    treatment = [
        Proportion(size, int(rng.binomial(size, rate))) for size, rate in zip(n, rates, strict=True)
    ]
    strata = post_stratified(control, treatment)
    whole = compare(
        sum(control[1:], control[0]),
        sum(treatment[1:], treatment[0]),
        Frequentist(difference="absolute"),
    )
    assert strata.estimate == pytest.approx(whole.estimate)
    assert strata.standard_error < 0.9 * whole.standard_error


def test_one_stratum_is_the_plain_comparison() -> None:
    control, treatment = Mean(100, 500.0, 3000.0), Mean(120, 660.0, 4300.0)
    for difference in ("absolute", "relative"):
        strata = post_stratified([control], [treatment], rule=Rule(difference=difference))
        plain = compare(control, treatment, Frequentist(difference=difference))
        assert strata.estimate == pytest.approx(plain.estimate)
        assert strata.interval == pytest.approx(plain.interval)


def test_a_stratum_without_units_is_left_out_aloud() -> None:
    arms = [Proportion(100, 10), Proportion(1, 1)]
    assert "left out" in post_stratified(arms, [arms[0], Proportion(50, 4)]).warnings[0]


def test_the_median_of_normal_data_has_its_known_variance() -> None:
    rng = np.random.default_rng(8)
    arm = Quantile.of(rng.normal(size=200_000), 0.5)
    assert arm.variance == pytest.approx(np.pi / 2, rel=0.03)
    repeated = rng.normal(size=40_000)
    clustered = Quantile.of(np.tile(repeated, 4), 0.5, clusters=np.tile(np.arange(40_000), 4))
    alone = Quantile.of(repeated, 0.5)
    assert clustered.variance / clustered.n == pytest.approx(alone.variance / alone.n, rel=0.25)


def test_quantile_intervals_hold_their_level() -> None:
    rng = np.random.default_rng(9)
    significant = 0
    for _ in range(300):
        one, two = (Quantile.of(rng.exponential(size=400), 0.9) for _ in range(2))
        significant += compare_quantiles(one, two, RELATIVE).significant
    assert significant / 300 == pytest.approx(0.05, abs=0.03)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=12),
    st.lists(st.integers(0, 6), min_size=2, max_size=12),
    st.sampled_from(["two-sided", "greater", "less"]),
)
def test_ranks_agree_with_scipy(x: list[int], y: list[int], alternative: str) -> None:
    if len(set(x + y)) == 1:
        with pytest.raises(InputError):
            rank_sum(x, y, exact=False)
        return
    wanted = stats.mannwhitneyu(y, x, alternative=alternative, method="asymptotic")
    got = rank_sum(x, y, alternative=alternative, exact=False)
    assert (got.statistic, got.p_value) == (
        wanted.statistic,
        pytest.approx(wanted.pvalue, abs=1e-12),
    )


def test_equal_segments_are_pooled_completely() -> None:
    result = compare_segments([0.1, 0.1, 0.1], [0.02, 0.05, 0.01])
    assert (result.q, result.p_value, result.tau, result.i_squared) == (0, 1, 0, 0)
    np.testing.assert_allclose(result.shrunken, 0.1)
    assert not result.heterogeneous


def test_shrinking_moves_every_segment_towards_the_rest() -> None:
    result = compare_segments([0.0, 0.05, 0.3], [0.03, 0.05, 0.06])
    assert result.heterogeneous
    middle = result.shrunken.mean()
    assert (np.abs(result.shrunken - middle) < np.abs(result.estimates - middle) + 0.02).all()
    assert (np.diff(result.shrunken) > 0).all()
    assert (result.shrunken_standard_errors < result.standard_errors + 0.02).all()


def test_the_global_test_and_the_contrasts_hold_their_level() -> None:
    rng = np.random.default_rng(10)
    errors = np.array([0.5, 1.0, 2.0, 1.0])
    runs = [compare_segments(rng.normal(size=4) * errors, errors) for _ in range(500)]
    assert np.mean([run.heterogeneous for run in runs]) == pytest.approx(0.05, abs=0.02)
    assert np.mean([run.differs.any() for run in runs]) < 0.07


@pytest.mark.parametrize(
    "call",
    [
        lambda: regression_adjusted([1, 2, np.nan, 4], [0, 0, 1, 1], [1, 2, 3, 4]),
        lambda: regression_adjusted([1, 2, 3, 4], [0, 0, 1, 2], [1, 2, 3, 4]),
        lambda: regression_adjusted([1, 2, 3, 4], [0, 0, 1, 1], [1, 2, 3]),
        lambda: regression_adjusted([1, 2, 3, 4], [0, 0, 1, 1], [1, 2, 3, 4]),
        lambda: regression_adjusted([1, 2, 3, 4], [0, 0, 0, 1], [1, 2, 3, 4]),
        lambda: regression_adjusted([1, 2, 3, 4], [0, 0, 1, 1], [1, 2, 3, 4], covariance="HC9"),
        lambda: cluster_robust([1, 2, 3, 4], [0, 1, 0, 1], ["a", "a", "b", "b"]),
        lambda: cluster_robust([1, 2, 3, 4], [0, 0, 1, 1], ["a", "a", "b", "b"]),
        lambda: cluster_robust([5, 5, 5, 5], [0, 0, 1, 1], ["a", "b", "c", "d"]),
        lambda: post_stratified([], []),
        lambda: post_stratified([Proportion(1, 0)], [Proportion(1, 1)]),
        lambda: post_stratified([Proportion(9, 0)], [Proportion(9, 1)], rule=RELATIVE),
        lambda: Quantile.of([1.0], 0.5),
        lambda: Quantile.of(np.arange(50.0), 0.99),
        lambda: Quantile.of(np.arange(50.0), 1.0),
        lambda: compare_quantiles(
            Quantile.from_bounds(9, 0.5, 2, 1, 3), Quantile.from_bounds(9, 0.9, 2, 1, 3)
        ),
        lambda: compare_quantiles(
            Quantile.from_bounds(9, 0.5, 2, 2, 2), Quantile.from_bounds(9, 0.5, 2, 2, 2)
        ),
        lambda: rank_sum([], [1.0]),
        lambda: rank_sum([1.0, 1.0], [1.0, 2.0], exact=True),
        lambda: compare_segments([0.1], [0.1]),
        lambda: compare_segments([0.1, 0.2], [0.1, 0.0]),
        lambda: Rule(alpha=0),
    ],
)
def test_the_rest_is_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()
