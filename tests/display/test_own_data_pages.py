"""The pages of an analysis of one's own data: units of differences, and what has ended."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from exp_jupyter import analyze, analyze_events

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.generator.magics import own_data  # noqa: E402


@pytest.fixture(scope="module")
def tables():
    return own_data()


def words(shown):
    return " ".join(shown.to_text().split())


def events(tables, end=None, **options):
    return analyze_events(
        tables["events"],
        flag="checkout",
        start="2026-03-02",
        end=end,
        metrics={"Paid": "purchase:conversion", "Spent": "purchase:sum(revenue)"},
        **options,
    )


def test_an_absolute_difference_of_shares_is_in_points(tables):
    shown = analyze(
        tables["units"], metrics=["converted:proportion", "spent:mean"], difference="absolute"
    )
    text = words(shown)
    assert "points" in text.split("converted", 1)[1].split("spent")[0]
    assert "points" not in text.rsplit("spent", 1)[1]


def test_an_absolute_difference_of_events_is_in_points(tables):
    text = words(events(tables, difference="absolute"))
    assert "points" in text.split("Paid", 1)[1]


def test_a_lift_is_in_percent_as_before(tables):
    assert " points" not in words(analyze(tables["units"], metrics=["converted:proportion"]))


def test_a_period_that_is_over_says_nothing_of_yet(tables):
    running = events(tables)
    over = events(tables, end="2026-03-08", as_of=pd.Timestamp("2026-03-20", tz="UTC"))
    assert not any(one.ended for one in running)
    assert all(one.ended for one in over)
    assert " yet" not in words(over)
    assert not any(" yet" in verdict for verdict in over.verdicts)
