"""The bootstrap: equal to scipy's, calibrated, reproducible, and of any statistic of the units."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from exp_jupyter.engine.comparison.estimates.bootstrap import compare_bootstrap, poisson_weights
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.engine.comparison.estimates.unit_statistics import statistic_of
from exp_jupyter.errors import InputError, StatisticsError

DRAWS = np.random.default_rng(8)
CONTROL = DRAWS.lognormal(1.0, 0.9, 400)
TREATMENT = DRAWS.lognormal(1.1, 0.9, 300)


def gini(values: np.ndarray) -> float:
    gaps = np.abs(values[:, None] - values[None, :]).mean()
    return float(gaps / (2 * values.mean()))


NAMED = [
    ("mean", np.mean),
    ("trimmed_mean(0.1)", lambda y: stats.trim_mean(y, 0.1)),
    ("std", lambda y: np.std(y, ddof=1)),
    ("variance", lambda y: np.var(y, ddof=1)),
    ("median", np.median),
    ("quantile(0.8)", lambda y: np.quantile(y, 0.8)),
    ("geometric_mean", stats.gmean),
    ("gini", gini),
]


@pytest.mark.parametrize(("name", "function"), NAMED, ids=[name for name, _ in NAMED])
def test_a_named_statistic_is_what_its_name_says(name, function) -> None:
    assert statistic_of(name).of(CONTROL) == pytest.approx(function(CONTROL))


def test_the_top_share_is_what_the_largest_hold() -> None:
    assert statistic_of("top_share(0.1)").of(np.array([1.0] * 9 + [11.0])) == pytest.approx(0.55)


@pytest.mark.parametrize(("name", "function"), NAMED, ids=[name for name, _ in NAMED])
def test_weights_stand_for_units_drawn_again(name, function) -> None:
    ordered = np.sort(DRAWS.lognormal(0, 1, 1300))
    weights = DRAWS.poisson(1.0, (3, 1300)).astype(np.float64)
    drawn = statistic_of(name).weighted(ordered, weights)
    again = [function(np.repeat(ordered, row.astype(int))) for row in weights]
    assert drawn == pytest.approx(again)


@pytest.mark.parametrize("name", ["mean", "std"])
def test_the_interval_is_scipys(name: str) -> None:
    own = compare_bootstrap(CONTROL, TREATMENT, name, draws=10_000)
    of = statistic_of(name).of

    def gap(treatment, control):
        return of(treatment) - of(control)

    peer = stats.bootstrap(
        (TREATMENT, CONTROL), gap, n_resamples=2000, method="BCa", vectorized=False, rng=1
    )
    width = peer.confidence_interval.high - peer.confidence_interval.low
    assert own.interval == pytest.approx(tuple(peer.confidence_interval), abs=0.08 * width)
    assert own.standard_error == pytest.approx(peer.standard_error, rel=0.08)


def test_a_mean_of_many_units_has_welchs_interval() -> None:
    control, treatment = DRAWS.gamma(2.0, 3.0, 9000), DRAWS.gamma(2.1, 3.0, 9000)
    own = compare_bootstrap(control, treatment, "mean", draws=8000)
    welch = stats.ttest_ind(treatment, control, equal_var=False)
    known = welch.confidence_interval()
    width = known.high - known.low
    assert own.interval == pytest.approx((known.low, known.high), abs=0.04 * width)
    assert own.p_value == pytest.approx(welch.pvalue, abs=0.02)


def test_a_function_of_ones_own_is_drawn_too() -> None:
    named = compare_bootstrap(CONTROL, TREATMENT, "trimmed_mean(0.1)", draws=2000)
    own = compare_bootstrap(
        CONTROL, TREATMENT, lambda y: float(stats.trim_mean(y, 0.1)), draws=1500, seed=5
    )
    width = named.interval[1] - named.interval[0]
    assert own.estimate == pytest.approx(named.estimate)
    assert own.interval == pytest.approx(named.interval, abs=0.1 * width)


def test_the_same_seed_gives_the_same_result_on_any_number_of_threads(monkeypatch) -> None:
    large = np.random.default_rng(1).lognormal(0, 1, 6000)
    runs = []
    for cores, seed in ((1, 3), (4, 3), (4, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        runs.append(compare_bootstrap(large, large * 1.02, "mean", draws=500, seed=seed).interval)
    assert runs[0] == runs[1]
    assert runs[1] != runs[2]


def test_the_p_value_is_the_level_at_which_the_interval_leaves_zero_out() -> None:
    p = compare_bootstrap(CONTROL, TREATMENT, "mean", draws=4000).p_value
    for factor, excluded in ((0.97, False), (1.03, True)):
        rule = Rule(alpha=min(p * factor, 0.999))
        effect = compare_bootstrap(CONTROL, TREATMENT, "mean", rule, draws=4000)
        assert effect.excludes_null == excluded == effect.significant


def test_a_relative_difference_decides_about_as_the_absolute_one() -> None:
    absolute = compare_bootstrap(CONTROL, TREATMENT, "mean", draws=4000)
    relative = compare_bootstrap(
        CONTROL, TREATMENT, "mean", Rule(difference="relative"), draws=4000
    )
    assert relative.estimate == pytest.approx(TREATMENT.mean() / CONTROL.mean() - 1)
    assert relative.p_value == pytest.approx(absolute.p_value, abs=0.02)


def test_one_sided_intervals_are_open() -> None:
    up = compare_bootstrap(CONTROL, TREATMENT, "mean", Rule(alternative="greater"), draws=1000)
    down = compare_bootstrap(CONTROL, TREATMENT, "mean", Rule(alternative="less"), draws=1000)
    assert up.interval[1] == np.inf
    assert down.interval[0] == -np.inf
    assert up.p_value + down.p_value == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("name", ["trimmed_mean(0.1)", "gini"])
def test_false_positives_are_as_many_as_promised(name: str) -> None:
    rng = np.random.default_rng(11)
    decided = covered = 0
    runs = 60
    true = 0.0
    for place in range(runs):
        control, treatment = rng.lognormal(0, 0.6, (2, 150))
        effect = compare_bootstrap(control, treatment, name, draws=300, seed=place)
        decided += bool(effect.significant)
        covered += effect.interval[0] <= true <= effect.interval[1]
    assert decided / runs <= 0.13
    assert covered / runs == pytest.approx(0.95, abs=0.08)


def test_poisson_weights_have_the_moments_of_counts() -> None:
    weights = poisson_weights(np.random.default_rng(2), (200, 5000)).astype(float)
    assert weights.mean() == pytest.approx(1.0, abs=0.004)
    assert weights.var() == pytest.approx(1.0, abs=0.01)
    assert (weights == 0).mean() == pytest.approx(np.exp(-1), abs=0.003)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statistic": "ginni"}, "no statistic 'ginni'"),
        ({"statistic": "trimmed_mean(0.7)"}, "below 0.5"),
        ({"statistic": "mean(3)"}, "takes no number"),
        ({"statistic": 5}, "expected a name or a function"),
        ({"statistic": lambda y: 1 / 0}, "ZeroDivisionError"),
        ({"statistic": "gini", "control": CONTROL - 100}, "from 0 on"),
        ({"control": [1.0, 2.0]}, "at least 5"),
        ({"control": [1.0, np.nan, 3.0, 4.0, 5.0]}, "finite numbers"),
        ({"control": [1.0] * 9, "treatment": [1.0] * 9}, "same difference"),
        ({"draws": 10}, "draws"),
        ({"draws": 10_000_000}, "at most"),
        ({"control": CONTROL - CONTROL.mean(), "rule": Rule(difference="relative")}, "control"),
    ],
)
def test_the_rest_is_refused_in_words(change: dict, message: str) -> None:
    asked = {"control": CONTROL, "treatment": TREATMENT, "statistic": "mean", "draws": 300}
    with pytest.raises((InputError, StatisticsError), match=message):
        compare_bootstrap(**(asked | change))
