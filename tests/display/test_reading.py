"""What a reader is told: which metric moved, how sure, in which direction."""

import pytest

from exp_jupyter import compare, sample_size
from exp_jupyter.schema import ChangeRequest, DiffRow, WritePlan, WriteState


def columns_of(text: str, first: str) -> str:
    """Return the last line that begins with these words."""
    return [line for line in text.splitlines() if line.startswith(first)][-1]


def test_a_comparison_reads_like_this():
    shown = compare(
        "8502/44700", "8279/45489", control_name="gate 30", treatment_name="gate 40"
    ).to_text()
    assert (
        shown
        == """\
gate 40 against gate 30 · higher is better
▼ gate 40 is worse: -4.3 % against gate 30, 95 % interval -6.9 % to -1.7 %, p = 0.0016.

Arm       Units  Successes     Rate      Lift  Interval               p  Reading
gate 30  44,700      8,502  19.02 %  baseline
gate 40  45,489      8,279  18.20 %    -4.3 %  -6.9 % to -1.7 %  0.0016  ▼ worse

Relative difference, score method  p 0.0016
Pooled z-test                      p 0.0016 (z = -3.16, two-sided)

95 % score confidence intervals, relative to gate 30 · frequentist · mode recommended · exp_jupyter
0.1.0"""
    )


def test_markdown_is_a_table_with_the_same_words():
    lines = compare("8502/44700", "8279/45489").to_markdown().splitlines()
    assert lines[2].startswith("**▼ treatment is worse**: -4.3 % against control")
    assert "| treatment | 45,489 | 8,279 | 18.20 % | **-4.3 %** |" in "\n".join(lines)


def test_a_frame_has_both_arms_and_both_bounds():
    frame = compare("8502/44700", "8279/45489").to_frame()
    assert list(frame["arm"]) == ["control", "treatment"]
    assert frame["estimate"].dtype.kind == "f"
    assert frame["interval_low"][1] < frame["estimate"][1] < frame["interval_high"][1] < 0


def test_too_little_to_tell_is_not_called_no_effect():
    shown = compare("80/1200", "92/1230").to_text()
    assert "treatment is not distinguishable from control yet" in shown
    assert "▲" not in shown


@pytest.mark.parametrize(("goal", "word"), [("increase", "▲ better"), ("decrease", "▲ worse")])
def test_which_direction_is_good_is_the_goals_to_say(goal, word):
    shown = compare("1200/10000", "1390/10000", goal=goal)
    assert columns_of(shown.to_text(), "treatment ").endswith(word)


def test_without_a_goal_the_words_only_say_the_direction():
    effect = compare("1200/10000", "1390/10000").effect
    assert "▲ treatment is higher" in effect.to_text()


def test_the_chance_to_win_of_a_decreasing_goal_is_the_chance_to_be_lower():
    shown = compare("1390/10000", "1200/10000", method="bayesian", goal="decrease").to_text()
    assert "▼ treatment is better" in shown
    assert "chance to be lower > 99.9 %" in " ".join(shown.split())


def test_a_decision_with_nought_inside_its_interval_is_only_probable():
    compat = compare("1200/10000", "1281/10000", method="bayesian", mode="compat")
    assert compat.effect.significant
    assert not compat.effect.excludes_null
    assert "▲ treatment is probably better" in compat.to_text()


def test_a_one_sided_interval_is_said_in_words():
    shown = compare("1200/10000", "1390/10000", alternative="greater").to_text()
    assert "95 % interval above +" in shown
    assert "one-sided" in shown


def test_many_effects_are_listed(builders):
    from exp_jupyter.engine.comparison.compare import compare as compare_arms
    from exp_jupyter.engine.comparison.methods import Frequentist
    from exp_jupyter.engine.statistics.means import Proportion

    effects = compare_arms(
        Proportion([1000, 2000], [100, 210]), Proportion([1000, 2000], [120, 260]), Frequentist()
    )
    assert "Effects · 2 comparisons" in effects.to_text()
    assert list(effects.to_frame()["index"]) == [0, 1]


def test_a_series_begins_with_where_it_stands(builders):
    lines = builders["any-series"]("Checkout").to_text().splitlines()
    assert lines[0] == (
        "Checkout · Checkout [up to date] · 14 Mar · 25,200 units exposed · higher is better"
    )
    assert lines[1].startswith("▲ test is better: +17.0 % against control, 95 % interval +")
    assert "has been above 0 since" in " ".join(lines[1:3])


def test_a_series_names_its_provenance(builders):
    text = " ".join(builders["any-series"]("Checkout").to_text().split())
    for part in (
        "95 % always-valid intervals, relative to control",
        "sequential",
        "mode recommended",
        "as of 2026-03-15 00:00 UTC",
        "metric 8c74aa4b ",
        "exp_jupyter 0.1.0",
    ):
        assert part in text


def test_a_fixed_horizon_series_warns_of_daily_looks(builders):
    fixed = builders["any-series"]("Checkout", method="frequentist").to_text()
    assert "do not allow for daily looks" in " ".join(fixed.split())


def test_a_long_series_shows_its_last_days_and_frames_them_all(builders):
    long = builders["any-series"]("Checkout", days=40)
    assert "the last 12 of 40 days" in long.to_text()
    assert len(long.to_frame()) == 40 * 2


def test_days_without_a_result_say_so(builders):
    gaps = builders["any-series"]("Checkout", missing=(12,))
    assert columns_of(gaps.to_text(), "13 Mar").endswith("no result")


def test_a_series_without_days_says_what_to_wait_for(builders):
    empty = builders["any-series"]("Checkout", days=0).to_text()
    assert "The experiment has not run for a whole day yet." in empty
    assert "Next: " in empty


def test_too_few_units_say_how_many_are_needed(builders):
    early = builders["any-series"]("Checkout", days=1, per_day=30).to_text()
    assert "too little data yet: fewer than 50 units in an arm" in " ".join(early.split())


def test_a_plan_says_the_size_first_and_the_projects_beside_it():
    plan = sample_size("funnel", baseline=0.12, mde=5, rate=1800)
    lines = plan.to_text().splitlines()
    assert lines[1].startswith("94,066 units in 53 days to find a relative effect of 5 %")
    beside = columns_of("\n".join(lines), "The project’s formula")
    assert "93,867 units, finds it with 79.9 % power" in beside


def test_a_plan_without_a_rate_asks_for_one():
    assert (
        "Next: give the new units per day" in sample_size("funnel", baseline=0.12, mde=5).to_text()
    )


def test_health_says_what_to_do(builders):
    shown = builders["health"]("Checkout").to_text()
    assert "✕ The results cannot be trusted as they are." in shown
    assert "Next: " in shown


def test_a_waiting_card_first_says_that_nothing_has_changed(builders):
    lines = builders["any-outcome"]("waiting", "Checkout").to_text().splitlines()
    assert lines[:3] == [
        "│ Waiting for approval · since 2026-03-06 12:02 UTC · expires 20 Mar 2026",
        "│ Nothing has changed yet.",
        "│ ✓ asked · ● 1 of 2 approvals · ○ the flag changes",
    ]
    assert all(line.startswith("│") for line in lines)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "applied"}, "The flag has changed."),
        ({"state": "rejected"}, "Nothing has changed."),
        ({"state": "expired"}, "nobody decided in time"),
        ({"state": "failed", "apply_error": "version 3, got 4"}, "version 3, got 4"),
        ({"validation_status": "stale"}, "withdraw it and make the request again"),
        ({"can_approve": True}, "waits for you"),
    ],
)
def test_every_fate_of_a_change_request_has_its_sentence(changes, words):
    request = ChangeRequest.model_validate({"id": "019c", "state": "pending", **changes})
    assert words in " ".join(request.to_text().split())


def test_a_plan_of_a_write_shows_the_diff_the_gate_and_the_exact_request(builders):
    shown = builders["write-plan"]("Checkout").to_text()
    assert "│ test      50 % → 100 %" in shown
    assert "│ Checkout  (nothing) → Checkout" in shown
    assert "│ Approval: 2 of 3 approvers" in shown
    assert "ship_variant" not in shown  # what a page folds stays folded in text
    request = "POST /api/projects/1/experiments/42/ship_variant/"
    assert request in builders["write-plan"]("Checkout").to_markdown()


def test_what_is_already_done_is_a_success():
    shown = WriteState("already_done", "The experiment is not archived.").to_text()
    assert shown.splitlines()[0] == "│ Already done"


def test_an_empty_list_says_what_to_do_next(builders):
    assert "Next: " in builders["no-flags"]("").to_text()


def test_columns_that_say_nothing_are_left_out(builders):
    shown = builders["experiments"]("Checkout")
    assert "Ended" not in shown.to_text()
    assert "end_date" in shown.to_frame().columns


def test_what_a_write_leaves_as_it_is_is_not_shown_as_a_change():
    rows = (DiffRow("Split", "control 50 %", "control 50 %"), DiffRow("Status", "draft", "running"))
    plan = WritePlan("Launch it", "Starts it.", "POST", "/launch/", None, diff=rows)
    assert "Split   control 50 % (unchanged)" in plan.to_text()
    assert "Status  draft → running" in plan.to_text()
    shown = plan.to_html()
    assert "<del" not in shown.partition("Status")[0]
    assert "(unchanged)" in shown
    assert "| Split | control 50 % | unchanged |" in plan.to_markdown()
