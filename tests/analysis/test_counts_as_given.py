"""Counts as people write them: a share or a fraction of a unit counts nothing."""

from __future__ import annotations

import pytest

from exp_jupyter.analysis.counts.compare import compare
from exp_jupyter.engine.statistics.means import Proportion
from exp_jupyter.errors import InputError


@pytest.mark.parametrize("arm", [(12.5, 1000), "12.5/1000", "12.5 / 1,000", (1000.5, 4000)])
def test_a_fraction_of_a_success_is_no_count(arm):
    with pytest.raises(InputError, match=r"'gate_30' has .*\.5 successes; expected how many"):
        compare(arm, (20, 1000), control_name="gate_30")


@pytest.mark.parametrize("arm", [(10, 1000.5), "10/1000.5"])
def test_a_fraction_of_a_unit_is_no_count(arm):
    with pytest.raises(InputError, match="units; expected how many there are"):
        compare((10, 1000), arm)


@pytest.mark.parametrize("arm", [(0.12, 1000), "0.12/1000", ".12/1000"])
def test_a_rate_is_refused_with_the_counts_that_it_stands_for(arm):
    with pytest.raises(InputError) as refused:
        compare(arm, (130, 1000))
    assert "120/1000" in refused.value.hint
    assert compare("120/1000", (130, 1000)).arms[0].successes == 120


@pytest.mark.parametrize("arm", [b"12", (True, 1000), (float("nan"), 10), (float("inf"), 10)])
def test_what_counts_nothing_is_refused(arm):
    with pytest.raises(InputError, match="control"):
        compare(arm, (130, 1000))


def test_whole_numbers_written_with_a_point_are_counts():
    assert compare("120.0/1000", (130.0, 1000.0)).arms[0].successes == 120


def test_many_comparisons_at_once_are_refused():
    with pytest.raises(InputError, match="many comparisons at once"):
        compare(Proportion([1000, 2000], [10, 20]), (130, 1000))


def test_weighted_sums_get_no_exact_test_of_counts():
    assert compare(Proportion(40, 2.5), Proportion(40, 3.5)).fisher_p_value is None


@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_a_bayesian_comparison_has_no_alternative(alternative):
    with pytest.raises(InputError, match="bayesian analysis has no alternative"):
        compare((2, 40), (9, 40), method="bayesian", alternative=alternative)
