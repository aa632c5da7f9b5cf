"""Two rates with few conversions: intervals that hold, and an exact test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from exp_jupyter.engine.small_samples.exact import (
    METHODS,
    exact_test,
    rate_interval,
    score_statistic,
)
from exp_jupyter.errors import InputError, StatisticsError

quick = settings(derandomize=True, max_examples=30, deadline=None)
arm = st.integers(1, 80).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@quick
@given(arm, arm)
def test_swapping_the_arms_mirrors_the_interval(first: tuple, second: tuple) -> None:
    for method in ("newcombe", "score", "agresti-caffo"):
        low, high = rate_interval(first, second, method=method).interval
        other_low, other_high = rate_interval(second, first, method=method).interval
        assert (low, high) == (
            pytest.approx(-other_high, abs=1e-9),
            pytest.approx(-other_low, abs=1e-9),
        )
        assert low <= second[0] / second[1] - first[0] / first[1] + 1e-9
        assert high >= second[0] / second[1] - first[0] / first[1] - 1e-9


@quick
@given(arm, arm)
def test_the_score_interval_is_the_test_inverted(first: tuple, second: tuple) -> None:
    low, high = rate_interval(first, second, method="score").interval
    for bound, sign in ((low, 1), (high, -1)):
        if -1 < bound < 1:
            assert sign * score_statistic(first, second, bound) == pytest.approx(1.959964, abs=1e-4)


def constrained_rate(first: tuple, second: tuple, null: float) -> float:
    """Maximise the likelihood of both arms directly, the treatment's rate ``null`` above."""

    def loss(p: float) -> float:
        return -(
            special.xlogy(first[0], p)
            + special.xlogy(first[1] - first[0], 1 - p)
            + special.xlogy(second[0], p + null)
            + special.xlogy(second[1] - second[0], 1 - p - null)
        )

    bounds = (max(0.0, -null), min(1.0, 1 - null))
    return float(optimize.minimize_scalar(loss, bounds=bounds, options={"xatol": 1e-10}).x)


@pytest.mark.parametrize("null", [-0.4, -0.05, 0.02, 0.3])
@pytest.mark.parametrize(
    ("first", "second"), [((7, 25), (28, 200)), ((1, 9), (0, 7)), ((5, 9), (9, 9))]
)
def test_the_score_statistic_uses_the_most_likely_rates(
    first: tuple, second: tuple, null: float
) -> None:
    p = constrained_rate(first, second, null)
    q = p + null
    variance = p * (1 - p) / first[1] + q * (1 - q) / second[1]
    gap = second[0] / second[1] - first[0] / first[1] - null
    wanted = gap / np.sqrt(variance)
    got = score_statistic(first, second, null, corrected=False)
    assert got == pytest.approx(wanted, rel=1e-4)


@quick
@given(arm, arm)
def test_every_method_answers_where_its_logarithms_exist(first: tuple, second: tuple) -> None:
    for compare, methods in METHODS.items():
        for method in methods:
            if method in ("log", "logit") and min(first[0], second[0]) == 0:
                continue
            if method == "logit" and (first[0] == first[1] or second[0] == second[1]):
                continue
            if method == "logit-smoothed" and first[0] + second[0] in (0, first[1] + second[1]):
                continue
            low, high = rate_interval(first, second, compare=compare, method=method).interval
            assert low <= high
            assert not np.isnan([low, high]).any()


@quick
@given(arm, arm, st.sampled_from(["two-sided", "greater", "less"]))
def test_the_exact_test_is_fishers(first: tuple, second: tuple, alternative: str) -> None:
    table = [[second[0], second[1] - second[0]], [first[0], first[1] - first[0]]]
    wanted = stats.fisher_exact(table, alternative=alternative).pvalue
    assert exact_test(first, second, alternative=alternative).p_value == pytest.approx(
        wanted, rel=1e-7
    )


def test_the_exact_test_works_for_large_counts() -> None:
    result = exact_test((8502, 44700), (8279, 45489))
    assert result.p_value == pytest.approx(0.0016, abs=1e-4)


def test_intervals_hold_their_level_for_rare_events() -> None:
    n, p = 60, 0.05
    weights = stats.binom.pmf(np.arange(12), n, p)
    held = {"newcombe": 0.0, "score": 0.0, "wald": 0.0}
    for x0 in range(12):
        for x1 in range(12):
            for method in held:
                low, high = rate_interval((x0, n), (x1, n), method=method).interval
                held[method] += weights[x0] * weights[x1] * (low <= 0 <= high)
    assert held["newcombe"] > 0.945
    assert held["score"] > 0.945


@pytest.mark.parametrize(("compare", "method"), [("ratio", "log"), ("odds-ratio", "logit")])
def test_a_method_without_an_answer_says_what_to_use(compare: str, method: str) -> None:
    with pytest.raises(StatisticsError) as refusal:
        rate_interval((0, 30), (5, 30), compare=compare, method=method)
    assert "score" in refusal.value.hint


@pytest.mark.parametrize(
    "call",
    [
        lambda: rate_interval((5, 3), (1, 3)),
        lambda: rate_interval((-1, 3), (1, 3)),
        lambda: rate_interval((1, 0), (1, 3)),
        lambda: rate_interval((1.5, 3), (1, 3)),
        lambda: rate_interval(3, (1, 3)),
        lambda: rate_interval((1, 3), (1, 3), method="exact"),
        lambda: rate_interval((1, 3), (1, 3), compare="lift"),
        lambda: rate_interval((1, 3), (1, 3), level=95),
        lambda: rate_interval((0, 3), (1, 3), compare="ratio", method="log"),
        lambda: exact_test((1, 3), (4, 3)),
    ],
)
def test_the_rest_is_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()
