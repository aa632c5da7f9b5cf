"""The daily series as it is asked for: some of its days, several metrics, an earlier definition."""

import pytest

from exp_jupyter import connect
from exp_jupyter.errors import InputError


@pytest.fixture(scope="module")
def experiments():
    return connect("demo").experiments


def words(shown):
    return " ".join(shown.to_text().split())


def estimates(day):
    return {key: effect and effect.to_dict() for key, effect in day.effects.items()}


@pytest.fixture(scope="module")
def week(experiments):
    return experiments.timeseries(4, since="2026-03-20", until="2026-03-25")


def test_a_cut_series_says_that_it_is_one(week):
    text = words(week)
    assert "[until 25 Mar]" in text
    assert "6 days of 23 shown; each counts from the start on" in text
    assert "19 Mar" not in text


def test_a_cut_series_keeps_since_when_it_differs(week, experiments):
    assert week.crossed == experiments.timeseries(4).crossed
    assert week.crossed < week.days[0].date


def test_a_day_of_a_cut_series_is_the_same_day(week, experiments):
    whole = {day.date: day for day in experiments.timeseries(4).days}
    assert all(estimates(day) == estimates(whole[day.date]) for day in week.days)


def test_a_cut_series_can_be_cut_again(week):
    again = week.between(until="2026-03-22")
    assert len(again.days) == 3
    assert len(again.whole.days) == 23
    with pytest.raises(InputError, match="no day since"):
        week.between("2026-03-28")


def test_the_newest_days_alone_are_still_up_to_date(experiments):
    found = experiments.timeseries(4, since="2026-03-28")
    assert "[up to date]" in words(found)
    assert "planned" in found.to_html() or found.growing


def test_several_metrics_begin_with_what_each_says(experiments):
    shown = experiments.all_timeseries(4)
    table = words(shown)[:600]
    for name in ("Checkout conversion", "Revenue per customer", "Returns in the week after"):
        assert name in table
    assert "13 Mar" in table
    assert shown.to_html().count("<img") >= 4
    assert len(shown.to_frame()["metric"].unique()) == 4


def test_several_metrics_can_be_named(experiments):
    shown = experiments.all_timeseries(4, [2, "Checkout conversion", 2])
    names = [one.metric_name for one in shown]
    assert names == ["Average order value", "Checkout conversion"]
    assert experiments.all_timeseries(4, "Average order value")[0].metric_name == names[0]
    assert shown["Average order value"] is shown[0]
    assert shown[:1] == (shown[0],)
    with pytest.raises(InputError, match="There is no series of"):
        shown["Orders"]


@pytest.fixture
def redefined():
    project = connect("demo")
    before = project.experiments.timeseries(4)
    project.experiments.update(4, only_count_matured_users=True).send()
    return project.experiments, before


def test_the_series_of_an_earlier_definition_is_said_to_be_one(redefined):
    experiments, before = redefined
    found = experiments.timeseries(4, fingerprint=before.fingerprint)
    now = experiments.timeseries(4).fingerprint
    assert now != before.fingerprint
    assert [*map(estimates, found.days)] == [*map(estimates, before.days)]
    assert found.fingerprint == before.fingerprint
    text = words(found)
    assert f"An earlier definition of this metric ({before.fingerprint[:8]})" in text
    assert f"in force ({now[:8]})" in text
    assert "[earlier definition]" in text
    assert found.to_text() == eval(found.code(), {"project": Named(experiments)}).to_text()


class Named:
    def __init__(self, experiments):
        self.experiments = experiments


def test_the_definition_in_force_is_no_earlier_one(experiments):
    own = experiments.timeseries(4)
    assert experiments.timeseries(4, fingerprint=own.fingerprint.upper()).current_fingerprint == ""


def test_a_fingerprint_without_days_is_refused(experiments):
    with pytest.raises(InputError, match="no daily results under the fingerprint aaaaaaaa"):
        experiments.timeseries(4, fingerprint="a" * 64)


@pytest.mark.parametrize("read", ["results", "timeseries", "all_timeseries", "exposures"])
def test_a_draft_is_refused_in_the_same_words(experiments, read):
    with pytest.raises(InputError, match="has not been launched") as refused:
        getattr(experiments, read)(9)
    assert "%exp_launch 9" in refused.value.hint


def test_these_pages_fit_a_terminal(week, experiments):
    for shown in (week, experiments.all_timeseries(4), experiments.all_timeseries(6)):
        assert max(map(len, shown.to_text(80).splitlines())) <= 80
