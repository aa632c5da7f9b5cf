"""The page a decision is made on."""

import dataclasses
import re

import pytest

from exp_jupyter import connect
from exp_jupyter.analysis.results.experiment import Results
from exp_jupyter.analysis.results.progress import PlanProgress


@pytest.fixture(scope="module")
def experiments():
    return connect().experiments


@pytest.fixture(scope="module")
def checkout(experiments):
    return experiments.results(4, guardrails={"Returns in the week after": 10})


def words(shown):
    return " ".join(shown.to_text().split())


def test_results_begin_with_a_sentence_a_group(checkout):
    text = words(checkout)
    places = [text.index(f"{name}: ") for name in ("Primary", "Secondary", "Guardrails")]
    assert places == sorted(places)
    assert "1 of 2 secondary metrics is better (Revenue per customer), none is worse" in text
    assert "all" not in text[: places[0]]


def test_the_plan_and_the_split_stand_above_the_table(checkout):
    text = words(checkout)
    assert "day 22 of 27 · 3,909 of 4,616 units · 4 days to the planned size" in text
    assert text.index("split as planned") < text.index("60.07 %")


def test_the_decision_says_why(checkout):
    assert "Decision: Keep running. Checkout conversion is better in test" in words(checkout)


def test_reading_and_lift_stand_beside_the_metric(checkout):
    table = checkout.to_html().split("<table")[1]
    heads = re.findall(r'<th scope="col"[^>]*>([^<]*)', table)
    assert heads[:3] == ["Metric", "Reading", "Lift"]


def test_guardrails_stand_last_and_say_whether_they_hold(checkout):
    table = checkout.to_text().split("Interval")[1]
    assert table.index("Guardrails") > table.index("Average order value")
    assert "not worse by 10 %" in table


def test_the_small_print_names_interval_method_mode_fingerprint_and_code(checkout):
    print_ = words(checkout).rsplit("Next:", 1)[1]
    for part in ("95 % credible intervals", "bayesian", "mode compat", "metrics ce6fd686"):
        assert part in print_
    assert "project.experiments.results(4, guardrails={'Returns in the week after': 10})" in print_


def test_a_frame_holds_the_control_as_a_row(checkout):
    frame = checkout.to_frame()
    assert list(frame["variant"][:2]) == ["control", "test"]
    assert frame["estimate"].isna().sum() == 4


def test_units_stand_with_the_values_where_they_are_known(experiments):
    assert "$0.0172 → $0.0145 · lower is better" in words(experiments.results(6))
    assert "7.17 s → 6.64 s" in words(experiments.results(6))


def test_an_ended_experiment_is_not_said_to_be_open_only_yet(experiments):
    ended = experiments.results(3)
    assert "yet" not in words(ended)
    assert "yet" not in words(experiments.timeseries(3)).replace("yet another", "")
    assert not any(" yet" in verdict for one in ended for verdict in one.verdicts.values())


def test_a_paused_experiment_is_promised_no_days(experiments):
    assert "nobody new is exposed" in words(experiments.results(8))


def many(series, arms=("a", "b", "c"), metrics=8):
    ones = tuple(
        dataclasses.replace(
            series(f"Metric {place}", days=1, arms=arms, lift=lift, per_day=90_000),
            metric_name=f"Metric {place}",
        )
        for place, lift in enumerate([0.2] + [0.0001] * (metrics - 1))
    )
    return Results(42, "Many", "running", ones, progress=PlanProgress(3, 9000))


def test_many_comparisons_show_what_differs_and_fold_the_rest(builders):
    shown = many(builders["any-series"])
    assert "3 of 24 comparisons of primary metrics are better" in words(shown)
    assert shown.to_text().count("Metric 0") >= 3
    assert "Metric 7" not in shown.to_text()
    assert "<details" in shown.to_html()
    assert "Metric 3" in shown.to_html().split("<details")[1]
    assert "to_frame() holds all" in shown.to_html()
    assert len(shown.to_html()) < 30_000


def test_a_chart_grows_with_its_rows(builders):
    figure = many(builders["any-series"]).plot().figure
    assert figure.get_size_inches()[1] > 7


def test_a_cut_interval_is_said_to_go_on(builders):
    wide = builders["any-series"]("Wide", days=1, per_day=60)
    narrow = builders["any-series"]("Narrow", days=1, per_day=90_000)
    shown = Results(42, "Both", "running", (narrow, wide))
    assert "goes on beyond the axis" in shown.to_html()


def test_a_table_fits_eighty_columns(experiments):
    for ref in (2, 4, 6, 7, 8):
        text = experiments.results(ref).to_text(80)
        assert max(map(len, text.splitlines())) <= 80


def test_a_guardrail_margin_that_is_none_is_refused(experiments):
    from exp_jupyter.errors import InputError

    with pytest.raises(InputError, match="margin of the guardrail"):
        experiments.results(4, guardrails={"Returns in the week after": 0})


@pytest.mark.parametrize("width", [60, 80])
def test_every_table_fits_a_terminal(sample, width):
    assert max(map(len, sample.to_text(width).splitlines())) <= width


@pytest.mark.parametrize("kind", ["write-plan", "change-request", "experiment", "report"])
def test_a_long_name_fits_a_terminal(builders, kind):
    name = "A checkout on one page that asks for nothing a second time, not even for a country"
    shown = builders[kind](name)
    assert max(map(len, shown.to_text(60).splitlines())) <= 60
    assert name in words(shown)
