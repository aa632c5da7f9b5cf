"""Two arms from their counts."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from exp_jupyter.analysis.counts.compare import compare
from exp_jupyter.engine.statistics.means import Mean
from exp_jupyter.errors import InputError


def test_cookie_cats():
    # Seven-day retention of a published game test: gate at level 30 against gate at level 40.
    test = compare("8502/44700", "8279/45489", control_name="gate_30", treatment_name="gate_40")
    assert round(100 * test.effect.estimate, 1) == -4.3
    assert round(test.effect.p_value, 4) == 0.0016
    assert round(test.pooled_z_p_value, 4) == 0.0016
    assert test.fisher_p_value is None
    assert "gate_40 is worse: below gate_30 (-4.3 %" in test.verdict


@pytest.mark.parametrize("arm", [(8502, 44700), "8,502/44,700", "8_502 / 44_700"])
def test_counts_are_read_in_every_way_of_writing_them(arm):
    assert compare(arm, (8279, 45489)).arms[0].n == 44700


@pytest.mark.parametrize("arm", ["8502", "a/b", (1, 2, 3), "8502/44700/3", None])
def test_unreadable_counts_name_the_arm(arm):
    with pytest.raises(InputError, match="gate_30"):
        compare(arm, (1, 2), control_name="gate_30")


def test_more_successes_than_units_are_refused():
    with pytest.raises(InputError):
        compare((12, 10), (1, 10))


def test_few_successes_add_the_exact_test():
    test = compare((2, 40), (9, 40))
    assert test.fisher_p_value == pytest.approx(0.0476, abs=2e-4)


def test_a_margin_asks_whether_the_treatment_is_not_worse():
    close = compare((5000, 50000), (4990, 50000), margin=5)
    assert close.non_inferior
    assert "not worse than control by more than 5 %" in close.verdict
    assert not compare((500, 5000), (470, 5000), margin=5).non_inferior
    assert compare((5000, 50000), (5010, 50000), margin=5, goal="decrease").non_inferior


def test_a_margin_must_be_positive():
    with pytest.raises(InputError, match="margin"):
        compare((5, 10), (6, 10), margin=-1)


def test_means_have_no_test_of_counts():
    test = compare(Mean(1000, 5000.0, 30000.0), Mean(1000, 5200.0, 32000.0), method="bayesian")
    assert test.kind == "mean"
    assert test.pooled_z is None
    assert 0 < test.effect.chance_to_win < 1


def test_an_unknown_method_is_refused():
    with pytest.raises(InputError, match="magic"):
        compare((1, 10), (2, 10), method="magic")


def test_the_call_that_makes_it_again():
    test = compare("8502/44700", "8279/45489", alpha=0.1)
    assert test.code() == "exp_jupyter.compare('8502/44700', '8279/45489', alpha=0.1)"


def test_the_module_stays_light():
    code = (
        "import sys, exp_jupyter.analysis.counts.compare\n"
        "heavy = {'pydantic', 'duckdb', 'sqlglot', 'pandas', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("goal", ["increase", "decrease"])
def test_a_margin_is_passed_at_the_margin_as_often_as_it_says(goal):
    rng = np.random.default_rng(21)
    rate = 0.095 if goal == "increase" else 0.105
    passed = 0
    for _ in range(800):
        control, treatment = rng.binomial(3000, 0.1), rng.binomial(3000, rate)
        passed += compare((control, 3000), (treatment, 3000), margin=5, goal=goal).non_inferior
    assert 0.03 < passed / 800 < 0.07


def test_a_watched_margin_is_seldom_ever_passed_at_the_margin():
    rng = np.random.default_rng(22)
    ever = 0
    for _ in range(80):
        control = np.cumsum(rng.binomial(300, 0.1, 12))
        treatment = np.cumsum(rng.binomial(300, 0.095, 12))
        ever += any(
            compare((c, n), (t, n), margin=5, method="sequential").non_inferior
            for c, t, n in zip(control, treatment, 300 * np.arange(1, 13), strict=True)
        )
    assert ever / 80 <= 0.075


def test_the_bound_that_is_shown_decides_about_a_margin():
    for successes in (470, 480, 490, 500):
        test = compare((5000, 50000), (successes * 10, 50000), margin=5)
        assert test.non_inferior == (test.margin_bound > -0.05)
        assert "bound: at least" in test.verdict


@pytest.mark.parametrize("options", [{"method": "bayesian"}, {"mode": "compat"}, {"margin": 100}])
def test_a_margin_without_a_test_is_refused(options):
    with pytest.raises(InputError, match="margin"):
        compare((500, 5000), (490, 5000), **({"margin": 5} | options))


def test_a_one_sided_test_says_nothing_of_the_other_side():
    words = compare((300, 1000), (170, 1000), alternative="greater").verdict
    assert "not distinguishable" not in words
    assert "is not shown to be above control" in words
    assert "cannot show it below" in words


@pytest.mark.parametrize(
    ("control", "treatment"), [((1, 10), (6, 10)), ((3, 40), (11, 40)), ((0, 30), (5, 25))]
)
@pytest.mark.parametrize("method", ["frequentist", "sequential", "bayesian"])
def test_lines_below_the_headline_decide_as_it_does(control, treatment, method):
    test = compare(control, treatment, method=method)
    page = test.to_markdown()
    for name, p in (
        ("Pooled z-test", test.pooled_z_p_value),
        ("exact test", test.fisher_p_value),
    ):
        if p is not None and (p < 0.05) != test.effect.significant:
            assert name not in page
