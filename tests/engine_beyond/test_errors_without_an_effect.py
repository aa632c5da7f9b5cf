"""What is combined from several comparisons errs as often as it says, on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from exp_jupyter.engine.checks.sample_ratio import anytime_sample_ratio_mismatch
from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.effect import Effect
from exp_jupyter.engine.comparison.estimates.clusters import cluster_robust
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.engine.comparison.estimates.regression import regression_adjusted
from exp_jupyter.engine.comparison.estimates.strata import post_stratified
from exp_jupyter.engine.comparison.methods import Frequentist
from exp_jupyter.engine.multiple.dunnett import dunnett_adjust
from exp_jupyter.engine.multiple.segments import compare_segments
from exp_jupyter.engine.simulation import simulate
from exp_jupyter.engine.small_samples.exact import rate_interval
from exp_jupyter.engine.statistics.means import Proportion

RELATIVE = Rule(difference="relative")


def segments(
    rng: np.random.Generator, sizes: tuple[int, int], rates: tuple[float, float]
) -> list[Effect]:
    arms = [
        Proportion(
            np.full(20, float(size)), np.maximum(rng.binomial(size, rate, 20), 1).astype(float)
        )
        for size, rate in zip(sizes, rates, strict=True)
    ]
    effects = compare(arms[0], arms[1], Frequentist())
    return [effects.at(k) for k in range(20)]


@pytest.mark.parametrize("sizes", [(400, 400), (900, 100), (100, 900)])
def test_a_pooled_relative_effect_errs_on_both_sides(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(11)
    runs = [compare_segments(segments(rng, sizes, (0.06, 0.06))) for _ in range(300)]
    better = np.mean([run.pooled_p_value < 0.05 and run.pooled > 0 for run in runs])
    worse = np.mean([run.pooled_p_value < 0.05 and run.pooled < 0 for run in runs])
    assert better < 0.06
    assert worse < 0.06
    assert np.mean([run.p_value < 0.05 for run in runs]) < 0.09


def test_a_pooled_effect_is_the_effect_of_its_segments() -> None:
    rng = np.random.default_rng(12)
    runs = [compare_segments(segments(rng, (4000, 1000), (0.1, 0.13))) for _ in range(60)]
    assert np.mean([run.pooled for run in runs]) == pytest.approx(0.3, abs=0.02)
    for run in runs:
        decides = abs(run.pooled) / run.pooled_standard_error > 1.959964
        assert decides == (run.pooled_p_value < 0.05)


@pytest.mark.parametrize("difference", ["absolute", "relative"])
def test_small_strata_err_as_often_as_they_say(difference: str) -> None:
    rng = np.random.default_rng(13)
    hits = np.zeros(2)
    for _ in range(500):
        arms = [[Proportion(4, float(x)) for x in rng.binomial(4, 0.3, 30)] for _ in range(2)]
        effect = post_stratified(*arms, rule=Rule(difference=difference))
        hits[int(float(effect.estimate) > 0)] += bool(effect.significant)
    assert (hits / 500 < 0.045).all(), hits


def test_few_clusters_err_as_often_as_they_say_by_default() -> None:
    rng = np.random.default_rng(14)
    hits = {"absolute": 0, "relative": 0}
    for _ in range(400):
        cluster = np.repeat(np.arange(10), rng.integers(3, 30, 10))
        treated = rng.permutation([0, 1] * 5)[cluster]
        values = 3 + rng.normal(0, 0.5, 10)[cluster] + rng.normal(0, 1, cluster.size)
        for difference in hits:
            effect = cluster_robust(values, treated, cluster, rule=Rule(difference=difference))
            hits[difference] += bool(effect.significant)
    assert hits["relative"] == hits["absolute"]
    assert hits["absolute"] / 400 < 0.08


def test_a_regression_has_one_p_value_for_both_scales() -> None:
    rng = np.random.default_rng(15)
    before = rng.normal(5, 2, 200)
    treated = np.repeat([0, 1], 100)
    after = before + rng.normal(0.4, 1, 200) * treated + rng.normal(0, 1, 200)
    whole = regression_adjusted(after, treated, before)
    share = regression_adjusted(after, treated, before, rule=RELATIVE)
    assert share.p_value == pytest.approx(whole.p_value, rel=1e-9)
    assert share.excludes_null == share.significant


def test_a_broken_split_is_seen_after_a_dozen_units() -> None:
    split = {"a": 1, "b": 1}
    assert anytime_sample_ratio_mismatch({"a": 100, "b": 0}, split).p_value < 1e-20
    assert anytime_sample_ratio_mismatch({"a": 16, "b": 0}, split).mismatch
    assert anytime_sample_ratio_mismatch({"a": 50_000, "b": 52_500}, split).mismatch


def test_a_watched_split_cries_wolf_no_more_than_its_level() -> None:
    rng = np.random.default_rng(16)
    ever = 0
    for _ in range(400):
        a = np.cumsum(rng.binomial(3, 0.5, 800))
        counts = {"a": a, "b": 3 * np.arange(1, 801) - a}
        ever += anytime_sample_ratio_mismatch(counts, {"a": 1, "b": 1}, threshold=0.05).mismatch
    assert ever / 400 <= 0.05


def test_rare_odds_ratios_have_the_bounds_of_the_ratio() -> None:
    low, high = rate_interval((5, 100_000), (9, 100_000), compare="odds-ratio").interval
    assert (low, high) == pytest.approx((0.63304, 5.11858), abs=1e-4)
    # The odds of the other outcome are the inverse, whatever of the two is rare.
    other = rate_interval((99_995, 100_000), (99_991, 100_000), compare="odds-ratio").interval
    assert (1 / other[1], 1 / other[0]) == pytest.approx((low, high), rel=1e-9)


@pytest.mark.parametrize(
    ("control", "treatment"),
    [((15, 48), (5, 80)), ((785, 4100), (778, 4000)), ((87, 125), (12, 261)), ((1, 20), (8, 20))],
)
def test_the_peers_score_interval_is_given_by_name(
    control: tuple[int, int], treatment: tuple[int, int]
) -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    peer = proportion.confint_proportions_2indep(
        *treatment, *control, method="score", compare="diff"
    )
    ours = rate_interval(control, treatment, method="score-statsmodels").interval
    assert ours == pytest.approx(peer, abs=1e-7)


def test_winners_of_the_wrong_sign_are_told_apart_from_exaggerated_ones() -> None:
    units = (np.random.default_rng(17).random(4000) < 0.2).astype(float)
    run = simulate(units, sizes=(200, 200), effect=0.05, replications=3000)
    assert run.wrong_sign is not None
    assert run.exaggeration is not None
    assert 0.05 < run.wrong_sign < 0.5
    assert run.exaggeration > 3
    assert simulate(units, sizes=(200, 200), replications=200).wrong_sign is None


@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_several_treatments_hold_the_family_error(rate: float) -> None:
    rng = np.random.default_rng(18)
    control = Proportion(np.full(2000, 1000.0), rng.binomial(1000, rate, 2000).astype(float))
    found = [
        compare(
            control,
            Proportion(np.full(2000, 1000.0), rng.binomial(1000, rate, 2000).astype(float)),
            Frequentist(),
        )
        for _ in range(3)
    ]
    z = np.stack([np.asarray(effect.statistic) for effect in found], axis=-1)
    wrong = np.mean(
        [dunnett_adjust(row, 1 / 1000, [1 / 1000] * 3).significant.any() for row in z[:600]]
    )
    assert 0.02 < wrong < 0.075
