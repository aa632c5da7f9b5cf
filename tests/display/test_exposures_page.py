"""The page of who saw which variant, day by day."""

import dataclasses
from datetime import UTC, date, datetime

import pytest

from exp_jupyter import connect
from exp_jupyter.analysis import DailyExposures

SPLIT = {"control": 50, "test": 50}
DAYS = [date(2026, 3, day) for day in range(2, 7)]


@pytest.fixture(scope="module")
def experiments():
    return connect("demo").experiments


def words(shown):
    return " ".join(shown.to_text().split())


def answer(**counts):
    days = [day.isoformat() for day in DAYS]
    lines = [{"variant": k, "days": days, "exposure_counts": n} for k, n in counts.items()]
    return {"timeseries": lines, "timezone": "UTC"}


def told(body, *, split=SPLIT, as_of=datetime(2026, 3, 6, 12, tzinfo=UTC), end=None):
    variants = [{"key": key, "rollout_percentage": share} for key, share in split.items()]
    experiment = {
        "name": "Checkout",
        "feature_flag_key": "checkout",
        "end_date": end,
        "parameters": {"feature_flag_variants": variants},
    }
    return DailyExposures.from_wire(body, experiment=experiment, as_of=as_of)


def test_the_split_stands_first_and_then_how_it_came_about(experiments):
    shown = experiments.daily_exposures(4)
    text = words(shown)
    assert text.index("Split as planned") < text.index("1,954.5") < text.index("Day by day")
    assert "17 units seen under several variants left out" in text
    assert "Units exposed by the end of each day" in shown.to_html()
    assert "project.experiments.daily_exposures(4)" in text


def test_it_counts_as_the_project_does(experiments):
    shown, raw = experiments.daily_exposures(4), experiments.exposures(4).total_exposures
    assert {**shown.units, "$multiple": shown.multiple} == raw
    assert shown.sample_ratio.p_value == experiments.health(4).srm.p_value


def test_a_broken_split_says_since_when(experiments):
    text = words(experiments.daily_exposures(5))
    assert "Split not as planned (p < 0.001); the daily check saw it on 17 Mar." in text
    assert "do not read the results yet" in text


def test_days_to_come_are_no_days(experiments):
    body = answer(control=[10, 20, 20, 20, 20], test=[9, 21, 21, 21, 21])
    found = told(body, as_of=datetime(2026, 3, 3, 12, tzinfo=UTC), end="2026-03-06T00:00:00Z")
    assert [day.date for day in found.days] == DAYS[:2]


def test_a_variant_that_nobody_saw_is_a_row(experiments):
    found = told(answer(control=[50, 90, 120, 150, 200]))
    assert found.units == {"control": 200, "test": 0}
    assert found.mismatch


def test_who_is_held_out_is_in_no_variant():
    body = answer(**{"control": [9] * 5, "test": [8] * 5, "holdout-3": [7] * 5})
    assert told(body).units == {"control": 9, "test": 8}


@pytest.mark.parametrize("body", [{}, {"timeseries": []}, answer(control=[0] * 5, test=[0] * 5)])
def test_nobody_exposed_is_said_and_not_an_error(body):
    found = told(body)
    assert "Nobody has been exposed to it." in words(found)
    assert found.units == {}
    assert "has been" not in words(told(body, end="2026-03-05T00:00:00Z"))
    assert len(found.to_frame()) == 0


def test_names_from_outside_are_escaped(experiments):
    found = dataclasses.replace(told(answer(control=[9] * 5, test=[8] * 5)), name="<b>x</b>")
    assert "<b>x" not in found.to_html()


def test_it_fits_a_terminal(experiments):
    for ref in (4, 5, 6):
        text = experiments.daily_exposures(ref).to_text(80)
        assert max(map(len, text.splitlines())) <= 80
