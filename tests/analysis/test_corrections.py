"""Many metrics and arms: what a correction decides, its intervals show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from shop_events import analyzed

import exp_jupyter
from exp_jupyter.analysis.definition.correction import uncorrected_words
from exp_jupyter.engine.multiple.corrections import METHODS, adjust
from exp_jupyter.engine.multiple.simultaneous import marginal_alphas
from exp_jupyter.errors import InputError

METRICS = ["spent:mean", "paid:proportion", "seconds:median"]


@pytest.fixture(scope="module")
def units() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    n = 8000
    variant = rng.choice(["control", "a", "b", "c"], n)
    lift = pd.Series(variant).map({"control": 0.0, "a": 0.35, "b": 0.55, "c": 0.95}).to_numpy()
    return pd.DataFrame(
        {
            "variant": variant,
            "spent": rng.gamma(2.0, 5.0, n) + lift,
            "paid": (rng.random(n) < 0.2 + 0.04 * lift).astype(int),
            "seconds": rng.exponential(30.0, n) + lift,
        }
    )


def arms(found):
    return [arm for result in found.results for arm in result.arms[1:]]


@pytest.mark.parametrize("correction", [*METHODS, "dunnett"])
def test_an_interval_leaves_out_zero_exactly_where_the_corrected_test_decides(units, correction):
    found = exp_jupyter.analyze(units, metrics=METRICS, correction=correction)
    decided = [arm.adjusted_p_value <= 0.05 for arm in arms(found)]
    assert True in decided
    assert False in decided
    assert [bool(arm.effect.excludes_null) for arm in arms(found)] == decided
    assert [bool(arm.effect.significant) for arm in arms(found)] == decided


def test_a_corrected_interval_is_wider_and_the_estimate_stays(units):
    plain = arms(exp_jupyter.analyze(units, metrics=METRICS))
    for one, other in zip(
        plain, arms(exp_jupyter.analyze(units, metrics=METRICS, correction="dunnett")), strict=True
    ):
        assert other.effect.estimate == pytest.approx(one.effect.estimate, rel=1e-9)
        assert other.effect.interval[0] < one.effect.interval[0]
        assert other.effect.interval[1] > one.effect.interval[1]


def test_bonferroni_intervals_are_those_of_the_smaller_alpha(units):
    found = arms(exp_jupyter.analyze(units, metrics=METRICS, correction="bonferroni"))
    alone = arms(exp_jupyter.analyze(units, metrics=METRICS, alpha=0.05 / 9))
    for one, other in zip(found, alone, strict=True):
        assert one.effect.interval == pytest.approx(other.effect.interval, rel=1e-9)


def test_dunnett_agrees_with_scipy(units):
    # scipy pools the variances of all arms, which makes up to a few percent of a width here.
    found = exp_jupyter.analyze(
        units, metrics="spent:mean", correction="dunnett", difference="absolute"
    )
    by_arm = {key: rows["spent"].to_numpy() for key, rows in units.groupby("variant")}
    peer = stats.dunnett(by_arm["a"], by_arm["b"], by_arm["c"], control=by_arm["control"])
    ours = {arm.key: arm for arm in arms(found)}
    assert [ours[key].adjusted_p_value for key in "abc"] == pytest.approx(peer.pvalue, abs=2e-3)
    limits = peer.confidence_interval(0.95)
    for place, key in enumerate("abc"):
        low, high = ours[key].effect.interval
        assert (low, high) == pytest.approx((limits.low[place], limits.high[place]), abs=0.02)


@pytest.mark.parametrize("correction", METHODS)
def test_a_threshold_is_where_the_decision_turns(correction):
    p = np.array([0.0004, 0.006, 0.013, 0.022, 0.4])
    levels = marginal_alphas(p, correction)
    assert ((p <= levels) == adjust(p, correction).significant).all()
    for place, level in enumerate(levels):
        for factor, decided in ((1 - 1e-6, True), (1 + 1e-6, False)):
            moved = p.copy()
            moved[place] = level * factor
            assert bool(adjust(moved, correction).significant[place]) is decided


def test_e_values_are_corrected_for_looking_at_any_time(units):
    found = exp_jupyter.analyze(units, metrics=METRICS[:2], method="sequential", correction="e-bh")
    decided = [bool(arm.effect.significant) for arm in arms(found)]
    assert True in decided
    assert False in decided
    assert [bool(arm.effect.excludes_null) for arm in arms(found)] == decided


def test_every_pair_of_arms_is_compared_on_request(units):
    found = exp_jupyter.analyze(units, metrics="spent:mean", pairs="all", correction="holm")
    pairs = found.results[0].pairs
    assert [(pair.key, pair.baseline) for pair in pairs] == [("b", "a"), ("c", "a"), ("c", "b")]
    alone = exp_jupyter.analyze(
        units[units["variant"].isin(["a", "c"])], metrics="spent:mean", control="a"
    )
    assert pairs[1].effect.estimate == pytest.approx(alone.effect().estimate)
    p_values = [arm.effect.p_value for arm in (*arms(found), *pairs)]
    assert [row.adjusted_p_value for row in (*arms(found), *pairs)] == pytest.approx(
        adjust(p_values, "holm").adjusted.tolist()
    )
    assert "Against" in found.to_text()
    frame = found.to_frame()
    assert frame.loc[frame["arm"] == "c", "against"].tolist() == ["control", "a", "b"]
    assert "pairs='all'" in found.code()


def test_many_comparisons_that_nothing_corrects_are_said(units):
    said = uncorrected_words(9, 0.05)
    assert "9 comparisons" in said
    assert "37 %" in said
    assert said in exp_jupyter.analyze(units, metrics=METRICS).warnings
    assert said not in exp_jupyter.analyze(units, metrics=METRICS, correction="holm").warnings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"correction": "e-bh"}, "is for the sequential method"),
        ({"correction": "dunnett", "method": "sequential"}, "is for the frequentist method"),
        ({"correction": "dunnett", "pairs": "all"}, "not against each other"),
        ({"correction": "dunnet"}, "correction is 'dunnet'"),
        ({"pairs": "each"}, "pairs is 'each'; expected control or all"),
    ],
)
def test_what_cannot_be_corrected_is_refused(units, options, said):
    with pytest.raises(InputError, match=said):
        exp_jupyter.analyze(units, metrics=METRICS[:2], **options)


def test_the_last_day_of_events_is_corrected_with_its_interval():
    plain, found = analyzed(), analyzed(correction="bonferroni")
    for one, other in zip(plain, found, strict=True):
        for key, effect in other.latest.effects.items():
            alone = one.latest.effects[key]
            assert effect.interval[0] < alone.interval[0]
            assert bool(effect.excludes_null) is (found.adjusted[one.metric_name][key] <= 0.05)
