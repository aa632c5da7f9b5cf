"""Corrections for many tests: ordering, bounds, and the procedures' own logic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exp_jupyter.engine.multiple.corrections import adjust, e_bh
from exp_jupyter.engine.multiple.dunnett import critical_value, dunnett_adjust
from exp_jupyter.errors import InputError

FAMILY_WISE = ("bonferroni", "sidak", "holm", "holm-sidak", "hochberg", "hommel")
DISCOVERY = ("benjamini-hochberg", "benjamini-yekutieli", "two-stage-bh", "two-stage-bky")
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)
quick = settings(derandomize=True, max_examples=60, deadline=None)


@quick
@given(p_values, st.sampled_from(FAMILY_WISE + DISCOVERY))
def test_adjusted_values_are_probabilities_in_the_same_order(p: list[float], method: str) -> None:
    result = adjust(p, method)
    assert ((result.adjusted >= 0) & (result.adjusted <= 1)).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(result.adjusted[order]) >= -1e-12).all()
    assert (result.significant == (result.adjusted <= 0.05)).all()


@quick
@given(p_values)
def test_the_sharper_procedures_reject_at_least_as_much(p: list[float]) -> None:
    def adjusted(method: str) -> np.ndarray:
        return adjust(p, method).adjusted

    assert (adjusted("holm") <= adjusted("bonferroni") + 1e-12).all()
    assert (adjusted("hochberg") <= adjusted("holm") + 1e-12).all()
    assert (adjusted("hommel") <= adjusted("hochberg") + 1e-12).all()
    assert (adjusted("sidak") <= adjusted("bonferroni") + 1e-12).all()
    assert (adjusted("benjamini-hochberg") <= adjusted("hochberg") + 1e-12).all()
    assert (adjusted("benjamini-hochberg") <= adjusted("benjamini-yekutieli") + 1e-12).all()


@pytest.mark.parametrize("method", [*FAMILY_WISE, "benjamini-hochberg"])
def test_one_test_needs_no_correction(method: str) -> None:
    assert adjust([0.03], method).adjusted == pytest.approx([0.03])


def test_families_lie_along_the_last_axis() -> None:
    p = np.array([[0.01, 0.04, 0.03], [0.2, 0.001, 0.5]])
    for method in FAMILY_WISE + DISCOVERY:
        together = adjust(p, method).adjusted
        for row in (0, 1):
            np.testing.assert_allclose(together[row], adjust(p[row], method).adjusted)


def test_e_bh_agrees_with_its_definition() -> None:
    e = np.array([120.0, 30.0, 3.0, 0.5])
    # The largest k with the k-th largest e-value at least m / (k·alpha).
    result = e_bh(e, alpha=0.1)
    assert result.significant.tolist() == [True, True, False, False]
    logs = e_bh(log_e_values=np.log(e), alpha=0.1)
    np.testing.assert_allclose(logs.adjusted, result.adjusted)
    assert not e_bh(log_e_values=[-5000.0, 2.0]).significant.any()
    assert e_bh(log_e_values=[5000.0, 2.0]).significant.tolist() == [True, False]


@pytest.mark.parametrize(
    ("arms", "df", "alternative", "published"),
    [
        (3, None, "two-sided", 2.35),
        (4, 20, "two-sided", 2.65),
        (4, 20, "greater", 2.30),
        (2, 10, "two-sided", 2.57),
    ],
)
def test_dunnetts_critical_values_are_the_published_ones(
    arms: int, df: int | None, alternative: str, published: float
) -> None:
    value = critical_value([0.5**0.5] * arms, df=df, alternative=alternative)
    assert value == pytest.approx(published, abs=0.006)


def test_dunnett_is_sharper_than_bonferroni_and_reduces_to_one_test() -> None:
    z = [2.2, 1.0, 2.6]
    shared = dunnett_adjust(z, 0.001, [0.001] * 3)
    plain = adjust(shared.p_values, "bonferroni")
    assert (shared.adjusted < plain.adjusted).all()
    assert (shared.adjusted > shared.p_values).all()
    single = dunnett_adjust([2.0], 0.001, [0.001])
    np.testing.assert_allclose(single.adjusted, single.p_values, rtol=1e-9)


def test_dunnett_holds_the_family_wise_rate() -> None:
    rng = np.random.default_rng(3)
    control, arms = rng.normal(size=(4000, 1)), rng.normal(size=(4000, 3))
    z = (arms - control) / np.sqrt(2)
    edge = critical_value([0.5**0.5] * 3)
    assert (np.abs(z).max(axis=1) > edge).mean() == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: adjust([]),
        lambda: adjust([0.1, 1.2]),
        lambda: adjust([0.1, np.nan]),
        lambda: adjust([0.1], "fisher"),
        lambda: adjust([0.1], alpha=0),
        lambda: e_bh([-1.0]),
        lambda: e_bh([1.0], log_e_values=[0.0]),
        lambda: e_bh(),
        lambda: dunnett_adjust([np.nan], 1, [1]),
        lambda: dunnett_adjust([1.0], 0, [1]),
    ],
)
def test_the_rest_is_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()
