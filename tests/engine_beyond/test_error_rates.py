"""The table of error rates is a check that can fail: quick cells hold, and a bad method shows."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks import error_rates
from exp_jupyter.engine.comparison.compare import compare
from exp_jupyter.engine.comparison.methods import Frequentist


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (error_rates.rates, (0.005, 5, "50/50")),
        (error_rates.rates, (0.005, 20, "50/50")),
        (error_rates.rates, (0.02, 50, "90/10")),
        (error_rates.rates, (0.02, 200, "10/90")),
        (error_rates.small_rates, (0.3, 20)),
        (error_rates.revenue, (0.02, 1.0, 1000, "50/50")),
        (error_rates.revenue, (0.3, 1.0, 1000, "90/10")),
        (error_rates.values, ("normal", 20, "50/50", "relative")),
        (error_rates.values, ("exponential", 50, "90/10", "relative")),
        (error_rates.ratio, ("clicks per view, heavy-tailed views", 200, "90/10")),
        (error_rates.cuped, ("weak", 100, "10/90")),
        (error_rates.one_sided, (0.01, 50, "less")),
        (error_rates.margin, ("2 % rate, 200 events", "decrease")),
        (error_rates.bayesian, ("rare rates, N(0, 0.1²)",)),
    ],
)
def test_a_cell_of_the_table_holds(make, arguments):
    for cell in make(*arguments):
        assert cell.holds, cell


@pytest.mark.parametrize("kind", ["1 % rate", "3 % buyers"])
@pytest.mark.parametrize("lift", [1.0, 1.3])
def test_a_sequence_ever_excludes_the_truth_at_most_as_often_as_it_says(kind, lift, monkeypatch):
    monkeypatch.setattr(error_rates, "SEQUENCES", 1000)
    for cell in error_rates.sequences(kind, 100, lift):
        assert cell.total <= error_rates.EVER, cell


def test_the_delta_method_is_outside_its_band():
    rng = error_rates.generator("delta")
    arms = [error_rates.rate_arm(rng, 1000, 0.01, error_rates.EXPERIMENTS) for _ in range(2)]
    effect = compare(arms[0], arms[1], Frequentist(interval="delta"), on_refusal="mask")
    cell = error_rates.cell("rates", "delta method", effect, events=10)
    assert not cell.holds
    assert cell.below > 0.08


def test_cells_outside_their_band_are_listed_with_what_a_reader_is_told():
    (cell,) = error_rates.revenue(0.02, 2.0, 1000, "90/10")
    page = error_rates.report([cell])
    assert not cell.holds
    assert "a few large values carry this comparison" in page.split("Outside their band")[1]
    fine = dataclasses.replace(cell, above=0.025, below=0.025)
    assert "None." in error_rates.report([fine])
