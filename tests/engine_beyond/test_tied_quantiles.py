"""A quantile among equal values is refused, and elsewhere errs as often as it says."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from exp_jupyter.engine.comparison.estimates.from_estimate import Rule
from exp_jupyter.engine.comparison.estimates.quantiles import Quantile, compare_quantiles
from exp_jupyter.errors import StatisticsError

DRAWS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "poisson 3": lambda rng, n: rng.poisson(3, n).astype(float),
    "poisson 20": lambda rng, n: rng.poisson(20, n).astype(float),
    "whole seconds": lambda rng, n: np.floor(rng.exponential(200, n)),
    "zeros and amounts": lambda rng, n: rng.lognormal(1, 1, n) * (rng.random(n) < 0.4),
    "amounts": lambda rng, n: rng.lognormal(1, 1, n),
}


def decides(control: Quantile, treatment: Quantile) -> bool | None:
    try:
        return bool(compare_quantiles(control, treatment).significant)
    except StatisticsError:
        return None


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("sizes", [(600, 600), (900, 200)])
def test_no_effect_is_seldom_significant(kind: str, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng([5, list(DRAWS).index(kind)])
    hits = refused = 0
    for _ in range(300):
        arms = [Quantile.of(DRAWS[kind](rng, size), 0.5) for size in sizes]
        said = decides(*arms)
        hits += bool(said)
        refused += said is None
    assert hits / 300 < 0.085
    assert kind != "amounts" or refused == 0


def test_tied_values_are_refused_with_what_to_do() -> None:
    rng = np.random.default_rng(6)
    arms = [Quantile.of(rng.poisson(3, 500).astype(float), 0.5) for _ in range(2)]
    with pytest.raises(StatisticsError, match="equal around the quantile") as caught:
        compare_quantiles(*arms)
    assert "proportion" in str(caught.value.hint)


def test_a_relative_effect_is_the_same_decision_as_an_absolute_one() -> None:
    rng = np.random.default_rng(8)
    control, treatment = (Quantile.of(rng.lognormal(1, 1, n), 0.9) for n in (900, 300))
    plain = compare_quantiles(control, treatment)
    relative = compare_quantiles(control, treatment, Rule(difference="relative"))
    assert relative.p_value == pytest.approx(plain.p_value, rel=1e-12)
    assert relative.excludes_null == relative.significant == plain.significant
    by_delta = compare_quantiles(control, treatment, Rule(difference="relative"), interval="delta")
    assert by_delta.interval_kind == "delta"
    assert by_delta.p_value != relative.p_value


@pytest.mark.parametrize(
    ("sizes", "level", "says"),
    [
        ((100, 100), 0.9, "errs on the side of saying nothing: it needs about 179 values"),
        ((4500, 500), 0.9, "may err in up to 8 % of experiments .* about 1,2\\d\\d values"),
        ((1000, 1000), 0.5, ""),
        ((9000, 1000), 0.5, ""),
    ],
)
def test_few_values_beyond_a_quantile_are_said(
    sizes: tuple[int, int], level: float, says: str
) -> None:
    rng = np.random.default_rng(9)
    effect = compare_quantiles(*(Quantile.of(rng.normal(9, 2, n), level) for n in sizes))
    if not says:
        assert effect.warnings == ()
    else:
        (sentence,) = effect.warnings
        assert re.search(says, sentence)
