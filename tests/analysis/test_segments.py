"""Does the effect differ between segments: asked once, answered once, then shown of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from shop_events import analyzed

import exp_jupyter
from exp_jupyter.engine import Frequentist, Mean, compare

SEGMENTS = ("DE", "FR", "IT", "NL")


def table(lift: dict[str, float], *, seed: int = 7, n: int = 8000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "variant": rng.choice(["control", "test"], n),
            "country": rng.choice(SEGMENTS, n),
            "spent": rng.gamma(2.0, 5.0, n),
        }
    )
    treated = frame["variant"] == "test"
    frame["spent"] += frame["country"].map(lift).fillna(0.0) * treated
    frame["paid"] = (frame["spent"] > 12).astype(int)
    return frame


@pytest.fixture(scope="module")
def differing() -> pd.DataFrame:
    return table({"DE": 2.5})


def by_hand(frame: pd.DataFrame, segment: str, method: Frequentist):
    own = frame[frame["country"] == segment]
    arms = [own.loc[own["variant"] == key, "spent"] for key in ("control", "test")]
    return compare(*(Mean(len(y), y.sum(), (y**2).sum(), sum_cubes=(y**3).sum()) for y in arms),
                   method)  # fmt: skip


def test_one_global_test_says_that_the_effect_differs_and_where(differing):
    found = exp_jupyter.analyze(differing, metrics="spent:mean", breakdown="country")
    (answer,) = found.by_segment
    assert answer.heterogeneous is True
    assert "the effect differs by country (p < 0.001): DE above the rest" in answer.verdict
    assert answer.verdict in found.to_text().replace("\n", " ")


def test_without_a_global_difference_no_segment_is_singled_out():
    found = exp_jupyter.analyze(table({}), metrics="spent:mean", breakdown="country")
    (answer,) = found.by_segment
    assert answer.heterogeneous is False
    assert not any(one.differs for one in answer.segments)
    assert "is not shown to differ by country" in answer.verdict


@pytest.mark.parametrize("difference", ["relative", "absolute"])
def test_each_segment_is_the_comparison_of_its_own_units(differing, difference):
    found = exp_jupyter.analyze(
        differing, metrics="spent:mean", breakdown="country", difference=difference
    )
    for one in found.by_segment[0].segments:
        alone = by_hand(differing, one.values[0], Frequentist(difference=difference))
        assert one.effect.estimate == pytest.approx(alone.estimate)
        assert one.effect.interval == pytest.approx(alone.interval)


def test_the_global_test_agrees_with_statsmodels(differing):
    meta = pytest.importorskip("statsmodels.stats.meta_analysis")
    found = exp_jupyter.analyze(
        differing, metrics="spent:mean", breakdown="country", difference="absolute"
    )
    ours = found.by_segment[0].heterogeneity
    peer = meta.combine_effects(
        ours.estimates, ours.standard_errors**2, method_re="iterated", atol=1e-12
    )
    assert ours.q == pytest.approx(peer.q)
    assert ours.tau**2 == pytest.approx(peer.tau2, rel=1e-4)
    assert ours.pooled == pytest.approx(peer.mean_effect_fe)
    # Welch's F knows that the variances are estimated; with thousands of units both are near.
    assert ours.p_value == pytest.approx(peer.test_homogeneity().pvalue, rel=0.05, abs=1e-6)


def test_expectations_lie_between_the_segment_and_all_of_them(differing):
    (answer,) = exp_jupyter.analyze(
        differing, metrics="spent:mean", breakdown="country", difference="absolute"
    ).by_segment
    centre = np.mean([one.effect.estimate for one in answer.segments])
    for one in answer.segments:
        low, high = sorted((one.effect.estimate, centre))
        assert low - 0.05 <= one.shrunken <= high + 0.05


def test_the_headline_can_be_weighted_by_the_segments_shares(differing):
    (answer,) = exp_jupyter.analyze(
        differing, metrics="spent:mean", breakdown="country", difference="absolute"
    ).by_segment
    share = differing["country"].value_counts(normalize=True)
    mean = differing.groupby(["country", "variant"])["spent"].mean().unstack()
    expected = ((mean["test"] - mean["control"]) * share).sum()
    assert answer.post_stratified.estimate == pytest.approx(expected)
    assert "post-stratified" in answer.to_text()


def test_a_segment_whose_units_are_not_split_as_planned_is_named(differing):
    lost = differing[
        ~((differing["country"] == "FR") & (differing["variant"] == "test"))
        | (np.arange(len(differing)) % 3 > 0)
    ]
    (answer,) = exp_jupyter.analyze(
        lost, metrics="spent:mean", breakdown="country", split="equal"
    ).by_segment
    broken = {one.values[0] for one in answer.segments if one.split_p_value < 0.001}
    assert broken == {"FR"}
    assert "the units of FR are not split as planned" in answer.to_text().lower().replace(
        "fr are", "FR are"
    )


def test_segments_that_cannot_be_compared_say_why_and_stay_out():
    frame = table({})
    frame.loc[(frame["country"] == "IT") & (frame["variant"] == "test"), "country"] = "NL"
    (answer,) = exp_jupyter.analyze(frame, metrics="spent:mean", breakdown="country").by_segment
    refused = [one for one in answer.segments if one.effect is None]
    assert [one.values for one in refused] == [("IT",)]
    assert refused[0].shrunken is None
    assert answer.heterogeneity.df == 2


def test_one_segment_is_no_question():
    frame = table({}).assign(country="DE")
    (answer,) = exp_jupyter.analyze(frame, metrics="spent:mean", breakdown="country").by_segment
    assert answer.heterogeneous is None
    assert "no two segments" in answer.verdict


def test_the_answer_does_not_depend_on_the_method(differing):
    asked = {"metrics": ["spent:mean", "paid:proportion"], "breakdown": "country"}
    plain = exp_jupyter.analyze(differing, **asked).by_segment
    for method in ("sequential", "bayesian"):
        other = exp_jupyter.analyze(differing, method=method, **asked).by_segment
        for one, same in zip(plain, other, strict=True):
            assert one.heterogeneity.p_value == pytest.approx(same.heterogeneity.p_value)


def test_quantiles_have_segments_too(differing):
    (answer,) = exp_jupyter.analyze(
        differing, metrics="spent:median", breakdown="country"
    ).by_segment
    assert answer.heterogeneous is True
    assert answer.post_stratified is None


def test_the_forest_plot_is_drawn_in_both_ways(differing):
    (answer,) = exp_jupyter.analyze(differing, metrics="spent:mean", breakdown="country").by_segment
    page = answer.to_html()
    assert "<svg" in page or "data:image/svg" in page
    axes = answer.plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == [*SEGMENTS, "all units"]
    assert answer.to_html() == page


def test_events_answer_the_same_question():
    found = analyzed(split="equal", breakdown="country")
    assert found.by_segment
    for answer in found.by_segment:
        own = [part for part in found.segments if part.series.metric_name == answer.metric]
        assert len(answer.segments) == len(own)
        if answer.heterogeneity is not None:
            assert answer.verdict in found.to_text().replace("\n", " ")
            assert 0 <= answer.heterogeneity.p_value <= 1
