"""Any statistic of the units as a metric of a table: by its name, or a function of one's own."""

import numpy as np
import pandas as pd
import pytest

import exp_jupyter
from exp_jupyter.analysis import UnitMetric
from exp_jupyter.engine.comparison.estimates.bootstrap import compare_bootstrap
from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.errors import InputError

DRAWS = np.random.default_rng(2)
UNITS = pd.DataFrame(
    {"variant": ["control", "test"] * 400, "spent": DRAWS.lognormal(2.0, 1.0, 800)}
)
FORM = "spent:bootstrap(gini, draws=500, seed=4)"


def arm(name):
    return UNITS.loc[UNITS["variant"] == name, "spent"].to_numpy()


def test_a_named_statistic_is_the_engines():
    effect = exp_jupyter.analyze(UNITS, metrics=FORM).effect()
    rule = Rule(difference="relative")
    known = compare_bootstrap(arm("control"), arm("test"), "gini", rule, draws=500, seed=4)
    assert (effect.estimate, effect.interval, effect.p_value) == (
        known.estimate,
        known.interval,
        known.p_value,
    )


def test_the_order_of_rows_changes_nothing():
    one, other = (
        exp_jupyter.analyze(table, metrics=FORM).effect() for table in (UNITS, UNITS.iloc[::-1])
    )
    assert one.interval == other.interval


def test_a_function_of_ones_own_is_a_metric():
    def spread(values):
        return float(np.ptp(np.quantile(values, [0.25, 0.75])))

    metric = UnitMetric("bootstrap", "spent", statistic=spread, draws=300)
    found = exp_jupyter.analyze(UNITS, metrics=[metric])
    assert found.results[0].metric.label == "spent:bootstrap(spread, draws=300)"
    assert found.results[0].arms[0].value == pytest.approx(spread(arm("control")))


def test_the_page_says_how_the_interval_was_made():
    text = exp_jupyter.analyze(UNITS, metrics=FORM).to_text()
    assert "BCa bootstrap confidence intervals" in text


def test_a_small_arm_is_said_and_others_are_compared():
    third = pd.DataFrame({"variant": ["tiny"] * 3, "spent": [1.0, 2.0, 3.0]})
    found = exp_jupyter.analyze(pd.concat([UNITS, third]), metrics=FORM)
    assert "at least 5" in {a.key: a.refusal for a in found.results[0].arms}["tiny"]
    assert found.effect(arm="test").p_value is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": "spent:bootstrap(ginni)"}, "no statistic 'ginni'"),
        ({"metrics": "spent:bootstrap(gini, drawz=5)"}, "cannot be read at 'drawz=5'"),
        ({"method": "bayesian"}, "only the frequentist"),
        ({"breakdown": "country"}, "not broken down"),
        ({"covariate": "before"}, "takes no covariate"),
        ({"cluster": "country"}, "in a cluster|a cluster was randomised as a whole"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(change, message):
    table = UNITS.assign(country=[f"c{place // 2 % 20}" for place in range(800)], before=1.0)
    with pytest.raises(InputError, match=message):
        exp_jupyter.analyze(table, **({"metrics": FORM} | change))
