"""Planning from a past period: real arrival, real mean and variance at every horizon."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import numpy as np
import pandas as pd
import pytest

from exp_jupyter.analysis import plan_from_history
from exp_jupyter.engine.planning.arrival import mde_over_days
from exp_jupyter.engine.planning.design import Design
from exp_jupyter.errors import InputError
from exp_jupyter.warehouse import EventSource

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 15)
MEAN = {
    "kind": "ExperimentMetric",
    "metric_type": "mean",
    "name": "Revenue per visitor",
    "source": {"kind": "EventsNode", "event": "buy", "math": "sum", "math_property": "amount"},
}


def history() -> pd.DataFrame:
    """Two weeks of visits by people who come back, some of whom buy."""
    draws = np.random.default_rng(3)
    visits = 6000
    # A few people come often, most of them rarely: arrival slows down.
    person = (2000 * draws.random(visits) ** 2).astype(int)
    moment = pd.Timestamp("2026-03-02") + pd.to_timedelta(draws.random(visits) * 14, unit="D")
    frame = pd.DataFrame(
        {"event": "visit", "person_id": person, "timestamp": moment, "amount": 0.0}
    )
    buys = frame[draws.random(visits) < 0.3].copy()
    buys["event"], buys["amount"] = "buy", draws.gamma(2.0, 20.0, len(buys)).round(2)
    buys["timestamp"] += pd.Timedelta("5min")
    return pd.concat([frame, buys]).reset_index(drop=True)


FRAME = history()


def source(frame: pd.DataFrame = FRAME) -> EventSource:
    connection = duckdb.connect()
    connection.register("frame", frame)
    connection.execute(
        "CREATE TABLE past AS SELECT event, person_id, timestamp::TIMESTAMP AS timestamp, "
        "NULL::VARCHAR AS distinct_id, amount, '{}' AS properties FROM frame"
    )
    return EventSource(connection, "past", uuid=None, typed={"amount": "amount"}, label="the shop")


def plan(metric=MEAN, **options):
    settings = {"exposure": "visit", "start": FIRST, "end": LAST} | options
    return plan_from_history(source(), metric, **settings)


def naive(day: date) -> pd.Series:
    """Return what each unit had spent by the end of a day, counted by hand."""
    past = FRAME[FRAME.timestamp < pd.Timestamp(day) + pd.Timedelta("1D")]
    entered = past[past.event == "visit"].groupby("person_id").timestamp.min()
    bought = past[past.event == "buy"]
    own = bought[bought.timestamp >= bought.person_id.map(entered)]
    return own.groupby("person_id").amount.sum().reindex(entered.index, fill_value=0.0)


def test_every_day_has_the_units_mean_and_variance_of_the_period_so_far():
    found = plan()
    assert len(found.days) == 14
    for day in found.days:
        spent = naive(day.date)
        assert day.units == len(spent)
        assert day.mean == pytest.approx(spent.mean(), rel=1e-9)
        assert day.variance == pytest.approx(spent.var(), rel=1e-9)


def test_the_curve_is_the_engine_s_of_these_days():
    design = Design(alpha=0.1, variants=3)
    found = plan(design=design, power=0.9, max_days=28)
    expected = mde_over_days(
        [day.units for day in found.days],
        baseline=[day.mean for day in found.days],
        variance=[day.variance for day in found.days],
        power=0.9,
        design=design,
        max_days=28,
    )
    assert found.curve.effects == expected.effects
    assert found.variants == 3
    assert len(found.curve.days) == 28


def test_arrival_slows_down_as_the_same_people_come_back():
    units = [day.units for day in plan().days]
    assert units[-1] - units[-2] < units[1] - units[0] < units[0]


def test_a_funnel_is_planned_as_a_proportion():
    steps = [{"kind": "EventsNode", "event": "buy"}]
    funnel = {"kind": "ExperimentMetric", "metric_type": "funnel", "series": steps}
    found = plan(funnel)
    share = (naive(LAST) > 0).mean()
    assert found.days[-1].mean == pytest.approx(share)
    assert (
        found.curve.effects
        == mde_over_days(
            [day.units for day in found.days], baseline=[day.mean for day in found.days]
        ).effects
    )


def test_days_until_answers_in_percent():
    found = plan()
    day = found.days_until(30)
    effects = found.curve.effects
    assert abs(effects[day - 1]) <= 0.3
    assert day == 1 or abs(effects[day - 2]) > 0.3


def test_moments_with_a_zone_say_the_same_as_days():
    by_moment = plan(
        start=datetime(2026, 3, 2, tzinfo=UTC),
        end=datetime(2026, 3, 15, 23, 59, 59, 999999, tzinfo=UTC),
    )
    assert by_moment.days == plan().days


def test_the_days_are_the_project_s():
    found = plan(timezone="America/New_York", start=date(2026, 3, 3), end=date(2026, 3, 10))
    assert [day.date for day in found.days][:2] == [date(2026, 3, 3), date(2026, 3, 4)]
    assert len(found.days) == 8


def test_days_before_the_first_unit_are_left_out_and_told():
    found = plan(start=date(2026, 2, 27))
    assert found.days[0].date == FIRST
    assert found.days[0].day == 1
    assert "first 3 days" in found.warnings[0]


def test_it_is_shown_with_its_curve():
    found = plan(max_days=28)
    assert "a past period as an A/A test" in found.to_text()
    assert "data:image/svg+xml" in found.to_html()
    assert list(found.to_frame().columns) == ["day", "date", "units", "mean", "variance", "mde"]
    assert found.plot() is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exposure": "vist"}, "No event is called 'vist'"),
        ({"start": LAST, "end": FIRST}, "before its start"),
        ({"exposure": "$feature_flag_called"}, "exposes units to a flag"),
        ({"timezone": "Mars/Base"}, "no time zone 'Mars/Base'"),
        ({"power": 2.0}, "power"),
    ],
)
def test_what_cannot_be_planned_is_told(options, message):
    with pytest.raises(InputError, match=message):
        plan(**options)
